"""A report as blocks: what it says, without how it looks. HTML, PDF and Markdown are made of the same blocks.

A plain `str` is printed character by character, whatever it holds. Only `rich` reads a notation, and only in words of this program:
`*italic*`, `**strong**`, `~subscript~`, `^superscript^`, and `{name}` for a plain text that is put in as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from sigmaraw.record import Verdict

Style = Literal["", "strong", "italic", "sub", "sup", "code"]
_NOTATION = re.compile(
    r"\*\*(?P<strong>[^*]+)\*\*|\*(?P<italic>[^*]+)\*|~(?P<sub>[^~]+)~|\^(?P<sup>[^^]+)\^|\{(?P<name>\w+)(?::(?P<style>code|strong))?\}"
)


@dataclass(frozen=True)
class Span:
    """A piece of text in one style."""

    text: str
    style: Style = ""


@dataclass(frozen=True)
class Rich:
    """Text in several styles."""

    spans: tuple[Span, ...]

    def __str__(self) -> str:
        return "".join(span.text for span in self.spans)


Words = str | Rich


def rich(notation: str, **plain: str) -> Rich:
    """Return text in several styles.

    Parameters
    ----------
    notation : str
        Words of this program in the notation of this module; never words of a user.
    **plain : str
        Texts for `{name}`, printed as they are; `{name:code}` and `{name:strong}` print in that style.

    Examples
    --------
    >>> str(rich("σ~raw~ of {file}", file="*a*.tif"))
    'σraw of *a*.tif'
    """
    spans, end = [], 0
    for found in _NOTATION.finditer(notation):
        if found.start() > end:
            spans.append(Span(notation[end : found.start()]))
        end = found.end()
        if found["name"]:
            style: Style = found["style"] or ""  # type: ignore[assignment]  # the notation has no other
            spans.append(Span(plain[found["name"]], style))
        else:
            kind = found.lastgroup
            assert kind is not None
            spans.append(Span(found[kind], kind))  # type: ignore[arg-type]  # the groups are named after styles
    if end < len(notation):
        spans.append(Span(notation[end:]))
    return Rich(tuple(spans))


def spans_of(words: Words) -> tuple[Span, ...]:
    """Return the pieces of any text."""
    return (Span(words),) if isinstance(words, str) else words.spans


# --- blocks -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Para:
    """A paragraph. tone : how it stands out."""

    words: Words
    tone: Literal["", "small", "notice", "equation", "lead"] = ""


@dataclass(frozen=True)
class Bullets:
    """A list."""

    items: Sequence[Words]


@dataclass(frozen=True)
class Terms:
    """Words with their explanations."""

    rows: Sequence[tuple[Words, Words]]


@dataclass(frozen=True)
class Facts:
    """Names and values, two columns. columns : side by side where there is space."""

    label: str
    rows: Sequence[tuple[Words, Words]]
    columns: int = 1


@dataclass(frozen=True)
class Mark:
    """A verdict. short : its sign alone, with the word for who hovers or listens. word : another word than the verdict's."""

    verdict: Verdict
    short: bool = False
    word: str = ""


@dataclass(frozen=True)
class Cell:
    """One cell of a table: a text, a second line in small letters, a verdict before both."""

    words: Words = ""
    small: Words = ""
    mark: Mark | None = None


@dataclass(frozen=True)
class Column:
    """One column. kind : numbers are flush right, code breaks anywhere. weight : its share of the width on paper."""

    head: Words
    small: Words = ""
    kind: Literal["text", "num", "code", "mark"] = "text"
    weight: float = 1.0


Row = Sequence[Cell | str | Rich]


@dataclass(frozen=True)
class Table:
    """A table. The first column heads its row. sortable : a reader with JavaScript may sort and filter it."""

    label: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    caption: Words = ""
    sortable: bool = False
    signed: bool = False  # empty cells to be filled in by hand


@dataclass(frozen=True)
class Figure:
    """A drawing as SVG text. alt : what it shows, for who does not see it."""

    svg: str
    alt: str
    caption: Words = ""
    title: Words = ""


@dataclass(frozen=True)
class Picture:
    """A PNG. low, high : what the ends of its scale are; stops : the scale's colours."""

    png: bytes
    alt: str
    title: str = ""
    low: str = ""
    high: str = ""
    stops: str = ""
    note: str = ""


@dataclass(frozen=True)
class Pictures:
    """Pictures of one scene side by side. linked : raw, decoded and residual of one crop, to be looked at together."""

    pictures: Sequence[Picture]
    caption: Words = ""
    linked: bool = False


@dataclass(frozen=True)
class Thumbs:
    """Small pictures with their names."""

    pictures: Sequence[Picture]


@dataclass(frozen=True)
class Answer:
    """What may be used, what is open and what may not be used, each with its codecs and measurements."""

    rows: Sequence[tuple[Verdict, str, Sequence[Words]]]


@dataclass(frozen=True)
class Heading:
    """A heading below a section's own."""

    words: Words
    level: int = 3


@dataclass(frozen=True)
class Fold:
    """Blocks that a page shows when they are asked for; paper shows them."""

    title: Words
    blocks: Sequence[Block]


Block = Para | Bullets | Terms | Facts | Table | Figure | Pictures | Thumbs | Answer | Heading | Fold


@dataclass(frozen=True)
class Section:
    """A part of the report. anchor : its name in addresses; folded : a page shows it when it is asked for."""

    anchor: str
    title: str
    blocks: Sequence[Block]
    folded: bool = True
    short: str = ""  # its name in the list of contents, where that is another


@dataclass(frozen=True)
class Attachment:
    """A file that travels inside the report."""

    name: str
    mime: str
    content: bytes
    description: str


@dataclass(frozen=True)
class Letterhead:
    """Who made the report. logo : a PNG or JPEG; logo_kind : png or jpg."""

    laboratory: str = ""
    address: Sequence[str] = ()
    logo: bytes = b""
    logo_kind: str = ""


@dataclass(frozen=True)
class Document:
    """A whole report. front : the blocks of its first page, which stands alone. created : ISO 8601; the same record has the same."""

    title: str
    subtitle: str
    number: str
    created: str
    digest: str
    letterhead: Letterhead
    front: Sequence[Block]
    sections: Sequence[Section]
    foot: str
    attachments: Sequence[Attachment] = field(default_factory=tuple)
