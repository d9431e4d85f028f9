"""The double bootstrap of σ_raw: the mode takes its replicas for frames, for which σ_raw is the truth, and should return it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sigmaraw.record.words import CodedWarning
from sigmaraw.statistics.distributions import f_quantile
from sigmaraw.statistics.spread import Floats, Pool, effective_dof, pool

TOLERATED = 0.16
"""Root mean square of ln(σ*/σ) that is let pass, Monte Carlo error taken off (docs/explanation/replica-modes.md)."""
SHARED = 0.066
"""Root mean square of ln(σ_est/σ_true) where the double bootstrap finds nothing: the error that all frames share (docs/decisions/0021)."""
_ENOUGH = 20  # replicas without variation that say more than chance
_CHANCE = 0.99  # one-sided: what few replicas alone would show in 1 % of cases is no finding


@dataclass(frozen=True)
class DoubleBootstrap:
    """The result of the double bootstrap.

    Parameters
    ----------
    value : float
        √max(mean ln²(σ*/σ) − u², 0), a bare number; NaN where nothing was drawn or nothing varies.
    warnings : tuple of CodedWarning
        Its warnings, if any.
    """

    value: float
    warnings: tuple[CodedWarning, ...] = ()


def double_bootstrap(raw: Floats, second: Floats, discrete: bool = False) -> DoubleBootstrap:
    """Return the deviation from σ_raw of the spreads that the mode gives when its replicas take the frame's place.

    δ² = mean_j ln²(σ*_j/σ) − u²,  u² = mean_j u²(ln σ*_j) + u²(ln σ)

    For each j a replica R_j takes the frame's place and the mode draws replicas of it; there σ itself is the truth. δ is the error
    of the mode on a scene such as this one. It warns when δ > 0.16 and the mean square exceeds u²·F_.99(J, ν), ν the
    effective dof of the u(ln σ*_j), and when a σ*_j is zero though σ is not.

    Parameters
    ----------
    raw : ndarray
        Predictions on the mode's replicas of the frame, (group, replica), float64.
    second : ndarray
        Predictions on replicas of R_j, (j, replica).
    discrete : bool
        Whether predictions take isolated values, as counts do.

    Returns
    -------
    DoubleBootstrap
        The deviation δ, a bare number, and its warnings.

    References
    ----------
    formula 1, `bootstrap`; B. Efron, R. J. Tibshirani, An Introduction to the Bootstrap (1993), 10.6.
    """
    found = _pools(raw, second, discrete)
    if found is None:
        return DoubleBootstrap(math.nan)
    first, pools = found
    if any(each.variance == 0.0 for each in pools):
        text = "double bootstrap: the measurement does not vary on the replicas of a replica; a single frame does not determine σ_raw"
        return DoubleBootstrap(math.inf, (CodedWarning(text, "double-bootstrap"),) if second.shape[1] >= _ENOUGH else ())
    square, chance = _square(first, pools), _chance(first, pools)
    value = math.sqrt(max(square - chance, 0.0))
    freedom = sum(effective_dof(each.log_influence(), each.dof) for each in pools)
    if value <= TOLERATED or square <= chance * f_quantile(_CHANCE, len(pools), freedom):
        return DoubleBootstrap(value)
    text = (
        f"double bootstrap: with replicas in the frame's place the mode returns σ_raw only to a factor of {math.exp(value):.2f}: "
        "a single frame does not determine it"
    )
    return DoubleBootstrap(value, (CodedWarning(text, "double-bootstrap"),))


def estimated_u_mode(raw: Floats, second: Floats, discrete: bool = False) -> float:
    """Return the relative standard uncertainty of σ_raw that the double bootstrap shows for this very measurement on this very image.

        u_mode² = 0.066² + δ²

    δ is the deviation of `double_bootstrap`: how σ_raw scatters and is biased from frame to frame. It cannot see the error that all
    frames of a scene share, since the second bootstrap starts from what the denoiser has made: 0.066 is the root mean square of
    ln(σ_est/σ_true) where δ is near 0 (docs/decisions/0021). Of counts the Monte Carlo part of δ² is left in: their spreads move in steps.

    Parameters
    ----------
    raw : ndarray
        Predictions on the mode's replicas of the frame, (group, replica), float64.
    second : ndarray
        Predictions on replicas of R_j, (j, replica).
    discrete : bool
        Whether predictions take isolated values, as counts do.

    Returns
    -------
    float
        u_mode, a bare number; NaN where nothing was drawn, or where σ_raw or one of the second spreads vanishes.
    """
    found = _pools(raw, second, discrete)
    if found is None or any(each.variance == 0.0 for each in found[1]):
        return math.nan
    chance = 0.0 if discrete else _chance(*found)
    return math.hypot(SHARED, math.sqrt(max(_square(*found) - chance, 0.0)))


def _pools(raw: Floats, second: Floats, discrete: bool) -> tuple[Pool, list[Pool]] | None:
    """Return the moments of the mode's replicas and of those of each R_j; None where nothing was drawn, is finite or varies."""
    if not second.size or not (np.isfinite(raw).all() and np.isfinite(second).all()):
        return None
    first = pool(raw, discrete)
    return None if first.variance == 0.0 else (first, [pool(row[np.newaxis], discrete) for row in second])


def _square(first: Pool, pools: Sequence[Pool]) -> float:
    """Return mean_j ln²(σ*_j/σ)."""
    return float(np.mean([math.log(each.sigma / first.sigma) ** 2 for each in pools]))


def _chance(first: Pool, pools: Sequence[Pool]) -> float:
    """Return u², the part of `_square` that the numbers of replicas bring about."""
    return _variance(first) + float(np.mean([_variance(each) for each in pools]))


def _variance(moments: Pool) -> float:
    """Return var(ln s): by influence where predictions are discrete or heavy-tailed, else 1/(2ν)."""
    return float((moments.log_influence() ** 2).sum()) + moments.log_floor if moments.heavy else 0.5 / moments.dof
