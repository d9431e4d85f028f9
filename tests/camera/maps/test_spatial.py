"""Spectra, profiles and histograms of known patterns; what a file may hold of them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import sigmaraw as sr
from sigmaraw.camera import CameraProfile
from sigmaraw.camera.maps.classes import PixelClass
from sigmaraw.camera.maps.spatial import pattern_arrays, spatial_summary, spectrogram
from sigmaraw.errors import InvalidProfile
from tests.camera.check_cases import make


@pytest.fixture(scope="module")
def profile() -> CameraProfile:
    return sr.calibrate(make(np.random.default_rng(71), "clean"))


def test_spectrogram_of_white_noise_is_flat_and_keeps_the_variance() -> None:
    """Power of one frequency over 200 lines has relative SE √(1/200) = 7 %, its root 3.5 %; Parseval holds exactly."""
    deviation = 3.0 * np.random.default_rng(72).standard_normal((200, 64))
    spectrum = spectrogram(deviation, 1)
    assert spectrum.shape == (33,)
    np.testing.assert_allclose(spectrum[1:-1], 3.0, rtol=4 * 0.035)
    twice = np.r_[1.0, np.full(31, 2.0), 1.0]  # frequencies below 0 mirror those above
    assert (twice * spectrum**2).sum() / 64 == pytest.approx((deviation**2).mean(), rel=1e-12)
    assert spectrogram(deviation, 0).shape == (101,)


def test_a_sine_along_x_is_one_line_of_the_x_spectrum() -> None:
    x = np.arange(64)
    deviation = np.tile(np.sin(2 * math.pi * 5 * x / 64), (10, 1))
    arrays = pattern_arrays("dsnu", deviation, high_pass=False)
    spectrum = arrays["dsnu_spectrum_x"][1]
    assert int(np.argmax(spectrum)) == 5
    assert spectrum[5] == pytest.approx(0.5 * math.sqrt(64), rel=1e-9)  # |F|² = (n/2)², over n
    assert np.delete(spectrum, 5).max() < 1e-9
    np.testing.assert_allclose(arrays["dsnu_column_profile"][1], deviation[0], atol=1e-12)
    np.testing.assert_allclose(arrays["dsnu_row_profile"][1], 0.0, atol=1e-12)


def test_high_pass_keeps_pixels_and_drops_uneven_light() -> None:
    uneven = 10.0 * np.linspace(-1, 1, 60)[None, :] ** 2 * np.ones((50, 1))
    uneven[25, 30] += 5.0
    edges = pattern_arrays("prnu", uneven, high_pass=True)["prnu_histogram_edges"][1]
    assert edges[-1] == pytest.approx(5.0 * 24 / 25, abs=0.05)
    assert edges[0] > -1.0
    counts = pattern_arrays("prnu", uneven, high_pass=False)["prnu_histogram"][1]
    assert counts.sum() == 50 * 60


def test_summary_counts_every_pixel_and_is_json(profile: CameraProfile, tmp_path: Path) -> None:
    figures = profile.figures()
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    assert set(figures) == {"dsnu", "prnu", "defects"}
    rows, columns = profile.map_shape or (0, 0)
    for kind in ("dsnu", "prnu"):
        assert sum(figures[kind]["histogram"]) == figures[kind]["beyond"]["count"][-1] == rows * columns
        assert np.all(np.diff(figures[kind]["beyond"]["distance"]) <= 0)
        assert (len(figures[kind]["row_profile"]), len(figures[kind]["column_profile"])) == (rows, columns)
        assert figures[kind]["frequency_x"][-1] == 0.5
    offset = profile.dataset["offset_map"].values
    expected = (offset.mean(axis=1) - offset.mean()) / float(profile.dataset["gain"])
    np.testing.assert_allclose(figures["dsnu"]["row_profile"], expected, atol=1e-12)
    classes = profile.dataset["pixel_class_map"].values
    assert figures["defects"]["count"] == np.count_nonzero(classes) == len(figures["defects"]["positions"])
    for (y, x), name in zip(figures["defects"]["positions"], figures["defects"]["classes"], strict=True):
        assert name == PixelClass(classes[y, x]).name.lower()
    assert CameraProfile.from_netcdf(profile.to_netcdf(tmp_path / "camera.nc")).figures() == figures
    assert spatial_summary(CameraProfile.from_values(gain=1, offset=0, read_noise=1, bits=8).dataset) == {}


def test_residuals_are_those_of_the_fit(profile: CameraProfile) -> None:
    """Residuals over SE of a good fit: squares near 1. 8 levels or more: SE of the mean square is √(2/8) = .5."""
    residual = [value for value in profile.summary()["levels"]["residual_se"] if value is not None]
    assert len(residual) == int(profile.dataset["level_used"].sum()) >= 8
    assert 0.1 < np.mean(np.square(residual)) < 1 + 4 * 0.5


@pytest.mark.parametrize("spoil", ["drop", "nan", "short"])
def test_files_with_odd_patterns_are_refused(profile: CameraProfile, spoil: str) -> None:
    data: xr.Dataset = profile.dataset.copy(deep=True)
    if spoil == "drop":
        data = data.drop_vars("dsnu_spectrum_x")
    elif spoil == "nan":
        data["prnu_histogram"] = data["prnu_histogram"] * math.nan
    else:
        data = data.isel(frequency_x=slice(0, 3))
    with pytest.raises(InvalidProfile, match=r"(dsnu|prnu)"):
        CameraProfile(data)
