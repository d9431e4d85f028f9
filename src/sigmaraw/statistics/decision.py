"""The three-way verdict: inside the limits, beyond them, or not yet decidable, with a guard band of the uncertainty's width."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from sigmaraw.errors import InvalidOption
from sigmaraw.record.words import Reason, Verdict

Place = Literal["inside", "beyond", "unsure", "undefined", "not asked"]


@dataclass(frozen=True)
class Limits:
    """The limits of a plan.

    Parameters
    ----------
    k : float, default 1.0
        Largest |ε̂|, in σ_raw.
    spread : float, default 1.25
        Largest factor, up or down, between the spreads after and before the codec.
    rms : float, default 1.0
        Largest RMS(D), in σ_raw.
    margin : float, optional
        Largest |D̄|, in the measurement's unit; where given it replaces σ_raw and k: |D̄| ≤ margin and RMS(D) ≤ rms · margin.
    """

    k: float = 1.0
    spread: float = 1.25
    rms: float = 1.0
    margin: float | None = None

    def __post_init__(self) -> None:
        for name, value, lowest in (("k", self.k, 0.0), ("spread", self.spread, 1.0), ("rms", self.rms, 0.0), ("margin", self.margin, 0.0)):
            if value is not None and not (math.isfinite(value) and value > lowest):
                raise InvalidOption(f"limit {name} = {value:g}", f"a finite number above {lowest:g}", f"give {name} such a value")


def place(low: float, high: float, lower_limit: float, upper_limit: float) -> Place:
    """Return where the interval [low, high] lies: inside [lower_limit, upper_limit], wholly beyond it, or across a limit.

    NaN is "undefined".
    """
    if math.isnan(low) or math.isnan(high):
        return "undefined"
    if lower_limit <= low and high <= upper_limit:
        return "inside"
    return "beyond" if low > upper_limit or high < lower_limit else "unsure"


def place_shift(shift: float, reach: float, limit: float) -> Place:
    """Return where |shift| ± reach lies: inside when |shift| + reach ≤ limit, beyond when |shift| − reach > limit."""
    return place(max(abs(shift) - reach, 0.0), abs(shift) + reach, 0.0, limit)


def place_scaled(shift: float, reach: float, u_relative: float, limit: float) -> Place:
    """Return where |shift| lies when σ_raw has a relative uncertainty, which multiplies the shift and adds to the reach in quadrature.

    |ε̂| + √(r² + (|ε̂|(exp(z u) − 1))²) against the limit, and |ε̂| − √(r² + (|ε̂|(1 − exp(−z u)))²). An additive guard passes 12.6 % at
    u = .6 (formula 2.3).
    """
    size, z = abs(shift), 1.6448536269514722 * u_relative
    low = size - math.hypot(reach, size * -math.expm1(-z))
    return place(max(low, 0.0), size + math.hypot(reach, size * math.expm1(min(z, 700.0))), 0.0, limit)


def decide(shift: Place, spread: Place, rms: Place) -> tuple[Verdict, Reason]:
    """Return the verdict of the three parts: PASS needs all inside, FAIL one beyond, else INCONCLUSIVE.

    The reason names the first part, in the order shift, spread, RMS, that decided. A spread is "not asked" where raw predictions
    do not vary and a margin decides.

    References
    ----------
    formula 2.5; JCGM 106, guarded acceptance and guarded rejection.
    """
    beyond = ((shift, Reason.SHIFT_BEYOND), (spread, Reason.SPREAD_BEYOND), (rms, Reason.RMS_BEYOND))
    unsure = ((shift, Reason.SHIFT_UNSURE), (spread, Reason.SPREAD_UNSURE), (rms, Reason.RMS_UNSURE))
    for where, reason in beyond:
        if where == "beyond":
            return "FAIL", reason
    for where, reason in unsure:
        if where == "unsure":
            return "INCONCLUSIVE", reason
    if spread == "undefined":
        return "INCONCLUSIVE", Reason.SPREAD_UNDEFINED
    return "PASS", Reason.WITHIN_LIMITS
