"""Moments of a level against slow twins and theory."""

from __future__ import annotations

import math

import numpy as np
import pytest
from simulated_cameras import gaussian_frames

from sigmaraw.camera import moments
from sigmaraw.camera.moments import difference_moments_slow, level_moments, pixel_moments, pixel_moments_slow, quantisation_var
from sigmaraw.errors import ImplausibleSeries, TooFewFrames


def test_pair_moments_match_the_slow_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "_ROWS_PER_BLOCK", 50)  # several blocks, the last one short
    frames = gaussian_frames(np.random.default_rng(1), 900.0, shape=(12, 11))
    level = level_moments(frames, "a")
    second, fourth = difference_moments_slow(frames[0], frames[1])
    bessel = 132 / 131
    assert level.variance == pytest.approx(0.5 * second * bessel, rel=1e-12)
    assert level.variance_var == pytest.approx(fourth * bessel**2 / (6 * 131), rel=1e-9)
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


@pytest.mark.parametrize("count", [2, 7])
def test_pixel_moments_match_the_slow_twin(count: int) -> None:
    frames = gaussian_frames(np.random.default_rng(4), 3000.0, shape=(9, 8), count=count)
    for fast, slow in zip(pixel_moments(frames), pixel_moments_slow(frames), strict=True):
        np.testing.assert_allclose(fast, slow, rtol=1e-11, atol=1e-9)


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
