"""Moments of a level against slow twins and theory."""

from __future__ import annotations

import math
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from sigmaraw.camera.measuring import workers
from sigmaraw.camera.measuring.level import measure_level
from sigmaraw.camera.measuring.moments import LevelMoments, quantisation_var
from sigmaraw.camera.measuring.onepass import difference_sums_slow, pixel_moments_slow
from sigmaraw.errors import ImplausibleSeries, TooFewFrames
from sigmaraw.frames import Level
from tests.camera.simulated_cameras import gaussian_frames


def level_moments(frames: np.ndarray, name: str) -> LevelMoments:
    return measure_level([frames], name).moments


def test_pair_moments_match_the_slow_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    """float32 differences: a relative 1e-7 a value, less for their sum."""
    monkeypatch.setattr(workers, "_STRIP_PIXELS", 50)  # several strips, the last one short
    frames = gaussian_frames(np.random.default_rng(1), 900.0, shape=(12, 11))
    level = level_moments(frames, "a")
    second, fourth = difference_sums_slow(frames[0], frames[1])
    bessel = 132 / 131
    assert level.variance == pytest.approx(0.5 * second * bessel, rel=1e-6)
    assert level.variance_var == pytest.approx(fourth * bessel**2 / (6 * 131), rel=1e-6)
    assert level.mean == pytest.approx(frames.astype(float).mean(), rel=1e-14)


def test_variance_is_unbiased_on_tiny_frames_and_with_an_unsteady_lamp() -> None:
    """4 × 4 px, the second frame 30 DN brighter. SE of the mean over R levels of P pairs: √(2/((N−1)·P·R))."""
    rng = np.random.default_rng(2)
    runs, pairs, pixels = 400, 4, 16
    lamp = np.tile([0.0, 30.0], pairs)[:, None, None]
    values = []
    for _ in range(runs):
        frames = 500.0 + lamp + 6.0 * rng.standard_normal((2 * pairs, 4, 4))
        values.append(level_moments(np.rint(frames).astype(np.uint16), "a").variance)
    truth = 36.0 + 1.0 / 12.0
    assert abs(np.mean(values) / truth - 1.0) < 4 * math.sqrt(2.0 / ((pixels - 1) * pairs * runs))


@pytest.mark.parametrize("lognormal", [False, True])
def test_variance_of_the_variance_is_right_for_equal_and_unequal_pixels(lognormal: bool) -> None:
    """z of σ̂² over 500 levels with its own SE; the SE of its standard deviation is 1/√1000 = .032."""
    rng = np.random.default_rng(3)
    sd = 4.0 * np.exp(0.5 * rng.standard_normal((48, 48))) if lognormal else np.full((48, 48), 4.0)
    truth = float((sd**2).mean()) + 1 / 12
    z = []
    for _ in range(500):
        level = level_moments(np.rint(1000 + sd * rng.standard_normal((2, 48, 48))).astype(np.uint16), "a")
        z.append((level.variance - truth) / math.sqrt(level.variance_var))
    assert abs(np.std(z, ddof=1) - 1.0) < 4 * 0.032
    assert abs(np.mean(z)) < 4 / math.sqrt(500)
    if lognormal:
        assert level.excess == pytest.approx(float((sd**2).var()), rel=0.5)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(("chunk", "strip"), [(2, 20), (4, 1 << 16), (40, 20)])
def test_streamed_moments_match_the_slow_twin_in_any_portions(
    monkeypatch: pytest.MonkeyPatch, chunk: int, strip: int, dtype: type[np.unsignedinteger]
) -> None:
    """Two-pass float64 over all frames at once; a lamp that wanders by 20 DN; float32 sums of 40 deviations: 1e-5 of a variance."""
    monkeypatch.setattr(workers, "_STRIP_PIXELS", strip)
    rng = np.random.default_rng(4)
    lamp = 20 * rng.standard_normal((39, 1, 1))
    frames = np.clip(np.rint(130 + lamp + 7 * rng.standard_normal((39, 9, 8))), 0, 255).astype(dtype)
    level = measure_level([frames[start : start + chunk] for start in range(0, 39, chunk)], "a", shape_sums=True)
    mean, variance = pixel_moments_slow(frames)
    np.testing.assert_allclose(level.pixels.mean(), mean, rtol=1e-6)
    np.testing.assert_allclose(level.pixels.variance(), variance, rtol=1e-5)
    second = [difference_sums_slow(frames[i], frames[i + 1])[0] for i in range(0, 38, 2)]
    assert level.moments.variance == pytest.approx(0.5 * np.mean(second) * 72 / 71, rel=1e-6)
    assert (level.moments.minimum, level.moments.maximum) == (frames.min(), frames.max())
    assert level.moments.top_fraction == np.count_nonzero(frames == frames.max()) / frames.size
    assert level.moments.bottom_fraction == np.count_nonzero(frames == frames.min()) / frames.size
    upper, lower = (level.pixels.shape_statistics(rows) for rows in (slice(0, 5), slice(5, 9)))
    skew, kurtosis, right, below = (np.concatenate(parts) for parts in zip(upper, lower, strict=True))
    steady = frames - frames.mean(axis=(1, 2), keepdims=True, dtype=np.float64)
    np.testing.assert_allclose(skew, scipy.stats.skew(steady, axis=0), atol=1e-4)
    np.testing.assert_allclose(kurtosis, scipy.stats.kurtosis(steady, axis=0), atol=1e-4)
    for y, x in ((0, 0), (4, 3), (7, 6)):
        assert right[y, x] == pytest.approx(np.corrcoef(steady[:, y, x], steady[:, y, x + 1])[0, 1], abs=1e-5)
        assert below[y, x] == pytest.approx(np.corrcoef(steady[:, y, x], steady[:, y + 1, x])[0, 1], abs=1e-5)
    assert not right[:, -1].any()
    assert not below[-1].any()


@pytest.mark.parametrize("shape_sums", [False, True])
@pytest.mark.parametrize("reach", [(1 << 14) - 1, 1 << 14, 65535])
def test_any_distance_between_the_extremes_is_summed_right(reach: int, shape_sums: bool) -> None:
    """Around the limit of 16-bit integers for A + B − 2·x₀, and over all codes; extremes in the reference, in pairs and alone."""
    rng = np.random.default_rng(8)
    frames = rng.integers(0, reach + 1, (151, 6, 7), dtype=np.uint16)
    frames[0, 0], frames[1:3, 0], frames[0, 1], frames[1:3, 1] = 0, reach, reach, 0
    level = measure_level([frames[:70], frames[70:]], "a", shape_sums=shape_sums)
    mean, variance = pixel_moments_slow(frames)
    np.testing.assert_allclose(level.pixels.mean(), mean, rtol=1e-6)
    np.testing.assert_allclose(level.pixels.variance(), variance, rtol=1e-5)
    second, fourth = np.mean([difference_sums_slow(frames[i], frames[i + 1]) for i in range(0, 150, 2)], axis=0)
    assert level.moments.variance == pytest.approx(0.5 * second * 42 / 41, rel=1e-6)
    assert level.moments.variance_var == pytest.approx(fourth * (42 / 41) ** 2 / (6 * 41 * 75), rel=1e-6)


def test_pixels_that_stand_still_are_told_under_an_unsteady_lamp() -> None:
    """Stuck at 0, at 777, and one that moves by 1 DN in one of 40 frames only; the lamp wanders by 1.5 DN."""
    rng = np.random.default_rng(6)
    frames = np.rint(500 + 1.5 * rng.standard_normal((40, 1, 1)) + 5 * rng.standard_normal((40, 20, 20))).astype(np.uint16)
    frames[:, 2, 3], frames[:, 4, 5], frames[:, 6, 7] = 0, 777, 300
    frames[17, 6, 7] = 301
    level = measure_level([frames[:8], frames[8:]], "a")
    assert {tuple(place) for place in np.argwhere(level.pixels.still())} == {(2, 3), (4, 5)}
    assert level.pixels.mean()[2, 3] >= 0.0


def test_memory_does_not_grow_with_the_number_of_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sparse files of 512 × 512 px through the stream into all sums. A frame is 0.5 MB; 120 more cost their row and column means.

    All counts are above that from which float64 maps are kept too; one thread, since each has arrays of its own.
    """
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    peaks = []
    for count in (80, 80, 200):  # the first run also pays for imports
        path = tmp_path / f"{count}.npy"
        np.lib.format.open_memmap(path, mode="w+", dtype=np.uint16, shape=(count, 512, 512)).flush()
        tracemalloc.start()
        stream = Level("dark", "d", paths=(path,)).stream()
        level = measure_level(stream.chunks(8 * 512 * 512), "d", shape_sums=True)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert level.moments.n_frames == count
    # Row and column means of up to 512 frames are kept, 8 kB a frame here, and copied while their variance is taken.
    assert abs(peaks[2] - peaks[1]) < 120 * (5 * 2 * 512 * 8 + 500) + 100_000
    assert peaks[2] < 0.5 * 200 * 512 * 512 * 2


def test_rounding_error_of_the_variance_stays_within_its_bound() -> None:
    """Exact variance of round(N(μ, σ²)) over all phases of μ against σ² + 1/12: rms error as `quantisation_var` says."""
    from scipy.stats import norm

    for sigma in (0.3, 0.4, 0.5, 0.7):
        errors = []
        for mu in np.linspace(0, 1, 64, endpoint=False):
            value = np.arange(-12, 14)
            mass = norm.cdf((value + 0.5 - mu) / sigma) - norm.cdf((value - 0.5 - mu) / sigma)
            mean = (mass * value).sum()
            errors.append((mass * (value - mean) ** 2).sum() - sigma**2 - 1 / 12)
        assert math.sqrt(np.mean(np.square(errors))) == pytest.approx(math.sqrt(quantisation_var(sigma**2 + 1 / 12)), rel=0.25)
    assert quantisation_var(1.0 + 1 / 12) < 1e-14


def test_one_frame_and_copies_are_refused() -> None:
    frames = gaussian_frames(np.random.default_rng(5), 100.0, shape=(5, 5))
    with pytest.raises(TooFewFrames, match="level x has 1 frame "):
        level_moments(frames[:1], "x")
    with pytest.raises(ImplausibleSeries, match="identical"):
        level_moments(frames[[0, 0]], "x")
    assert level_moments(np.full((2, 5, 5), 4095, dtype=np.uint16), "x").variance == 0.0  # saturated frames are equal by nature
