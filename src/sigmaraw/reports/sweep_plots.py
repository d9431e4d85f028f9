"""Figures of a sweep: shift and quality against compression ratio, one curve for each family. Drawing only, no statistics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sigmaraw.reports.numbers import given
from sigmaraw.reports.svg import BAND, FAINT, GRID, MARKERS, RAW, drawing, figure, to_svg
from sigmaraw.reports.table import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, darkened to read on white; a ninth curve takes the first again, broken.
_CURVES = ("#0b5d91", "#a63c00", "#00695c", "#8a3a6b", "#7a5a00", "#33373d", "#2f7fb5", "#b5651d")
_STROKES: tuple[Any, ...] = ("solid", (0, (5, 2)), (0, (1, 1.5)))
_RAW_BAND = "#eef1f4"
_LARGEST = 1e9  # beyond it an axis overflows; the table prints the number
_MOST_DASHES = 12  # images of one setting
_MOST_LABELS = 30  # points; more values of settings would hide the curves
_LEGEND_ROW = 0.2  # inches


@dataclass(frozen=True)
class Mark:
    """One setting on a curve: compression ratio, y, verdict, the setting as printed, ends of the 95 % interval, all images' y."""

    x: float
    y: float | None
    verdict: str
    label: str
    ends: tuple[float, float] | None = None
    others: tuple[float, ...] = ()


@dataclass(frozen=True)
class Curve:
    """A family's marks, drawn in order of their compression ratio."""

    name: str
    marks: tuple[Mark, ...]


def thinned(values: Sequence[float]) -> tuple[float, ...]:
    """Return values as they are while they are few, else evenly chosen among the sorted, the ends included."""
    if len(values) <= _MOST_DASHES:
        return tuple(values)
    ordered, last = sorted(values), _MOST_DASHES - 1
    return tuple(ordered[round(step * (len(ordered) - 1) / last)] for step in range(_MOST_DASHES))


def _clipped(value: float) -> float:
    return max(-_LARGEST, min(_LARGEST, value))


def _style(position: int) -> tuple[str, Any]:
    return _CURVES[position % len(_CURVES)], _STROKES[position // len(_CURVES) % len(_STROKES)]


def _log_ticks(low: float, high: float) -> list[float]:
    """Return 1, 2, 5 · 10^k inside [low, high], or fewer where that would be many."""
    steps = (1, 2, 5) if high / low < 300 else (1,)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [step * 10.0**power for power in powers for step in steps if low <= step * 10.0**power <= high]
    return ticks or [low, high]


def _ratio_axis(axes: Axes, curves: Sequence[Curve]) -> None:
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    ratios = [mark.x for curve in curves for mark in curve.marks]
    low, high = min(ratios) / 1.15, max(ratios) * 1.25
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    ticks = _log_ticks(low, high)
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter(FixedFormatter([given(tick, 3) or "" for tick in ticks]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("compression ratio (container bytes over all coded bytes)")
    axes.grid(color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("right", "top"):
        axes.spines[side].set_visible(False)


def _shift_axis(axes: Axes, values: Sequence[float], limit: float) -> str:
    """Set the y axis: linear while shifts are near the limit, else logarithmic beyond twice the limit, which the label says."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    linear = 2 * limit
    low, high = min([*values, -1.2 * linear]), max([*values, 1.2 * linear])
    if max(-low, high) <= 6 * linear:
        margin = 0.05 * (high - low)
        axes.set_ylim(low - margin, high + margin)
        return ""
    axes.set_yscale("symlog", linthresh=linear, linscale=1.0)
    axes.set_ylim(low * 2 if low < -linear else -1.3 * linear, high * 2 if high > linear else 1.3 * linear)
    top = math.floor(math.log10(max(-low, high)))
    bottom = math.ceil(math.log10(linear) + 0.2)
    decades = [10.0**power for power in range(bottom, top + 1, max(1, (top - bottom) // 4 + 1))]
    ticks = [*(-value for value in reversed(decades)), -limit, 0.0, limit, *decades]
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_major_formatter(FixedFormatter([given(tick, 3) or "" for tick in ticks]))
    axes.yaxis.set_minor_locator(NullLocator())
    return f"; logarithmic beyond ±{given(linear, 3)}"


def _dashes(axes: Axes, x: float, heights: Sequence[float], colour: str) -> None:
    """Draw a short line at each height, all of them as one path: a page with thousands of images stays small."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Outline

    ends = [point for height in heights for point in ((x / 1.012, height), (x * 1.012, height))]
    axes.add_artist(
        PathPatch(Outline(ends, [Outline.MOVETO, Outline.LINETO] * len(heights)), edgecolor=colour, facecolor="none", alpha=0.55, zorder=2)
    )


def _draw(axes: Axes, curves: Sequence[Curve], labelled: bool) -> None:
    written: list[tuple[float, float]] = []
    for position, curve in enumerate(curves):
        colour, stroke = _style(position)
        marks = sorted((mark for mark in curve.marks if mark.y is not None), key=lambda mark: mark.x)
        axes.plot(
            [mark.x for mark in marks],
            [_clipped(mark.y or 0.0) for mark in marks],
            color=colour,
            linestyle=stroke,
            linewidth=1.3,
            zorder=3,
        )
        for mark in marks:
            height = _clipped(mark.y or 0.0)
            if len(mark.others) > 1:
                others = [_clipped(value) for value in mark.others]
                _dashes(axes, mark.x, others, colour)
            if mark.ends is not None:
                axes.plot([mark.x, mark.x], [_clipped(end) for end in mark.ends], color=colour, linewidth=1.0, zorder=3)
            face = "white" if mark.verdict == "INCONCLUSIVE" else colour
            axes.plot(
                [mark.x],
                [height],
                color=colour,
                marker=MARKERS[mark.verdict],
                markersize=6,
                markerfacecolor=face,
                linestyle="none",
                zorder=4,
            )
            if labelled and mark.label:
                written = _write_label(axes, mark.label, (mark.x, height), colour, written)


def _write_label(
    axes: Axes, label: str, place: tuple[float, float], colour: str, written: list[tuple[float, float]]
) -> list[tuple[float, float]]:
    """Write a setting beside its mark, unless it would lie on one that is there; return the places taken, in points."""
    dots = axes.transData.transform(place)
    x, y = (float(value) * 72 / axes.figure.dpi for value in dots)
    if any(abs(x - left) < 4.5 * len(label) + 5 and abs(y - low) < 9 for left, low in written):
        return written
    # matplotlib's keywords, each of its type
    style: dict[str, Any] = {"xytext": (4, 5), "textcoords": "offset points", "fontsize": 7.5, "color": colour, "parse_math": False}
    axes.annotate(label, place, **style)
    return [*written, (x, y)]


def _legend(drawn: Figure, curves: Sequence[Curve], left: float) -> None:
    """List the curves above the axes, each with its stroke, one in a row."""
    from matplotlib.lines import Line2D

    height = drawn.get_figheight()
    for position, curve in enumerate(curves):
        colour, stroke = _style(position)
        level = 1 - (0.13 + _LEGEND_ROW * position) / height
        ends = [left + 0.0023, left + 0.0477]
        drawn.add_artist(Line2D(ends, [level, level], color=colour, linestyle=stroke, linewidth=1.6))
        drawn.text(left + 0.06, level, shorten(curve.name, 80), va="center", fontsize=8.5, color=colour, parse_math=False)


def _count(curves: Sequence[Curve]) -> int:
    return sum(len(curve.marks) for curve in curves)


def shift_plot(name: str, title: str, curves: Sequence[Curve], limits: Sequence[float], raw_spread: tuple[float, float] | None) -> str:
    """Return ε̂ against compression ratio: per setting the largest over images with its 95 % interval, all images as dashes.

    name : prefix of the figure's ids. title : words for screen readers. limits : the limits on |ε̂|; the ± band is drawn where all
    results have one limit. raw_spread : where 95 % of single raw predictions lie about their mean, σ_raw.
    "" where there is nothing to draw.
    """
    drawable = [Curve(curve.name, tuple(mark for mark in curve.marks if mark.y is not None)) for curve in curves]
    drawable = [curve for curve in drawable if curve.marks]
    if not drawable:
        return ""
    values = [_clipped(value) for curve in drawable for mark in curve.marks for value in (mark.y or 0.0, *(mark.ends or ()), *mark.others)]
    common = len(set(limits)) == 1 and 0 < limits[0] < _LARGEST
    limit = limits[0] if common else 1.0
    head = 0.2 + _LEGEND_ROW * len(drawable)
    with drawing():
        drawn = figure(head + 3.9)
        height = drawn.get_figheight()
        axes = drawn.add_axes((0.105, 0.55 / height, 0.875, (height - head - 0.6) / height))
        _ratio_axis(axes, drawable)
        note = _shift_axis(axes, values, limit)
        # matplotlib's keywords, each of its type
        notes: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "ha": "left", "fontsize": 8, "color": FAINT, "zorder": 1}
        if raw_spread is not None:
            low, high = (_clipped(end) for end in raw_spread)
            axes.axhspan(low, high, color=_RAW_BAND, linewidth=0, zorder=0)
            axes.text(0.006, high, "95 % of raw predictions", va="top", **notes)
        if common:
            axes.axhspan(-limit, limit, color=BAND, linewidth=0, zorder=0.5)
            for end in (-limit, limit):
                axes.axhline(end, color=RAW, linewidth=0.9, linestyle=(0, (4, 2)), zorder=1)
            axes.text(0.006, -limit, "−limit", va="bottom", **notes)
            axes.text(0.006, limit, "+limit", va="top", **notes)
        axes.axhline(0.0, color="#9aa0aa", linewidth=0.7, zorder=1)
        axes.set_ylabel(f"ε̂ = mean(D) / σ_raw{note}")
        _draw(axes, drawable, _count(drawable) <= _MOST_LABELS)
        _legend(drawn, drawable, 0.105)
        return to_svg(drawn, name, title)


def quality_plot(name: str, title: str, panels: Sequence[tuple[str, Sequence[Curve], float | None]]) -> str:
    """Return quality figures against compression ratio, one panel each: (axis label, curves, a reference line or None).

    "" where there is nothing to draw.
    """
    panels = [panel for panel in panels if any(mark.y is not None for curve in panel[1] for mark in curve.marks)]
    if not panels:
        return ""
    every = panels[0][1]
    head = 0.2 + _LEGEND_ROW * len(every)
    with drawing():
        drawn = figure(head + 2.5 * len(panels) + 0.2)
        height = drawn.get_figheight()
        for position, (label, curves, reference) in enumerate(panels):
            bottom = (0.5 + 2.5 * (len(panels) - 1 - position)) / height
            axes = drawn.add_axes((0.105, bottom, 0.875, 2.0 / height))
            _ratio_axis(axes, every)
            if position + 1 < len(panels):
                axes.set_xlabel("")
            axes.set_ylabel(label)
            if reference is not None:
                axes.axhline(reference, color=RAW, linewidth=0.9, linestyle=(0, (4, 2)), zorder=1)
            _draw(axes, curves, _count(curves) <= _MOST_LABELS)
            axes.margins(y=0.12)
        _legend(drawn, every, 0.105)
        return to_svg(drawn, name, title)
