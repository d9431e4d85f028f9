"""What the formats html, pdf and md have in common: an edition, a laboratory's template, one file in the record's folder."""

from __future__ import annotations

import abc
from pathlib import Path
from typing import ClassVar, Self

from sigmaraw.files import atomic_path
from sigmaraw.record.arrays import read_folder
from sigmaraw.reports.blocks import Document
from sigmaraw.reports.document import Edition, document_of_folder
from sigmaraw.reports.lab import Lab, read_lab
from sigmaraw.reports.results_sections import MOST_ROWS


class FolderReport(abc.ABC):
    """A report format that lays a record out as a document and writes it into the record's folder.

    Parameters
    ----------
    edition : {'full', 'short'}
        How much of the record is printed.
    lab : Lab, optional
        The laboratory's template.
    """

    file: ClassVar[str]
    most_rows: ClassVar[int] = MOST_ROWS

    def __init__(self, edition: Edition = "full", lab: Lab | None = None) -> None:
        self.edition, self.lab = edition, lab

    @abc.abstractmethod
    def laid_out(self, document: Document) -> bytes:
        """Return the file's bytes."""

    def styled(self, edition: Edition, template: Path | None) -> Self:
        """Return the format in an edition, with what a laboratory's template says. Raises InvalidOption as `read_lab` does."""
        return type(self)(edition, read_lab(template))

    def render(self, folder: Path) -> Path:
        """Write the file into `folder` from record.json and result.nc, whole or not at all, and return its path.

        Raises
        ------
        InvalidRecord : record.json or result.nc is missing, malformed, or of another study.
        """
        target = Path(folder) / self.file
        made = self.laid_out(document_of_folder(read_folder(Path(folder)), self.edition, self.lab, self.most_rows))
        with atomic_path(target) as temporary:
            temporary.write_bytes(made)
        return target
