"""Real cameras beside figures that photon transfer had no part in; what calibration cannot handle is refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw.errors import InvalidProfile, InvalidSeries, NotIntegerData, TooFewFrames
from sigmaraw.frames import Series
from sigmaraw.noise.model import NoiseModel
from tests.reference import real_cameras as real

DOCS = Path(__file__).parents[2] / "docs" / "explanation" / "real-cameras.md"


def failed(profile: sr.CameraProfile) -> set[str]:
    return {row["name"] for row in profile.summary()["checks"] if row["outcome"] == "fail"}


def shown(lines: list[real.Line]) -> None:
    """The page says what the code finds."""
    page = DOCS.read_text(encoding="utf-8")
    for line in lines:
        assert str(line) in page, line


def test_msfc_ccd_taps_against_the_iron_line(shared_data: Path) -> None:
    """Charge that is lost makes the line low, never high: 0 to 3 standard errors. K within .001 of what was measured by hand."""
    lines, profiles = real.msfc_lines(shared_data)
    shown(lines)
    assert len(lines) == 3
    assert all(-1.0 < line.distance < 3.0 for line in lines)
    for tap, by_hand in zip(real.MSFC_TAPS, (0.396, 0.400, 0.396, 0.399), strict=True):
        gain, error = real.number(profiles[tap], "gain")
        assert abs(gain - by_hand) < 2 * error
        assert real.number(profiles[tap], "read_noise")[0] == pytest.approx(10.0, abs=1.5)
        assert profiles[tap].dataset.attrs["transfer_model"] == "linear"
        assert failed(profiles[tap]) == set()


def test_msfc_edge_tiles_bend_the_curve(shared_data: Path) -> None:
    """The dimmest levels lie at the edge: with them two taps are brighter-fatter."""
    edge = {tap: sr.calibrate(series) for tap, series in real.msfc_tiles(shared_data, edge=True).items()}
    assert [edge[tap].dataset.attrs["transfer_model"] for tap in real.MSFC_TAPS] == ["astier", "astier", "linear", "linear"]
    assert real.number(edge["0,0"], "gain")[0] > 0.405


def test_msfc_edge_rows_are_dim_and_not_odd(shared_data: Path) -> None:
    """On one bent curve the edge rows have the gain of the others, and the bend goes with covariance: the page's figures."""
    edges = real.msfc_edges(shared_data)
    page = DOCS.read_text(encoding="utf-8")
    assert all(2.5 < edge.step < 2.7 for edge in edges.values())
    for name, scale, digits in (("edge", 1.0, 2), ("shift", 1.0, 4), ("bend", 1e7, 1), ("along", 1e3, 1), ("across", 1e3, 1)):
        value, error = np.array([getattr(edge, name) for edge in edges.values()]).T
        total = float((value / error**2).sum() / (1 / error**2).sum()), float((1 / error**2).sum() ** -0.5)
        if name in ("edge", "shift"):
            assert (np.abs(value) < 3 * error).all()
            assert abs(total[0]) < 3 * total[1]
        else:
            assert abs(total[0]) > 4 * total[1]
        assert f"{total[0] * scale:.{digits}f} ± {total[1] * scale:.{digits}f}".replace("-", "−") in page, (name, total)


def test_msfc_files_as_they_are_are_refused(shared_data: Path) -> None:
    with pytest.raises(TooFewFrames, match="only 1 of 1 flat levels"):
        sr.calibrate(real.msfc_whole(shared_data))


def test_nikon_planes_and_their_empty_codes(shared_data: Path) -> None:
    """The camera multiplies two planes by a number: it shows in the gain, and in codes that never occur, by the same factor."""
    lines, profile = real.nikon_lines(shared_data)
    shown(lines)
    assert all(abs(line.distance) < 3.0 for line in lines)
    assert all(line.value > 1.05 for line in lines[1:])
    assert failed(profile) == {"lamp-drift", "missing-codes"}
    assert [real.empty_codes(real.nikon(shared_data), plane)[0] for plane in (0, 3)] == [0.0, 0.0]
    gains = profile.dataset["tap_gain"].values
    np.testing.assert_allclose(gains, [0.394, 0.458, 0.441, 0.388], rtol=3 * 0.012)


def test_nikon_files_as_they_are_are_refused(shared_data: Path, tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(shared_data / "nikon-d7000-iso100" / "samples.zip") as archive:
        archive.extract("crop_1.fit", tmp_path)
    with pytest.raises(NotIntegerData, match="int16"):
        sr.read_frames(tmp_path / "crop_1.fit")
    with pytest.raises(InvalidSeries, match="no dark level"):
        Series((), real.nikon(shared_data).flat)


def test_k11_darks_agree_and_one_light_is_no_curve(shared_data: Path) -> None:
    lines, profile = real.k11_lines(shared_data)
    shown(lines)
    assert all(abs(line.distance) < 3.0 for line in lines)
    assert lines[1].value == pytest.approx(2.74, abs=3 * lines[1].se)
    assert failed(profile) == {"too-few-levels", "row-noise"}
    with pytest.raises(TooFewFrames, match="only 1 of 1 flat levels"):
        sr.calibrate(real.k11_series(real.k11(shared_data), merged=True))


def test_scmos_maps_as_the_truth_of_drawn_frames(shared_data: Path) -> None:
    """The real tail of the noise: its rms is found; the median pixel is lower by a third."""
    lines = real.scmos_lines(shared_data)
    shown(lines)
    assert all(abs(line.distance) < 3.5 for line in lines)
    _, variance = real.scmos(shared_data)
    assert np.median(np.sqrt(variance)) < 0.7 * np.sqrt(variance.mean())


def test_scmos_maps_as_published_are_refused(shared_data: Path) -> None:
    gain, variance = real.scmos(shared_data)
    with pytest.raises(InvalidProfile, match=r"gain: [0-9]+ of 262144 pixels out of its domain"):
        NoiseModel(gain, 100.0, np.sqrt(variance) / np.abs(gain), bits=16)
