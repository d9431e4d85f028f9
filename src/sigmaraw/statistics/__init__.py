"""Spread, score, equality tests, equivalence and decision: float64 arrays in, numbers with intervals out."""

from sigmaraw.record.words import MissingValue, Reason, Verdict
from sigmaraw.statistics.assess import Assessment, assess
from sigmaraw.statistics.decision import Limits, decide
from sigmaraw.statistics.double_bootstrap import DoubleBootstrap, double_bootstrap, estimated_u_mode
from sigmaraw.statistics.equality import TestResult, TukeyContrast, ks_test, tukey
from sigmaraw.statistics.equivalence import Ratio, rms_shift, spread_ratio
from sigmaraw.statistics.evidence import Evidence, RowLimits, p_fail, p_pass
from sigmaraw.statistics.extrapolation import assess_extrapolated
from sigmaraw.statistics.images import CodecStatements, Statement, judge_images
from sigmaraw.statistics.measure import measure, step_of
from sigmaraw.statistics.propagation import Propagation, compare
from sigmaraw.statistics.remedy import WhatDecides, images_that_decide, what_decides
from sigmaraw.statistics.row_parts import null_flag_rate
from sigmaraw.statistics.rules import RULES, DecisionRule
from sigmaraw.statistics.score import Score, score
from sigmaraw.statistics.sequential import StoppingRule
from sigmaraw.statistics.spread import Spread, peak_ratio, pooled_spread, relative_uncertainty
from sigmaraw.statistics.stopping import Precision, precision

__all__ = [
    "RULES",
    "Assessment",
    "CodecStatements",
    "DecisionRule",
    "DoubleBootstrap",
    "Evidence",
    "Limits",
    "MissingValue",
    "Precision",
    "Propagation",
    "Ratio",
    "Reason",
    "RowLimits",
    "Score",
    "Spread",
    "Statement",
    "StoppingRule",
    "TestResult",
    "TukeyContrast",
    "Verdict",
    "WhatDecides",
    "assess",
    "assess_extrapolated",
    "compare",
    "decide",
    "double_bootstrap",
    "estimated_u_mode",
    "images_that_decide",
    "judge_images",
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
    "what_decides",
]
