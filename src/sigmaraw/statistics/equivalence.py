"""Ratio of spreads and root mean square shift of one row, with the limits that the verdict uses."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sigmaraw.errors import UndefinedStatistic
from sigmaraw.statistics.measure import measure, step_of
from sigmaraw.statistics.spread import Floats


@dataclass(frozen=True)
class Ratio:
    """A ratio with its limits; `low` may be 0 and `high` infinite where the data do not bound it."""

    value: float
    low: float
    high: float


def spread_ratio(decoded: Floats, raw: Floats, *, discrete: bool = False, confidence: float = 0.90) -> Ratio:
    """Return ρ = sd(f(C(R))) / sd(f(R)) of paired predictions with its interval.

    The wider of Pitman–Morgan's interval and that of the jackknife of ln ρ; rare changes have Clopper–Pearson limits (`evidence`).
    After a constant shift of a continuous measurement the ratio is exactly 1.

    Parameters
    ----------
    decoded, raw : ndarray, float64, (replica,)
        Paired predictions, the measurement's unit.
    discrete : bool
        Predictions take isolated values, as counts do.
    confidence : float
        Two-sided, 1.

    Returns
    -------
    Ratio
        ρ with its limits, bare numbers.

    Raises
    ------
    UndefinedStatistic
        Fewer than two pairs, shapes that differ, values that are not finite, or raw predictions that do not vary.

    References
    ----------
    formula 2.4; Pitman, Biometrika 31, 9 (1939); Morgan, ibid. 13.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=200)
    >>> ratio = spread_ratio(1.1 * x, x)
    >>> round(ratio.value, 6), ratio.low <= 1.1 <= ratio.high
    (1.1, True)
    """
    decoded, raw = np.asarray(decoded, dtype=np.float64), np.asarray(raw, dtype=np.float64)
    if decoded.shape != raw.shape or raw.ndim != 1 or raw.size < 2:
        raise UndefinedStatistic(f"predictions of shapes {decoded.shape} and {raw.shape}", "2 or more pairs", "make more replicas (n)")
    if (raw == raw[0]).all():
        raise UndefinedStatistic("raw predictions that do not vary", "a raw spread above zero", "make more replicas (n)")
    rows = raw[np.newaxis, np.newaxis]
    evidence = measure(rows, decoded[np.newaxis], 0, step=step_of(raw, decoded, discrete), discrete=discrete)
    low, high = evidence.ratio_limits((1.0 - confidence) / 2.0)
    return Ratio(_exp(evidence.ln_ratio[0]), _exp(low[0]), _exp(high[0]))


def rms_shift(
    difference: Floats,
    raw: Floats | None = None,
    group: int = 0,
    *,
    discrete: bool = False,
    u_relative: float = 0.0,
    confidence: float = 0.95,
) -> Ratio:
    """Return RMS(D)/σ_raw with one-sided limits, each of the given confidence; without `raw`, RMS(D) in the measurement's unit.

    The larger of two reaches: RMS² σ_true²/(s² E D²) ~ F(h, ν), h = N(μ² + τ²)²/(τ⁴ + 2μ²τ²) matching the variance of ΣD² for
    D ~ N(μ, τ²); and that of the jackknife of ln RMS. Rare changes have Clopper–Pearson limits (`evidence`).

    Parameters
    ----------
    difference : ndarray, float64, (replica,)
        D, the measurement's unit.
    raw : ndarray, float64, (group, replica)
        Raw predictions, same unit, σ_raw > 0.
    group : int
        The group that `difference` belongs to.
    discrete : bool
        Predictions take isolated values.
    u_relative : float
        Relative standard uncertainty of σ_raw from mode and calibration, 1.
    confidence : float
        One-sided, 1.

    Returns
    -------
    Ratio
        RMS(D)/σ_raw with its limits, bare numbers; without `raw`, RMS(D) in the measurement's unit.

    References
    ----------
    formula 2.5.
    """
    rows = np.zeros((1, 1, difference.size)) if raw is None else raw[np.newaxis]
    decoded = rows[:, group] + difference
    evidence = measure(
        rows,
        decoded,
        group,
        step=step_of(rows, decoded, discrete) if raw is not None or discrete else math.nan,
        discrete=discrete,
        u_relative=u_relative,
        in_unit=raw is None,
        difference=difference[np.newaxis],
    )
    low, high = evidence.rms_limits(1.0 - confidence)
    return Ratio(float(evidence.rms[0]), float(low[0]), float(high[0]))


def _exp(value: float) -> float:
    return math.exp(value) if value < 700.0 else math.inf
