"""The verdict table as plain text: what the command line prints, and a file for those who mail it."""

from __future__ import annotations

from pathlib import Path

from sigmaraw.files import write_text
from sigmaraw.record import Content, read_content
from sigmaraw.reports.sweep import search_lines
from sigmaraw.reports.table import codec_table, text_table


class TextReport:
    """Implements contracts.ReportFormat; `text` lays out a record that is in memory."""

    name = "text"

    def text(self, record: Content) -> str:
        """Return the verdict table of a record."""
        return text_table(record)

    def codecs(self, record: Content) -> str:
        """Return the table with one row per codec."""
        return codec_table(record)

    def search(self, record: Content) -> str:
        """Return the settings that a search tried, and its claim."""
        return "\n".join(search_lines(record))

    def render(self, folder: Path) -> Path:
        """Write `folder`/verdicts.txt, whole or not at all, and return its path. Raises InvalidRecord as `read_content` does."""
        target = Path(folder) / "verdicts.txt"
        write_text(target, text_table(read_content(folder)))
        return target
