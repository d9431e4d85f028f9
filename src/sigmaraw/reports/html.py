"""The report as one self-contained HTML page: no addresses, one small script of this program; the same record is the same page."""

from __future__ import annotations

import base64
import functools
import hashlib
import io
import lzma
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from sigmaraw.reports.blocks import Attachment, Document
from sigmaraw.reports.folder_report import FolderReport
from sigmaraw.reports.html_blocks import HtmlWriter, data_uri

if TYPE_CHECKING:
    from jinja2 import Template
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


@functools.cache
def _asset(name: str) -> str:
    return (resources.files("sigmaraw.reports") / "templates" / name).read_text(encoding="utf-8")


@functools.cache
def _template() -> Template:
    """Return the page's template: everything put into it is escaped, and a missing value is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("sigmaraw.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("page.html.j2")


def _archive(files: Sequence[Attachment]) -> bytes:
    """Return the files as one tar.xz, the same for the same files: record and table share their digits, so together they are small."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for file in files:
            entry = tarfile.TarInfo(file.name)
            entry.size = len(file.content)
            archive.addfile(entry, io.BytesIO(file.content))
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9, "lc": 4, "lp": 0, "pb": 0, "dict_size": 1 << 26}]
    return lzma.compress(stream.getvalue(), format=lzma.FORMAT_XZ, filters=filters)


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
    archive = f"{document.number}.tar.xz"
    script = _asset("page.js")
    head = document.letterhead
    return _template().render(
        document=document,
        style=Markup(_asset("style.css")),
        rules=Markup("\n".join(dict.fromkeys(writer.rules))),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        logo=data_uri(head.logo, "image/jpeg" if head.logo_kind == "jpg" else "image/png") if head.logo else "",
        front=front,
        sections=sections,
        files=document.attachments,
        archive=_FileView(archive, data_uri(packed, "application/x-xz"), -(-len(packed) // 1000)) if document.attachments else None,
    )


class HtmlReport(FolderReport):
    """Writes report.html, one page that reads and prints without a network, a script or a font from elsewhere."""

    name, file = "html", "report.html"

    def laid_out(self, document: Document) -> bytes:
        """Return the page as UTF-8."""
        return page_of(document).encode()
