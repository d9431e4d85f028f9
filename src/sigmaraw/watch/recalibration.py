"""When the camera is to be calibrated anew, from the profiles so far.

Of each quantity with a bound (those of `sigmaraw check`): value_i = a + b·t_i + e_i, e_i ~ N(0, u_i² + τ²), τ² what the standard errors
do not explain (Paule and Mandel, J. Res. NBS 87, 377 (1982)). The change from the last calibration to a time t later is b·t. The interval
is the longest t at which |b|·t + t_.95·√(u_b²·t² + u_last² + τ²) is within the bound: with 95 % confidence the camera is still the same
then, as far as it goes on as before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from sigmaraw.errors import InvalidOption

if TYPE_CHECKING:
    from sigmaraw.camera import CameraProfile

_LONGEST = 3650.0  # days: no history says more
FEWEST = 4


@dataclass(frozen=True)
class Interval:
    """How long a quantity stays within its bound.

    Parameters
    ----------
    quantity, unit : str
        Which one, and the unit of its numbers.
    days : float
        The interval; 0 where not even the last calibration is known well enough, at most ten years.
    drift : float
        b, unit per day.
    drift_u : float
        Its standard error.
    scatter : float
        τ, what calibrations differ by beyond their standard errors.
    bound : float
        Allowed change.
    """

    quantity: str
    unit: str
    days: float
    drift: float
    drift_u: float
    scatter: float
    bound: float


def interval(days: Sequence[float], values: Sequence[float], errors: Sequence[float], bound: float) -> tuple[float, float, float, float]:
    """Return (interval, drift, its standard error, scatter) of one quantity.

    Parameters
    ----------
    days : sequence of float
        When it was calibrated, days.
    values, errors : sequence of float
        Values and standard errors, in one unit.
    bound : float
        Allowed change, in that unit.

    Raises
    ------
    InvalidOption
        Fewer than four calibrations, or all on one day.
    """
    t, y, u = (np.asarray(column, dtype=np.float64) for column in (days, values, errors))
    if len(t) < FEWEST or np.ptp(t) == 0:
        raise InvalidOption(
            f"{len(t)} calibrations over {np.ptp(t) if len(t) else 0:g} days",
            f"at least {FEWEST}, on different days",
            "calibrate more often",
        )
    u = np.maximum(u, 1e-300)
    tau2 = _scatter(t, y, u)
    weight = 1.0 / (u**2 + tau2)
    centre = (weight * t).sum() / weight.sum()
    spread = (weight * (t - centre) ** 2).sum()
    drift = float((weight * (t - centre) * y).sum() / spread)
    drift_u = float(1.0 / math.sqrt(spread))
    quantile = float(stats.t.ppf(0.95, len(t) - 2))
    last = float(u[np.argmax(t)])

    def room(ahead: float) -> float:
        return bound - abs(drift) * ahead - quantile * math.sqrt((drift_u * ahead) ** 2 + last**2 + tau2)

    if room(0.0) <= 0:
        return 0.0, drift, drift_u, math.sqrt(tau2)
    if room(_LONGEST) >= 0:
        return _LONGEST, drift, drift_u, math.sqrt(tau2)
    return float(optimize.brentq(room, 0.0, _LONGEST)), drift, drift_u, math.sqrt(tau2)


def _scatter(t: NDArray[np.float64], y: NDArray[np.float64], u: NDArray[np.float64]) -> float:
    """Return τ²: with it the weighted residuals of the line have their expected square sum, n − 2."""

    def excess(tau2: float) -> float:
        weight = 1.0 / (u**2 + tau2)
        centre, mean = (weight * t).sum() / weight.sum(), (weight * y).sum() / weight.sum()
        slope = (weight * (t - centre) * (y - mean)).sum() / (weight * (t - centre) ** 2).sum()
        return float((weight * (y - mean - slope * (t - centre)) ** 2).sum() - (len(t) - 2))

    high = float(np.ptp(y)) ** 2 + 1e-300
    return 0.0 if excess(0.0) <= 0 or excess(high) >= 0 else float(optimize.brentq(excess, 0.0, high))


def intervals(history: Sequence[tuple[date, CameraProfile]]) -> tuple[Interval, ...]:
    """Return the interval of every quantity that all profiles determine, the shortest first.

    Parameters
    ----------
    history : sequence of (date, CameraProfile)
        All calibrations of one camera mode.

    Raises
    ------
    InvalidOption
        Fewer than four, or all on one day.
    ProfileMismatch
        Profiles of different bit depths or taps.
    """
    from sigmaraw.camera.comparison import compare

    ordered = sorted(history, key=lambda pair: pair[0])
    if len(ordered) < FEWEST:
        raise InvalidOption(f"{len(ordered)} calibrations", f"at least {FEWEST}, on different days", "give more, each as DATE=PROFILE.nc")
    days = [float((day - ordered[0][0]).days) for day, _ in ordered]
    first = ordered[0][1]
    tables = [{row.name: row for row in compare(profile, first)} for _, profile in ordered]
    found = []
    for name, row in tables[-1].items():
        values = [table[name].new if name in table else math.nan for table in tables]
        own = [_own_error(table[name].u, tables[0][name].u) if name in table else math.nan for table in tables]
        if np.isfinite(values).all() and np.isfinite(own).all():
            found.append(Interval(name, row.unit, *interval(days, values, own, row.bound), row.bound))
    return tuple(sorted(found, key=lambda entry: entry.days))


def _own_error(u_of_difference: float, u_of_first_with_itself: float) -> float:
    """Return u of the new value from u² = u²(new) + u²(first), the first with itself having 2u²(first)."""
    return math.sqrt(max(u_of_difference**2 - u_of_first_with_itself**2 / 2.0, 0.0))
