"""Ratio of spreads and root mean square shift, with the intervals that the three-part verdict needs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from sigmaraw.errors import UndefinedStatistic
from sigmaraw.statistics.spread import KURTOSIS_LIMIT, Floats, Pool, centred, effective_dof, kurtosis

RESAMPLES = 999
_BOOTSTRAP_SEED = 20250  # fixed: the same predictions give the same interval, on any machine
_BLOCK = 2_000_000  # resampled values held at once


@dataclass(frozen=True)
class Ratio:
    """A ratio with its two-sided interval; `low` may be 0 and `high` infinite where the data do not bound it."""

    value: float
    low: float
    high: float
    method: Literal["exact", "Pitman-Morgan", "bootstrap", "F", "influence"]


def spread_ratio(decoded: Floats, raw: Floats, *, discrete: bool = False, confidence: float = 0.90) -> Ratio:
    """Return ρ = sd(f(C(R))) / sd(f(R)) of paired predictions with its interval.

    Pitman–Morgan, inverted: with w = s_y²/s_x², r = corr(x, y), κ = 1 + 2(1 − r²) t²_{N−2}/(N − 2), ρ² in w(κ ∓ √(κ² − 1)).
    Discrete, or kurtosis > 4 on either side: studentised bootstrap of ln ρ over pairs, 999 resamples, fixed seed, with the
    influence-function standard error; a resample that does not vary makes its side unbounded.
    A constant shift leaves the spread as it was: exactly 1. Decoded predictions that never vary: 0, with an upper limit from how
    rare others can be (heavy) or 0 (normal).

    Parameters
    ----------
    decoded, raw : (replica,), float64, paired, the measurement's unit.
    discrete : predictions take isolated values, as counts do.
    confidence : two-sided, 1.

    Raises
    ------
    UndefinedStatistic : fewer than two pairs, shapes that differ, values that are not finite, or raw predictions that do not vary.

    Reference: SCIENCE 2.4; Pitman, Biometrika 31, 9 (1939); Morgan, ibid. 13; Efron and Tibshirani (1993), ch. 12.
    """
    decoded, raw = np.asarray(decoded, dtype=np.float64), np.asarray(raw, dtype=np.float64)
    if decoded.shape != raw.shape or raw.ndim != 1 or raw.size < 2:
        raise UndefinedStatistic(f"predictions of shapes {decoded.shape} and {raw.shape}", "2 or more pairs", "make more replicas (n)")
    if not (np.isfinite(decoded).all() and np.isfinite(raw).all()):
        raise UndefinedStatistic("predictions that are not finite", "finite numbers", "look at these replicas; none is dropped")
    x, y, d = centred(raw), centred(decoded), centred(decoded - raw)
    xx, yy, dd, xd = float(x @ x), float(y @ y), float(d @ d), float(x @ d)
    if xx == 0.0:
        raise UndefinedStatistic("raw predictions that do not vary", "a raw spread above zero", "make more replicas (n)")
    # A shift by a constant differs from it by rounding: (x + c) − x is c to a few units in the last place.
    rounding = 8.0 * float(np.finfo(np.float64).eps) * max(float(np.abs(raw).max()), float(np.abs(decoded).max()))
    if dd <= raw.size * rounding**2:
        return Ratio(1.0, 1.0, 1.0, "exact")
    value = math.sqrt(yy / xx)
    heavy = discrete or max(kurtosis(x), kurtosis(y)) > KURTOSIS_LIMIT
    if raw.size < 3:
        return Ratio(value, 0.0, math.inf, "bootstrap" if heavy else "Pitman-Morgan")
    if yy == 0.0:
        return Ratio(0.0, 0.0, _silent_limit(raw, xx, confidence) if heavy else 0.0, "exact")
    if heavy:
        low, high = _bootstrap_log_ratio(x, y, confidence)
        return Ratio(
            value, math.exp(max(low, -700.0)) if low > -math.inf else 0.0, math.exp(high) if high < 700.0 else math.inf, "bootstrap"
        )
    # 1 − r² by way of the differences: no cancellation where decoded and raw nearly agree.
    unexplained = max(xx * dd - xd**2, 0.0) / (xx * yy)
    excess = 2.0 * unexplained * float(stats.t.ppf((1 + confidence) / 2, raw.size - 2)) ** 2 / (raw.size - 2)
    widen = math.sqrt(1.0 + excess + math.sqrt(excess * (2.0 + excess)))
    return Ratio(value, value / widen, value * widen, "Pitman-Morgan")


def _silent_limit(raw: Floats, squares: float, confidence: float) -> float:
    """Return an upper limit of ρ where all N decoded predictions are equal though the raw ones vary.

    N equal values leave, with the given one-sided confidence, at most q = 1 − α^{1/N} of others; taken no farther away than the
    range w of raw predictions they make a variance of at most q w².
    """
    n = raw.size
    others = 1.0 - ((1.0 - confidence) / 2.0) ** (1.0 / n)
    return math.sqrt(others / (squares / (n - 1))) * float(raw.max() - raw.min())


def _log_ratio(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return ln ρ and its influence-function standard error over the last axis; ±inf or NaN where one or both do not vary.

    ψ_i = ½[(y_i − ȳ)²/v_y − (x_i − x̄)²/v_x], u² = Σψ²/(N(N − 1)).
    """
    n = x.shape[-1]
    xs, ys = centred(x) ** 2, centred(y) ** 2
    vx, vy = xs.mean(axis=-1), ys.mean(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        psi = 0.5 * (ys / vy[..., None] - xs / vx[..., None])
        return 0.5 * (np.log(vy) - np.log(vx)), np.sqrt((psi**2).sum(axis=-1) / (n * (n - 1)))


def _bootstrap_log_ratio(x: Floats, y: Floats, confidence: float) -> tuple[float, float]:
    """Return the studentised bootstrap interval of ln ρ over pairs.

    Pivot q* = (ln ρ* − ln ρ)/u*. Where a resample does not vary on one side, q* is infinite with the sign of ln ρ*; where it
    varies on neither, or u* is zero at ln ρ* = ln ρ, the resample says nothing of ρ and counts at both ends. Where u itself is
    zero (binary predictions, half of them 1) the pivot is ln ρ* − ln ρ.
    """
    n = x.size
    value, error = (float(number) for number in _log_ratio(x, y))
    rng = np.random.default_rng(_BOOTSTRAP_SEED)
    pivots = []
    block = max(1, _BLOCK // n)
    for start in range(0, RESAMPLES, block):
        index = rng.integers(0, n, (min(block, RESAMPLES - start), n))
        log_ratio, log_error = _log_ratio(x[index], y[index])
        with np.errstate(divide="ignore", invalid="ignore"):
            pivots.append(
                np.where(np.isinf(log_ratio), np.sign(log_ratio) * math.inf, (log_ratio - value) / (log_error if error > 0.0 else 1.0))
            )
    pivot = np.concatenate(pivots)
    silent = np.isnan(pivot)
    tail = (1 - confidence) / 2
    lower = np.quantile(np.where(silent, -math.inf, pivot), tail, method="inverted_cdf")
    upper = np.quantile(np.where(silent, math.inf, pivot), 1 - tail, method="inverted_cdf")
    scale = error if error > 0.0 else 1.0
    return value - float(upper) * scale, value - float(lower) * scale


def rms_shift(
    difference: Floats,
    moments: Pool | None = None,
    own: int = 0,
    *,
    discrete: bool = False,
    u_relative: float = 0.0,
    confidence: float = 0.95,
) -> Ratio:
    """Return RMS(D)/σ_raw with one-sided limits, each of the given confidence; without `moments` RMS(D) in its own unit.

    normal: RMS² σ_true²/(s² E D²) ~ F(h, ν), h = N(μ² + τ²)²/(τ⁴ + 2μ²τ²) matching the variance of Σ D² for D ~ N(μ, τ²);
    influence (discrete, or kurtosis of χ or D > 4): RMS exp(± t u), u² = Σψ² + ½/(n(N − 1)), ψ = (D² − m₂)/(2 m₂ N) − ψ_ln s,
    t with the effective dof of Σψ².
    A relative uncertainty of σ_raw (u_mode, u_cal) widens the logarithm in quadrature.

    Parameters
    ----------
    difference : (replica,), float64, the measurement's unit.
    moments : of the raw predictions, σ_raw > 0. own : the group that `difference` belongs to.
    discrete : predictions take isolated values. u_relative, confidence : 1.

    Reference: SCIENCE 2.5.
    """
    n = difference.size
    sigma = 1.0 if moments is None else moments.sigma
    second = float((difference**2).mean())
    if second == 0.0:
        return Ratio(0.0, 0.0, 0.0, "exact")
    value = math.sqrt(second) / sigma
    residual = centred(difference)
    heavy = discrete or (moments is not None and moments.heavy) or kurtosis(residual) > KURTOSIS_LIMIT
    if heavy:
        up = down = _influence_reach(difference, second, moments, own, confidence)
    else:
        noise = float((residual**2).sum()) / (n - 1)
        mean2 = max(float(difference.mean()) ** 2 - noise / n, 0.0)
        spread = noise * (noise + 2 * mean2)
        freedom = 1e9 if spread <= 1e-9 * n * (mean2 + noise) ** 2 else n * (mean2 + noise) ** 2 / spread
        nu = 1e9 if moments is None else float(moments.dof)
        up = -0.5 * math.log(float(stats.f.ppf(1 - confidence, freedom, nu)))
        down = 0.5 * math.log(float(stats.f.ppf(confidence, freedom, nu)))
    systematic = float(stats.norm.ppf(confidence)) * u_relative
    up, down = math.hypot(up, systematic), math.hypot(down, systematic)
    return Ratio(value, value * math.exp(-down), value * math.exp(min(up, 700.0)), "influence" if heavy else "F")


def _influence_reach(difference: Floats, second: float, moments: Pool | None, own: int, confidence: float) -> float:
    """Return t u for ln(RMS(D)/σ_raw)."""
    n = difference.size
    from_shift = (difference**2 / second - 1.0) / (2.0 * math.sqrt(n * (n - 1)))
    if moments is None:
        psi, limit, floor = from_shift, n - 1, 0.0
    else:
        psi, limit, floor = -moments.log_influence(), moments.dof, moments.log_floor
        psi[own] += from_shift
    return float(stats.t.ppf(confidence, effective_dof(psi, limit))) * math.sqrt(float((psi**2).sum()) + floor)
