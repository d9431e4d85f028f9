"""The report as Markdown, short enough to be read in a pull request: the first page, verdicts, statements, limits of what is shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from sigmaraw.reports.blocks import (
    Answer,
    Block,
    Bullets,
    Cell,
    Document,
    Facts,
    Fold,
    Heading,
    Para,
    Span,
    Table,
    Terms,
    Words,
    spans_of,
)
from sigmaraw.reports.document import Edition
from sigmaraw.reports.folder_report import FolderReport
from sigmaraw.reports.html_blocks import SIGNS
from sigmaraw.reports.lab import Lab

MOST_LINES = 200
_MOST_ROWS = 40  # of one table
_ACTIVE = re.compile(r"[\\`*_\[\]|~$^!]|^[-=+#]|(?<=^\d)[.)]|(?<=^\d\d)[.)]")
_ENTITY = re.compile(r"[<>&@]|:(?=//)|(?<=www)\.")  # no tag, no mention, no address that becomes a link
_QUOTES = {"strong": "**", "italic": "*", "code": "`"}


def plain_text(text: str) -> str:
    """Return a text in which no character of Markdown or HTML does anything."""
    shown = _ACTIVE.sub(lambda found: f"\\{found[0]}", " ".join(text.split()))
    return _ENTITY.sub(lambda found: f"&#{ord(found[0])};", shown)


def _span(span: Span) -> str:
    text = plain_text(span.text)
    if span.style == "code":
        return f"<code>{text}</code>"
    if span.style == "sub":
        return f"<sub>{text}</sub>"
    if span.style == "sup":
        return f"<sup>{text}</sup>"
    quote = _QUOTES.get(span.style, "")
    before, after = (" " if span.text[:1] == " " else ""), (" " if span.text[-1:] == " " else "")
    return f"{before}{quote}{text}{quote}{after}"


def words_md(words: Words) -> str:
    """Return a text with its styles as Markdown."""
    return "".join(_span(span) for span in spans_of(words))


def _cell(cell: Cell | Words) -> str:
    shown = cell if isinstance(cell, Cell) else Cell(cell)
    parts = []
    if shown.mark:
        parts.append(SIGNS[shown.mark.verdict] + ("" if shown.mark.short else f" {shown.mark.word or shown.mark.verdict}"))
    parts += [words_md(part) for part in (shown.words, shown.small) if str(part)]
    return "<br>".join(parts) or " "


def _table(table: Table) -> list[str]:
    heads = [words_md(column.head) + (f" ({words_md(column.small)})" if str(column.small) else "") for column in table.columns]
    rule = ["---:" if column.kind == "num" else "---" for column in table.columns]
    rows = [[_cell(cell) for cell in row] for row in table.rows[:_MOST_ROWS]]
    lines = [f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows)]
    more = len(table.rows) - len(rows)
    return [*lines, *(["", f"{more} more rows are in the record."] if more > 0 else [])]


def lines_of(blocks: Sequence[Block]) -> list[str]:
    """Return blocks as lines of Markdown; figures and pictures are left out."""
    lines: list[str] = []
    for block in blocks:
        match block:
            case Para():
                lines += [words_md(block.words), ""]
            case Bullets():
                lines += [*(f"- {words_md(item)}" for item in block.items), ""]
            case Terms():
                lines += [*(f"- **{words_md(term)}**: {words_md(said)}" for term, said in block.rows), ""]
            case Facts():
                lines += [*(f"- {words_md(name)}: {words_md(value)}" for name, value in block.rows), ""]
            case Heading():
                lines += [f"### {words_md(block.words)}", ""]
            case Table():
                lines += [*_table(block), ""]
            case Answer():
                for verdict, heading, items in block.rows:
                    lines += [f"**{SIGNS[verdict]} {heading}**", "", *(f"- {words_md(item)}" for item in items or ["none"]), ""]
            case Fold():
                lines += [f"### {words_md(block.title)}", "", *lines_of(block.blocks)]
            case _:
                continue
    return lines


def markdown_of(document: Document) -> str:
    """Return a document as Markdown of at most 200 lines; what does not fit is left out, and the last line says so."""
    head = document.letterhead
    lines = [f"# {document.title}", "", f"Report {plain_text(document.number)}, {document.created}", ""]
    lines += [*(plain_text(line) for line in (head.laboratory, *head.address) if line), ""] if head.laboratory or head.address else []
    lines += lines_of(document.front)
    for section in document.sections:
        lines += [f"## {section.title}", "", *lines_of(section.blocks)]
    lines.append(document.foot)
    if len(lines) > MOST_LINES:
        left_out = len(lines) - MOST_LINES + 2
        lines = [*lines[: MOST_LINES - 2], "", f"{left_out} lines are left out; report.html and record.json have everything."]
    return "\n".join(lines) + "\n"


class MarkdownReport(FolderReport):
    """Writes record.md: at most 200 lines.

    Parameters
    ----------
    edition : {'short', 'full'}
        How much of the record is printed; both end after 200 lines.
    lab : Lab, optional
        The laboratory's template.
    """

    name, file = "md", "record.md"

    def __init__(self, edition: Edition = "short", lab: Lab | None = None) -> None:
        super().__init__(edition, lab)

    def styled(self, edition: Edition, template: Path | None) -> Self:
        """Return the format with what a laboratory's template says; it is always short. Raises InvalidOption as `read_lab` does."""
        return super().styled("short", template)

    def laid_out(self, document: Document) -> bytes:
        """Return the text as UTF-8."""
        return markdown_of(document).encode()
