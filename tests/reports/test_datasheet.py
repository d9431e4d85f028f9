"""The camera's datasheet and the text file: same parts as the report, whole or not at all."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sigmaraw.errors import InvalidRecord
from sigmaraw.record import content_of
from sigmaraw.reports import text_table
from sigmaraw.reports.datasheet import write_datasheet
from sigmaraw.reports.text import TextReport


def test_a_datasheet_shows_every_scalar_and_the_curve(summary: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    made = summary()
    page = write_datasheet({**made, "path": "camera.nc"}, tmp_path / "sheet").read_text(encoding="utf-8")
    for name, row in made["scalars"].items():
        assert name.replace("_", " ") in page
        assert row["definition"] in page
    assert "<svg" in page
    assert "camera.nc" in page
    assert not re.search(r"(src|href)\s*=\s*[\"']?https?:", page)


def test_a_quantity_that_is_not_above_zero_shows_its_upper_limit(summary: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    made = summary()
    name = next(iter(made["scalars"]))
    made["scalars"][name] |= {"flag": "not-above-zero", "upper_limit": 0.0244}
    assert "(not-above-zero: at most 0.024" in write_datasheet(made, tmp_path).read_text(encoding="utf-8")
    made["scalars"][name]["upper_limit"] = "<script>"
    with pytest.raises(InvalidRecord, match="upper_limit"):
        write_datasheet(made, tmp_path)


def test_stated_values_are_marked_and_hostile_words_escaped(summary: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    made = summary(False)
    made["notes"] = ["<script>alert(1)</script>"]
    page = write_datasheet(made, tmp_path).read_text(encoding="utf-8")
    assert "Camera from stated values, not calibrated" in page
    assert page.count("<script>") == 1, "the page has its one script"
    assert "&lt;script&gt;alert(1)" in page


def test_a_summary_that_cannot_be_drawn_is_refused_and_nothing_is_written(summary: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    made = summary()
    made["levels"]["variance_dn2"] = made["levels"]["variance_dn2"][:-1]
    with pytest.raises(InvalidRecord):
        write_datasheet(made, tmp_path / "sheet")
    assert not (tmp_path / "sheet").exists()


def test_the_text_file_is_the_table(folder: Path, record: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    path = TextReport().render(copy)
    assert path.read_text(encoding="utf-8") == text_table(content_of(json.loads((copy / "record.json").read_text(encoding="utf-8"))))
    content = content_of(record())
    assert TextReport().text(content) == text_table(content)
