"""Each way through the three-part rule."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sigmaraw.statistics import Reason, assess, decide
from sigmaraw.statistics.decision import Place, place, place_shift


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.9, 1.1, "inside"),
        (0.8, 1.25, "inside"),
        (0.79, 1.0, "unsure"),
        (1.0, 1.26, "unsure"),
        (0.5, 2.0, "unsure"),
        (1.26, 1.5, "beyond"),
        (0.5, 0.79, "beyond"),  # denoising is a distortion too
        (math.nan, 1.0, "undefined"),
        (0.0, math.inf, "unsure"),
    ],
)
def test_where_an_interval_lies(low: float, high: float, expected: str) -> None:
    assert place(low, high, 0.8, 1.25) == expected


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_guard_band_of_the_shift(sign: float) -> None:
    assert [place_shift(sign * shift, 0.2, 1.0) for shift in (0.0, 0.8, 0.81, 1.2, 1.21)] == [
        "inside",
        "inside",
        "unsure",
        "unsure",
        "beyond",
    ]


@pytest.mark.parametrize(
    ("shift", "spread", "rms", "verdict", "reason"),
    [
        ("inside", "inside", "inside", "PASS", Reason.WITHIN_LIMITS),
        ("inside", "not asked", "inside", "PASS", Reason.WITHIN_LIMITS),
        ("inside", "undefined", "inside", "INCONCLUSIVE", Reason.SPREAD_UNDEFINED),
        ("unsure", "inside", "inside", "INCONCLUSIVE", Reason.SHIFT_UNSURE),
        ("inside", "unsure", "inside", "INCONCLUSIVE", Reason.SPREAD_UNSURE),
        ("inside", "undefined", "unsure", "INCONCLUSIVE", Reason.RMS_UNSURE),
        ("beyond", "unsure", "beyond", "FAIL", Reason.SHIFT_BEYOND),
        ("unsure", "beyond", "inside", "FAIL", Reason.SPREAD_BEYOND),
        ("unsure", "undefined", "beyond", "FAIL", Reason.RMS_BEYOND),
    ],
)
def test_decision(shift: Place, spread: Place, rms: Place, verdict: str, reason: Reason) -> None:
    assert decide(shift, spread, rms) == (verdict, reason)


@pytest.mark.parametrize(("factor", "verdict"), [(0.5, "FAIL"), (1.0, "PASS"), (1.6, "FAIL")])
def test_lost_and_added_spread_fail_though_nothing_shifts(factor: float, verdict: str) -> None:
    rng = np.random.default_rng(1)
    raw = rng.normal(size=(5, 200))
    decoded = factor * (raw[1] - raw[1].mean()) + raw[1].mean() + 0.05 * rng.normal(size=200)
    found = assess(chi_raw=0.0, chi_codec=0.0, raw=raw, group=1, decoded=decoded, discrete=False)
    assert found.verdict == verdict
    assert found.reason is (Reason.WITHIN_LIMITS if verdict == "PASS" else Reason.SPREAD_BEYOND)
