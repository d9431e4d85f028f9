"""What an extension's author runs: the conformance suite, and the promise in numbers."""

from __future__ import annotations

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw.testing import check_codec


@pytest.mark.parametrize("spec", ["bitplanes", "bitplanes:maxerr=40", "bitplanes:drop=0", "bitplanes:7", "to8bit:minmax+bitplanes:drop=1"])
def test_the_family_keeps_the_contract(spec):
    check_codec(spec)


@pytest.mark.parametrize("drop", [1, 4])
def test_the_bound_is_met_and_used(drop):
    frame = np.random.default_rng(1).integers(0, 65536, (40, 41)).astype(np.uint16)
    decoded, _ = sr.codec(f"bitplanes:drop={drop}").roundtrip(frame)
    assert np.abs(decoded.astype(int) - frame).max() == 2**drop // 2


def test_targets_come_with_the_knob():
    frame = np.random.default_rng(1).integers(0, 65536, (40, 41)).astype(np.uint16)
    result = sr.codec("bitplanes:maxerr=9").apply(frame)
    assert result.achieved["drop"] == 4  # 2^4/2 = 8, and one plane more would be 16
    assert result.achieved["maxerr"] == np.abs(result.decoded.astype(int) - frame).max() <= 9
