"""Two series of a photon-counting confocal microscope, 50 frames of a live cell each: one of repeats, one that is not.

The microscope counts photons (K = 1 DN/photon, offset 0, no read noise): variance between neighbouring frames is their mean. In
well4_cell4 that is so, to 1 %; over all 50 frames pixels vary by 2 % more, and only frames' means drift (4 of their standard
deviations). In well3_cell1 the light rises by 0.12 % a frame and the cell moves: pixels vary by a quarter more over all frames.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw.frames import read_frames
from sigmaraw.noise import NoiseModel
from sigmaraw.noise.repeat_checks import repeat_checks


@pytest.fixture(scope="module")
def model() -> NoiseModel:
    return NoiseModel.from_profile(sr.CameraProfile.from_values(gain=1.0, offset=0.0, read_noise=0.0, bits=8))


def frames_of(shared_data: Path, name: str) -> np.ndarray:
    return np.asarray(read_frames(shared_data / "nandb-repeats" / f"{name}.tif").data)


def checks(frames: np.ndarray, model: NoiseModel) -> dict[str, tuple[float, bool]]:
    return {check.name: (check.value, check.passed) for check in repeat_checks(frames, model)}


def test_photons_are_counted(shared_data: Path) -> None:
    """By photon transfer from the frames themselves: variance between neighbours over the mean, 1 ± 0.02 at 10 to 30 photons.

    SE of a variance over 10,403 pixels and 49 pairs: √(3/(10403·49)) = .0024; the rest is the light's flicker between frames.
    """
    frames = frames_of(shared_data, "well4_cell4_after_0.5nM").astype(float)
    mean = frames.mean(axis=0)
    chosen = (mean >= 10) & (mean < 30)
    gain = 0.5 * (np.diff(frames, axis=0) ** 2).mean(axis=0)[chosen].mean() / mean[chosen].mean()
    assert gain == pytest.approx(1.0, abs=0.02)


def test_neighbouring_frames_of_the_good_series_are_repeats(shared_data: Path, model: NoiseModel) -> None:
    frames = frames_of(shared_data, "well4_cell4_after_0.5nM")
    for start in range(0, 50, 10):
        assert all(passed for _, passed in checks(frames[start : start + 4], model).values())
    whole = checks(frames, model)
    assert whole["repeat_noise"] == (pytest.approx(0.991, abs=0.005), True)
    assert whole["repeat_drift"] == (pytest.approx(1.020, abs=0.005), True)
    assert whole["frame_drift"] == (pytest.approx(0.21, abs=0.02), False)


def test_the_drifting_series_fails(shared_data: Path, model: NoiseModel) -> None:
    """Neighbours differ by the camera's noise here too: it is the drift that tells the two apart."""
    found = checks(frames_of(shared_data, "well3_cell1_after_5nM"), model)
    assert found["repeat_noise"][1]
    assert found["repeat_drift"] == (pytest.approx(1.261, abs=0.01), False)
    assert found["frame_drift"][1] is False


def test_a_result_on_the_drifting_series_warns(shared_data: Path) -> None:
    camera = sr.CameraProfile.from_values(gain=1.0, offset=0.0, read_noise=0.0, bits=8)
    frames = frames_of(shared_data, "well3_cell1_after_5nM")
    record = sr.validate([frames], camera, codecs=["lossless"], pipeline="otsu", mode="repeats", n=20)
    assert all(any("repeats drift" in entry["text"] for entry in row["warnings"]) for row in record.document["results"])
