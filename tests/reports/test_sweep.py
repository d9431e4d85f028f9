"""A sweep's and a search's part of a report: what stands in it, that words stay words, and that a stranger's part is refused."""

from __future__ import annotations

import copy
import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from sigmaraw import registry
from sigmaraw.errors import InvalidRecord
from sigmaraw.record import content_of
from sigmaraw.record.arrays import read_folder
from sigmaraw.reports import codec_sections
from sigmaraw.reports.csv_table import COLUMNS, csv_text
from sigmaraw.reports.sweep import search_context, shift_figures, sweep_context
from sigmaraw.reports.sweep_plots import Curve, Mark, quality_plot, shift_plot

NASTY = "</script><b>$x_1$ & =cmd"


def _words(svg: str) -> list[str]:
    return ["".join(element.itertext()) for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("text")]


def _section(codecs: list[str], curve: str = "family:*") -> dict[str, Any]:
    points = [
        {"codec": codec, "family": "f", "curve": curve, "parameter": "q", "value": 0.5 + index, "unit": "1"}
        for index, codec in enumerate(codecs)
    ]
    return {"codecs": [curve], "points": points, "raw_spread": [{"measurement": "area", "low": -1.9, "high": 2.1, "share": 0.95}]}


def _search(codec: str) -> dict[str, Any]:
    side = {"verdict": "INCONCLUSIVE", "reason": "spread ratio too uncertain", "images": 4, "failing": 1, "epsilon_hat": None}
    tried = {"codec": codec, "value": 1, "round": 1, "compression_ratio": 4.5, "psnr_camera_db": None, "tuning": side, "confirmation": None}
    passed = {**tried, "codec": "other", "confirmation": {**side, "verdict": "PASS", "failing": 0}}
    family = {"curve": NASTY, "unit": "1", "outcome": "confirmed", "chosen": "other", "compression_ratio": 4.4, "exceedance_upper": 0.6}
    return {
        "rule": {"exceedance": None},
        "images": {"tuning": ["a"], "confirmation": ["b", "c", "d", "e"]},
        "families": [{**family, "at_end": False, "tried": [tried, passed]}],
        "recommended": {"curve": NASTY, "codec": "other"},
        "error_rate": {"recommended": 0.05, "each_family": 0.05, "all_families": 0.05},
    }


@pytest.fixture
def record_folder(tmp_path: Path, record: Callable[..., dict[str, Any]], write: Callable[..., Path]) -> Callable[..., Path]:
    """Write the made-up record and return its folder."""
    return lambda: write(tmp_path / "r", record())


@pytest.fixture
def document(record_folder: Callable[..., Path]) -> dict[str, Any]:
    """The made-up record with a sweep over all its codecs."""
    found: dict[str, Any] = json.loads((record_folder() / "record.json").read_text())
    found["sweep"] = _section([row["codec"] for row in found["codecs"]])
    return found


def test_the_page_of_a_sweep_holds_curves_and_table(record_folder: Callable[..., Path]) -> None:
    folder = record_folder()
    document = json.loads((folder / "record.json").read_text())
    plain = registry.load(registry.REPORTS, "html")().render(folder).read_text()
    assert 'id="sweep"' not in plain and 'id="search"' not in plain
    document["sweep"] = _section([row["codec"] for row in document["codecs"]], NASTY)
    document["search"] = _search(NASTY)
    (folder / "record.json").write_text(json.dumps(document))
    page = registry.load(registry.REPORTS, "html")().render(folder).read_text()
    assert page.count('id="sweep"') == page.count('id="search"') == 1
    assert "<b>" not in page and page.count("</script>") == 1
    assert "3 of 4 PASS; INCONCLUSIVE: spread ratio too uncertain" in page and "not asked" in page
    assert registry.load(registry.REPORTS, "html")().render(folder).read_text() == page


def test_marks_are_the_records_numbers(document: dict[str, Any]) -> None:
    record = content_of(document)
    assert record.sweep is not None
    figures = dict(shift_figures(record, record.sweep))
    words = _words(figures["area"])
    assert "family:*" in words and "95 % of raw predictions" in words and "+limit" in words
    assert "0.5" in words
    assert "95 % of raw predictions" not in _words(figures["count"])
    context = sweep_context(record)
    assert context is not None
    by_codec = {row.codec: row for row in context.curves[0].points}
    for row in record.codecs:
        assert by_codec[row.codec].verdict == row.verdict


def test_a_mark_without_a_sweep_is_the_ruling_over_images(record: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Three images, one INCONCLUSIVE by itself: the codec that the rule passes is drawn as PASS, one without a ruling by its rows."""
    made = record(images=3, codecs=2, measurements=1)
    for row in made["results"]:
        if row["image"] == 1:
            row["verdict"] = "INCONCLUSIVE"
    ruling = {"codec": "noiseaware:q=1", "measurement": "count", "verdict": "PASS", "because": "mean effect within the limits"}
    made["decision"] = {"rule": "equivalence", "images": 3, "replicas": 40, "rulings": [ruling]}
    drawn: list[Curve] = []
    monkeypatch.setattr(codec_sections, "shift_plot", lambda name, alt, curves, limits, spread: drawn.extend(curves) or "")
    codec_sections.quality_section(content_of(made))
    assert {curve.name: curve.marks[0].verdict for curve in drawn} == {"lossless": "INCONCLUSIVE", "noiseaware:q=1": "PASS"}


def test_the_largest_shift_is_drawn_with_all_images_beside_it() -> None:
    curve = Curve("$a$", (Mark(2.0, -0.4, "PASS", "1", (-0.5, -0.3), (-0.4, 0.1)), Mark(9.0, 50.0, "FAIL", "2", None, (50.0,))))
    svg = shift_plot("s", "t & <u>", [curve], [1.0, 1.0], (-2.0, 2.0))
    words = _words(svg)
    assert "$a$" in words and any("logarithmic beyond ±2" in word for word in words)
    assert shift_plot("s", "t & <u>", [curve], [1.0, 1.0], (-2.0, 2.0)) == svg
    near = shift_plot("s", "t", [Curve("a", curve.marks[:1])], [1.0], None)
    assert not any("logarithmic" in word for word in _words(near))
    assert "+limit" not in _words(shift_plot("s", "t", [curve], [1.0, 2.0], None))  # limits differ between images


def test_what_cannot_be_drawn_is_left_out() -> None:
    undefined = Curve("a", (Mark(2.0, None, "INCONCLUSIVE", "1"),))
    assert shift_plot("s", "t", [undefined], [1.0], None) == ""
    assert quality_plot("q", "t", [("PSNR", [undefined], None)]) == ""
    huge = Curve("a", (Mark(2.0, 1e300, "FAIL", "1", (-1e300, 1e300)), Mark(3.0, 0.0, "PASS", "1e300")))
    ElementTree.fromstring(shift_plot("s", "t", [huge], [1.0], (-1e300, 1e300)))


def test_many_curves_keep_a_style_each() -> None:
    curves = [Curve(f"c{index}", (Mark(2.0 + index, 0.1, "PASS", ""), Mark(3.0 + index, 0.2, "PASS", ""))) for index in range(12)]
    words = _words(shift_plot("s", "t", curves, [1.0], None))
    assert all(f"c{index}" in words for index in range(12))


def test_csv_holds_every_result_in_full(document: dict[str, Any]) -> None:
    record = content_of(document)
    rows = list(csv.DictReader(io.StringIO(csv_text(record))))
    assert len(rows) == len(record.results) and tuple(rows[0]) == COLUMNS
    codecs = {row.codec: row for row in record.codecs}
    for row, result in zip(rows, record.results, strict=True):
        assert result.epsilon_hat_ci is not None
        assert float(row["epsilon_hat"]) == result.epsilon_hat
        assert float(row["epsilon_hat_low"]) == result.epsilon_hat_ci[0]
        assert float(row["compression_ratio"]) == codecs[result.codec].compression_ratio
        assert row["curve"] == "family:*" and row["parameter"] == "q"
        assert (row["raw_spread_high"] == "2.1") == (result.measurement == "area")


@pytest.mark.parametrize("word", ["=1+1", "+1", "-1+1", "@SUM(A1)"])
def test_csv_of_a_plain_record_has_no_curve_and_no_formula(record: Callable[..., dict[str, Any]], word: str) -> None:
    made = record(1, 2, 1)
    for row in [*made["codecs"], *made["results"]]:
        row["codec"] = word if row["codec"] == "lossless" else row["codec"]
    rows = list(csv.DictReader(io.StringIO(csv_text(content_of(made)))))
    assert {row["curve"] for row in rows} == {""}
    assert rows[0]["codec"] == f"'{word}"  # a table program takes such a cell for text
    assert float(rows[1]["chi_codec"]) == made["results"][1]["chi_codec"]


def test_csv_is_one_line_a_result(record_folder: Callable[..., Path]) -> None:
    folder = record_folder()
    lines = registry.load(registry.REPORTS, "csv")().render(folder).read_text().count("\n")
    assert lines == len(read_folder(folder).record.results) + 1


@pytest.mark.parametrize(
    "change",
    [
        lambda part: part.update(points=3),
        lambda part: part["points"][0].pop("curve"),
        lambda part: part["points"][0].update(codec="not there"),
        lambda part: part["points"][0].update(value=[1]),
        lambda part: part["points"][0].update(parameter=7),
        lambda part: part.update(raw_spread=[{"measurement": 3}]),
        lambda part: part.pop("raw_spread"),
    ],
)
def test_a_malformed_sweep_is_refused(document: dict[str, Any], change: Callable[[dict[str, Any]], Any]) -> None:
    change(document["sweep"])
    with pytest.raises(InvalidRecord):
        content_of(document)
    document["sweep"] = [1]
    with pytest.raises(InvalidRecord, match="sweep"):
        content_of(document)


@pytest.mark.parametrize(
    "change",
    [
        lambda part: part.update(images=None),
        lambda part: part["images"].update(tuning=5),
        lambda part: part["error_rate"].update(recommended="x"),
        lambda part: part["families"][0].update(chosen=4),
        lambda part: part["families"][0].update(tried=[{}]),
        lambda part: part["families"][0]["tried"][0].update(compression_ratio=None),
        lambda part: part["families"][0]["tried"][0].update(round="x"),
        lambda part: part["families"][0]["tried"][0]["tuning"].update(verdict="FINE"),
        lambda part: part["families"][0]["tried"][1]["confirmation"].update(images="x"),
        lambda part: part["recommended"].update(codec=2),
        lambda part: part.update(rule={"exceedance": "x"}),
    ],
)
def test_a_malformed_search_is_refused(document: dict[str, Any], change: Callable[[dict[str, Any]], Any]) -> None:
    document["search"] = copy.deepcopy(_search("c"))
    assert search_context(content_of(document)) is not None
    change(document["search"])
    with pytest.raises(InvalidRecord):
        content_of(document)
    document["search"] = "words"
    with pytest.raises(InvalidRecord, match="search"):
        content_of(document)


def test_the_claim_says_what_was_asked(document: dict[str, Any]) -> None:
    def claim(**change: Any) -> str:
        document["search"] = {**_search("c"), **change}
        context = search_context(content_of(document))
        assert context is not None
        return " ".join(context.claim)

    assert "on the average of images like the 4 held-out ones is at most 5.0 %" in claim()
    assert "at most 60 %" in claim()
    assert "on more than 90 % of images like these" in claim(rule={"exceedance": 0.1})
    assert "Nothing is recommended" in claim(recommended={"curve": None, "codec": None})
    assert "No setting passed" in claim(images={"tuning": ["a"], "confirmation": []})
