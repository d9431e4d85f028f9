"""The precision of σ_raw, and whether more replicas are needed: the rule behind an adaptive number of replicas."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sigmaraw.record.words import Reason
from sigmaraw.statistics.spread import Floats, relative_uncertainty


@dataclass(frozen=True)
class Precision:
    """Relative standard uncertainty of σ_raw (a bare number, NaN where it has none), whether it meets the target, and the reason for NaN.

    Parameters
    ----------
    settled : bool
        Whether this measurement needs no more replicas.
    """

    relative_u: float
    reached: bool
    settled: bool
    reason: Reason | None = None


def precision(raw: Floats, target: float) -> Precision:
    """Return u(σ_raw)/σ_raw, the larger of 1/√(2ν) and its influence form √(Σψ² + ½/(n(N − 1))), against a target.

    The larger counts, since stopping by the smaller would favour small σ_raw. A prediction that is not finite settles the measurement:
    none is dropped, so no further replica helps. Where nothing varies over M replicas in all, σ_raw has no relative uncertainty; from
    M = 1/target² on the measurement is settled: with 95 % confidence, replicas with another answer are then rarer than 3·target².

    Parameters
    ----------
    raw : Floats
        Raw predictions (group, replica), float64, the measurement's unit; groups are independent.
    target : float
        Relative standard uncertainty to reach, a bare number.

    Raises
    ------
    UndefinedStatistic
        There are less than two replicas.

    References
    ----------
    JCGM 101 (2008) 7.9; formula 2.2 and formula 2.3.
    """
    if not np.isfinite(raw).all():
        return Precision(math.nan, False, True, Reason.RAW_UNDEFINED)
    value = relative_uncertainty(raw)
    if math.isnan(value):
        return Precision(value, False, raw.size >= 1 / target**2, Reason.NOTHING_VARIES)
    reached = value <= target
    return Precision(value, reached, reached)
