"""Spread, score, equality tests, equivalence and decision: float64 arrays in, numbers with intervals out."""

from sigmaraw.record.words import MissingValue, Reason, Verdict
from sigmaraw.statistics.assess import Assessment, assess, null_flag_rate
from sigmaraw.statistics.decision import Limits, decide
from sigmaraw.statistics.double_bootstrap import DoubleBootstrap, double_bootstrap
from sigmaraw.statistics.equality import TestResult, TukeyContrast, ks_test, tukey
from sigmaraw.statistics.equivalence import Ratio, rms_shift, spread_ratio
from sigmaraw.statistics.extrapolation import assess_extrapolated
from sigmaraw.statistics.propagation import Propagation, compare
from sigmaraw.statistics.score import Score, score
from sigmaraw.statistics.spread import Spread, peak_ratio, pooled_spread, relative_uncertainty
from sigmaraw.statistics.stopping import Precision, precision

__all__ = [
    "Assessment",
    "DoubleBootstrap",
    "Limits",
    "MissingValue",
    "Precision",
    "Propagation",
    "Ratio",
    "Reason",
    "Score",
    "Spread",
    "TestResult",
    "TukeyContrast",
    "Verdict",
    "assess",
    "assess_extrapolated",
    "compare",
    "decide",
    "double_bootstrap",
    "ks_test",
    "null_flag_rate",
    "peak_ratio",
    "pooled_spread",
    "precision",
    "relative_uncertainty",
    "rms_shift",
    "score",
    "spread_ratio",
    "tukey",
]
