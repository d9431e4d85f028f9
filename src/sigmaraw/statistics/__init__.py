"""Spread, score, equality tests, equivalence and decision: float64 arrays in, numbers with intervals out."""

from sigmaraw.statistics.assess import Assessment, assess, null_flag_rate
from sigmaraw.statistics.decision import Limits, Verdict, decide
from sigmaraw.statistics.equality import TestResult, TukeyRow, ks_test, tukey
from sigmaraw.statistics.equivalence import Ratio, rms_shift, spread_ratio
from sigmaraw.statistics.evidence import Evidence, RowLimits, p_fail, p_pass
from sigmaraw.statistics.extrapolation import assess_extrapolated
from sigmaraw.statistics.found_again import FoundAgain, found_again
from sigmaraw.statistics.measure import measure, step_of
from sigmaraw.statistics.propagation import Propagation, compare
from sigmaraw.statistics.reasons import Reason, Undefined
from sigmaraw.statistics.score import Score, score
from sigmaraw.statistics.spread import Spread, peak_ratio, pooled_spread, relative_uncertainty
from sigmaraw.statistics.stopping import Precision, precision

__all__ = [
    "Assessment",
    "Evidence",
    "FoundAgain",
    "Limits",
    "Precision",
    "Propagation",
    "Ratio",
    "Reason",
    "RowLimits",
    "Score",
    "Spread",
    "TestResult",
    "TukeyRow",
    "Undefined",
    "Verdict",
    "assess",
    "assess_extrapolated",
    "compare",
    "decide",
    "found_again",
    "ks_test",
    "measure",
    "null_flag_rate",
    "p_fail",
    "p_pass",
    "peak_ratio",
    "pooled_spread",
    "precision",
    "relative_uncertainty",
    "rms_shift",
    "score",
    "spread_ratio",
    "step_of",
    "tukey",
]
