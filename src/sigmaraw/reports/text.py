"""The verdict table as plain text: what the command line prints, and a file for those who mail it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sigmaraw.files import write_text
from sigmaraw.reports.loading import checked, read_record
from sigmaraw.reports.sweep import search_lines
from sigmaraw.reports.table import codec_table, text_table


class TextReport:
    """Implements contracts.ReportFormat; `text` lays out a record that is in memory."""

    name = "text"

    def text(self, document: Mapping[str, Any]) -> str:
        """Return the verdict table of a record. Raises InvalidRecord as `text_table` does."""
        return text_table(document)

    def codecs(self, document: Mapping[str, Any]) -> str:
        """Return the table with one row per codec. Raises InvalidRecord as `codec_table` does."""
        return codec_table(document)

    def search(self, document: Mapping[str, Any]) -> str:
        """Return the settings that a search tried, and its claim. Raises InvalidRecord as `search_of` does."""
        return "\n".join(search_lines(checked(document)))

    def render(self, folder: Path) -> Path:
        """Write `folder`/verdicts.txt, whole or not at all, and return its path. Raises InvalidRecord as `read_record` does."""
        target = Path(folder) / "verdicts.txt"
        write_text(target, text_table(read_record(Path(folder))))
        return target
