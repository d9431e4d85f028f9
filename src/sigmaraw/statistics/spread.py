"""σ_raw: the spread of predictions that raw noise alone causes, pooled within independent groups."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray
from scipy import special

from sigmaraw.errors import UndefinedStatistic
from sigmaraw.statistics.distributions import chi2_quantile, t_quantile

Floats = NDArray[np.float64]

KURTOSIS_LIMIT = 4.0
"""Above it, or for discrete predictions, normal theory gives way to influence functions (formula 2.3)."""


@dataclass(frozen=True)
class Spread:
    """A standard deviation with its interval, in the measurement's unit; `dof` is that of the t or χ² quantile used."""

    value: float
    low: float
    high: float
    dof: float
    method: Literal["normal", "influence"]


@dataclass(frozen=True)
class Pool:
    """Moments of predictions (group, replica) about the mean of each group.

    Parameters
    ----------
    residuals : Floats
        Predictions less the mean of their group, (G + 1, N).
    variance : float
        s², with ν = (G + 1)(N − 1) in the denominator.
    sigma : float
        σ_raw = s/c₄(ν), unbiased for normal predictions.
    """

    residuals: Floats
    variance: float
    dof: int
    sigma: float
    heavy: bool

    @property
    def log_floor(self) -> float:
        """Return the part of var(ln s) that Σψ² leaves out: ½/(n(N − 1)), n = (G+1)N.

        var(s²)/σ⁴ = (κ − 1)/n + 2/(n(N − 1)) exactly; Σψ² estimates a quarter of the first term, which is zero for two replicas
        and for binary predictions half of which are 1.
        """
        return 0.5 / (self.residuals.size * (self.residuals.shape[1] - 1))

    def log_influence(self) -> Floats:
        """Return each prediction's influence on ln s: [(x − x̄)² − s²ν/n] / (2 s² ν), n = (G+1)N; zeros where s = 0."""
        if self.variance == 0.0:
            return np.zeros_like(self.residuals)
        squares = self.residuals**2
        return (squares - squares.mean()) / (2.0 * self.variance * self.dof)


@overload
def c4(dof: float) -> float: ...
@overload
def c4(dof: Floats) -> Floats: ...
def c4(dof: float | Floats) -> float | Floats:
    """Return E[s]/σ for normal samples: c₄ = √(2/ν) Γ((ν+1)/2) / Γ(ν/2)."""
    found = np.sqrt(2.0 / dof) * np.exp(special.gammaln((dof + 1.0) / 2.0) - special.gammaln(dof / 2.0))
    return found if isinstance(dof, np.ndarray) else float(found)


def kurtosis(residuals: Floats) -> float:
    """Return m₄/m₂² of residuals about zero, 3 for a normal sample; 0 where nothing varies."""
    squares = residuals**2
    second = float(squares.mean())
    return 0.0 if second == 0.0 else float((squares**2).mean()) / second**2


def pool(raw: Floats, discrete: bool) -> Pool:
    """Return the pooled moments of raw predictions.

    A group whose values are all equal has residuals of exactly zero: the mean of equal numbers may miss them by a rounding error.

    Raises
    ------
    UndefinedStatistic
        The array is not two-dimensional, there are less than two replicas, or values are not finite.
    """
    raw = np.asarray(raw, dtype=np.float64)
    if raw.ndim != 2 or raw.shape[1] < 2 or raw.shape[0] < 1:
        raise UndefinedStatistic(
            f"raw predictions of shape {raw.shape}", "(group, replica) with at least 2 replicas", "make more replicas (n)"
        )
    bad = int(np.count_nonzero(~np.isfinite(raw)))
    if bad:
        raise UndefinedStatistic(f"{bad} raw predictions that are not finite", "finite numbers", "look at these replicas; none is dropped")
    residuals = centred(raw)
    dof = raw.shape[0] * (raw.shape[1] - 1)
    variance = float((residuals**2).sum()) / dof
    heavy = discrete or kurtosis(residuals) > KURTOSIS_LIMIT
    return Pool(residuals, variance, dof, math.sqrt(variance) / c4(dof), heavy)


def centred(values: Floats) -> Floats:
    """Return values minus their mean along the last axis, exactly zero where all are equal."""
    residuals = values - values.mean(axis=-1, keepdims=True)
    constant = (values == values[..., :1]).all(axis=-1, keepdims=True)
    return np.where(constant, 0.0, residuals)


def power_of_two(*values: Floats) -> float:
    """Return a divisor with which squares neither overflow nor vanish: 1 unless the largest magnitude lies outside 1e±100.

    A power of two, so that dividing rounds nothing. Values that are not finite do not count.
    """
    largest = max((float(np.abs(part[np.isfinite(part)]).max(initial=0.0)) for part in values), default=0.0)
    return 1.0 if largest == 0.0 or 1e-100 < largest < 1e100 else math.ldexp(1.0, max(math.frexp(largest)[1], -1000))


def widen(raw: Floats, factor: float) -> Floats:
    """Return predictions (group, replica) spread out about the mean of each group: x̄ + factor·(x − x̄).

    All numbers that use σ_raw then carry the factor. With factor 1 the same array is returned, so that no
    rounding enters.
    """
    return raw if factor == 1.0 else raw + (factor - 1.0) * centred(raw)


def peak_ratio(values: Floats) -> float:
    """Return s/(interquartile range/1.349): 1 for one normal peak, less for two peaks, more where a few values lie far off.

    Ties are spread evenly over one unit before quartiles are taken, so that whole numbers have a width; NaN where nothing varies.

    Parameters
    ----------
    values : Floats
        Predictions of any shape, float64, finite.
    """
    ordered = np.sort(values, axis=None)
    if ordered[0] == ordered[-1]:
        return math.nan
    _, first, times = np.unique(ordered, return_index=True, return_counts=True)
    if (ordered == np.rint(ordered)).all():
        rank = np.arange(ordered.size) - np.repeat(first, times)
        ordered = ordered + (rank + 0.5) / np.repeat(times, times) - 0.5
    low, high = np.quantile(ordered, [0.25, 0.75])
    return float(ordered.std(ddof=1) / max((high - low) / 1.349, np.finfo(float).tiny))


def relative_uncertainty(raw: Floats) -> float:
    """Return u(σ_raw)/σ_raw = max(1/√(2ν), √(Σψ² + ½/(n(N − 1)))), ψ the influence on ln s; NaN where nothing varies.

    The first is that of normal predictions; the second holds for all predictions, but scatters more.

    Parameters
    ----------
    raw : Floats
        Raw predictions (group, replica), float64, the measurement's unit; groups are independent.

    Raises
    ------
    UndefinedStatistic
        There are less than two replicas, or values are not finite.

    References
    ----------
    formula 2.2 and formula 2.3.
    """
    moments = pool(raw, discrete=False)
    if moments.variance == 0.0:
        return math.nan
    by_influence = math.sqrt(float((moments.log_influence() ** 2).sum()) + moments.log_floor)
    return max(1 / math.sqrt(2 * moments.dof), by_influence)


def effective_dof(influence: Floats, limit: float) -> float:
    """Return the degrees of freedom of the variance estimate Σψ², by matching its first two moments to χ².

    ν = 2(Σψ²)² / (Σψ⁴ − (Σψ²)²/n), kept within [1, limit]: a few large influences leave the uncertainty itself uncertain.
    """
    squares = (influence / (np.abs(influence).max() or 1.0)).ravel() ** 2
    second = float(squares.sum())
    excess = float((squares**2).sum()) - second**2 / squares.size
    if excess <= 0.0:
        return float(limit)
    return float(np.clip(2.0 * second**2 / excess, 1.0, limit))


def pooled_spread(raw: Floats, *, discrete: bool = False, confidence: float = 0.95) -> Spread:
    """Return σ_raw = s/c₄ with its confidence interval.

    s² = Σ_g Σ_i (x_gi − x̄_g)² / ν, ν = (G+1)(N−1).
    normal: [s √(ν/χ²_{(1+p)/2}), s √(ν/χ²_{(1−p)/2})];
    influence (discrete, or kurtosis > 4): (s/c₄) exp(± t u), u² = Σψ² + ½/(n(N − 1)), ψ the influence on ln s, t with the effective
    dof of Σψ².

    Parameters
    ----------
    raw : Floats
        Raw predictions (group, replica), float64, the measurement's unit; groups are independent.
    discrete : bool, default False
        Whether predictions take isolated values, as counts do.
    confidence : float, default 0.95
        Two-sided confidence of the interval, a bare number.

    Raises
    ------
    UndefinedStatistic
        There are less than two replicas, or values are not finite.

    References
    ----------
    formula 2.2 and formula 2.3.
    """
    moments = pool(raw, discrete)
    s, dof = math.sqrt(moments.variance), float(moments.dof)
    if not moments.heavy:
        upper, lower = (chi2_quantile((1 + sign * confidence) / 2, dof) for sign in (1, -1))
        return Spread(moments.sigma, s * math.sqrt(dof / upper), s * math.sqrt(dof / lower), dof, "normal")
    if moments.variance == 0.0:
        return Spread(0.0, 0.0, 0.0, dof, "influence")
    psi = moments.log_influence()
    freedom = effective_dof(psi, dof)
    reach = t_quantile((1 + confidence) / 2, freedom) * math.sqrt(float((psi**2).sum()) + moments.log_floor)
    return Spread(moments.sigma, moments.sigma * math.exp(-reach), moments.sigma * math.exp(min(reach, 700.0)), freedom, "influence")
