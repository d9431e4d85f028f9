"""Calibration frames that depend on each other, and pixels that are none. Of each the truth is K = 0.5 DN/e⁻, 4 e⁻, PRNU 1 %, DSNU 2 e⁻."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import sigmaraw as sr
from tests.cases import laboratory as lab


def outcomes(profile: sr.CameraProfile) -> dict[str, str]:
    return {row["name"]: str(row["outcome"]) for row in profile.summary()["checks"]}


def failed(profile: sr.CameraProfile) -> set[str]:
    return {name for name, outcome in outcomes(profile).items() if outcome == "fail"}


def calibrated(root: Path, dark: np.ndarray, flats: list[np.ndarray]) -> sr.CameraProfile:
    return sr.calibrate(lab.series(root, dark, flats), bits=12)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def value(profile: sr.CameraProfile, name: str) -> float:
    return float(profile.dataset[name])


def test_a_sensor_without_a_fault_fails_no_check(tmp_path: Path) -> None:
    profile = sr.calibrate(lab.plain(tmp_path, repeats=4, darks=32), bits=12)
    assert failed(profile) == set()
    assert set(outcomes(profile).values()) == {"pass"}


def test_image_lag(tmp_path: Path, rng: np.random.Generator) -> None:
    """5 % of each frame is the one before: K comes out 14 % low."""

    def lagged(level: float) -> np.ndarray:
        light = lab.analog(rng, level, 13) - lab.PATTERN
        light[1:] = 0.95 * light[1:] + 0.05 * light[:-1]
        return lab.convert(light[5:] + lab.PATTERN)

    profile = calibrated(tmp_path, lab.frames(rng, 0, 32), [lagged(level) for level in lab.LEVELS])
    assert failed(profile) == {"image-lag"}
    # x_i = .95·a_i + .05·a_{i−1}: ρ = .95·.05/(.95² + .05²) of shot and read noise alike, but for rounding.
    check = next(row for row in profile.summary()["checks"] if row["name"] == "image-lag")
    assert check["value"] == pytest.approx(0.0525, abs=0.008)  # 4 SE: SE(ρ) = √(2/(N·L))·…/√levels = .002


def test_frames_averaged_on_the_camera_as_they_run(tmp_path: Path, rng: np.random.Generator) -> None:
    """A recursive filter, half of it the frame before: darks and flats alike."""

    def filtered(level: float, count: int) -> np.ndarray:
        signal = lab.analog(rng, level, count + 12)
        for index in range(1, len(signal)):
            signal[index] = 0.5 * signal[index] + 0.5 * signal[index - 1]
        return lab.convert(signal[12:])

    profile = calibrated(tmp_path, filtered(0, 32), [filtered(level, 4) for level in lab.LEVELS])
    assert "image-lag" in failed(profile)


def banded(rng: np.random.Generator, level: float, count: int, axis: int = 0, amplitude: float = 0.02) -> np.ndarray:
    lines = np.arange(lab.SHAPE[axis])
    waves = [1 + amplitude * np.sin(2 * np.pi * lines / 16 + rng.uniform(0, 2 * np.pi)) for _ in range(count)]
    return np.concatenate([lab.frames(rng, level * (wave[:, None] if axis == 0 else wave[None, :])) for wave in waves])


@pytest.mark.parametrize("axis", [0, 1])
def test_bands_of_a_flickering_lamp(tmp_path: Path, rng: np.random.Generator, axis: int) -> None:
    """A rolling shutter under a flickering lamp: K comes out 19 % high, and no break of the gain is shown."""
    profile = calibrated(tmp_path, lab.frames(rng, 0, 32), [banded(rng, level, 4, axis) for level in lab.LEVELS])
    assert "line-noise-in-flats" in failed(profile)


def test_a_gain_is_called_too_large_only_where_lines_share_noise(tmp_path: Path, rng: np.random.Generator) -> None:
    """What chance gives in clean frames says nothing of K. Under bands K is too large, and by no more than the evidence says."""
    dark = lab.frames(rng, 0, 32)
    profiles = [
        calibrated(tmp_path / "clean", dark, [lab.frames(rng, level, 4) for level in lab.LEVELS]),
        calibrated(tmp_path / "banded", dark, [banded(rng, level, 4) for level in lab.LEVELS]),
    ]
    clean, bands = (next(check.evidence for check in one.checks if check.name == "line-noise-in-flats") for one in profiles)
    assert "too large" not in clean and "no more than chance gives" in clean
    stated = float(bands.rpartition("up to ")[2].partition(" %")[0])
    assert 5 < 100 * (value(profiles[1], "gain") / lab.GAIN - 1) < stated


def test_darks_of_another_day(tmp_path: Path, rng: np.random.Generator) -> None:
    """Darks 20 DN above the flats' black level: K comes out 17 % high."""
    flats = [lab.frames(rng, level, 4) for level in lab.LEVELS]
    profile = calibrated(tmp_path, lab.convert(lab.analog(rng, 0, 32) + 20), flats)
    assert {"exposure-origin", "transfer-curve"} <= failed(profile)
    check = next(row for row in profile.summary()["checks"] if row["name"] == "exposure-origin")
    # The dark noise is √(2² + 1/12) DN.
    assert check["value"] == pytest.approx(20 / np.hypot(2.0, np.sqrt(1 / 12)), rel=0.1)


def test_darks_of_another_day_without_exposures(tmp_path: Path, rng: np.random.Generator) -> None:
    flats = [lab.frames(rng, level, 4) for level in lab.LEVELS]
    profile = sr.calibrate(lab.series(tmp_path, lab.convert(lab.analog(rng, 0, 32) + 20), flats, tabled=False), bits=12)
    assert "transfer-curve" in failed(profile)


def test_cosmic_rays_in_darks(tmp_path: Path, rng: np.random.Generator) -> None:
    """.05 % of the samples are hit: they carry 95 % of the dark variance."""
    signal = lab.analog(rng, 0, 32)
    hit = rng.random(signal.shape) < 5e-4
    signal[hit] += rng.exponential(300.0, np.count_nonzero(hit))
    profile = calibrated(tmp_path, lab.convert(signal), [lab.frames(rng, level, 4) for level in lab.LEVELS])
    assert "outliers-in-time" in failed(profile)
    check = next(row for row in profile.summary()["checks"] if row["name"] == "outliers-in-time")
    assert "2 DN in the median pixel" in check["evidence"]


def test_cosmic_rays_in_flats(tmp_path: Path, rng: np.random.Generator) -> None:
    flats = [lab.analog(rng, level, 4) for level in lab.LEVELS]
    for flat in flats:
        hit = rng.random(flat.shape) < 5e-4
        flat[hit] += rng.exponential(1000.0, np.count_nonzero(hit))
    assert "outliers-in-time" in failed(calibrated(tmp_path, lab.frames(rng, 0, 32), [lab.convert(flat) for flat in flats]))


def test_pixels_that_are_noisy_throughout_are_no_outliers_in_time(tmp_path: Path, rng: np.random.Generator) -> None:
    noise = np.where(np.random.default_rng(3).random(lab.SHAPE) < 0.01, 40.0, 0.0)

    def frames(level: float, count: int) -> np.ndarray:
        return lab.convert(lab.analog(rng, level, count) + noise * lab.GAIN * rng.standard_normal((count, *lab.SHAPE)))

    profile = calibrated(tmp_path, frames(0, 32), [frames(level, 4) for level in lab.LEVELS])
    assert "outliers-in-time" not in failed(profile)


def stamp(frames: np.ndarray, start: int, rng: np.random.Generator) -> np.ndarray:
    """A binary time stamp, two decimal digits a pixel, in the first 14 pixels of the first row."""
    for index, frame in enumerate(frames):
        digits = [int(digit) for digit in f"{start + index:08d}"] + [20, 26, 11, 22, int(rng.integers(0, 60)), int(rng.integers(0, 100))]
        frame[0, :14] = [digit // 10 * 16 + digit % 10 for digit in digits]
    return frames


def test_a_stamp_enters_no_pattern_and_makes_no_hot_neighbours(tmp_path: Path, rng: np.random.Generator) -> None:
    dark = stamp(lab.frames(rng, 0, 32), 1, rng)
    flats = [stamp(lab.frames(rng, level, 4), 100 * index, rng) for index, level in enumerate(lab.LEVELS)]
    profile = calibrated(tmp_path, dark, flats)
    assert value(profile, "prnu") == pytest.approx(1.0, abs=0.06)  # 4 SE of the sensor's own sample and of noise
    assert value(profile, "dsnu") == pytest.approx(2.0, abs=0.1)
    assert profile.dataset["prnu"].attrs["with_defects"] > 3.0
    classes = profile.dataset["pixel_class_map"].values
    assert set(np.unique(classes[0, :14])) == {3}  # dead
    assert np.count_nonzero(classes == 1) == 0  # hot
    assert "black-clipping" not in failed(profile)
    assert {"unlit-pixels"} == failed(profile)


@pytest.mark.parametrize("where", [np.s_[:, 70:], np.s_[:4, :], np.s_[:, :3]])
def test_overscan_is_dead_and_enters_no_pattern(tmp_path: Path, rng: np.random.Generator, where: tuple) -> None:
    response = lab.RESPONSE.copy()
    response[where] = 0
    flats = [lab.convert(lab.analog(rng, level, 4, response)) for level in lab.LEVELS]
    profile = calibrated(tmp_path, lab.frames(rng, 0, 32), flats)
    assert value(profile, "prnu") == pytest.approx(1.0, abs=0.06)
    assert value(profile, "dsnu") == pytest.approx(2.0, abs=0.1)
    classes = profile.dataset["pixel_class_map"].values
    dead = np.zeros(lab.SHAPE, dtype=bool)
    dead[where] = True
    np.testing.assert_array_equal(classes == 3, dead)
    assert np.count_nonzero(classes == 1) == 0
    assert failed(profile) == {"unlit-pixels"}


def test_a_hot_pixel_makes_no_dead_neighbours(tmp_path: Path, rng: np.random.Generator) -> None:
    response = lab.RESPONSE.copy()
    response[20, 30] = 40.0
    flats = [lab.convert(lab.analog(rng, level, 4, response)) for level in lab.LEVELS]
    profile = calibrated(tmp_path, lab.frames(rng, 0, 32), flats)
    mask = profile.dataset["defect_mask"].values
    assert np.argwhere(mask).tolist() == [[20, 30]]
    assert value(profile, "prnu") == pytest.approx(1.0, abs=0.06)
