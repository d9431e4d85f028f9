"""Every number in a table of the page is a number of the record, rounded; a row's numbers are those of its row."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest

from sigmaraw.record import Content, content_of
from sigmaraw.reports.html import HtmlReport
from sigmaraw.reports.names import image_names

_NUMBER = re.compile(r"(?<![\w.])([-−]?\d+(?:\.\d+)?)(?:×10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))?(?![\w.]*\w)")
_PLAIN = str.maketrans("−⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "--0123456789")


class _Tables(HTMLParser):
    """Collects the cells of every row of every table, by the table's label."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self._label, self._cell = "", False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if named.get("class") == "scroll":
            self._label = named["aria-label"] or ""
            self.tables.setdefault(self._label, [])
        elif tag == "tr":
            self.tables[self._label].append([])
        elif tag in ("td", "th"):
            self._cell = True
            self.tables[self._label][-1].append("")
        elif tag in ("small", "br") and self._cell:
            self.tables[self._label][-1][-1] += " | "

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._cell = False

    def handle_data(self, data: str) -> None:
        if self._cell:
            self.tables[self._label][-1][-1] += data


def _values(node: Any) -> Iterator[float]:
    if isinstance(node, bool) or node is None:
        return
    if isinstance(node, int | float):
        yield float(node)
    elif isinstance(node, dict):
        for value in node.values():
            yield from _values(value)
    elif isinstance(node, list):
        for value in node:
            yield from _values(value)


def _is_rounding(text: str, power: str | None, values: list[float], in_percent: bool = True) -> bool:
    """Whether a printed number is one of the values, or 100 of it where it is per cent, to half a unit of its last digit."""
    plain = text.translate(_PLAIN)
    scale = 10.0 ** int(power.translate(_PLAIN)) if power else 1.0
    decimals = len(plain.partition(".")[2])
    unit = scale * 10.0**-decimals
    shown = float(plain) * scale
    factors = (1.0, 100.0) if in_percent else (1.0,)
    trailing = len(plain.lstrip("-")) - len(plain.lstrip("-").rstrip("0")) if not decimals and plain.strip("-0") else 0
    unit *= 10.0**trailing  # 1200 may have two digits
    return any(abs(shown - factor * value) <= 0.5000001 * unit for value in values for factor in factors if math.isfinite(value))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Content, _Tables]:
    from tests.reports.conftest import make_record, write_folder

    made = make_record(images=2, codecs=3, measurements=2, n=6)
    folder = write_folder(tmp_path_factory.mktemp("numbers"), made, crops=False)
    text = HtmlReport().render(folder).read_text(encoding="utf-8")
    return json.loads((folder / "record.json").read_text()), content_of(made), _Tables(text)


@pytest.mark.requirement("R-REPORT")
def test_every_number_of_a_table_is_in_the_record(page: tuple[dict[str, Any], Content, _Tables]) -> None:
    document, _, found = page
    values = list(_values(document))
    checked, telling = 0, 0  # of one or two digits nearly every number is some field
    for label, rows in found.tables.items():
        if label in ("Traceability", "Approvals", "Verdict of each image and codec", "Input files", "Images", "Codec settings"):
            continue  # words, signs, hashes
        for row in rows[1:]:
            for cell in row[1:]:
                for text, power in _NUMBER.findall(cell.replace("\u202f", "")):
                    checked += 1
                    telling += len(text.strip("-−0.").replace(".", "")) >= 3
                    found_in = _is_rounding(text, power or None, values, "%" in cell)
                    assert found_in, f"{label}: {text} of “{cell}” is in no field of the record"
    assert checked > 300
    assert telling >= 100


@pytest.mark.requirement("R-REPORT")
def test_a_results_numbers_are_those_of_its_row(page: tuple[dict[str, Any], Content, _Tables]) -> None:
    document, record, found = page
    names = image_names(record)
    rows = {(names[row["image"]], row["codec"], row["measurement"]): row for row in document["results"]}
    for label, first in (("All results", 3), ("Uncertainty budget", 3), ("Kolmogorov–Smirnov tests", 3)):
        printed = found.tables[label][1:]
        assert len(printed) == len(rows)
        for row in printed:
            source = rows[row[0], row[1], row[2].partition(" / ")[0]]
            values = list(_values(source))
            numbers = [number for cell in row[first:] for number in _NUMBER.findall(cell.replace("\u202f", ""))]
            assert len(numbers) >= 5
            for text, power in numbers:
                assert _is_rounding(text, power or None, values), f"{label}, {row[:3]}: {text} is not of this row"


@pytest.mark.requirement("R-REPORT")
def test_a_figure_that_is_missing_says_so(page: tuple[dict[str, Any], Content, _Tables]) -> None:
    _, _, found = page
    for label, rows in found.tables.items():
        if label != "Approvals":
            assert all(cell.strip(" |") for row in rows for cell in row), f"an empty cell in {label}"
            assert not any(re.search(r"\b(nan|None|null|inf)\b", cell) for row in rows[1:] for cell in row)
