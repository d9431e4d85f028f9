"""auto:decide: looks at the rule's levels, a verdict stays that of the look that gave it, the numbers are those of a fixed n."""

from __future__ import annotations

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw.errors import InvalidSpec
from sigmaraw.study import Plan
from sigmaraw.study.adaptive import Adaptive, Deciding, count_rule
from sigmaraw.study.plan import BLOCK

CAMERA = sr.CameraProfile.from_values(gain=0.5, offset=100.0, read_noise=2.0, bits=12)


def frame() -> np.ndarray:
    return np.rint(100 + 0.5 * np.random.default_rng(3).poisson(60, (24, 24))).astype(np.uint16)


def test_specifications() -> None:
    assert count_rule("auto:decide") == Deciding(300) and count_rule("auto:decide,max=500").spec == "auto:decide,max=500"
    assert isinstance(count_rule("auto:0.05"), Adaptive) and Plan(("lossless",), "otsu", n="auto:decide").n == "auto:decide,max=300"
    for wrong in ("auto:decided", "auto:decide,max=5", "manual:decide"):
        with pytest.raises(InvalidSpec):
            count_rule(wrong)


def test_looks_are_whole_blocks_and_spend_five_percent_in_all() -> None:
    rule = Deciding(300).rule(BLOCK)
    assert rule.looks == (100, 150, 230, 300) and sum(rule.levels) > 0.05 > rule.levels[-1] > rule.levels[0]
    assert Deciding(40).rule(BLOCK).looks == (40,) and Deciding(305).rule(BLOCK).looks[-1] == 305


def test_rows_are_decided_at_looks_and_numbers_are_those_of_the_same_fixed_n() -> None:
    """jpegls:near=9 shifts the mean by rounding of up to 4.5 DN: its rows need more looks than those of lossless, decided at the first."""
    codecs = ("lossless", "jpegls:near=9")
    record = sr.validate([frame()], CAMERA, codecs=codecs, pipeline="intensity", n="auto:decide,max=230", mode="around-raw", seed=2)
    adaptive = record.content.adaptive
    assert adaptive is not None and adaptive.looks[0] == 100 and adaptive.n in adaptive.looks and adaptive.measurements == ()
    of_codec = {row.codec: row for row in record.content.results}
    assert of_codec["lossless"].decided_at == 100 and of_codec["lossless"].reason == "identical"
    assert (
        adaptive.open
        == sum(row.decided_at is None for row in record.content.results)
        == sum(row.verdict == "INCONCLUSIVE" for row in record.content.results)
    )
    assert adaptive.reached == (adaptive.open == 0) and (adaptive.reached or adaptive.n == 230)
    fixed = sr.validate([frame()], CAMERA, codecs=codecs, pipeline="intensity", n=adaptive.n, mode="around-raw", seed=2)
    for row, same in zip(record.content.results, fixed.content.results, strict=True):
        assert (row.epsilon_hat, row.sigma_raw, row.rms_d_upper) == (same.epsilon_hat, same.sigma_raw, same.rms_d_upper)
    assert f"n = {adaptive.n} (auto:decide,max=230: " in record.table()
