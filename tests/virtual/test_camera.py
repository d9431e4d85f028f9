"""The virtual camera against its own stated truth: tolerances are 4 standard errors of what is estimated."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from sigmaraw.errors import InvalidOption, ShapeMismatch
from sigmaraw.virtual import VirtualCamera

FRAMES = 400


@pytest.fixture(scope="module")
def camera() -> VirtualCamera:
    return VirtualCamera(
        shape=(64, 48), gain=0.8, gain_spread=2.0, read_noise_tail=0.5, read_noise_e=3.0, prnu_percent=3.0, dsnu_e=4.0, seed=1
    )


def test_mean_and_variance_of_every_pixel_are_those_stated(camera: VirtualCamera) -> None:
    light = np.linspace(20, 900, 64 * 48).reshape(64, 48)
    frames = camera.acquire(light, FRAMES, 7, exposure_s=2.0).astype(np.float64)
    mean, variance = camera.mean_dn(light, 2.0), camera.variance_dn2(light, 2.0)
    z_mean = (frames.mean(axis=0) - mean) / np.sqrt(variance / FRAMES)
    z_variance = (frames.var(axis=0, ddof=1) / variance - 1) / np.sqrt(2 / (FRAMES - 1))  # SE of a normal variance
    for z in (z_mean, z_variance):
        assert abs(z.mean()) < 4 / np.sqrt(z.size)
        assert abs(z.std() - 1) < 4 * 1.1 / np.sqrt(2 * z.size)  # 1.1: the variance's z is slightly skewed
        assert np.abs(z).max() < 6


def test_dark_frames_show_offset_dark_current_and_read_noise(camera: VirtualCamera) -> None:
    frames = camera.acquire(0.0, FRAMES, 3, exposure_s=40.0).astype(np.float64)
    np.testing.assert_array_equal(camera.dark_map_dn(40.0), camera.offset_map_dn + camera.gain_map * 0.5 * 40)
    error = np.sqrt(camera.variance_dn2(0.0, 40.0) / FRAMES)
    z = (frames.mean(axis=0) - camera.dark_map_dn(40.0)) / error
    assert abs(z.mean()) < 4 / np.sqrt(z.size)
    assert abs(z.std() - 1) < 4 / np.sqrt(2 * z.size)


def test_one_pixel_has_the_exact_distribution_of_the_model() -> None:
    """χ² of 20,000 draws against Poisson ⊗ normal, rounded: the sum is taken here, term by term."""
    camera = VirtualCamera(shape=(1, 1), gain=1.5, read_noise_e=1.2, read_noise_tail=0, prnu_percent=0, dsnu_e=0, offset_dn=20)
    drawn = camera.acquire(4.0, 20_000, 9).ravel()
    photons, values = np.arange(60), np.arange(0, 80)
    upper = stats.norm.cdf((values[:, None] + 0.5 - 20 - 1.5 * photons) / (1.5 * 1.2))
    lower = stats.norm.cdf((values[:, None] - 0.5 - 20 - 1.5 * photons) / (1.5 * 1.2))
    expected = ((upper - lower) * stats.poisson.pmf(photons, 4.0)).sum(axis=1) * drawn.size
    observed = np.bincount(drawn, minlength=80)[:80]
    use = expected > 10
    rest = [observed[~use].sum()], [expected[~use].sum() + drawn.size - expected.sum()]
    observed_bins, expected_bins = np.append(observed[use], rest[0]), np.append(expected[use], rest[1])
    assert stats.chisquare(observed_bins, expected_bins).pvalue > 1e-4


def test_fixed_patterns_have_the_stated_spread_and_belong_to_the_seed() -> None:
    camera = VirtualCamera(shape=(400, 400), read_noise_tail=0.5, prnu_percent=2.0, dsnu_e=3.0, gain_spread=1.5, seed=5)
    n = 400 * 400
    spread = 4 / np.sqrt(2 * n)  # relative SE of a standard deviation, times four
    assert camera.response_map.std() * 100 == pytest.approx(2.0, rel=spread)
    assert camera.offset_map_dn.std() / camera.gain == pytest.approx(3.0, rel=spread)
    assert camera.gain_map.std() / camera.gain * 100 == pytest.approx(1.5, rel=spread)
    assert np.log(camera.read_noise_map_e).std() == pytest.approx(0.5, rel=spread)
    # rms of a log-normal: relative variance of its square is exp(4 s²) − 1
    rms_error = 0.5 * np.sqrt((np.exp(4 * 0.25) - 1) / n)
    assert camera.read_noise_rms_e == pytest.approx(camera.read_noise_e, rel=4 * rms_error)
    assert np.median(camera.read_noise_map_e) < 0.9 * camera.read_noise_e  # the median misses the tail
    patterns = [camera.response_map, camera.offset_map_dn, camera.gain_map, np.log(camera.read_noise_map_e)]
    correlation = np.corrcoef([pattern.ravel() for pattern in patterns])
    assert np.abs(correlation - np.eye(4)).max() < 4.5 / np.sqrt(n)
    np.testing.assert_array_equal(VirtualCamera(shape=(400, 400), prnu_percent=2.0, seed=5).response_map, camera.response_map)
    assert not np.array_equal(VirtualCamera(shape=(400, 400), prnu_percent=2.0, seed=6).response_map, camera.response_map)
    with pytest.raises(ValueError, match="read-only"):
        camera.gain_map[0, 0] = 1


def test_photo_response_is_not_in_the_gain(camera: VirtualCamera) -> None:
    assert np.all(VirtualCamera(prnu_percent=5.0, gain=0.5).gain_map == 0.5)
    uneven = VirtualCamera(shape=(64, 64), prnu_percent=20.0, gain=0.5, seed=2)
    frames = uneven.acquire(1000.0, 300, 4).astype(np.float64)
    variance, mean = frames.var(axis=0, ddof=1), frames.mean(axis=0) - uneven.offset_map_dn
    dark = uneven.variance_dn2(0.0)
    slope = (variance - dark).mean() / mean.mean()
    # relative SE of a variance averaged over pixels and frames, times four
    assert slope == pytest.approx(0.5, rel=4 * np.sqrt(2 / (299 * 64 * 64)))


def test_full_well_and_converter_end_the_range() -> None:
    shallow = VirtualCamera(shape=(8, 8), full_well_e=1000.0, gain=0.5, read_noise_e=0.5, read_noise_tail=0, dsnu_e=0)
    frames = shallow.acquire(5000.0, 50, 1)
    assert frames.mean() == pytest.approx(100 + 0.5 * 1000, abs=4 * np.sqrt((0.25**2 + 1 / 12) / frames.size))
    assert shallow.saturation_e == 1000
    assert np.all(VirtualCamera(shape=(8, 8), gain=2.0).acquire(5000.0, 2, 1) == 4095)
    assert VirtualCamera(gain=2.0).saturation_e == (4095 - 100) / 2
    assert VirtualCamera(shape=(8, 8), offset_dn=0, read_noise_e=5).acquire(0.0, 5, 1).min() == 0


@pytest.mark.parametrize(("bits", "dtype", "top"), [(8, np.uint8, 255), (12, np.uint16, 4095), (16, np.uint16, 65535)])
def test_bit_depth_chooses_type_and_top(bits: int, dtype: type, top: int) -> None:
    frames = VirtualCamera(shape=(4, 4), bits=bits).acquire(1e6, 1, 0)
    assert frames.dtype == dtype
    assert frames.max() == top


def test_frames_belong_to_the_seed_and_not_to_their_number(camera: VirtualCamera) -> None:
    few, many = camera.acquire(50.0, 2, 8), camera.acquire(50.0, 5, 8)
    np.testing.assert_array_equal(few, many[:2])
    assert not np.array_equal(few[0], few[1])
    assert not np.array_equal(few[0], camera.acquire(50.0, 1, 9)[0])


def test_the_profile_states_the_truth(camera: VirtualCamera) -> None:
    profile = camera.truth_profile()
    assert not profile.calibrated
    assert float(profile.dataset["gain"]) == camera.gain
    assert float(profile.dataset["read_noise"]) == camera.read_noise_rms_e
    assert profile.bits == 12


def test_acquisition_is_independent_of_the_sampler() -> None:
    code = (
        "import sys; from sigmaraw.virtual import VirtualCamera; VirtualCamera(shape=(4, 4)).acquire(5, 1, 0);"
        "sys.exit(any(name in sys.modules for name in ('jax', 'sigmaraw.noise.sampler', 'torch')))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize(
    "values",
    [
        {"shape": (0, 4)},
        {"shape": (4,)},
        {"gain": 0.0},
        {"gain": float("nan")},
        {"offset_dn": -1.0},
        {"offset_dn": 5000.0},
        {"read_noise_e": -0.1},
        {"bits": 17},
        {"bits": 0},
        {"full_well_e": 0.0},
        {"prnu_percent": float("inf")},
    ],
)
def test_impossible_cameras_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(InvalidOption):
        VirtualCamera(**values)  # type: ignore[arg-type]  # wrong on purpose


def test_impossible_acquisitions_are_refused(camera: VirtualCamera) -> None:
    with pytest.raises(ShapeMismatch, match=r"\(3, 3\)"):
        camera.acquire(np.zeros((3, 3)), 1, 0)
    for light, n, exposure in ((-1.0, 1, 0.0), (np.nan, 1, 0.0), (1.0, 0, 0.0), (1.0, 1, -1.0)):
        with pytest.raises(InvalidOption):
            camera.acquire(light, n, 0, exposure_s=exposure)
