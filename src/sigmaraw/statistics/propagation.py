"""The law of propagation of uncertainty beside replicas: σ_raw from derivatives, and the test whether it may replace them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from sigmaraw.record.words import Reason
from sigmaraw.statistics.spread import Floats, relative_uncertainty

CONFIDENCE = 0.95
DIGITS = 1  # of σ_raw that count as meaningful; a second one needs 10⁵ replicas and more
# With these an exactly linear, normal prediction is rejected in at most 4.7 % of studies with 200 raw predictions in all and .3 % with
# 2,000, whatever the leading digit of σ_raw (docs/explanation/statistics.md).
GUARD = 2.5  # standard uncertainties of a distance
FEWEST = 200  # predictions: five beyond each end


@dataclass(frozen=True)
class Propagation:
    """σ_raw by the law of propagation against that of replicas; NaN where undefined, `reason` says why.

    Parameters
    ----------
    accepted : bool, optional
        Whether the test accepts it; None where the replicas do not decide.
    sigma : float, default math.nan
        σ = √(Σ(∂χ/∂x)²V), the measurement's unit.
    ratio, u_ratio : float, default math.nan
        Ratio of σ to σ_raw of the replicas and its standard uncertainty, bare numbers.
    interval, replicas_interval : tuple of float, optional
        Coverage intervals of 95 %, the measurement's unit.
    d_low, d_high : float, default math.nan
        Distances between the ends of the intervals, with standard uncertainties u_low and u_high, the measurement's unit.
    tolerance : float, default math.nan
        Numerical tolerance δ, the measurement's unit.
    digits : int, default DIGITS
        Number n_dig of significant digits of δ.
    """

    reason: Reason
    accepted: bool | None = None
    sigma: float = math.nan
    ratio: float = math.nan
    u_ratio: float = math.nan
    interval: tuple[float, float] = (math.nan, math.nan)
    replicas_interval: tuple[float, float] = (math.nan, math.nan)
    d_low: float = math.nan
    d_high: float = math.nan
    u_low: float = math.nan
    u_high: float = math.nan
    tolerance: float = math.nan
    digits: int = DIGITS


def numerical_tolerance(u: float, digits: int = DIGITS) -> float:
    """Return δ = ½·10^l, where u ≈ a·10^l with an integer a of `digits` decimal digits.

    Parameters
    ----------
    u : float
        Standard uncertainty, above 0, in any unit; δ has the same.

    References
    ----------
    JCGM 101 (2008) 7.9.2.
    """
    exponent = int(f"{u:.{digits - 1}e}".partition("e")[2])  # rounded as it would be written: .96 to one digit is 1
    return float(0.5 * 10.0 ** (exponent - digits + 1))


def compare(estimate: float, sigma: float, raw: Floats, *, discrete: bool = False) -> Propagation:
    """Return whether y ± 1.96σ may replace the coverage interval of replicas.

        d_low = |y − 1.96σ − y_low|,  d_high = |y + 1.96σ − y_high|;  accepted when both are within δ

    y_low and y_high are the 2.5 % and 97.5 % quantiles of all raw predictions; their standard uncertainties come from order
    statistics, half the distance of those at ranks Mp ± √(Mp(1 − p)). A distance is inside δ or beyond it where 2.5 standard
    uncertainties to each side are; else, and below 200 predictions, it is undecided.

    Parameters
    ----------
    estimate : float
        Prediction y at the centre of the replicas, the measurement's unit.
    sigma : float
        σ by the law of propagation, the same unit.
    raw : Floats
        Raw predictions (group, replica), float64, the same unit; groups are independent.
    discrete : bool, default False
        Whether predictions take isolated values, as counts do.

    Raises
    ------
    UndefinedStatistic
        There are less than two replicas.

    References
    ----------
    JCGM 101 (2008) 8.1 and 8.2.
    """
    if not (math.isfinite(sigma) and math.isfinite(estimate)) or discrete:
        return Propagation(Reason.NOT_DIFFERENTIABLE)
    if not np.isfinite(raw).all():
        return Propagation(Reason.RAW_UNDEFINED, sigma=sigma)
    relative = relative_uncertainty(raw)
    if sigma == 0.0 and not math.isnan(relative):
        return Propagation(Reason.NOT_DIFFERENTIABLE)  # a step has slope zero nearly everywhere, and yet replicas move over it
    reach = float(special.ndtri((1 + CONFIDENCE) / 2)) * sigma
    low, high = estimate - reach, estimate + reach
    if math.isnan(relative):
        return Propagation(Reason.NOTHING_VARIES, sigma=sigma, interval=(low, high))
    residuals = raw - raw.mean(axis=1, keepdims=True)
    spread = math.sqrt(float((residuals**2).sum()) / (raw.shape[0] * (raw.shape[1] - 1)))
    values = np.sort(raw, axis=None)
    (y_low, u_low), (y_high, u_high) = (_quantile(values, p) for p in ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2))
    distances = abs(low - y_low), abs(high - y_high)
    delta = numerical_tolerance(spread)
    enough = values.size >= FEWEST
    inside = enough and all(d + GUARD * u <= delta for d, u in zip(distances, (u_low, u_high), strict=True))
    beyond = enough and any(d - GUARD * u > delta for d, u in zip(distances, (u_low, u_high), strict=True))
    return Propagation(
        Reason.WITHIN_TOLERANCE if inside else Reason.BEYOND_TOLERANCE if beyond else Reason.TOLERANCE_UNSURE,
        True if inside else False if beyond else None,
        sigma,
        sigma / spread,
        sigma / spread * relative,
        (low, high),
        (y_low, y_high),
        *distances,
        u_low,
        u_high,
        delta,
    )


def _quantile(ordered: Floats, p: float) -> tuple[float, float]:
    """Return the p-quantile of ordered values and its standard uncertainty."""
    rank, width = ordered.size * p, math.sqrt(ordered.size * p * (1 - p))
    ends = np.clip([rank - width, rank + width], 0.5, ordered.size - 0.5)
    below, above = np.interp(ends, np.arange(ordered.size) + 0.5, ordered)
    return float(np.quantile(ordered, p)), float(above - below) / 2
