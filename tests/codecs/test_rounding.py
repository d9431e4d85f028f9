"""Between integers and reals: exact out, rounded and clipped back, nothing that is not a number."""

from __future__ import annotations

import numpy as np
import pytest

from sigmaraw.codecs.rounding import to_pixels, to_reals
from sigmaraw.errors import CodecFailed


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_every_value_goes_out_exactly_and_comes_back(kind):
    frame = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    assert np.array_equal(to_reals(frame, kind), frame)
    assert np.array_equal(to_pixels("x", to_reals(frame, kind) + kind(0.25), frame.dtype), frame)


def test_overshoot_is_clipped_on_either_side_and_halves_go_to_even():
    values = np.array([[-3.7, -0.4, 0.5, 1.5, 254.6, 300.0]])
    assert to_pixels("x", values, np.dtype(np.uint8)).tolist() == [[0, 0, 0, 2, 255, 255]]
    assert to_pixels("x", values, np.dtype(np.uint8), top=100).tolist() == [[0, 0, 0, 2, 100, 100]]
    whole = np.array([[-5, 70000, 3]])
    assert to_pixels("x", whole, np.dtype(np.uint16)).tolist() == [[0, 65535, 3]]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_a_number_is_refused(bad):
    values = np.ones((5, 5))
    values[2, 3] = bad
    with pytest.raises(CodecFailed, match="not finite"):
        to_pixels("x", values, np.dtype(np.uint16))
