"""Figures: what they say, that words stay words, and the pixels of a crop."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib import get_data_path
from matplotlib.image import imread
from PIL import ImageFont

from sigmaraw.errors import InvalidRecord
from sigmaraw.record.arrays import Crop
from sigmaraw.reports import camera_plot
from sigmaraw.reports.crops import crop_pictures
from sigmaraw.reports.plots import Distribution, ScoreMark, distribution_plot, epsilon_plot


def _words(svg: str) -> str:
    return " ".join("".join(element.itertext()) for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("text"))


def test_camera_plot_of_a_calibration(summary: Callable[..., dict[str, Any]]) -> None:
    svg = camera_plot(summary())
    words = _words(svg)
    assert "fit, K = 0.4622 DN/e⁻" in words and "level not used" in words and "dark level" in words
    assert camera_plot(summary()) == svg
    everything_used = summary()
    everything_used["levels"]["used"] = [True] * 16
    assert "level not used" not in _words(camera_plot(everything_used))


def test_camera_plot_of_stated_values(summary: Callable[..., dict[str, Any]]) -> None:
    words = _words(camera_plot(summary(calibrated=False)))
    assert "nothing was measured" in words and "fit" not in words
    empty = summary(calibrated=False)
    del empty["scalars"]["read_noise"]
    assert camera_plot(empty) == ""


def test_camera_plot_refuses_uneven_levels(summary: Callable[..., dict[str, Any]]) -> None:
    uneven = summary()
    uneven["levels"]["used"].pop()
    with pytest.raises(InvalidRecord):
        camera_plot(uneven)


def test_drawing_leaves_pyplot_alone(summary: Callable[..., dict[str, Any]]) -> None:
    before = "matplotlib.pyplot" in sys.modules
    camera_plot(summary())
    assert ("matplotlib.pyplot" in sys.modules) == before


@pytest.mark.parametrize("name", ["a", "04acab7636c4.tif frame 12"])
def test_verdicts_beside_scores_are_not_cut_off(name: str) -> None:
    """Measured with DejaVu Sans, which the PDF uses and which is wider than a browser's."""
    scores = [ScoreMark("codec", image, "INCONCLUSIVE", 0.1, -0.1, 0.3, None, 1.0, f"{name[:-1]}{image}") for image in (0, 1)]
    svg = ElementTree.fromstring(epsilon_plot("s", "title", scores))
    font = ImageFont.truetype(f"{get_data_path()}/fonts/ttf/DejaVuSans.ttf", 85)
    beside = [text for text in svg.iter() if text.tag.endswith("}text") and str(text.text).endswith("INCONCLUSIVE")]
    ends = [float(text.get("x", 0)) + font.getlength(text.text or "") / 10 for text in beside]
    assert len(ends) == 2 and max(ends) <= float(svg.get("viewBox", "").split()[2])


def test_scores_show_every_image_and_limit() -> None:
    scores = [ScoreMark("a$b$<c>", image, "FAIL", 30.0 * image, -1.0, 31.0 * image + 1, None, 1.0) for image in (0, 1)]
    words = _words(epsilon_plot("s", "title & <more>", [*scores, ScoreMark("d", 0, "PASS", None, None, None, None, None)]))
    assert "a$b$<c>" in words and "image 1 FAIL" in words.replace("  ", " ")
    assert "−limit" in words and "+limit" in words and "ε̂ undefined" in words and "logarithmic beyond ±2" in words
    different = [ScoreMark("a", image, "PASS", 0.1, 0.0, 0.2, 0.1, 1.0 + image) for image in (0, 1)]
    assert "limit" not in _words(epsilon_plot("s", "t", different))  # no common line: each row has its own marks


def test_distribution_names_what_it_cannot_show() -> None:
    rng = np.random.default_rng(3)
    raw = 100 + rng.standard_normal(30)
    rows = [
        Distribution("near", "PASS", raw + 0.1, raw, 100.1),
        Distribution("far", "FAIL", raw - 4000, raw, -3900.0),
        Distribution("lost", "FAIL", np.full(30, np.nan), raw, None),
    ]
    words = _words(distribution_plot("d", "t", "area", "px", raw, rows, 100.0, 1.0))
    assert "← 30 of 30 off this scale" in words and "30 of 30 undefined" in words and "area / px" in words
    assert words.count("off this scale") == 1
    with_mark, without = (
        distribution_plot("d", "t", "area", "px", raw, [Distribution("a", "PASS", raw, raw, chi)], 100.0, 1.0) for chi in (100.4, None)
    )
    assert with_mark.count("<path") == without.count("<path") + 1  # the short line at χ_c


@pytest.mark.parametrize(
    ("centre", "spread", "expected"), [(105.867, 0.0077, "105.8"), (6.938e6, 500.0, "6938000"), (0.961, 0.001, "0.96")]
)
def test_ticks_are_whole_numbers_without_an_offset(centre: float, spread: float, expected: str) -> None:
    raw = centre + spread * np.linspace(-2, 2, 40)
    words = _words(distribution_plot("d", "t", "q", "DN", raw, [Distribution("c", "PASS", raw, raw, centre)], centre, spread)).split()
    ticks = [float(word.replace("−", "-")) for word in words if word[0].isdigit()]
    assert len(ticks) >= 3
    assert all(abs(tick - centre) < 6 * spread for tick in ticks)
    assert any(word.startswith(expected) for word in words)
    assert not any(word.startswith(("+", "1e")) for word in words)


@pytest.mark.parametrize("discrete", [False, True])
def test_distribution_of_equal_values(discrete: bool) -> None:
    same = np.full(10, 7.0)
    svg = distribution_plot("d", "t", "count", "1", same, [Distribution("a", "PASS", same, same, 7.0)], 7.0, 0.0, discrete=discrete)
    assert svg.count("<path") > 2 and "nan" not in svg.lower()


def _pixels(png: bytes) -> np.ndarray:
    return np.rint(255 * imread(io.BytesIO(png), format="png")[..., :3]).astype(int)


def test_crops_share_the_grey_scale_and_centre_the_residual() -> None:
    raw = np.array([[100.0, 200.0], [300.0, 150.0]])
    decoded = np.array([[100.0, 210.0], [500.0, 140.0]])
    shown = crop_pictures(Crop("a", 2, (8, 16), raw, decoded))
    low, high = 100.0, 500.0
    for picture, values in zip(shown, (raw, decoded), strict=False):
        expected = np.rint(255 * (values - low) / (high - low))
        assert np.array_equal(_pixels(picture.png), np.repeat(expected[..., None], 3, axis=-1))
        assert (picture.low, picture.high) == ("100", "500 DN")
    residual = _pixels(shown[2].png)
    assert residual[0, 0].min() > 240, "0 DN is white"
    assert residual[1, 0, 2] > residual[1, 0, 0] and residual[1, 1, 0] > residual[1, 1, 2], "plus is purple, minus is orange"
    assert (shown[2].low, shown[2].high, shown[2].note) == ("−200", "+200 DN", "")


def test_crop_without_error_is_identical() -> None:
    flat = np.full((4, 4), 9.0)
    shown = crop_pictures(Crop("a", 0, (0, 0), flat, flat))
    assert "identical" in shown[2].note and len(np.unique(_pixels(shown[0].png))) == 1
    hole = flat.copy()
    hole[0, 0] = np.nan
    assert not crop_pictures(Crop("a", 0, (0, 0), flat, hole))[2].note
