"""record.md is short and inert; a laboratory's template is read strictly and printed as text."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from sigmaraw.errors import InvalidOption
from sigmaraw.reports.document import FOOT
from sigmaraw.reports.html import HtmlReport
from sigmaraw.reports.lab import read_lab
from sigmaraw.reports.markdown import MOST_LINES, MarkdownReport, plain_text

ATTACKS = (
    "<script>x</script>",
    "[a](http://b)",
    "**x** _y_ `z`",
    "1. x",
    "# h",
    "| a | b",
    "![i](j)",
    "=1+1",
    "&lt;",
    "http://evil.example",
    "~~x~~",
)


@pytest.mark.parametrize("attack", ATTACKS)
def test_words_do_nothing_in_markdown(attack: str) -> None:
    html = MarkdownIt("gfm-like", {"linkify": False}).render(f"- {plain_text(attack)}")
    body = html.removeprefix("<ul>\n<li>").removesuffix("</li>\n</ul>\n")
    assert "<" not in body, body
    text = body.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")
    assert text == attack


def test_the_record_as_markdown_is_short(folder: Path) -> None:
    text = MarkdownReport().render(folder).read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    assert "May be used" in text and "jpeg2000:ratio=10" in text and FOOT in text


def _png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")


def test_a_template_stands_on_the_first_page(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(_png())
    template = tmp_path / "lab.toml"
    template.write_text(
        'laboratory = "<b>Lab</b>"\naddress = ["Street 1"]\nlogo = "logo.png"\nnumber = "R-7"\noperator = "A"\n[fields]\n"C<i>" = "=cmd"\n'
    )
    page = HtmlReport().styled("short", template).render(folder).read_text(encoding="utf-8")
    assert "&lt;b&gt;Lab&lt;/b&gt;" in page and "Street 1" in page and "Report R-7" in page and "=cmd" in page
    assert "<b>Lab" not in page and "C<i>" not in page
    assert 'class="logo"' in page
    assert 'id="results"' not in page, "the short edition has no table of all results"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("laboratory = 3.5\ncolour = 'red'", "unknown key 'colour'"),
        ("laboratory = [1]", "'laboratory' is no text"),
        ("logo = '/etc/passwd'", "logo"),
        ("logo = 'absent.png'", "logo"),
        ("= 3", "lab.toml"),
        ("[fields]\na = [1]", "'a' is no text"),
    ],
)
def test_odd_templates_are_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "lab.toml"
    path.write_text(text)
    with pytest.raises(InvalidOption, match=said):
        read_lab(path)


def test_no_template_is_an_empty_one() -> None:
    assert read_lab(None).letterhead.laboratory == ""
