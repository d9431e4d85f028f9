"""Row, column and frame sums are exact, whatever fits into 16 bits on the way."""

from __future__ import annotations

import numpy as np
import pytest

from sigmaraw.camera.measuring import workers
from sigmaraw.camera.measuring.framesums import frame_sums, line_sums


@pytest.mark.parametrize("highest", [0, 1, 255, 4095, 4096, 21845, 21846, 32767, 32768, 65535])
@pytest.mark.parametrize("shape", [(3, 16, 32), (1, 17, 33), (2, 5, 3), (1, 1, 70)])
def test_line_sums_are_exact_up_to_the_highest_value(highest: int, shape: tuple[int, int, int]) -> None:
    """All values at the limit that the sum of 16 bits must hold, and random ones below; int64 sums are the truth."""
    frames = np.random.default_rng(1).integers(0, highest + 1, shape, dtype=np.uint16)
    for values in (np.full(shape, highest, np.uint16), frames, frames[:, ::-1]):
        rows, columns = line_sums(values, highest)
        np.testing.assert_array_equal(rows, values.sum(axis=2, dtype=np.int64))
        np.testing.assert_array_equal(columns, values.sum(axis=1, dtype=np.int64))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_frame_sums_by_strips_are_those_of_frames(monkeypatch: pytest.MonkeyPatch, dtype: type[np.unsignedinteger]) -> None:
    monkeypatch.setattr(workers, "_STRIP_PIXELS", 60)  # strips of two rows, the last one of one
    frames = np.random.default_rng(2).integers(3, np.iinfo(dtype).max + 1, (4, 41, 30), dtype=dtype)
    with workers.workers() as crew:
        found = frame_sums(frames, crew)
    np.testing.assert_array_equal(found.rows, frames.sum(axis=2, dtype=np.int64))
    np.testing.assert_array_equal(found.columns, frames.sum(axis=1, dtype=np.int64))
    np.testing.assert_array_equal(found.total, frames.sum(axis=(1, 2), dtype=np.int64))
    np.testing.assert_array_equal(found.lowest, frames.min(axis=(1, 2)))
    np.testing.assert_array_equal(found.highest, frames.max(axis=(1, 2)))
