"""The compiled kernel against NumPy, which does the same work where no kernel was built: equal to the last bit."""

from __future__ import annotations

import logging
from dataclasses import fields

import numpy as np
import pytest
import xarray as xr

import sigmaraw as sr
from sigmaraw.camera.measuring import kernels
from sigmaraw.camera.measuring.framesums import frame_sums
from sigmaraw.camera.measuring.level import MeasuredLevel, measure_level
from sigmaraw.camera.measuring.powersums import lane_sums
from sigmaraw.camera.measuring.workers import workers
from tests.camera.simulated_cameras import gaussian_frames, series

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
def test_the_kernel_gives_what_numpy_gives_bit_for_bit(case: tuple, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    fast, slow = both(frames_of(*case), chunk, monkeypatch)
    for take in ("mean", "variance", "still"):
        assert np.array_equal(getattr(fast.pixels, take)(), getattr(slow.pixels, take)()), take
    for one, other in ((fast.moments, slow.moments), (fast.evidence, slow.evidence)):
        for field in fields(one):
            assert np.array_equal(getattr(one, field.name), getattr(other, field.name)), field.name


@needs_kernel
@pytest.mark.parametrize("count", [6, 70])
def test_pixels_that_are_noisy_throughout_are_summed_in_the_order_of_numpy(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several strips, one without outliers; above 64 frames NumPy does it in both."""
    rng = np.random.default_rng(count)
    frames = 200 + 5 * rng.standard_normal((count, 300, 1001))
    frames[:, 140::7, ::5] += 60 * rng.standard_normal((count, 23, 201))
    fast, slow = both(np.rint(frames).astype(np.uint16), 64, monkeypatch)
    assert fast.evidence.steady == slow.evidence.steady
    assert fast.evidence.steady is not None
    assert fast.evidence.steady.noisy_share > 0.5


@needs_kernel
def test_numpy_adds_the_powers_of_differences_in_the_order_of_the_kernel() -> None:
    """Few pixels of many sizes: in a long sum the last rounding hides the order of the others."""
    kernel = kernels.compiled
    assert kernel is not None
    rng = np.random.default_rng(7)
    with workers() as crew:
        for width in range(1, 300):
            frames = rng.integers(0, 65535, (6, 1, width), np.uint16)
            changes = rng.standard_normal(6).astype(np.float32)
            maps, found = np.zeros((2, 1, width), np.float32), np.zeros((2, 3))
            kernel.pair_sums(frames, 6, 1, width, 2, 0, 1, frames[0], changes, *maps, *found)
            d = frames[::2].astype(np.float32) - frames[1::2] - (changes[::2] - changes[1::2])[:, None, None]
            assert np.array_equal(found, lane_sums(d, crew)), width


@needs_kernel
def test_a_calibration_is_the_same_with_and_without_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    dark, *flats = (
        gaussian_frames(rng, electrons, count=count) for electrons, count in ((0, 17), *((k, 3) for k in range(500, 6500, 500)))
    )
    made = sr.calibrate(series([dark], flats)).dataset
    monkeypatch.setattr(kernels, "compiled", None)
    xr.testing.assert_identical(made, sr.calibrate(series([dark], flats)).dataset)


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
    region, line = np.zeros((3, 5), np.float32), np.zeros(5, np.float32)
    kernel.pair_difference(frames, 2, 4, 8, 2, 0, 1, 3, 3, 5, region, line)
    for bad in ((1, 1, 3, 3, 5), (-1, 1, 3, 3, 5), (0, 2, 3, 3, 5), (0, 1, 4, 3, 5), (0, -1, 3, 3, 5), (0, 1, 3, 3, 4), (0, 1, 3, 0, 5)):
        with pytest.raises(ValueError, match=r"region outside|bytes where"):
            kernel.pair_difference(frames, 2, 4, 8, 2, *bad, region, line)
    assert kernel.variance_sums(*maps, 32, 0, 32, 2, 1.0, 0.0, 0.0) == (0.0, 0.0)
    for bad in ((32, -1, 32), (32, 0, 33), (32, 8, 8), (33, 0, 32)):
        with pytest.raises(ValueError, match=r"pixels outside|bytes where"):
            kernel.variance_sums(*maps, *bad, 2, 1.0, 0.0, 0.0)


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


@needs_kernel
def test_a_kernel_of_another_version_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its functions may take other arguments: an editable installation keeps it until it is installed again."""
    assert kernels.compiled is not None
    assert kernels._built() is kernels.compiled
    monkeypatch.delattr(kernels.compiled, "VERSION")
    assert kernels._built() is None
