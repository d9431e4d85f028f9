"""What a pipeline takes keeps its values, and nothing else about it matters afterwards."""

from __future__ import annotations

import numpy as np
import pytest

from sigmaraw import errors
from sigmaraw.frames.types import RawFrames
from sigmaraw.pipelines.inputs import many_frames, one_frame

FRAME = np.arange(60, dtype=np.uint16).reshape(6, 10)


@pytest.mark.parametrize("image", [FRAME, np.asfortranarray(FRAME), FRAME.astype(">u2"), np.repeat(FRAME, 2, axis=1)[:, ::2]])
def test_layout_and_byte_order_end_here(image: np.ndarray) -> None:
    passed = one_frame(image)
    np.testing.assert_array_equal(passed, FRAME)
    assert passed.flags.c_contiguous
    assert passed.dtype == np.dtype("=u2")
    assert passed.dtype.isnative


def test_frames_and_volumes() -> None:
    np.testing.assert_array_equal(one_frame(RawFrames(FRAME[np.newaxis], 12, "stated")), FRAME)
    assert one_frame(np.zeros((2, 6, 10), np.uint8)).shape == (2, 6, 10)
    assert many_frames(np.zeros((2, 3, 6, 10), np.uint8)).shape == (2, 3, 6, 10)
    assert many_frames(RawFrames(np.zeros((4, 6, 10), np.uint16), 12, "stated")).shape == (4, 6, 10)
    assert one_frame(np.zeros((5, 3, 3), np.uint8)).shape == (5, 3, 3)  # too small to be a colour image


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (FRAME.astype(np.float64), errors.NotIntegerData),
        (FRAME.astype(np.float16), errors.NotIntegerData),
        (FRAME.astype(np.int32), errors.NotIntegerData),
        (FRAME.astype(np.uint32), errors.NotIntegerData),
        (FRAME.astype(bool), errors.NotIntegerData),
        (np.zeros((6, 10, 3), np.uint8), errors.ColourImage),
        (np.zeros((6, 10, 4), np.uint16), errors.ColourImage),
        (np.zeros(6, np.uint8), errors.ShapeMismatch),
        (np.zeros((0, 6), np.uint8), errors.ShapeMismatch),
        (RawFrames(np.zeros((2, 6, 10), np.uint16), 12, "stated"), errors.ShapeMismatch),
        ([[1, 2], [3, 4]], errors.InvalidOption),
        ("frame.tif", errors.InputNotFound),
    ],
)
def test_everything_else_is_refused_by_name(value: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        one_frame(value)
