"""The report as one self-contained HTML page: no addresses, one small script of this program; the same record is the same page."""

from __future__ import annotations

import bz2
import io
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sigmaraw.reports.blocks import Attachment, Document
from sigmaraw.reports.folder_report import FolderReport
from sigmaraw.reports.html_blocks import HtmlWriter, data_uri
from sigmaraw.reports.pages import page_asset, page_template, source_hash

if TYPE_CHECKING:
    from markupsafe import Markup


@dataclass(frozen=True)
class _SectionView:
    """One section as the page's template prints it."""

    anchor: str
    title: str
    name: str
    folded: bool
    body: Markup


@dataclass(frozen=True)
class _FileView:
    """The archive inside the page. size : in kB."""

    name: str
    address: str
    size: int


def _archive(files: Sequence[Attachment]) -> bytes:
    """Return the files as one tar.bz2, the same for the same files.

    bzip2 packs tables of digits as small as xz does, in a quarter of the time.
    """
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for file in files:
            entry = tarfile.TarInfo(file.name)
            entry.size = len(file.content)
            archive.addfile(entry, io.BytesIO(file.content))
    return bz2.compress(stream.getvalue())


def page_of(document: Document) -> str:
    """Return a document as HTML text."""
    from markupsafe import Markup

    writer = HtmlWriter()
    front = Markup(writer.blocks(document.front))
    sections = [
        _SectionView(part.anchor, part.title, part.short or part.title, part.folded, Markup(writer.blocks(part.blocks)))
        for part in document.sections
    ]
    packed = _archive(document.attachments)
    archive = f"{document.number}.tar.bz2"
    package = "sigmaraw.reports"
    script = page_asset(package, "page.js")
    head = document.letterhead
    return page_template(package, "page.html.j2").render(
        document=document,
        style=Markup(page_asset(package, "style.css")),
        rules=Markup("\n".join(dict.fromkeys(writer.rules))),
        script=Markup(script),
        script_hash=source_hash(script),
        logo=data_uri(head.logo, "image/jpeg" if head.logo_kind == "jpg" else "image/png") if head.logo else "",
        front=front,
        sections=sections,
        files=document.attachments,
        archive=_FileView(archive, data_uri(packed, "application/x-bzip2"), -(-len(packed) // 1000)) if document.attachments else None,
    )


class HtmlReport(FolderReport):
    """Writes report.html, one page that reads and prints without a network, a script or a font from elsewhere."""

    name, file = "html", "report.html"

    def laid_out(self, document: Document) -> bytes:
        """Return the page as UTF-8."""
        return page_of(document).encode()
