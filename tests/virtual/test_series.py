"""Series and demonstration inputs: readers take them, and calibration finds the camera that made them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw.errors import InvalidOption
from sigmaraw.frames import read_series
from sigmaraw.virtual import VirtualCamera, demo_inputs, flat_levels, nuclei_scene, write_frames, write_series

CAMERA = VirtualCamera(shape=(96, 96), seed=3)


def test_the_folder_is_as_readers_expect(tmp_path: Path) -> None:
    folder = write_series(CAMERA, tmp_path / "s", [100.0, 400.0, 900.0], 3, 5, 1, exposure_ms=20.0)
    rows = list(csv.DictReader((folder / "frames.csv").open()))
    assert [(row["path"], row["kind"], float(row["exposure_ms"])) for row in rows] == [
        ("dark/dark-00.tif", "dark", 20.0),
        *((f"flat/flat-{k:02d}.tif", "flat", 20.0) for k in range(3)),
    ]
    frames = sr.read_frames(folder / "flat" / "flat-01.tif")
    assert (frames.data.shape, frames.bits, frames.bits_source) == ((3, 96, 96), 12, "metadata")
    series = read_series(folder)
    assert len(series.dark) == 1
    assert len(series.flat) == 3


def test_levels_of_equal_light_are_independent(tmp_path: Path) -> None:
    folder = write_series(CAMERA, tmp_path, [300.0, 300.0], 1, 1)
    one, two = (sr.read_frames(folder / "flat" / f"flat-0{k}.tif").data[0].astype(float) for k in (0, 1))
    light = np.corrcoef((one - CAMERA.mean_dn(300.0)).ravel(), (two - CAMERA.mean_dn(300.0)).ravel())[0, 1]
    assert abs(light) < 4 / 96  # SE of a correlation of 96² independent pixels


def test_exposures_act_on_the_dark_level(tmp_path: Path) -> None:
    camera = VirtualCamera(shape=(64, 64), dark_current_e_per_s=200.0)
    folder = write_series(camera, tmp_path, 3, 2, 20, dark_exposures_ms=[10.0, 500.0, 1000.0], exposure_ms=[10.0, 500.0, 1000.0])
    levels = [sr.read_frames(folder / "dark" / f"dark-0{k}.tif").data.mean() for k in range(3)]
    slope = np.polyfit([0.01, 0.5, 1.0], levels, 1)[0] / camera.gain
    # SE of a level's mean: its variance over 20 · 64² values, of which a slope over 1 s sees about twice
    error = np.sqrt(2 * camera.variance_dn2(0.0, 1.0).mean() / (20 * 64 * 64)) / camera.gain
    assert slope == pytest.approx(200.0, abs=4 * error)


def test_calibration_finds_the_camera(tmp_path: Path) -> None:
    profile = sr.calibrate(write_series(CAMERA, tmp_path / "s", 16, 4, 32, 2))
    gain, gain_se = float(profile.dataset["gain"]), float(profile.dataset["gain_se"])
    assert 0 < gain_se < 0.01 * CAMERA.gain
    assert abs(gain - CAMERA.gain) < 4 * gain_se
    read, read_se = float(profile.dataset["read_noise"]), float(profile.dataset["read_noise_se"])
    # What a dark level shows holds the dark current of its 10 ms, too.
    true = np.sqrt(CAMERA.read_noise_rms_e**2 + CAMERA.dark_current_e_per_s * 0.01)
    assert abs(read - true) < 4 * read_se
    assert profile.bits == 12


def test_levels_cover_the_range_and_pass_saturation() -> None:
    levels = flat_levels(CAMERA, 12)
    assert levels[0] == pytest.approx(0.02 * CAMERA.saturation_e)
    assert levels[-1] == pytest.approx(1.10 * CAMERA.saturation_e)


def test_a_series_is_written_again_but_never_mixed(tmp_path: Path) -> None:
    write_series(CAMERA, tmp_path, 3, 2, 2)
    before = sr.read_frames(tmp_path / "flat" / "flat-00.tif").data
    write_series(CAMERA, tmp_path, 3, 2, 2)
    np.testing.assert_array_equal(sr.read_frames(tmp_path / "flat" / "flat-00.tif").data, before)
    with pytest.raises(InvalidOption, match=r"flat-02.tif is already there"):
        write_series(CAMERA, tmp_path, 2, 2, 2)
    for levels, frames, darks in (([], 2, 2), (3, 0, 2), (3, 2, 0)):
        with pytest.raises(InvalidOption, match="without levels or frames"):
            write_series(CAMERA, tmp_path / "other", levels, frames, darks)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("bits", [8, 16])
def test_frames_come_back_as_written(tmp_path: Path, bits: int) -> None:
    camera = VirtualCamera(shape=(20, 30), bits=bits)
    frames = camera.acquire(50.0, 2, 0)
    for name, data in (("stack.tif", frames), ("single.tif", frames[0])):
        read = sr.read_frames(write_frames(tmp_path / name, data, bits))
        np.testing.assert_array_equal(read.data, np.atleast_3d(data) if data.ndim == 3 else data[np.newaxis])
        assert read.bits == bits


def test_the_demonstration_shows_its_scenes(tmp_path: Path) -> None:
    inputs = demo_inputs(tmp_path, 5)
    assert [path.name for path in inputs.images] == ["cells-0.tif", "cells-1.tif"]
    for path, scene in zip(inputs.images, inputs.scenes, strict=True):
        frames = sr.read_frames(path)
        assert (frames.data.shape, frames.data.dtype, frames.bits) == ((1, 256, 256), np.uint16, 12)
        mean, variance = (inputs.camera.mean_dn(scene.mean_e, 0.01), inputs.camera.variance_dn2(scene.mean_e, 0.01))
        z = (frames.data[0] - mean) / np.sqrt(variance)
        assert abs(z.mean()) < 4 / 256
        assert abs(z.std() - 1) < 4 * 1.1 / np.sqrt(2 * z.size)  # 1.1: photons are slightly skewed
    again = demo_inputs(tmp_path / "again", 5)
    assert again.images[0].read_bytes() == inputs.images[0].read_bytes()
    expected = nuclei_scene((256, 256), 34, 400.0, 25.0, 5)
    np.testing.assert_array_equal(inputs.scenes[0].labels, expected.labels)
