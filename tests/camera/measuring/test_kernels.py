"""The compiled kernel against NumPy, which does the same work where no kernel was built: equal maps, equal sums."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from sigmaraw.camera.measuring import kernels
from sigmaraw.camera.measuring.framesums import frame_sums
from sigmaraw.camera.measuring.level import MeasuredLevel, measure_level
from sigmaraw.camera.measuring.workers import workers

needs_kernel = pytest.mark.skipif(kernels.compiled is None, reason="the package was installed without a C compiler")
# Frames, height, width, dtype, spread in DN: widths off every vector length, several strips, odd counts, more frames than one flush.
CASES = [
    (2, 3, 3, np.uint16, 5.0),
    (5, 17, 515, np.uint16, 40.0),
    (9, 300, 701, np.uint16, 3.0),
    (70, 12, 33, np.uint16, 20.0),
    (8, 64, 9001, np.uint16, 9000.0),
    (7, 40, 50, np.uint8, 12.0),
    (16, 5, 1, np.uint16, 2.0),
]


def frames_of(count: int, height: int, width: int, dtype: type, spread: float) -> np.ndarray:
    rng = np.random.default_rng([count, height, width])
    top = np.iinfo(dtype).max
    lamp = 1.0 + 0.01 * rng.standard_normal((count, 1, 1))
    frames = np.rint(lamp * (top / 3) + spread * rng.standard_normal((count, height, width))).clip(0, top)
    frames[0, 0, 0], frames[-1, -1, -1] = 0, top
    return frames.astype(dtype)


def both(frames: np.ndarray, chunk: int, monkeypatch: pytest.MonkeyPatch) -> tuple[MeasuredLevel, MeasuredLevel]:
    chunks = [frames[start : start + chunk] for start in range(0, len(frames), chunk)]
    fast = measure_level(chunks, "fast")
    monkeypatch.setattr(kernels, "compiled", None)
    return fast, measure_level(chunks, "slow")


@needs_kernel
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("chunk", [6, 64])
def test_the_kernel_gives_the_maps_of_numpy_bit_for_bit(case: tuple, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    fast, slow = both(frames_of(*case), chunk, monkeypatch)
    for take in ("mean", "variance", "still"):
        assert np.array_equal(getattr(fast.pixels, take)(), getattr(slow.pixels, take)()), take
    assert np.array_equal(fast.moments.frame_means, slow.moments.frame_means)
    assert (fast.moments.minimum, fast.moments.maximum) == (slow.moments.minimum, slow.moments.maximum)
    assert (fast.moments.top_fraction, fast.moments.bottom_fraction) == (slow.moments.top_fraction, slow.moments.bottom_fraction)
    assert fast.evidence.hashes == slow.evidence.hashes
    assert fast.evidence.lines == slow.evidence.lines
    assert (fast.evidence.missing, fast.evidence.tested, fast.evidence.piled) == (
        slow.evidence.missing,
        slow.evidence.tested,
        slow.evidence.piled,
    )


@needs_kernel
@pytest.mark.parametrize("case", CASES)
def test_sums_over_pixels_agree_to_the_rounding_of_float64(case: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums of N positive float64 in another order differ by at most N·2⁻⁵³ of themselves: 7e-11 here; 1e-12 is what is seen, and asked."""
    fast, slow = both(frames_of(*case), 64, monkeypatch)
    for name in ("variance", "variance_var"):
        assert getattr(fast.moments, name) == pytest.approx(getattr(slow.moments, name), rel=1e-12), name


@needs_kernel
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_sums_of_rows_columns_and_frames_are_exact(dtype: type) -> None:
    frames = frames_of(5, 301, 703, dtype, 30.0)
    frames[2] = np.iinfo(dtype).max  # the largest sums that can be
    with workers() as crew:
        sums = frame_sums(frames, crew)
    wide = frames.astype(np.int64)
    assert np.array_equal(sums.rows, wide.sum(axis=2))
    assert np.array_equal(sums.columns, wide.sum(axis=1))
    assert np.array_equal(sums.total, wide.sum(axis=(1, 2)))
    assert np.array_equal(sums.lowest, wide.min(axis=(1, 2)))
    assert np.array_equal(sums.highest, wide.max(axis=(1, 2)))


@needs_kernel
def test_arrays_of_another_size_are_refused() -> None:
    """A kernel that trusted its arguments would write beyond an array's end."""
    kernel = kernels.compiled
    assert kernel is not None
    frames, rows, columns = np.zeros((2, 4, 8), np.uint16), np.zeros((2, 4), np.uint32), np.zeros((2, 8), np.uint32)
    low, high = np.zeros((2, 2), np.int64)
    kernel.frame_sums(frames, 2, 4, 8, 2, 0, 4, rows, columns, low, high)
    for bad in ((2, 4, 9, 2, 0, 4), (2, 4, 8, 1, 0, 4), (2, 4, 8, 2, 0, 5), (2, 4, 8, 2, -1, 4), (2, 4, 8, 2, 3, 3), (2, 4, 8, 3, 0, 4)):
        with pytest.raises(ValueError, match=r"rows outside|bytes where"):
            kernel.frame_sums(frames, *bad, rows, columns, low, high)
    with pytest.raises(ValueError, match="bytes where"):
        kernel.frame_sums(frames, 2, 4, 8, 2, 0, 4, rows[:1], columns, low, high)
    with pytest.raises((ValueError, BufferError)):
        kernel.frame_sums(frames[:, ::2], 2, 2, 8, 2, 0, 2, rows, columns, low, high)
    maps = [np.zeros((4, 8), np.float32) for _ in range(2)]
    pairs = [np.zeros(1), np.zeros(1)]
    kernel.pair_sums(frames, 2, 4, 8, 2, 0, 4, frames[0], np.zeros(2, np.float32), *maps, *pairs)
    with pytest.raises(ValueError, match="bytes where"):
        kernel.pair_sums(frames, 2, 4, 8, 2, 0, 4, frames[0], np.zeros(3, np.float32), *maps, *pairs)


@needs_kernel
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("step", [1, 3])
def test_codes_of_every_step_th_row_are_counted(dtype: type, step: int) -> None:
    kernel = kernels.compiled
    assert kernel is not None
    frames = np.random.default_rng(step).integers(0, np.iinfo(dtype).max, (3, 7, 11), dtype, endpoint=True)
    counts = np.ones(np.iinfo(dtype).max + 1, np.int64)
    kernel.count_codes(frames, 3, 7, 11, frames.itemsize, step, counts)
    assert np.array_equal(counts - 1, np.bincount(frames[:, ::step].ravel(), minlength=counts.size))
    for bad_step, bad in ((0, counts), (1, counts[:-1])):
        with pytest.raises(ValueError, match=r"one row|bytes where"):
            kernel.count_codes(frames, 3, 7, 11, frames.itemsize, bad_step, bad)


def test_frames_that_the_kernel_cannot_take_go_to_numpy() -> None:
    frames = frames_of(4, 32, 40, np.uint16, 10.0)
    assert kernels.kernel_for(frames[:, :, ::2]) is None
    assert kernels.kernel_for(frames.astype(np.uint32)) is None
    strided, whole = measure_level([frames[:, :, ::2]], ""), measure_level([frames[:, :, ::2].copy()], "")
    assert np.array_equal(strided.pixels.variance(), whole.pixels.variance())


def test_a_missing_kernel_is_said_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(kernels, "compiled", None)
    kernels.say_which.cache_clear()
    with caplog.at_level(logging.WARNING, "sigmaraw"):
        kernels.say_which()
        kernels.say_which()
    assert [record.name.split(".")[0] for record in caplog.records] == ["sigmaraw"]
    kernels.say_which.cache_clear()
