"""Figures of a report: predictions per codec, ε̂ per codec. Drawing and binning, no statistics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sigmaraw.reports.chart import DASHED, PAPER, Chart, Floats, Panel, Scale, fill, stroke, words
from sigmaraw.reports.numbers import given, unit_label, with_unit
from sigmaraw.reports.svg import BAND, COLOURS, FAINT, INK, MARKERS, RAW, RULE
from sigmaraw.reports.table import display_width, shorten
from sigmaraw.reports.ticks import FINE, even_ticks, far_ticks, written_out

_LABEL = 46  # columns of a codec's name in a figure
_IMAGE = 22  # columns of an image's name beside it
_COLUMN = 0.62  # width of a column, in font sizes: DejaVu Sans, the widest of the fonts that pages use
_MOST_STROKES = 150  # replicas that are drawn one by one below a histogram
_WINDOW = 40.0  # a figure shows at most so many σ_raw; what lies beyond is named at the edge
_DRAWN = 1e100  # beyond it an axis overflows; the tables print the number


@dataclass(frozen=True)
class Distribution:
    """One codec's predictions: after the codec, and of the same group's raw replicas. (replica,) float64 in the same unit."""

    label: str
    verdict: str
    values: Floats
    raw: Floats
    chi: float | None


@dataclass(frozen=True)
class ScoreMark:
    """One codec's score on one image: ε̂ with its 95 % interval, the single ε, the limit and the verdict.

    name : of the image, "" where there is one. guard : expanded uncertainty U = k·u on each side of ε̂.
    """

    label: str
    image: int
    verdict: str
    epsilon_hat: float | None
    low: float | None
    high: float | None
    epsilon: float | None
    limit: float | None
    name: str | None = None
    guard: float | None = None


def _finite(values: Floats) -> Floats:
    return values[np.isfinite(values) & (np.abs(values) < _DRAWN)]


# --- distributions ----------------------------------------------------------------------------------------------------
def _window(raw: Floats, rows: Sequence[Distribution], centre: float, sigma: float, discrete: bool) -> tuple[float, float]:
    """Return the axis limits: all of raw, and of the codecs as many, nearest first, as stay within the window."""
    low = min([centre - 3 * sigma, *raw])
    high = max([centre + 3 * sigma, *raw])
    spans = sorted(
        ((values.min(), values.max()) for row in rows if (values := _finite(np.r_[row.values, row.raw])).size),
        key=lambda span: max(high, span[1]) - min(low, span[0]),
    )
    for start, end in spans:
        if sigma == 0 or max(high, end) - min(low, start) <= max(_WINDOW * sigma, 1.5 * (high - low)):
            low, high = min(low, start), max(high, end)
    margin = 0.04 * (high - low) or 0.5 * max(1.0, 0.01 * abs(centre))
    margin = max(margin, 0.6) if discrete else margin  # a whole number's bin is one wide
    return float(low - margin), float(high + margin)


def _edges(window: tuple[float, float], sigma: float, discrete: bool) -> Floats:
    """Return bin edges over the window: about σ_raw/2.5 wide, or one whole number each for counts; never under a pixel."""
    low, high = window
    finest = (high - low) / 240
    if discrete and high - low < 1e9:
        whole = max(1, math.ceil(finest))
        return np.arange(math.floor(low) - 0.5, math.ceil(high) + whole, whole, dtype=np.float64)
    step = max(sigma / 2.5, finest) if sigma > 0 else (high - low) / 40
    return np.linspace(low, high, max(2, round((high - low) / step)) + 1)


def _ridge(panel: Panel, values: Floats, edges: Floats, base: float, style: str, rug: str = "") -> None:
    """Draw a histogram standing on `base`, its highest bin .5 tall, with a rug of the values below it where its style is given."""
    counts, _ = np.histogram(values, edges)
    if not counts.any():
        return
    shown = np.flatnonzero(counts)
    inner = slice(int(shown[0]), int(shown[-1]) + 1)
    panel.steps(edges[inner.start : inner.stop + 1], 0.5 * counts[inner] / counts.max() + base, base, style)
    if rug:
        panel.strokes(values[(values >= edges[0]) & (values <= edges[-1])], (base - 0.03, base - 0.11), rug)


def _header(panel: Panel, row: int, label: str, right: str, colour: str) -> None:
    """Write a row's name at its upper left and a note at its upper right, above the data."""
    middle, width = float(panel.down(-row + 0.85)), panel.right - panel.left
    panel.over.append(words(panel.left + 0.006 * width, middle, shorten(label, _LABEL), bold=True, outlined=True))
    if right:
        panel.over.append(words(panel.right - 0.006 * width, middle, right, anchor="end", colour=colour))
    panel.level(-row + 1.02, stroke(RULE, 0.8))


def _beyond(values: Floats, window: tuple[float, float], unit: str) -> list[str]:
    """Say with an arrow how many predictions lie outside the window, and from where to where."""
    notes = []
    for outside, arrow in ((values[values < window[0]], "←"), (values[values > window[1]], "→")):
        if outside.size:
            ends = [given(float(end), 4) for end in (outside.min(), outside.max())]
            span = ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"
            notes.append(f"{arrow} {outside.size} of {values.size} off this scale: {with_unit(span, unit)}")
    return notes


def distribution_plot(
    name: str,
    title: str,
    quantity: str,
    unit: str,
    raw: Floats,
    rows: Sequence[Distribution],
    chi: float | None,
    sigma: float | None,
    *,
    discrete: bool = False,
) -> str:
    """Return the predictions on raw replicas and, below, on each codec's decoded replicas, as histograms over one axis.

    name : prefix of the figure's ids. title : words for screen readers. quantity, unit : of the axis.
    raw : (replica,) predictions on the raw group; chi, sigma : χ_raw and σ_raw, drawn as line and ±σ_raw band.
    """
    shown, spread = _finite(raw), sigma if sigma is not None and sigma < _DRAWN else 0.0
    everything = _finite(np.concatenate([raw, *(row.values for row in rows)]))
    centre = chi if chi is not None and abs(chi) < _DRAWN else float(everything[0]) if everything.size else 0.0
    window = _window(shown, rows, centre, spread, discrete)
    edges = _edges(window, spread, discrete)
    chart = Chart(0.62 + 0.56 * (len(rows) + 1))
    box = (0.01 * chart.width, 0.06 * 72, 0.99 * chart.width, chart.height - 0.52 * 72)
    panel = chart.panel(box, Scale(*window), Scale(-len(rows) - 0.02, 1.02))
    if spread:
        panel.area(fill(BAND), x=(centre - spread, centre + spread))
    if chi is not None:
        panel.rise(centre, stroke(RAW, 0.9, DASHED))
    _header(panel, 0, "raw", _missing(raw), FAINT)
    _ridge(panel, shown, edges, 0.14, fill(RAW, 0.75), _rug(RAW, shown, discrete))
    for position, row in enumerate(rows, start=1):
        values, colour = _finite(row.values), COLOURS[row.verdict]
        notes = [*_beyond(row.values[np.isfinite(row.values)], window, unit), _missing(row.values), row.verdict]
        _header(panel, position, row.label, " · ".join(note for note in notes if note), colour)
        _ridge(panel, values, edges, 0.14 - position, fill(colour, 0.75), _rug(colour, values, discrete))
        _ridge(panel, _finite(row.raw), edges, 0.14 - position, stroke(FAINT, 0.9))
        if row.chi is not None and window[0] <= row.chi <= window[1]:
            panel.line([row.chi, row.chi], [0.1 - position, 0.7 - position], stroke(INK, 1.2))
    ticks = even_ticks(*window, 7, FINE)
    margin = 0.02 * (window[1] - window[0])  # a number at the edge would be cut
    ticks = [tick for tick in ticks if window[0] + margin <= tick <= window[1] - margin]
    panel.x_ticks(ticks, written_out(ticks), _axis_label(quantity, unit), length=3)
    panel.frame(left=False)
    return chart.svg(name, title)


def _rug(colour: str, values: Floats, discrete: bool) -> str:
    return stroke(colour, 0.7, opacity=0.7) if not discrete and values.size <= _MOST_STROKES else ""


def _missing(values: Floats) -> str:
    lost = values.size - int(np.isfinite(values).sum())
    return f"{lost} of {values.size} undefined" if lost else ""


def _axis_label(quantity: str, unit: str) -> str:
    label = unit_label(unit)
    return shorten(f"{quantity} / {label}" if label else quantity, 90)


# --- scores -----------------------------------------------------------------------------------------------------------
def _score_axis(values: Sequence[float], limits: Sequence[float]) -> tuple[Scale, list[float], list[str], str]:
    """Return scale, ticks and their words: even, or logarithmic beyond twice the limit when scores are far apart, which the note says."""
    linear = 2 * max([*limits, 0.5])
    farthest = max([linear, *(abs(value) for value in values)])
    if farthest <= 10 * linear:
        low, high = min([*values, -1.25 * linear / 2]), max([*values, 1.25 * linear / 2])
        scale = Scale(low - 0.06 * (high - low), high + 0.06 * (high - low))
        ticks = even_ticks(scale.low, scale.high, 9)
        return scale, ticks, written_out(ticks), ""
    low = min([*values, -linear])
    high = max([*values, linear])
    ends = low * 3 if low < -linear else -linear * 1.15, high * 3 if high > linear else linear * 1.15
    inner = max(limits, default=linear / 2)
    ticks = far_ticks(linear, farthest, lambda top: [-inner, 0.0, inner] if top <= 6 else [0.0])  # on a longer axis the three would overlap
    ticks = [tick for tick in ticks if ends[0] <= tick <= ends[1]]
    note = f" (axis logarithmic beyond ±{given(linear, 3)})"
    return Scale(*ends, "symlog", linear), ticks, [given(tick, 3) or "" for tick in ticks], note


def _clipped(value: float) -> float:
    return max(-_DRAWN, min(_DRAWN, value))


def _hint(score: ScoreMark) -> str:
    """Return what a reader learns who points at a mark."""
    ends = f" [{given(score.low, 4)}, {given(score.high, 4)}]" if score.low is not None and score.high is not None else ""
    where = f"{score.label}, {score.name}" if score.name else score.label
    limit = f", limit ±{given(score.limit, 3)}" if score.limit is not None else ""
    return f"{where}: ε̂ = {given(score.epsilon_hat, 4)}{ends}{limit}, {score.verdict}"


def _draw_scores(panel: Panel, placed: Sequence[tuple[float, ScoreMark]]) -> None:
    """Draw scores at their heights: lines and rings of one colour are one path."""
    for height, score in placed:
        if score.epsilon_hat is None:
            middle, colour = float(panel.down(height)), COLOURS[score.verdict]
            panel.over.append(words(float(panel.across(0.0)), middle, "ε̂ undefined", anchor="middle", colour=colour))
    placed = [entry for entry in placed if entry[1].epsilon_hat is not None]
    for verdict in dict.fromkeys(score.verdict for _, score in placed):
        colour, of_verdict = COLOURS[verdict], [(height, score) for height, score in placed if score.verdict == verdict]
        guards = [(height, _guards(score)) for height, score in of_verdict if score.guard is not None and score.guard > 0]
        _draw_lines(panel, guards, stroke(colour, 0.7, (1.5, 1.2)), 3.5, stroke(colour, 0.7))
        intervals = [(height, [score.low, score.high]) for height, score in of_verdict if score.low is not None and score.high is not None]
        _draw_lines(panel, intervals, stroke(colour, 1.6), 6, stroke(colour, 1.2))
    rings = [(_clipped(score.epsilon), height) for height, score in placed if score.epsilon is not None]
    if rings:
        panel.marks([x for x, _ in rings], [height for _, height in rings], "o", 4, stroke(FAINT, 1.0))
    for height, score in placed:
        place = [_clipped(score.epsilon_hat or 0.0)], [height]
        size = 8 if score.verdict == "FAIL" else 6
        panel.marks(*place, MARKERS[score.verdict], size, mark_style(score.verdict, COLOURS[score.verdict]), _hint(score))


def mark_style(verdict: str, colour: str) -> str:
    """Return the style of a verdict's mark: hollow where nothing is decided, with a white edge where it would vanish in a line."""
    if verdict == "FAIL":
        return f"fill: {colour}; stroke: {PAPER}; stroke-width: 0.8; stroke-linejoin: miter"
    return f"fill: {PAPER if verdict == 'INCONCLUSIVE' else colour}; stroke: {colour}; stroke-linejoin: miter"


def _draw_lines(panel: Panel, lines: Sequence[tuple[float, Sequence[float]]], style: str, size: float, end_style: str) -> None:
    """Draw horizontal lines from end to end, with a short stroke at each end."""
    if not lines:
        return
    ends = np.array([[_clipped(end) for end in reach] for _, reach in lines])
    heights = np.array([height for height, _ in lines])
    panel.line(np.column_stack([ends, np.full(len(lines), np.nan)]).ravel(), np.repeat(heights, 3), style)
    panel.marks(ends.ravel(), np.repeat(heights, 2), "|", size, end_style)


def _guards(score: ScoreMark) -> list[float]:
    if score.epsilon_hat is None or score.guard is None:
        return []
    return [score.epsilon_hat - score.guard, score.epsilon_hat + score.guard]


def epsilon_plot(name: str, title: str, scores: Sequence[ScoreMark]) -> str:
    """Return ε̂ with its 95 % interval per codec (and image), the single ε as a small ring, and the ±limit lines.

    scores : in the order of drawing; those of one codec stand together under its name.
    """
    labels = list(dict.fromkeys(score.label for score in scores))
    several = len({score.image for score in scores}) > 1
    limits = [score.limit for score in scores if score.limit is not None and 0 < score.limit < _DRAWN]
    values = [
        _clipped(value)
        for score in scores
        for value in (score.epsilon_hat, score.low, score.high, score.epsilon, *_guards(score))
        if value is not None
    ]
    heights = {label: 0.52 + 0.24 * (sum(score.label == label for score in scores) - 1) for label in labels}  # inches
    total = sum(heights.values())
    chart = Chart(0.8 + total)
    scale, ticks, written, note = _score_axis(values, limits)
    beside = [_beside(score, several) for score in scores]
    room = 8.5 * _COLUMN * max(map(display_width, beside)) / chart.width
    box = (0.01 * chart.width, 0.28 * 72, min(0.71 if several else 0.85, 0.98 - room) * chart.width, chart.height - 0.52 * 72)
    panel = chart.panel(box, scale, Scale(-total, 0.0))
    common = len(set(limits)) == 1
    if common:
        _draw_limits(panel, limits[0])
    panel.rise(0.0, stroke("#9aa0aa", 0.7))
    top, placed = 0.0, []
    for label in labels:
        panel.level(top, stroke(RULE, 0.8))
        name_at = float(panel.down(top - 0.13))
        panel.over.append(words(panel.left + 0.006 * (panel.right - panel.left), name_at, shorten(label, _LABEL), bold=True, outlined=True))
        for position, score in enumerate(score for score in scores if score.label == label):
            height = top - 0.36 - 0.24 * position
            placed.append((height, score))
            at = panel.right + 0.012 * (panel.right - panel.left)
            panel.over.append(words(at, float(panel.down(height)), _beside(score, several), colour=COLOURS[score.verdict], size=8.5))
            if not common and score.limit is not None:
                for end in (-_clipped(score.limit), _clipped(score.limit)):
                    panel.line([end, end], [height - 0.1, height + 0.1], stroke(RAW, 1.0))
        top -= heights[label]
    _draw_scores(panel, placed)
    panel.x_ticks(ticks, written, f"ε̂ = mean(D) / σ_raw{note}", length=3)
    panel.frame(left=False)
    return chart.svg(name, title)


def _beside(score: ScoreMark, several: bool) -> str:
    """Return what stands beside a mark: its image where there are several, and its verdict."""
    return f"{shorten(score.name or f'image {score.image + 1}', _IMAGE)}  {score.verdict}" if several else score.verdict


def _draw_limits(panel: Panel, limit: float) -> None:
    """Draw the band within ±limit, its ends and their names above."""
    panel.area(fill(BAND), x=(-limit, limit))
    for end in (-limit, limit):
        panel.rise(end, stroke(RAW, 1.0, DASHED))
        named = words(
            float(panel.across(end)),
            panel.top - 3.6,
            "−limit" if end < 0 else "+limit",
            anchor="end" if end < 0 else "start",
            level="bottom",
            colour=FAINT,
            size=8.5,
        )
        panel.over.append(named)
