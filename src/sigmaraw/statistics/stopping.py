"""How well σ_raw is known, and whether more replicas would say more: the rule behind an adaptive number of replicas."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sigmaraw.record.words import Reason
from sigmaraw.statistics.spread import Floats, relative_uncertainty


@dataclass(frozen=True)
class Precision:
    """Relative standard uncertainty of σ_raw (1; NaN where it has none), whether it meets the target, and why there is none.

    settled : more replicas are not asked for on account of this measurement.
    """

    relative_u: float
    reached: bool
    settled: bool
    reason: Reason | None = None


def precision(raw: Floats, target: float) -> Precision:
    """Return u(σ_raw)/σ_raw, the larger of 1/√(2ν) and its influence form √(Σψ² + ½/(n(N − 1))), against a target.

    The larger of the two, since stopping by the one that happens to be small would favour small σ_raw. Predictions that are not
    finite settle the matter: none is dropped, so no further replica mends it. Where nothing varies over M replicas in all, σ_raw has no
    relative uncertainty; from M = 1/target² on that is taken as the answer: with 95 % confidence, replicas that answer
    otherwise are then rarer than 3·target².

    Parameters
    ----------
    raw : (group, replica), float64, the measurement's unit; groups are independent.
    target : relative standard uncertainty, 1.

    Raises
    ------
    UndefinedStatistic : fewer than two replicas.

    Reference: JCGM 101 (2008) 7.9; SCIENCE 2.2, 2.3.
    """
    if not np.isfinite(raw).all():
        return Precision(math.nan, False, True, Reason.RAW_UNDEFINED)
    value = relative_uncertainty(raw)
    if math.isnan(value):
        return Precision(value, False, raw.size >= 1 / target**2, Reason.NOTHING_VARIES)
    reached = value <= target
    return Precision(value, reached, reached)
