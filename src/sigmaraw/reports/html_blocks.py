"""Blocks as HTML: everything is escaped, nothing is computed, and a table that is too wide for a phone becomes a list of cards."""

from __future__ import annotations

import base64
import html
import itertools
import re
from collections.abc import Sequence

from sigmaraw.reports.blocks import (
    Answer,
    Block,
    Bullets,
    Cell,
    Column,
    Facts,
    Figure,
    Fold,
    Heading,
    Mark,
    Para,
    Picture,
    Pictures,
    Row,
    Span,
    Table,
    Terms,
    Thumbs,
    Words,
    spans_of,
)
from sigmaraw.reports.svg import SCREEN_COLOURS

_MONO = 'font-family:"DejaVu Sans Mono",Consolas,"Liberation Mono",monospace;font-weight:400;font-size:.88em'
SIGNS = {"PASS": "✓", "FAIL": "✗", "INCONCLUSIVE": "?"}
_TAGS = {"strong": "strong", "italic": "i", "sub": "sub", "sup": "sup"}
_JOINT = re.compile(r"(?<=[:+,/_])(?=.)")
_COLOUR = re.compile("|".join(re.escape(colour) for colour in SCREEN_COLOURS))


def escape(text: str) -> str:
    """Return a text as HTML shows it."""
    return html.escape(text, quote=True)


def breakable(text: str) -> str:
    """Return an escaped text that may break after the joints of a codec's specification or a path."""
    return "<wbr>".join(escape(part) for part in _JOINT.split(text))


def words_html(words: Words, code: bool = False) -> str:
    """Return a text with its styles. code : it may break at joints."""
    return "".join(_span(span, code) for span in spans_of(words))


def _span(span: Span, code: bool) -> str:
    if span.style == "code":
        return f"<code>{breakable(span.text)}</code>"
    text = breakable(span.text) if code else escape(span.text)
    tag = _TAGS.get(span.style)
    return f"<{tag}>{text}</{tag}>" if tag else text


def mark_html(mark: Mark) -> str:
    """Return a verdict: a sign and a word, never a colour alone."""
    word, sign = mark.word or mark.verdict, SIGNS[mark.verdict]
    if mark.short:
        return f'<span class="mark {mark.verdict[0]}" title="{escape(word)}">{sign}<span class="unseen"> {escape(word)}</span></span>'
    return f"<b class={mark.verdict[0]}>{sign} {escape(word)}</b>"


def data_uri(content: bytes, mime: str) -> str:
    """Return bytes as an address that needs no network."""
    return f"data:{mime};base64,{base64.b64encode(content).decode('ascii')}"


def _css_text(text: str) -> str:
    """Return a text for CSS `content`, every character that is no letter or digit by its number."""
    return "".join(sign if sign.isalnum() and sign.isascii() else f"\\{ord(sign):x} " for sign in text)


class HtmlWriter:
    """Turns blocks into HTML. `rules` gathers what the page's style sheet needs for the tables that were written."""

    def __init__(self) -> None:
        self.rules: list[str] = []
        self._tables = 0

    def blocks(self, blocks: Sequence[Block]) -> str:
        """Return several blocks, one below the other; figures that follow each other share the width."""
        parts = []
        for drawn, group in itertools.groupby(blocks, lambda block: isinstance(block, Figure)):
            shown = [self.block(block) for block in group]
            parts += [f'<div class="drawings">{"".join(shown)}</div>'] if drawn and len(shown) > 1 else shown
        return "\n".join(parts)

    def block(self, block: Block) -> str:  # one line a kind of block
        """Return one block."""
        match block:
            case Para():
                return f'<p class="{block.tone}">{words_html(block.words)}</p>' if block.tone else f"<p>{words_html(block.words)}</p>"
            case Bullets():
                return f"<ul>{''.join(f'<li>{words_html(item)}</li>' for item in block.items)}</ul>"
            case Terms():
                return f"<dl>{''.join(f'<dt>{words_html(term)}</dt><dd>{words_html(said)}</dd>' for term, said in block.rows)}</dl>"
            case Heading():
                return f"<h{block.level}>{words_html(block.words)}</h{block.level}>"
            case Facts():
                return _facts(block)
            case Table():
                return self._table(block)
            case Figure():
                return _figure(block)
            case Pictures():
                return _pictures(block)
            case Thumbs():
                return f'<div class="thumbs">{"".join(_thumb(picture) for picture in block.pictures)}</div>'
            case Answer():
                return _answer(block)
            case Fold():
                return f'<details class="part"><summary>{words_html(block.title)}</summary>\n{self.blocks(block.blocks)}\n</details>'

    def _table(self, table: Table) -> str:
        self._tables += 1
        name = f"t{self._tables}"
        for number, column in enumerate(table.columns, 1):
            kind = {"num": "text-align:right;white-space:nowrap", "code": f"{_MONO};overflow-wrap:anywhere;min-width:7.5rem"}.get(
                column.kind
            )
            if kind:
                self.rules.append(
                    f"#{name} tbody tr>:nth-child({number}){{{kind}}}"
                    if column.kind == "code"
                    else f"#{name} tr>:nth-child({number}){{{kind}}}"
                )
            self.rules.append(f'@media(max-width:40rem){{#{name} tr>:nth-child({number})::before{{content:"{_css_text(_head(column))}"}}}}')
        classes = " ".join(word for word, wanted in (("sortable", table.sortable), ("sign", table.signed)) if wanted)
        caption = f'<p class="caption">{words_html(table.caption)}</p>' if table.caption else ""
        heads = "".join(
            f'<th scope="col">{words_html(column.head)}{f"<small>{words_html(column.small)}</small>" if column.small else ""}</th>'
            for column in table.columns
        )
        rows = "\n".join(_row(row, table.columns) for row in table.rows)
        return (
            f'{caption}<div class="scroll" role="region" aria-label="{escape(table.label)}" tabindex="0">'
            f'<table id="{name}"{f" class={chr(34)}{classes}{chr(34)}" if classes else ""}>'
            f"<thead><tr>{heads}</tr></thead><tbody>\n{rows}\n</tbody></table></div>"
        )


def _head(column: Column) -> str:
    head = "".join(span.text for span in spans_of(column.head))
    small = "".join(span.text for span in spans_of(column.small))
    return f"{head} ({small})" if small else head


def _row(row: Row, columns: Sequence[Column]) -> str:
    cells = (_cell(cell, column, first=not place) for place, (cell, column) in enumerate(zip(row, columns, strict=True)))
    return f"<tr>{''.join(cells)}</tr>"


def _cell(cell: Cell | Words, column: Column, first: bool) -> str:
    shown = cell if isinstance(cell, Cell) else Cell(cell)
    text = words_html(shown.words)
    if shown.mark:
        text = mark_html(shown.mark) + (f" {text}" if text else "")
    if shown.small:
        text += f"<small>{words_html(shown.small)}</small>"
    if first:
        return f"<th>{text}</th>"
    undefined = isinstance(shown.words, str) and shown.words.startswith("undefined")
    return f'<td class="u">{text}</td>' if undefined else f"<td>{text}</td>"


def _facts(block: Facts) -> str:
    rows = "".join(f"<div><dt>{words_html(name)}</dt><dd>{words_html(value, True)}</dd></div>" for name, value in block.rows)
    return f'<dl class="facts{" wide" if block.columns > 1 else ""}">{rows}</dl>'


def screen_svg(svg: str) -> str:
    """Return a drawing whose colours follow the page: light, dark, print."""
    return _COLOUR.sub(lambda found: f"var({SCREEN_COLOURS[found[0]]})", svg)


def _figure(block: Figure) -> str:
    caption = f"<figcaption>{words_html(block.caption)}</figcaption>" if block.caption else ""
    title = f"<h3>{words_html(block.title)}</h3>" if block.title else ""
    return f'<figure class="drawing">{title}{screen_svg(block.svg)}{caption}</figure>'


def _picture(picture: Picture) -> str:
    shown = f'<img src="{data_uri(picture.png, "image/png")}" alt="{escape(picture.alt)}">'
    title = f'<div class="title">{escape(picture.title)}</div>' if picture.title else ""
    if picture.note:
        return f'<div>{title}{shown}<p class="small">{escape(picture.note)}</p></div>'
    bar = f'<div class="bar" style="background:linear-gradient(to right,{picture.stops})"></div>' if picture.stops else ""
    ends = f'<div class="ends"><span>{escape(picture.low)}</span><span>{escape(picture.high)}</span></div>' if picture.low else ""
    return f"<div>{title}{shown}{bar}{ends}</div>"


def _thumb(picture: Picture) -> str:
    shown = f'<img src="{data_uri(picture.png, "image/png")}" alt="{escape(picture.alt)}">'
    return f"<figure>{shown}<figcaption>{breakable(picture.title)}</figcaption></figure>"


def _pictures(block: Pictures) -> str:
    shown = "".join(_picture(picture) for picture in block.pictures)
    caption = f"<figcaption>{words_html(block.caption)}</figcaption>" if block.caption else ""
    return f'<figure class="crops"><div class="pictures{" linked" if block.linked else ""}">{shown}</div>{caption}</figure>'


def _answer(block: Answer) -> str:
    parts = []
    for verdict, heading, items in block.rows:
        listed = "".join(f"<li>{words_html(item)}</li>" for item in items) or "<li>none</li>"
        parts.append(
            f'<div class="of {verdict}-box"><h2><b class={verdict[0]}>{SIGNS[verdict]} {escape(heading)}</b></h2><ul>{listed}</ul></div>'
        )
    return f'<div class="answers">{"".join(parts)}</div>'
