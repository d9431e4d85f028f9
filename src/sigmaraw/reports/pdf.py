"""The report as a PDF, made by typst: PDF/A-3a and PDF/UA-1, tagged, with the record inside; the same record is the same bytes."""

from __future__ import annotations

import functools
import json
import re
import tempfile
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from sigmaraw.reports.blocks import (
    Answer,
    Block,
    Bullets,
    Cell,
    Document,
    Facts,
    Figure,
    Fold,
    Heading,
    Mark,
    Para,
    Picture,
    Pictures,
    Table,
    Terms,
    Thumbs,
    Words,
    spans_of,
)
from sigmaraw.reports.folder_report import FolderReport

STANDARDS: list[Literal["a-3a", "ua-1"]] = ["a-3a", "ua-1"]
MOST_ROWS = 400  # results on paper; the attached CSV has all
_NO_TIME = datetime(2000, 1, 1, tzinfo=UTC)  # of a document that says no time
_HAT = 'ε<tspan dx="-0.53em">ˆ</tspan>'
_TITLE = re.compile(r"<title[^>]*>.*?</title>", re.DOTALL)  # a figure's alt text says it
_VIEW = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')
_WIDEST, _TALLEST_MM, _PAGE_MM = 0.92, 96.0, 176.0
_FONTS = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSans-Oblique.ttf")


@functools.cache
def _font_folder() -> Path:
    """Return the folder of the fonts that come with matplotlib: DejaVu, by which figures are measured too."""
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


@functools.cache
def _drawable() -> frozenset[int]:
    """Return the characters that the fonts have, regular, bold and slanted."""
    from matplotlib.ft2font import FT2Font

    maps = [set(FT2Font(str(_font_folder() / name)).get_charmap()) for name in _FONTS]
    return frozenset(set.intersection(*maps))


def drawable(text: str) -> str:
    """Return a text in which a character that no font has is written as its number, as in "[U+4E2D]"."""
    return "".join(sign if ord(sign) in _drawable() or sign == "\n" else f"[U+{ord(sign):04X}]" for sign in text)


def paper_svg(svg: str) -> str:
    """Return a drawing for paper: typst cannot draw a mark that stands over a letter, so the hat of ε̂ is a sign of its own, moved back."""
    text = unicodedata.normalize("NFC", _TITLE.sub("", svg)).replace("ε\u0302", _HAT)
    return drawable("".join(f"[U+{ord(sign):04X}]" if unicodedata.combining(sign) else sign for sign in text))


def _share(svg: str) -> float:
    """Return the share of the page's width for a drawing, so that two of them stand on a page."""
    found = _VIEW.search(svg)
    if not found:
        return _WIDEST
    width, height = float(found[1]), float(found[2])
    return round(min(_WIDEST, _TALLEST_MM / _PAGE_MM * width / height), 4)


class _Writer:
    """Turns blocks into JSON values for the template, and puts pictures into files beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0

    def file(self, content: bytes, ending: str) -> str:
        self.count += 1
        name = f"picture-{self.count}.{ending}"
        (self.folder / name).write_bytes(content)
        return name

    def words(self, words: Words) -> list[list[str]]:
        return [[drawable(span.text), span.style] for span in spans_of(words) if span.text]

    def blocks(self, blocks: Sequence[Block]) -> list[dict[str, Any]]:  # JSON's own shape
        return [self.block(block) for block in blocks]

    def block(self, block: Block) -> dict[str, Any]:  # JSON's own shape
        match block:
            case Para():
                return {"kind": "para", "tone": block.tone, "words": self.words(block.words)}
            case Heading():
                return {"kind": "heading", "words": self.words(block.words)}
            case Bullets():
                return {"kind": "bullets", "items": [self.words(item) for item in block.items]}
            case Terms():
                return {"kind": "terms", "rows": [[self.words(term), self.words(said)] for term, said in block.rows]}
            case Facts():
                rows = [[self.words(name), self.words(value)] for name, value in block.rows]
                return {"kind": "facts", "columns": block.columns, "rows": rows}
            case Table():
                return self._table(block)
            case Figure():
                file = self.file(paper_svg(block.svg).encode(), "svg")
                said = {"alt": drawable(block.alt), "caption": self.words(block.caption), "title": self.words(block.title)}
                return {"kind": "figure", "file": file, "share": _share(block.svg), **said}
            case Pictures():
                return {"kind": "pictures", "pictures": [self._picture(p) for p in block.pictures], "caption": self.words(block.caption)}
            case Thumbs():
                return {"kind": "thumbs", "pictures": [self._picture(picture) for picture in block.pictures]}
            case Answer():
                rows_ = [
                    {"verdict": verdict, "heading": heading, "items": [self.words(item) for item in items]}
                    for verdict, heading, items in block.rows
                ]
                return {"kind": "answer", "rows": rows_}
            case Fold():
                return {"kind": "fold", "title": self.words(block.title), "blocks": self.blocks(block.blocks)}

    def _picture(self, picture: Picture) -> dict[str, Any]:  # JSON's own shape
        stops = [stop.strip() for stop in picture.stops.split(",")] if picture.stops else []
        texts = {"title": picture.title, "alt": picture.alt, "low": picture.low, "high": picture.high, "note": picture.note}
        return {"file": self.file(picture.png, "png"), "stops": stops, **{name: drawable(text) for name, text in texts.items()}}

    def _table(self, table: Table) -> dict[str, Any]:  # JSON's own shape
        columns = [
            {"head": self.words(column.head), "small": self.words(column.small), "kind": column.kind, "weight": column.weight}
            for column in table.columns
        ]
        rows = [[self._cell(cell) for cell in row] for row in table.rows]
        return {"kind": "table", "caption": self.words(table.caption), "columns": columns, "rows": rows, "signed": table.signed}

    def _cell(self, cell: Cell | Words) -> dict[str, Any]:  # JSON's own shape
        shown = cell if isinstance(cell, Cell) else Cell(cell)
        return {"words": self.words(shown.words), "small": self.words(shown.small), "mark": _mark(shown.mark)}


def _mark(mark: Mark | None) -> dict[str, Any] | None:  # JSON's own shape
    return None if mark is None else {"verdict": mark.verdict, "short": mark.short, "word": mark.word or mark.verdict}


def _time(created: str) -> datetime:
    try:
        found = datetime.fromisoformat(created)
    except ValueError:
        return _NO_TIME
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def pdf_of(document: Document) -> bytes:
    """Return a document as PDF."""
    import typst

    with tempfile.TemporaryDirectory(prefix="sigmaraw-pdf-") as place:
        folder = Path(place)
        writer, head = _Writer(folder), document.letterhead
        for file in document.attachments:
            (folder / file.name).write_bytes(file.content)
        content = {
            "title": document.title,
            "subtitle": document.subtitle,
            "number": drawable(document.number),
            "created": document.created,
            "digest": document.digest,
            "author": drawable(head.laboratory) or "sigmaraw",
            "laboratory": drawable(head.laboratory),
            "address": [drawable(line) for line in head.address],
            "logo": writer.file(head.logo, head.logo_kind) if head.logo else "",
            "front": writer.blocks(document.front),
            "sections": [{"title": part.title, "blocks": writer.blocks(part.blocks)} for part in document.sections],
            "foot": document.foot,
            "files": [{"name": file.name, "mime": file.mime, "description": file.description} for file in document.attachments],
        }
        (folder / "document.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        template = (resources.files("sigmaraw.reports") / "templates" / "report.typ").read_bytes()
        (folder / "report.typ").write_bytes(template)
        compiler = typst.Compiler(root=folder, font_paths=[_font_folder()], ignore_system_fonts=True)
        made = compiler.compile(folder / "report.typ", format="pdf", pdf_standards=list(STANDARDS), timestamp=_time(document.created))
    assert isinstance(made, bytes)  # of a PDF there is one file
    return made


class PdfReport(FolderReport):
    """Writes report.pdf: PDF/A-3a and PDF/UA-1, record.json and results.csv attached."""

    name, file, most_rows = "pdf", "report.pdf", MOST_ROWS

    def laid_out(self, document: Document) -> bytes:
        """Return the PDF."""
        return pdf_of(document)
