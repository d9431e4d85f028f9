"""Axes, ticks and marks of figures, against matplotlib and by hand."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.scale import SymmetricalLogTransform
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from sigmaraw.reports.chart import Chart, Panel, Scale, fill, stroke, words
from sigmaraw.reports.svg import figure
from sigmaraw.reports.ticks import FINE, ROUND, decades, even_ticks, far_ticks, power_of_ten, ratio_ticks, written_out

_SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("steps", [FINE, ROUND])
def test_even_ticks_are_matplotlibs(steps: tuple[float, ...]) -> None:
    rng = np.random.default_rng(4)
    for most in (5, 7, 9):
        for _ in range(200):
            low = float(rng.normal() * 10 ** rng.uniform(-4, 6))
            high = low + max(float(10 ** rng.uniform(-3, 6)), abs(low) / 50)  # on shorter axes matplotlib counts from an offset
            oracle = MaxNLocator(most, steps=list(steps)).tick_values(low, high)
            inside = oracle[(oracle >= low) & (oracle <= high)]
            assert even_ticks(low, high, most, steps) == pytest.approx(inside, rel=1e-9, abs=1e-9 * (high - low))


def test_ticks_are_written_as_matplotlib_writes_them_without_an_offset() -> None:
    axes = figure(2.0).add_subplot()
    rng = np.random.default_rng(5)
    for _ in range(100):
        low = float(rng.normal() * 10 ** rng.uniform(-1, 6))
        ticks = even_ticks(low, low + float(10 ** rng.uniform(-2, 5)), 7)
        oracle = ScalarFormatter(useOffset=False)
        oracle.set_scientific(False)
        oracle.set_axis(axes.xaxis)
        oracle.set_locs(ticks)
        assert [text.replace("−0", "0") if float(text.replace("−", "-")) == 0 else text for text in written_out(ticks)] == [
            oracle(tick).replace("\N{MINUS SIGN}", "−") for tick in ticks
        ]


def test_very_large_and_small_ticks_carry_their_power_of_ten() -> None:
    assert written_out([0.0, 5e9, 1e10]) == ["0.0", "0.5×10¹⁰", "1.0×10¹⁰"]
    assert written_out([-2e-6, 0.0, 2e-6]) == ["−2×10⁻⁶", "0", "2×10⁻⁶"]
    assert written_out([]) == []


def test_logarithmic_ticks() -> None:
    assert ratio_ticks(0.9, 25.0) == [1, 2, 5, 10, 20]
    assert ratio_ticks(0.9, 2500.0) == [1, 10, 100, 1000]
    assert ratio_ticks(2.4, 6.9) == [3, 4, 5, 6]  # 5 alone would be no axis
    assert ratio_ticks(2.1, 2.2) == pytest.approx([2.1, 2.125, 2.15, 2.175, 2.2])
    assert decades(0.5, 200.0) == [1, 10, 100]
    assert len(decades(1e-15, 1e15)) <= 11
    assert [power_of_ten(value) for value in (0.01, 1.0, 1e12)] == ["10⁻²", "10⁰", "10¹²"]
    assert far_ticks(8.0, 500.0, lambda top: [0.0]) == [-100, 0, 100], "10 would stand too near to 8"
    assert far_ticks(2.0, 5000.0, lambda top: [float(top)]) == [-1000, -100, -10, 3, 10, 100, 1000]


def test_scales_are_matplotlibs() -> None:
    values = np.array([-400.0, -3.0, -2.0, -0.5, 0.0, 1.0, 2.0, 2.1, 77.0])
    bent = SymmetricalLogTransform(10, 2.0, 1.0).transform_non_affine(np.r_[-500.0, values, 500.0])
    assert Scale(-500.0, 500.0, "symlog", 2.0).shares(values) == pytest.approx((bent[1:-1] - bent[0]) / (bent[-1] - bent[0]), rel=1e-12)
    assert Scale(0.1, 1000.0, "log").shares([0.1, 1.0, 100.0, 1000.0]) == pytest.approx([0, 0.25, 0.75, 1])
    assert Scale(-1.0, 3.0).shares(0.0) == pytest.approx(0.25)


def _panel() -> tuple[Chart, Panel]:
    """Return a panel of 100 × 200 points at (10, 20) over 0 to 10 and 0 to 4."""
    chart = Chart(4.0, 3.0)
    return chart, chart.panel((10, 20, 110, 220), Scale(0, 10), Scale(0, 4))


def _outlines(chart: Chart) -> list[str]:
    root = ElementTree.fromstring(chart.svg("f", "a & <b>"))
    return [element.attrib["d"] for element in root.iter(f"{_SVG}path")][1:]  # the first is the paper


def test_marks_lie_where_their_values_are() -> None:
    chart, panel = _panel()
    panel.line([0, 5, math.nan, 10, 10], [0, 4, 1, 1, 2], stroke("#000000", 1.0))
    panel.rise(2.0, stroke("#000000", 1.0))
    panel.level(1.0, stroke("#000000", 1.0))
    panel.area(fill("#000000"), x=(1, 2))
    panel.steps([0, 1, 2], [2, 4], 1.0, fill("#000000"))
    panel.strokes([1, 2], (0, 1), stroke("#000000", 1.0))
    assert _outlines(chart) == [
        "M10 220L60 20M110 170L110 120",
        "M30 220V20",
        "M10 170H110",
        "M20 220H30V20H20z",
        "M10 170V120H20V20H30V170z",
        "M20 220V170M30 220V170",
    ]


@pytest.mark.parametrize(("shape", "area"), [("s", 36.0), ("D", 36.0), ("X", 36.0 * 10 / 16)])
def test_shapes_have_the_area_of_their_size(shape: str, area: float) -> None:
    """Square and diamond of side 6; the cross fills ten of the 16 quarters of a square of side 6, its bevelled arms included."""
    chart, panel = _panel()
    panel.marks([5.0], [2.0], shape, 6.0, fill("#000000"))
    x, y = np.array([[float(number) for number in pair.split()] for pair in re.split("[MLz]", _outlines(chart)[0]) if pair]).T
    assert abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2 == pytest.approx(area, rel=0.01)
    assert (x.mean(), y.mean()) == pytest.approx((60.0, 120.0), abs=0.01)


def test_what_lies_far_away_stays_a_number_that_programs_draw() -> None:
    chart, panel = _panel()
    panel.line([-1e100, 1e100], [1, 1], stroke("#000000", 1.0))
    assert max(abs(float(number)) for number in re.findall(r"-?[\d.]+", _outlines(chart)[0])) <= 5000
    assert "clip-path" in chart.svg("f", "t")


def test_words_and_hints_stay_text() -> None:
    chart, panel = _panel()
    panel.marks([5.0], [2.0], "o", 4.0, fill("#000000"), "<b> & more")
    panel.over.append(words(1, 2, "<i>$x^2$ & so on"))
    root = ElementTree.fromstring(chart.svg("f", "<u>"))
    assert [element.text for element in root.iter(f"{_SVG}title")] == ["<u>", "<b> & more"]
    assert [element.text for element in root.iter(f"{_SVG}text")] == ["<i>$x^2$ & so on"]


def test_the_page_of_a_study_needs_no_matplotlib(record: Callable[..., dict[str, Any]], write: Callable[..., Path], tmp_path: Path) -> None:
    folder = write(tmp_path / "record", record(1, 2, 1, 5))
    code = f"import sys; sys.modules['matplotlib'] = None; from sigmaraw.reports import HtmlReport; HtmlReport().render({str(folder)!r})"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (folder / "report.html").read_text(encoding="utf-8").count("<svg") == 1 + 1 + 1 + 1  # scores, distributions, ratios, camera
