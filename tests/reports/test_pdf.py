"""The PDF: the record is inside, words of strangers are words, the same record is the same bytes wherever it is made."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

pypdf = pytest.importorskip("pypdf")

from sigmaraw.record.arrays import read_folder  # noqa: E402
from sigmaraw.reports.blocks import Block, Cell, Document, Figure, Fold, Letterhead, Para, Section, Table  # noqa: E402
from sigmaraw.reports.document import document_of_folder  # noqa: E402
from sigmaraw.reports.pdf import PdfReport, drawable, paper_svg, pdf_of  # noqa: E402

ATTACKS = ('#read("/etc/passwd")', "<script>alert(1)</script>", "=cmd|'calc'!A0", "$ x_1 $ *b* _i_ `r` @ref <l> \\u{41} // c")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """A small record whose words are attacks, and its PDF."""
    from tests.reports.conftest import make_record, write_folder

    record = make_record(images=1, codecs=2, measurements=1, n=6)
    text = json.dumps(record)
    for victim, attack in zip(("noiseaware:q=1", "otsu", "cells/raw.tif", "count"), ATTACKS, strict=True):
        text = text.replace(json.dumps(victim)[1:-1], json.dumps(attack)[1:-1])
    folder = write_folder(tmp_path_factory.mktemp("pdf"), json.loads(text), crops=False)
    return json.loads(text), PdfReport("short").render(folder)


def _words(path: Path) -> str:
    return " ".join("".join(page.extract_text() for page in pypdf.PdfReader(path).pages).replace("\u200b", "").split())


@pytest.mark.requirement("R-REPORT")
def test_attacks_are_printed_as_words(made: tuple[dict[str, Any], Path]) -> None:
    squeezed = re.sub(r"\s", "", _words(made[1]))
    for attack in ATTACKS[:3]:
        assert re.sub(r"\s", "", attack) in squeezed, attack
    assert "root:" not in squeezed, "a file of the machine was read"


@pytest.mark.requirement("R-REPORT")
def test_every_page_says_its_number_and_the_report(made: tuple[dict[str, Any], Path]) -> None:
    record, path = made
    pages = pypdf.PdfReader(path).pages
    for number, page in enumerate(pages, 1):
        words = " ".join(page.extract_text().split())
        assert f"page {number} of {len(pages)}" in words
        assert f"Report SR-{record['digest'][:12].upper()}" in words


@pytest.mark.requirement("R-REPORT")
def test_record_and_table_are_attached_and_the_standards_are_named(made: tuple[dict[str, Any], Path]) -> None:
    record, path = made
    reader = pypdf.PdfReader(path)
    attached = {name: content[0] for name, content in reader.attachments.items()}
    assert json.loads(attached["record.json"])["digest"] == record["digest"]
    table = attached["results.csv"].decode().splitlines()
    assert len(table) == 1 + len(record["results"])
    assert not any(cell.startswith("=") for cell in table[1].split(","))
    metadata = path.read_bytes().decode("latin-1")
    assert "<pdfaid:part>3</pdfaid:part>" in metadata and "<pdfaid:conformance>A" in metadata and "<pdfuaid:part>1" in metadata
    assert reader.metadata.title.startswith("Codec validation report")


def _cells(blocks: Sequence[Block]) -> Iterator[str]:
    for block in blocks:
        if isinstance(block, Fold):
            yield from _cells(block.blocks)
        elif isinstance(block, Table):
            for row in block.rows:
                for cell in row:
                    yield from (str(cell.words), str(cell.small)) if isinstance(cell, Cell) else (str(cell),)


@pytest.mark.requirement("R-REPORT")
def test_every_cell_of_the_pages_tables_stands_in_the_pdf(made: tuple[dict[str, Any], Path]) -> None:
    """The page's cells are held against the record elsewhere; the PDF has the same cells."""
    printed = re.sub(r"\s", "", _words(made[1]))
    document = document_of_folder(read_folder(made[1].parent), "short")
    cells = [text for blocks in (document.front, *(part.blocks for part in document.sections)) for text in _cells(blocks) if text]
    assert len(cells) > 12
    for text in cells:
        shown = re.sub(r"\s", "", drawable(text))
        assert shown in printed, f"{text} is not in the PDF"


@pytest.mark.requirement("R-REPORT")
@pytest.mark.slow
def test_the_same_record_is_the_same_bytes_elsewhere(made: tuple[dict[str, Any], Path], tmp_path: Path) -> None:
    folder = tmp_path / "another folder"
    folder.mkdir()
    for name in ("record.json", "result.nc"):
        (folder / name).write_bytes((made[1].parent / name).read_bytes())
    code = "import sys; from pathlib import Path; from sigmaraw.reports.pdf import PdfReport; PdfReport('short').render(Path(sys.argv[1]))"
    elsewhere = {**os.environ, "TZ": "Pacific/Chatham", "LC_ALL": "C", "LANG": "tr_TR.UTF-8", "TMPDIR": str(tmp_path)}
    time.sleep(1.1)  # a time of making, would there be one, differs
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True, env=elsewhere, cwd=tmp_path)
    assert (folder / "report.pdf").read_bytes() == made[1].read_bytes()


def test_characters_that_no_font_has_are_numbers() -> None:
    assert drawable("σ_raw ε̂ ✓ ≤ 中.tif") == "σ_raw ε̂ ✓ ≤ [U+4E2D].tif"
    svg = paper_svg('<svg><title id="a">x</title><text>ε̂ e\u0301 k\u0323\u0301</text></svg>')
    assert "<title" not in svg and "\u0302" not in svg and "é" in svg and "[U+0301]" in svg


def test_a_page_with_a_figure_and_strange_words_is_made() -> None:
    svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 90 30"><text y="20" font-family="DejaVu Sans">ε̂ 中 שלום</text></svg>'
    blocks = [Para("中文 ε̂ שלום \ufb01"), Figure(svg, "alt 中", "caption")]
    document = Document("T", "s", "N 中", "", "", Letterhead(), blocks, [Section("a", "A", [])], "foot")
    made = pdf_of(document)
    assert made.startswith(b"%PDF") and pdf_of(document) == made
