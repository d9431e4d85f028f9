"""Figures of a sweep: shift and quality against compression ratio, one curve for each family. Drawing only, no statistics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sigmaraw.reports.chart import DASHED, DOTTED, PAPER, Chart, Panel, Scale, fill, stroke, words
from sigmaraw.reports.numbers import given
from sigmaraw.reports.svg import BAND, FAINT, MARKERS, RAW
from sigmaraw.reports.table import shorten
from sigmaraw.reports.ticks import even_ticks, far_ticks, ratio_ticks, written_out

# Okabe and Ito's colours, darkened to read on white; a ninth curve takes the first again, broken.
_CURVES = ("#0b5d91", "#a63c00", "#00695c", "#8a3a6b", "#7a5a00", "#33373d", "#2f7fb5", "#b5651d")
_STROKES = (None, (5.0, 2.0), DOTTED)
_RAW_BAND = "#eef1f4"
_LARGEST = 1e9  # beyond it an axis overflows; the table prints the number
_MOST_DASHES = 12  # images of one setting
_MOST_LABELS = 30  # points; more values of settings would hide the curves
_LEGEND_ROW = 0.2  # inches
_LEFT, _RIGHT = 0.105, 0.98  # ends of the axes, shares of the width


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


def _style(position: int) -> tuple[str, tuple[float, float] | None]:
    return _CURVES[position % len(_CURVES)], _STROKES[position // len(_CURVES) % len(_STROKES)]


def _ratio_scale(curves: Sequence[Curve]) -> Scale:
    ratios = [mark.x for curve in curves for mark in curve.marks]
    return Scale(min(ratios) / 1.15, max(ratios) * 1.25, "log")


def _ratio_axis(panel: Panel, *, named: bool = True) -> None:
    ticks = ratio_ticks(panel.x.low, panel.x.high)
    label = "compression ratio (container bytes over all coded bytes)" if named else ""
    panel.x_ticks(ticks, [given(tick, 3) or "" for tick in ticks], label, grid=True)
    panel.frame(left=True)


def _shift_axis(values: Sequence[float], limit: float) -> tuple[Scale, list[float], list[str], str]:
    """Return scale, ticks and their words: even while shifts are near the limit, else logarithmic beyond twice it, which the note says."""
    linear = 2 * limit
    low, high = min([*values, -1.2 * linear]), max([*values, 1.2 * linear])
    if max(-low, high) <= 6 * linear:
        margin = 0.05 * (high - low)
        scale = Scale(low - margin, high + margin)
        ticks = even_ticks(scale.low, scale.high, 9)
        return scale, ticks, written_out(ticks), ""
    ends = low * 2 if low < -linear else -1.3 * linear, high * 2 if high > linear else 1.3 * linear
    ticks = [tick for tick in far_ticks(linear, max(-low, high), lambda _: [-limit, 0.0, limit]) if ends[0] <= tick <= ends[1]]
    return Scale(*ends, "symlog", linear), ticks, [given(tick, 3) or "" for tick in ticks], f"; logarithmic beyond ±{given(linear, 3)}"


def _draw(panel: Panel, curves: Sequence[Curve], labelled: bool) -> None:
    written: list[tuple[float, float]] = []
    for position, curve in enumerate(curves):
        colour, dash = _style(position)
        marks = sorted((mark for mark in curve.marks if mark.y is not None), key=lambda mark: mark.x)
        panel.line([mark.x for mark in marks], [_clipped(mark.y or 0.0) for mark in marks], stroke(colour, 1.3, dash))
        for mark in marks:
            height = _clipped(mark.y or 0.0)
            if len(mark.others) > 1:
                across = np.tile([mark.x / 1.012, mark.x * 1.012, math.nan], len(mark.others))
                panel.line(across, np.repeat([_clipped(value) for value in mark.others], 3), stroke(colour, 1.0, opacity=0.55))
            if mark.ends is not None:
                panel.line([mark.x, mark.x], [_clipped(end) for end in mark.ends], stroke(colour, 1.0))
            face = PAPER if mark.verdict == "INCONCLUSIVE" else colour
            style = f"fill: {face}; stroke: {colour}; stroke-linejoin: miter"
            panel.marks(mark.x, height, MARKERS[mark.verdict], 6, style)
            if labelled and mark.label:
                written = _write_label(panel, mark.label, (mark.x, height), colour, written)


def _write_label(
    panel: Panel, label: str, place: tuple[float, float], colour: str, written: list[tuple[float, float]]
) -> list[tuple[float, float]]:
    """Write a setting beside its mark, unless it would lie on one that is there; return the places taken, in points."""
    x, y = float(panel.across(place[0])), float(panel.down(place[1]))
    if any(abs(x - left) < 4.5 * len(label) + 5 and abs(y - low) < 9 for left, low in written):
        return written
    panel.over.append(words(x + 4, y - 5, label, level="bottom", colour=colour, size=7.5))
    return [*written, (x, y)]


def _legend(chart: Chart, curves: Sequence[Curve]) -> None:
    """List the curves above the axes, each with its stroke, one in a row."""
    for position, curve in enumerate(curves):
        colour, dash = _style(position)
        level = (0.13 + _LEGEND_ROW * position) * 72
        start, end, beside = (share * chart.width for share in (_LEFT + 0.0023, _LEFT + 0.0477, _LEFT + 0.06))
        chart.line((start, end), (level, level), stroke(colour, 1.6, dash))
        chart.over.append(words(beside, level, shorten(curve.name, 80), colour=colour, size=8.5))


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
    chart = Chart(head + 3.9)
    scale, ticks, written, note = _shift_axis(values, limit)
    panel = chart.panel(_box(chart, 72 * (head + 0.05), chart.height - 72 * 0.55), _ratio_scale(drawable), scale)
    if raw_spread is not None:
        low, high = (_clipped(end) for end in raw_spread)
        panel.area(fill(_RAW_BAND), y=(low, high))
        _note(panel, high, "95 % of raw predictions", "top")
    if common:
        panel.area(fill(BAND), y=(-limit, limit))
    _ratio_axis(panel)
    panel.y_ticks(ticks, written, f"ε̂ = mean(D) / σ_raw{note}", grid=True)
    if common:
        for end in (-limit, limit):
            panel.level(end, stroke(RAW, 0.9, DASHED))
        _note(panel, -limit, "−limit", "bottom")
        _note(panel, limit, "+limit", "top")
    panel.level(0.0, stroke("#9aa0aa", 0.7))
    _draw(panel, drawable, _count(drawable) <= _MOST_LABELS)
    _legend(chart, drawable)
    return chart.svg(name, title)


def _note(panel: Panel, y: float, text: str, level: Literal["top", "bottom"]) -> None:
    beside = panel.left + 0.006 * (panel.right - panel.left)
    panel.over.append(words(beside, float(panel.down(y)), text, level=level, colour=FAINT, size=8))


def _box(chart: Chart, top: float, bottom: float) -> tuple[float, float, float, float]:
    return _LEFT * chart.width, top, _RIGHT * chart.width, bottom


def quality_plot(name: str, title: str, panels: Sequence[tuple[str, Sequence[Curve], float | None]]) -> str:
    """Return quality figures against compression ratio, one panel each: (axis label, curves, a reference line or None).

    "" where there is nothing to draw.
    """
    panels = [panel for panel in panels if any(mark.y is not None for curve in panel[1] for mark in curve.marks)]
    if not panels:
        return ""
    every = panels[0][1]
    head = 0.2 + _LEGEND_ROW * len(every)
    chart = Chart(head + 2.5 * len(panels) + 0.2)
    for position, (label, curves, reference) in enumerate(panels):
        last = position + 1 == len(panels)
        bottom = chart.height - 72 * (0.5 + 2.5 * (len(panels) - 1 - position))
        panel = chart.panel(_box(chart, bottom - 72 * 2.0, bottom), _ratio_scale(every), _quality_scale(curves, reference))
        ticks = even_ticks(panel.y.low, panel.y.high, 7)
        _ratio_axis(panel, named=last)
        panel.y_ticks(ticks, written_out(ticks), label, grid=True)
        if reference is not None:
            panel.level(reference, stroke(RAW, 0.9, DASHED))
        _draw(panel, curves, _count(curves) <= _MOST_LABELS)
    _legend(chart, every)
    return chart.svg(name, title)


def _quality_scale(curves: Sequence[Curve], reference: float | None) -> Scale:
    """Return an even scale an eighth longer than what is drawn on it, at either end."""
    drawn = [mark for curve in curves for mark in curve.marks if mark.y is not None]
    values = [_clipped(value) for mark in drawn for value in (mark.y or 0.0, *(mark.ends or ()), *mark.others)]
    values += [] if reference is None else [reference]
    low, high = min(values, default=0.0), max(values, default=1.0)
    margin = 0.12 * (high - low) or 0.05 * abs(low) or 0.05
    return Scale(low - margin, high + margin)
