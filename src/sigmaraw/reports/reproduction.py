"""A paper's study as a report, HTML and PDF: what the paper says, what was found here, and whether the shapes agree."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sigmaraw.files import write_text
from sigmaraw.reports.blocks import (
    Attachment,
    Block,
    Bullets,
    Cell,
    Column,
    Document,
    Facts,
    Figure,
    Letterhead,
    Mark,
    Para,
    Row,
    Section,
    Table,
)
from sigmaraw.reports.html import page_of

NAME = "reproduction"
_FOOT = "Rendered from reproduction.json by sigmaraw; the rendering computes nothing. Criteria were stated before the study ran."


def reproduction_report(content: Mapping[str, Any], figures: Mapping[str, str]) -> Document:
    """Return a rerun study as a document.

    Parameters
    ----------
    content : mapping
        What reproduction.json holds. How long the study took is left out: the same study gives the same file.
    figures : mapping of str to str
        SVG drawings by their names.
    """
    kept = {key: value for key, value in content.items() if not key.endswith("seconds")}
    text = json.dumps(kept, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Document(
        title=content["title"],
        subtitle=f"Rerun of a study of paper {content['paper']}",
        number=f"RP-{digest[:12].upper()}",
        created="",
        digest=digest,
        letterhead=Letterhead(),
        front=_front(content),
        sections=_sections(content["notes"], figures),
        foot=_FOOT,
        attachments=[Attachment(f"{NAME}.json", "application/json", text.encode() + b"\n", "The comparisons and all values found")],
    )


def _front(content: Mapping[str, Any]) -> list[Block]:
    rows: list[Row] = [
        [row["what"], row["paper"], row["here"], Cell("", f"where {row['criterion']}", _mark(row["agrees"]))] for row in content["rows"]
    ]
    size = "quick, smaller than the paper's" if content["quick"] else "full"
    facts = [("Study", content["name"]), ("Size", size), ("Seed", str(content["seed"])), ("Software", f"sigmaraw {content['sigmaraw']}")]
    agreeing = sum(row["agrees"] for row in content["rows"])
    columns = [Column("What", weight=1.5), Column("Paper", weight=1.5), Column("Here", weight=1.3), Column("Agrees in shape?", weight=1.5)]
    return [
        Para(f"{agreeing} of {len(rows)} comparisons agree in shape with the paper."),
        Facts("Identification", facts, columns=2),
        Table("Paper and here", columns, rows),
    ]


def _mark(agrees: bool) -> Mark:
    return Mark("PASS", word="agrees") if agrees else Mark("FAIL", word="disagrees")


def _sections(notes: Sequence[str], figures: Mapping[str, str]) -> list[Section]:
    said = f"The values compared stand in {NAME}.json, which is attached."
    drawn: list[Block] = [Figure(svg, f"Figure of the study: {name}", said, name.replace("-", " ")) for name, svg in figures.items()]
    found = [Section("figures", "Figures", drawn, folded=False)] if drawn else []
    return [*found, Section("notes", "Notes", [Bullets(list(notes))] if notes else [Para("None.")], folded=False)]


def write_reproduction(folder: Path, content: Mapping[str, Any], figures: Mapping[str, str], *, pdf: bool = False) -> None:
    """Write reproduction.html, and with `pdf` reproduction.pdf, into a folder.

    Parameters
    ----------
    folder : Path
        That holds reproduction.json.
    content, figures : mapping
        As in `reproduction_report`.
    pdf : bool, default False
        Whether the PDF is written too.
    """
    document = reproduction_report(content, figures)
    if pdf:
        from sigmaraw.reports.pdf import pdf_of

        (folder / f"{NAME}.pdf").write_bytes(pdf_of(document))
    write_text(folder / f"{NAME}.html", page_of(document))
