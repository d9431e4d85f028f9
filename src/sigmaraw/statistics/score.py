"""ε̂: the mean paired shift over replicas in units of σ_raw, with its uncertainty."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sigmaraw.errors import UndefinedStatistic
from sigmaraw.statistics.distributions import t_quantile
from sigmaraw.statistics.spread import Floats, Pool, centred, effective_dof, pool


@dataclass(frozen=True)
class Score:
    """ε̂ with its standard uncertainty and interval, all in units of σ_raw.

    `u` and `dof` hold all terms and serve the verdict. `low` and `high` come from `u_mc` alone: they are conditional on this
    frame, on the replica mode and on the camera as given, and bound the value of ε̂ with infinitely many replicas.
    """

    value: float
    u: float
    u_mc: float
    u_mode: float
    u_cal: float
    dof: float
    low: float
    high: float
    method: Literal["normal", "influence"]


def score(
    difference: Floats,
    raw: Floats,
    group: int,
    *,
    discrete: bool = False,
    u_mode: float = 0.0,
    u_cal: float = 0.0,
    confidence: float = 0.95,
) -> Score:
    """Return ε̂ = D̄/σ_raw with its interval ε̂ ± t u_mc and its uncertainty u.

    u² = u_mc² + ε̂²(u_mode² + u_cal²);
    normal: u_mc² = s_D²/(N σ²) + ε̂²/(2ν), Welch–Satterthwaite dof;
    influence (discrete, or kurtosis > 4): u_mc² = Σψ² + ½ε̂²/(n(N − 1)), n = (G+1)N, ψ = (D − D̄)/(Nσ) − ε̂ ψ_ln s in the
    codec's group, the second term alone in the others (which includes their covariance), dof the smaller of Welch–Satterthwaite's and
    the effective dof of Σψ².

    Parameters
    ----------
    difference : Floats
        Paired differences D = f(C(R)) − f(R), (replica,), float64, the measurement's unit.
    raw : Floats
        Raw predictions (group, replica), float64, the measurement's unit.
    group : int
        Index of the row of `raw` that `difference` is paired with.
    discrete : bool, default False
        Whether predictions take isolated values, as counts do.
    u_mode, u_cal : float, default 0.0
        Relative standard uncertainties of σ_raw from the replica mode and from the camera calibration, bare numbers.
    confidence : float, default 0.95
        Two-sided confidence of the interval, a bare number.

    Raises
    ------
    UndefinedStatistic
        N < 2, shapes do not match, values are not finite, or σ_raw = 0 with some D ≠ 0.

    References
    ----------
    formula 2.3.
    """
    moments = pool(raw, discrete)
    difference = np.asarray(difference, dtype=np.float64)
    if difference.shape != moments.residuals.shape[1:] or not 0 <= group < moments.residuals.shape[0]:
        raise UndefinedStatistic(
            f"{difference.shape} differences for group {group} of {moments.residuals.shape}",
            "as many differences as the group has replicas",
            "pair them",
        )
    if not np.isfinite(difference).all():
        bad = int(np.count_nonzero(~np.isfinite(difference)))
        raise UndefinedStatistic(f"{bad} differences that are not finite", "finite numbers", "look at these replicas; none is dropped")
    if moments.variance == 0.0 and difference.any():
        raise UndefinedStatistic("a shift where raw predictions do not vary", "σ_raw > 0", "state a margin in the measurement's unit")
    return score_from_pool(difference, moments, group, u_mode, u_cal, confidence)


def score_from_pool(difference: Floats, moments: Pool, group: int, u_mode: float, u_cal: float, confidence: float) -> Score:
    """Return `score` from moments already pooled; σ_raw > 0 unless all differences are zero."""
    n = difference.size
    method: Literal["normal", "influence"] = "influence" if moments.heavy else "normal"
    if not difference.any():
        return Score(0.0, 0.0, 0.0, u_mode, u_cal, float(moments.dof), 0.0, 0.0, method)
    residual = centred(difference)
    value = float(difference.mean()) / moments.sigma
    from_mean = float((residual**2).sum()) / ((n - 1) * n * moments.sigma**2)
    if moments.heavy:
        psi = -value * moments.log_influence()
        floor = value**2 * moments.log_floor
        from_sigma = float((psi**2).sum()) + floor
        psi[group] += residual / (moments.sigma * math.sqrt(n * (n - 1)))
        variance = float((psi**2).sum()) + floor
        dof_mc = min(welch(from_mean, n - 1, from_sigma, moments.dof), effective_dof(psi, moments.dof))
    else:
        from_sigma = value**2 / (2 * moments.dof)
        variance = from_mean + from_sigma
        dof_mc = welch(from_mean, n - 1, from_sigma, moments.dof)
    total = variance + value**2 * (u_mode**2 + u_cal**2)
    # Type B terms count as exactly known, so only the Monte Carlo part limits the degrees of freedom (GUM G.4.2).
    dof = dof_mc * (total / variance) ** 2 if variance > 0.0 else dof_mc
    reach = t_quantile((1 + confidence) / 2, dof_mc) * math.sqrt(variance)
    return Score(value, math.sqrt(total), math.sqrt(variance), u_mode, u_cal, dof, value - reach, value + reach, method)


def welch(first: float, first_dof: float, second: float, second_dof: float) -> float:
    """Return the Welch–Satterthwaite dof of a sum of two variances: (a + b)²/(a²/ν_a + b²/ν_b); ν_b where both vanish."""
    scale = max(first, second)
    if scale == 0.0:
        return float(second_dof)
    a, b = first / scale, second / scale
    return (a + b) ** 2 / (a**2 / first_dof + b**2 / second_dof)
