"""Adjustment of p-values for how many claims are made at once: Holm, Hochberg, Benjamini and Hochberg."""

from __future__ import annotations

import numpy as np

from sigmaraw.errors import UndefinedStatistic
from sigmaraw.statistics.spread import Floats


def holm(p: Floats) -> Floats:
    """Return Holm's step-down adjusted p-values: rejecting those ≤ α errs in any of them with probability α at most.

    p̃_(i) = max_{j ≤ i} min((m − j + 1) p_(j), 1). Nothing is assumed of how the tests depend on one another.

    Parameters
    ----------
    p : ndarray, float64, (claim,)
        p-values, in any order, 1.

    Returns
    -------
    ndarray of float
        Adjusted p-values, (claim,), float64.

    Raises
    ------
    UndefinedStatistic
        A value outside [0, 1].

    References
    ----------
    formula 2.6; S. Holm, Scand. J. Stat. 6, 65 (1979).

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.03])).round(10).tolist()
    [0.03, 0.06, 0.06]
    """
    values = _checked(p)
    order = np.argsort(values, kind="stable")
    stepped = np.maximum.accumulate(values[order] * np.arange(values.size, 0, -1))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def hochberg(p: Floats) -> Floats:
    """Return Hochberg's step-up adjusted p-values, for independent claims, such as those on images with separate random streams.

    p̃_(i) = min_{j ≥ i} (m − j + 1) p_(j): never above Holm's; where all p ≤ α, all are rejected.

    Parameters
    ----------
    p : ndarray, float64, (claim,)
        p-values of independent (or positively dependent) tests, 1.

    Returns
    -------
    ndarray of float
        Adjusted p-values, (claim,), float64.

    References
    ----------
    Y. Hochberg, Biometrika 75, 800 (1988).
    """
    values = _checked(p)
    order = np.argsort(values, kind="stable")
    stepped = values[order] * np.arange(values.size, 0, -1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(np.minimum.accumulate(stepped[::-1])[::-1], 1.0)
    return adjusted


def benjamini_hochberg(p: Floats) -> Floats:
    """Return p-values adjusted for the false discovery rate, for screening many settings.

    Parameters
    ----------
    p : ndarray, float64, (claim,)
        p-values, 1.

    Returns
    -------
    ndarray of float
        Adjusted p-values, (claim,), float64.

    References
    ----------
    formula 2.6; Y. Benjamini, Y. Hochberg, J. R. Stat. Soc. B 57, 289 (1995).
    """
    values = _checked(p)
    if not values.size:
        return values
    from scipy import stats  # half a second to import

    return np.asarray(stats.false_discovery_control(values))


def _checked(p: Floats) -> Floats:
    values = np.asarray(p, dtype=np.float64)
    if values.ndim != 1 or not ((values >= 0.0) & (values <= 1.0)).all():
        raise UndefinedStatistic(f"p-values {values!r}", "numbers from 0 to 1 in one row", "look at the tests that they come from")
    return values
