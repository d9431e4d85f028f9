"""Classes of pixels on the datasheet: table, legend, and refusal of what no profile says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw.errors import InvalidRecord
from sigmaraw.frames import Level, RawFrames, Series
from sigmaraw.reports.datasheet import write_datasheet


@pytest.fixture(scope="module")
def profile() -> sr.CameraProfile:
    rng = np.random.default_rng(7)

    def level(kind: Any, electrons: float, count: int) -> Level:
        frames = 100 + 0.5 * (electrons + np.sqrt(electrons + 16) * rng.standard_normal((count, 24, 24)))
        frames[:, 5, 6] = 90
        return Level(kind, f"{electrons:g}", max(electrons, 1.0), loaded=RawFrames(np.rint(frames).astype(np.uint16), 12, "stated"))

    return sr.calibrate(Series((level("dark", 0.0, 16),), tuple(level("flat", e, 4) for e in (500.0, 1500.0, 3000.0, 4500.0))))


def test_table_and_legend(profile: sr.CameraProfile, tmp_path: Path) -> None:
    page = write_datasheet(profile.summary(), tmp_path, profile.figures()).read_text(encoding="utf-8")
    assert "Classes of pixels" in page
    for row in profile.summary()["pixel_classes"]:
        assert f"<th>{row['name']}</th>" in page
    assert "jumps between two levels in the dark (needs-dark-frames)" in page
    assert "dead (1)" in page
    assert "1 of 576 pixels are not normal, by class" in page


@pytest.mark.parametrize("spoiled", ["dead", [{"name": "dead"}], [{"name": "dead", "definition": "", "count": "many"}]])
def test_odd_tables_are_refused(profile: sr.CameraProfile, tmp_path: Path, spoiled: object) -> None:
    with pytest.raises(InvalidRecord, match="pixel_classes"):
        write_datasheet({**profile.summary(), "pixel_classes": spoiled}, tmp_path)


@pytest.mark.parametrize("spoiled", [None, ["dead", "dead"], [3]])
def test_odd_figures_are_refused(profile: sr.CameraProfile, tmp_path: Path, spoiled: object) -> None:
    figures = profile.figures()
    figures["defects"] = {**figures["defects"], "classes": spoiled}
    with pytest.raises(InvalidRecord, match="defects"):
        write_datasheet(profile.summary(), tmp_path, figures)
