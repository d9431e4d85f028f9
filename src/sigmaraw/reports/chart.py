"""Axes and marks of a report's figures, written as SVG in points.

A study's report draws a dozen kinds of marks, for which matplotlib takes long to import and to draw (docs/decisions/0024). Words stay
words, and the same figure is the same string.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sigmaraw.reports.svg import GRID, INK

Floats = NDArray[np.float64]
AXIS, TICK, PAPER = "#8a8f98", "#4b5058", "#ffffff"
DASHED, DOTTED = (4.0, 2.0), (1.0, 1.5)
"""Strokes and gaps, times the line's width."""
SIZE = 9.5
_ASCENT, _DESCENT = 0.76, 0.24  # of DejaVu Sans, times the size
_FARTHEST = 5000.0  # points; what is farther is outside of any figure, and some programs draw no larger numbers
_WIDTHS = {".": 0.32, "×": 0.84, "−": 0.84} | dict.fromkeys("⁰¹²³⁴⁵⁶⁷⁸⁹", 0.4)  # of DejaVu Sans; digits and other letters .64
_CROSS = tuple(
    (x / 2, y / 2) for x, y in ((-1, -2), (0, -1), (1, -2), (2, -1), (1, 0), (2, 1), (1, 2), (0, 1), (-1, 2), (-2, 1), (-1, 0), (-2, -1))
)


@dataclass(frozen=True)
class Scale:
    """How values lie along an axis: evenly, by their logarithms, or evenly up to ±`linear` and by their logarithms beyond."""

    low: float
    high: float
    kind: Literal["even", "log", "symlog"] = "even"
    linear: float = 1.0

    def shares(self, values: ArrayLike) -> Floats:
        """Return where values lie: 0 at the low end, 1 at the high one."""
        low, high, bent = (self._bent(np.asarray(part, dtype=np.float64)) for part in (self.low, self.high, values))
        return np.asarray((bent - low) / (high - low), dtype=np.float64)

    def _bent(self, values: Floats) -> Floats:
        if self.kind == "even":
            return values
        if self.kind == "log":
            return np.log10(values)
        beyond = np.sign(values) * self.linear * (1 / 0.9 + np.log10(np.maximum(np.abs(values) / self.linear, 1.0)))
        return np.where(np.abs(values) <= self.linear, values / 0.9, beyond)


def stroke(colour: str, width: float, dash: tuple[float, float] | None = None, opacity: float = 1.0, cap: str = "butt") -> str:
    """Return the style of a line; `dash` in line widths."""
    broken = "" if dash is None else f"; stroke-dasharray: {dash[0] * width:g},{dash[1] * width:g}"
    return f"fill: none; stroke: {colour}; stroke-width: {width:g}{broken}{_opacity(opacity)}; stroke-linecap: {cap}"


def fill(colour: str, opacity: float = 1.0) -> str:
    """Return the style of an area."""
    return f"fill: {colour}{_opacity(opacity)}"


def _opacity(opacity: float) -> str:
    return "" if opacity == 1.0 else f"; opacity: {opacity:g}"


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def path(d: str, style: str) -> str:
    """Return a path in a style."""
    return f'<path d="{d}" style="{style}"/>'


def _joined(x: Floats, y: Floats) -> str:
    """Return the path through points; NaN is a gap."""
    parts, pen = [], "M"
    for across, down in zip(x.tolist(), y.tolist(), strict=True):
        if math.isnan(across) or math.isnan(down):
            pen = "M"
        else:
            parts.append(f"{pen}{_number(across)} {_number(down)}")
            pen = "L"
    return "".join(parts)


def mark(shape: str, size: float, x: float, y: float) -> str:
    """Return the outline of a mark about a point: o a disc, s a square, D a diamond, X a cross, | and - short lines."""
    half = size / 2
    if shape == "o":
        return f"M{_number(x - half)} {_number(y)}a{half:g} {half:g} 0 1 0 {size:g} 0a{half:g} {half:g} 0 1 0 {-size:g} 0z"
    corners = {
        "s": ((-1, -1), (1, -1), (1, 1), (-1, 1)),
        "D": ((0, -math.sqrt(2)), (math.sqrt(2), 0), (0, math.sqrt(2)), (-math.sqrt(2), 0)),
        "X": _CROSS,
        "|": ((0, -1), (0, 1)),
        "-": ((-1, 0), (1, 0)),
    }[shape]
    points = np.asarray(corners, dtype=np.float64) * half + (x, y)
    return _joined(points[:, 0], points[:, 1]) + ("" if shape in "|-" else "z")


def words(
    x: float,
    y: float,
    text: str,
    *,
    anchor: Literal["start", "middle", "end"] = "start",
    level: Literal["top", "centre", "bottom"] = "centre",
    colour: str = INK,
    size: float = SIZE,
    bold: bool = False,
    outlined: bool = False,
    upwards: bool = False,
) -> str:
    """Return a line of text; x, y in points. outlined : with paper behind its letters. upwards : turned by 90°."""
    drop = size * {"top": _ASCENT, "centre": (_ASCENT - _DESCENT) / 2, "bottom": -_DESCENT}[level]
    turned = f' transform="rotate(-90 {_number(x)} {_number(y)})"' if upwards else ""
    behind = f' paint-order="stroke" stroke="{PAPER}" stroke-width="2.4" stroke-opacity=".85"' if outlined else ""
    weight = "; font-weight: 700" if bold else ""
    style = f"font-size: {size:g}px; text-anchor: {anchor}; fill: {colour}{weight}"
    return f'<text x="{_number(x)}" y="{_number(y + drop)}" style="{style}"{turned}{behind}>{escape(text, quote=False)}</text>'


class Panel:
    """One pair of axes: marks are cut at its edges, words and the axes' own lines stand over them.

    box : left, top, right, bottom, points from the figure's upper left corner.
    """

    def __init__(self, box: tuple[float, float, float, float], x: Scale, y: Scale) -> None:
        self.left, self.top, self.right, self.bottom = box
        self.x, self.y = x, y
        self.inside: list[str] = []
        self.over: list[str] = []

    def across(self, values: ArrayLike) -> Floats:
        """Return points from the left."""
        return np.clip(self.left + self.x.shares(values) * (self.right - self.left), -_FARTHEST, _FARTHEST)

    def down(self, values: ArrayLike) -> Floats:
        """Return points from the top."""
        return np.clip(self.bottom - self.y.shares(values) * (self.bottom - self.top), -_FARTHEST, _FARTHEST)

    def line(self, x: ArrayLike, y: ArrayLike, style: str) -> None:
        """Draw a line through values; NaN is a gap."""
        self.inside.append(path(_joined(self.across(x), self.down(y)), style))

    def rise(self, x: float, style: str) -> None:
        """Draw a line from the bottom to the top."""
        self.inside.append(path(f"M{_number(float(self.across(x)))} {_number(self.bottom)}V{_number(self.top)}", style))

    def level(self, y: float, style: str) -> None:
        """Draw a line from left to right."""
        self.inside.append(path(f"M{_number(self.left)} {_number(float(self.down(y)))}H{_number(self.right)}", style))

    def area(self, style: str, x: tuple[float, float] | None = None, y: tuple[float, float] | None = None) -> None:
        """Fill a rectangle; from edge to edge where no ends are given."""
        left, right = (self.left, self.right) if x is None else self.across(x).tolist()
        bottom, top = (self.bottom, self.top) if y is None else self.down(y).tolist()
        self.inside.append(path(f"M{_number(left)} {_number(bottom)}H{_number(right)}V{_number(top)}H{_number(left)}z", style))

    def steps(self, edges: ArrayLike, heights: ArrayLike, base: float, style: str) -> None:
        """Draw a histogram's outline from `base` up and back: one more edge than heights."""
        x, y, foot = self.across(edges).tolist(), self.down(heights).tolist(), _number(float(self.down(base)))
        outline = "".join(f"V{_number(top)}H{_number(right)}" for top, right in zip(y, x[1:], strict=True))
        self.inside.append(path(f"M{_number(x[0])} {foot}{outline}V{foot}z", style))

    def strokes(self, x: ArrayLike, y: tuple[float, float], style: str) -> None:
        """Draw upright strokes, all as one path."""
        start, end = (_number(float(self.down(value))) for value in y)
        self.inside.append(path("".join(f"M{_number(place)} {start}V{end}" for place in self.across(x).tolist()), style))

    def marks(self, x: ArrayLike, y: ArrayLike, shape: str, size: float, style: str, hint: str = "", cut: bool = True) -> None:
        """Draw marks, all as one path. hint : what a reader learns who points at them."""
        places = zip(np.atleast_1d(self.across(x)).tolist(), np.atleast_1d(self.down(y)).tolist(), strict=True)
        drawn = path("".join(mark(shape, size, *place) for place in places), style)
        said = f"<g><title>{escape(hint, quote=False)}</title>{drawn}</g>" if hint else drawn
        (self.inside if cut else self.over).append(said)

    def minor_ticks(self, x: Sequence[float], y: Sequence[float]) -> None:
        """Draw short ticks on both axes."""
        below = "".join(f"M{_number(place)} {_number(self.bottom)}v2" for place in self.across(list(x)).tolist())
        beside = "".join(f"M{_number(self.left)} {_number(place)}h-2" for place in self.down(list(y)).tolist())
        self.over.append(path(below + beside, stroke(TICK, 0.6)))

    def frame(self, *, left: bool) -> None:
        """Draw the axis at the bottom, and the one at the left where asked."""
        start = f"M{_number(self.left)} {_number(self.top)}V{_number(self.bottom)}" if left else ""
        self.over.append(
            path(f"{start}M{_number(self.left)} {_number(self.bottom)}H{_number(self.right)}", stroke(AXIS, 0.8, cap="square"))
        )

    def x_ticks(self, ticks: Sequence[float], written: Sequence[str], label: str = "", *, length: float = 3.5, grid: bool = False) -> None:
        """Draw ticks below the axis, what they say, and the axis' label below that."""
        places, bottom = self.across(list(ticks)).tolist(), _number(self.bottom)
        if grid:
            lines = "".join(f"M{_number(place)} {bottom}V{_number(self.top)}" for place in places)
            self.inside.append(path(lines, stroke(GRID, 0.7)))
        self.over.append(path("".join(f"M{_number(place)} {bottom}v{length:g}" for place in places), stroke(TICK, 0.8)))
        under = self.bottom + length + 3.5
        for place, text in zip(places, written, strict=True):
            self.over.append(words(place, under, text, anchor="middle", level="top", colour=TICK))
        if label:
            self.over.append(words((self.left + self.right) / 2, under + SIZE + 4, label, anchor="middle", level="top"))

    def y_ticks(self, ticks: Sequence[float], written: Sequence[str], label: str = "", *, grid: bool = False) -> None:
        """Draw ticks beside the axis, what they say, and the axis' label, upwards, beside that."""
        places, left = self.down(list(ticks)).tolist(), _number(self.left)
        if grid:
            lines = "".join(f"M{left} {_number(place)}H{_number(self.right)}" for place in places)
            self.inside.append(path(lines, stroke(GRID, 0.7)))
        self.over.append(path("".join(f"M{left} {_number(place)}h-3.5" for place in places), stroke(TICK, 0.8)))
        for place, text in zip(places, written, strict=True):
            self.over.append(words(self.left - 7, place + 0.12 * SIZE, text, anchor="end", colour=TICK))
        if label:
            widest = max((sum(_WIDTHS.get(sign, 0.64) for sign in text) * SIZE for text in written), default=0.0)
            beside = self.left - 7 - widest - 4 - (_ASCENT + _DESCENT) / 2 * SIZE
            self.over.append(words(beside, (self.top + self.bottom) / 2, label, anchor="middle", upwards=True))


class Chart:
    """A figure of `width` × `height` inches: panels, and words and lines over all of them."""

    def __init__(self, height: float, width: float = 7.2) -> None:
        self.width, self.height = 72.0 * width, 72.0 * height
        self.panels: list[Panel] = []
        self.over: list[str] = []

    def panel(self, box: tuple[float, float, float, float], x: Scale, y: Scale) -> Panel:
        """Add a pair of axes; box : left, top, right, bottom, points from the upper left corner."""
        self.panels.append(Panel(box, x, y))
        return self.panels[-1]

    def line(self, x: tuple[float, float], y: tuple[float, float], style: str) -> None:
        """Draw a line between two places, in points."""
        self.over.append(path(_joined(np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)), style))

    def svg(self, name: str, description: str) -> str:
        """Return the figure as an SVG element with a title for screen readers.

        name : a word that makes the ids of this figure its own on the page. description : what it shows; untrusted text is escaped.
        """
        width, height = _number(self.width), _number(self.height)
        cuts, drawn = [], []
        for number, panel in enumerate(self.panels):
            box = f'x="{_number(panel.left)}" y="{_number(panel.top)}"'
            size = f'width="{_number(panel.right - panel.left)}" height="{_number(panel.bottom - panel.top)}"'
            cuts.append(f'<clipPath id="{name}-cut-{number}"><rect {box} {size}/></clipPath>')
            drawn.append(f'<g clip-path="url(#{name}-cut-{number})">{"".join(panel.inside)}</g>{"".join(panel.over)}')
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-labelledby="{name}-title" '
            f'stroke-linejoin="round" font-family="DejaVu Sans"><title id="{name}-title">{escape(description, quote=False)}</title>'
            f"<defs>{''.join(cuts)}</defs>{path(f'M0 0H{width}V{height}H0z', fill(PAPER))}{''.join(drawn)}{''.join(self.over)}</svg>"
        )
