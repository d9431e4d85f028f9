"""The datasheet's page: checks with their outcome in words, nothing that a summary does not hold."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import sigmaraw as sr
from sigmaraw.errors import InvalidRecord
from sigmaraw.frames import Level, RawFrames, Series
from sigmaraw.reports.datasheet import write_datasheet
from sigmaraw.virtual import VirtualCamera


@pytest.fixture(scope="module")
def profile() -> sr.CameraProfile:
    camera = VirtualCamera(shape=(24, 32))
    dark = Level("dark", "dark", 1.0, loaded=RawFrames(camera.acquire(0, 8, 1), 12, "stated"))
    flats = [
        Level("flat", f"flat {e}", float(e), loaded=RawFrames(camera.acquire(e, 4, [2, e]), 12, "stated")) for e in range(600, 6600, 600)
    ]
    return sr.calibrate(Series((dark,), tuple(flats)))


@pytest.fixture(scope="module")
def summary(profile: sr.CameraProfile) -> dict[str, Any]:
    return profile.summary()


def test_checks_stand_on_the_page_with_outcome_and_evidence(summary: dict[str, Any], tmp_path: Path) -> None:
    page = write_datasheet(summary, tmp_path).read_text(encoding="utf-8")
    assert "Checks of the series" in page
    assert "hidden quantisation" in page
    assert next(row["evidence"] for row in summary["checks"] if row["name"] == "too-few-levels") in page
    assert "Not accepted" not in page
    assert page.count("✓ pass") == sum(row["outcome"] == "pass" for row in summary["checks"]) > 8
    failed = {**summary, "checks": [{**summary["checks"][0], "outcome": "fail", "evidence": "<b>lamp</b>", "value": None, "limit": None}]}
    page = write_datasheet(failed, tmp_path).read_text(encoding="utf-8")
    assert page.count("✗ fail") == 1
    assert f"Not accepted: 1 check of the series fails ({summary['checks'][0]['name'].replace('-', ' ')})" in page
    assert "&lt;b&gt;lamp" in page
    assert "Checks of the series" not in write_datasheet({**summary, "checks": []}, tmp_path).read_text(encoding="utf-8")


@pytest.mark.parametrize("checks", [3, [3], [{"name": "x"}], [{"name": "x", "outcome": "good", "evidence": "", "unit": ""}]])
def test_odd_checks_are_refused(summary: dict[str, Any], tmp_path: Path, checks: object) -> None:
    with pytest.raises(InvalidRecord, match="checks"):
        write_datasheet({**summary, "checks": checks}, tmp_path)


def test_figures_of_the_pattern_stand_on_the_page(profile: sr.CameraProfile, summary: dict[str, Any], tmp_path: Path) -> None:
    figures = profile.figures()
    shape = figures["defects"]["shape"]
    figures["defects"] = {"shape": shape, "count": 1, "positions": [[1, 2]], "classes": ["hot"]}  # of none no map is drawn
    page = write_datasheet(summary, tmp_path, figures).read_text(encoding="utf-8")
    for name in (
        "residuals",
        *(f"{kind}-{what}" for kind in ("dsnu", "prnu") for what in ("spectrogram", "profiles", "histogram")),
        "defects",
    ):
        assert page.count(f'aria-labelledby="{name}-title"') == 1, name
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert write_datasheet(summary, tmp_path, figures).read_text(encoding="utf-8") == page
    without = write_datasheet(summary, tmp_path).read_text(encoding="utf-8")
    assert "Fixed pattern" not in without
    assert "residuals-title" in without
    flat = {**summary, "levels": {**summary["levels"], "residual_se": []}}
    assert "residuals-title" not in write_datasheet(flat, tmp_path).read_text(encoding="utf-8")


def test_a_map_is_drawn_where_there_is_something_on_it(summary: dict[str, Any], tmp_path: Path) -> None:
    none = {"defects": {"shape": [4, 6], "count": 0, "positions": [], "classes": []}}
    page = write_datasheet(summary, tmp_path, none).read_text(encoding="utf-8")
    assert "Not drawn: all 24 pixels are normal." in page
    pictures = page.count("<svg")
    one = {"defects": {"shape": [4, 6], "count": 1, "positions": [[1, 2]], "classes": ["hot"]}}
    page = write_datasheet(summary, tmp_path, one).read_text(encoding="utf-8")
    assert "1 of 24 pixels are not normal" in page
    assert page.count("<svg") == pictures + 1


@pytest.mark.parametrize(
    "figures",
    [
        [],
        {"dsnu": 3},
        {"dsnu": {}},
        {"colour": {}},
        {"defects": {"shape": [0, 4], "count": 0, "positions": []}},
        {"defects": {"shape": [4, 4], "count": 1, "positions": [["a", 1]]}},
        {"defects": {"shape": [4, 4], "count": float("nan"), "positions": []}},
    ],
)
def test_odd_figures_are_refused(summary: dict[str, Any], tmp_path: Path, figures: object) -> None:
    with pytest.raises(InvalidRecord, match="figure"):
        write_datasheet(summary, tmp_path, figures)  # type: ignore[arg-type]  # that is the point


def test_taps_that_are_no_table_are_refused(summary: dict[str, Any], tmp_path: Path) -> None:
    row = {"value": [0.5, None], "se": [0.01, None], "unit": "DN/e-"}
    good = {"layout": "taps 1x2", "labels": ["<b>", "0,1"], "scalars": {"gain": row}}
    page = write_datasheet({**summary, "taps": good}, tmp_path).read_text(encoding="utf-8")
    assert "0.500 ± 0.01" in page
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    for bad in (
        [],
        {**good, "labels": ["a"]},
        {**good, "labels": ["a", 2]},
        {**good, "layout": 3},
        {**good, "scalars": {"gain": {**row, "se": [1.0]}}},
        {**good, "scalars": {"gain": {**row, "value": [1.0, "<script>"]}}},
        {**good, "scalars": {"gain": {**row, "unit": None}}},
    ):
        with pytest.raises(InvalidRecord):
            write_datasheet({**summary, "taps": bad}, tmp_path)
