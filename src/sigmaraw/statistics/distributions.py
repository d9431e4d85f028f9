"""Quantiles and tails of the common distributions, and p of two tests, by `scipy.special`: the bits of `scipy.stats`, without its import.

`scipy.stats` takes half a second of processor time to import, longer than a small study needs for all its statistics.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

__all__ = ["chi2_quantile", "chi_density", "f_quantile", "ks_2samp", "one_way_p", "t_quantile", "t_tail"]

_MOST_EXACT = 10_000  # values of a sample, to which SciPy's p is exact


def t_quantile(p: float, dof: float) -> float:
    """Return the p-quantile of Student's t with `dof` degrees of freedom; NaN where they are not above 0."""
    return float(special.stdtrit(dof, p))


def t_tail(value: float, dof: float) -> float:
    """Return P(T > value) of Student's t with `dof` degrees of freedom."""
    return float(special.stdtr(dof, -value))


def chi2_quantile(p: float, dof: float) -> float:
    """Return the p-quantile of χ² with `dof` degrees of freedom."""
    return float(2 * special.gammaincinv(dof / 2, p))


def f_quantile(p: float, between: float, within: float) -> float:
    """Return the p-quantile of F with `between` and `within` degrees of freedom."""
    return float(special.fdtri(between, within, p))


def chi_density(value: float, dof: float) -> float:
    """Return the density of χ with `dof` degrees of freedom at a value from 0."""
    constant = math.log(2) - 0.5 * math.log(2) * dof - float(special.gammaln(0.5 * dof))
    return float(np.exp(constant + special.xlogy(dof - 1.0, value) - 0.5 * value**2))


def ks_2samp(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[float, float]:
    """Return D = max |F_a − F_b| of two samples without ties, and its two-sided p.

    p is exact for samples of equal size, up to 10,000 values; other samples go to `scipy.stats.ks_2samp`, the slow twin.

    Parameters
    ----------
    a, b : ndarray
        (replica,), float64.

    References
    ----------
    J. L. Hodges, Ark. Mat. 3, 469 (1958).
    """
    if a.size == b.size <= _MOST_EXACT:
        everything = np.concatenate([a, b])
        counts = [np.searchsorted(np.sort(sample), everything, side="right") for sample in (a, b)]
        gap = int(np.abs(counts[0] - counts[1]).max())
        p = _outside_square(a.size, gap) if gap else 1.0
        if 0.0 <= p <= 1.0:
            return gap / a.size, p
    from scipy import stats

    with warnings.catch_warnings():  # SciPy says so where it takes the asymptotic p: for a p too small for the exact sum
        warnings.filterwarnings("ignore", message="ks_2samp: Exact calculation unsuccessful", category=RuntimeWarning)
        result = stats.ks_2samp(a, b)
    return float(result.statistic), float(result.pvalue)


def _outside_square(n: int, gap: int) -> float:
    """Return the share of orders of n a's and n b's in which the counts come `gap` or more apart.

    P = 2 [C(2n, n−gap) − C(2n, n−2·gap) + …]/C(2n, n), nested from the last term so that nothing cancels.
    """
    p = 0.0
    for term in range(n // gap, -1, -1):
        ratio = 1.0
        for j in range(gap):
            ratio = (n - term * gap - j) * ratio / (n + term * gap + j + 1)
        p = ratio * (1.0 - p)
    return 2 * p


def one_way_p(samples: Sequence[NDArray[np.float64]]) -> float:
    """Return p of the one-way analysis of variance; the slow twin is `scipy.stats.f_oneway`.

    Parameters
    ----------
    samples : sequence of ndarray
        Two or more of (value,), float64, not all of them constant.
    """
    everything = np.concatenate(samples)
    offset = np.mean(everything, keepdims=True)
    centred = everything - offset
    of_all = np.sum(centred) ** 2.0 / everything.size
    total = np.vecdot(centred, centred) - of_all
    between = sum(np.sum(sample - offset) ** 2.0 / sample.size for sample in samples) - of_all
    dof_between, dof_within = len(samples) - 1, everything.size - len(samples)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (between / dof_between) / ((total - between) / dof_within)
    return float(special.fdtrc(dof_between, dof_within, ratio))
