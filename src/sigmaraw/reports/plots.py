"""Figures of a report: predictions per codec, ε̂ per codec, the photon-transfer curve. Drawing and binning, no statistics.

Words from a record go through `parse_math=False`: a "$" in a file name is a dollar sign, not a formula.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sigmaraw.record.camera import CameraRow, LevelsRow
from sigmaraw.record.reading import camera_of
from sigmaraw.reports.numbers import given, measured, unit_label, with_unit
from sigmaraw.reports.svg import BAND, COLOURS, FAINT, GRID, INK, MARKERS, RAW, RULE, drawing, figure, to_svg
from sigmaraw.reports.table import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

_LABEL = 46  # columns of a codec's name in a figure
# Behind a name that stands on a band or a line. On paper alone: a page has outlines around letters, and its style hides this very white.
_BEHIND = {"facecolor": "#fffffe", "edgecolor": "none", "alpha": 0.8, "pad": 0.8}
_IMAGE = 22  # columns of an image's name beside it
_MOST_STROKES = 150  # replicas that are drawn one by one below a histogram
_WINDOW = 40.0  # a figure shows at most so many σ_raw; what lies beyond is named at the edge
_MOST_BITS = 64  # of a camera; 2^bits must stay a float64
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_DRAWN = 1e100  # beyond it an axis overflows; the tables print the number


@dataclass(frozen=True)
class Distribution:
    """One codec's predictions: after the codec, and of the same group's raw replicas. (replica,) float64 in the same unit."""

    label: str
    verdict: str
    values: NDArray[np.float64]
    raw: NDArray[np.float64]
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


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[np.isfinite(values) & (np.abs(values) < _DRAWN)]


# --- distributions ----------------------------------------------------------------------------------------------------
def _window(raw: NDArray[np.float64], rows: Sequence[Distribution], centre: float, sigma: float, discrete: bool) -> tuple[float, float]:
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


def _edges(window: tuple[float, float], sigma: float, discrete: bool) -> NDArray[np.float64]:
    """Return bin edges over the window: about σ_raw/2.5 wide, or one whole number each for counts; never under a pixel."""
    low, high = window
    finest = (high - low) / 240
    if discrete and high - low < 1e9:
        whole = max(1, math.ceil(finest))
        return np.arange(math.floor(low) - 0.5, math.ceil(high) + whole, whole, dtype=np.float64)
    step = max(sigma / 2.5, finest) if sigma > 0 else (high - low) / 40
    return np.linspace(low, high, max(2, round((high - low) / step)) + 1)


def _ridge(
    axes: Axes, values: NDArray[np.float64], edges: NDArray[np.float64], base: float, colour: str, filled: bool, rug: bool = False
) -> None:
    """Draw a histogram standing on `base`, its highest bin .5 tall, with a rug of the values below it where asked."""
    from matplotlib.patches import PathPatch, StepPatch
    from matplotlib.path import Path as Outline

    counts, _ = np.histogram(values, edges)
    if not counts.any():
        return
    style: dict[str, Any] = (  # matplotlib's keywords
        {"facecolor": colour, "alpha": 0.75, "edgecolor": "none"} if filled else {"facecolor": "none", "edgecolor": FAINT}
    )
    shown = np.flatnonzero(counts)
    inner = slice(int(shown[0]), int(shown[-1]) + 1)
    heights = 0.5 * counts[inner] / counts.max() + base
    # As artists, not as patches: the axes have their limits, and looking for a patch's takes longer than drawing it.
    axes.add_artist(StepPatch(heights, edges[inner.start : inner.stop + 1], baseline=base, fill=filled, linewidth=0.9, **style))
    if rug:
        inside = values[(values >= edges[0]) & (values <= edges[-1])]
        points = np.repeat(inside, 2)
        ends = np.tile([base - 0.03, base - 0.11], inside.size)
        codes = np.tile([Outline.MOVETO, Outline.LINETO], inside.size)
        strokes = Outline(np.column_stack([points, ends]), codes)
        axes.add_artist(PathPatch(strokes, edgecolor=colour, facecolor="none", linewidth=0.7, alpha=0.7))


def _header(axes: Axes, row: int, label: str, right: str, colour: str) -> None:
    """Write a row's name at its upper left and a note at its upper right, above the data, in axes coordinates."""
    # matplotlib's keywords, each of its type
    where: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center", "parse_math": False}
    axes.text(0.006, -row + 0.85, shorten(label, _LABEL), ha="left", fontweight="bold", bbox=_BEHIND, **where)
    axes.text(0.994, -row + 0.85, right, ha="right", color=colour, **where)
    axes.axhline(-row + 1.02, color=RULE, linewidth=0.8, zorder=0)


def _beyond(values: NDArray[np.float64], window: tuple[float, float], unit: str) -> list[str]:
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
    raw: NDArray[np.float64],
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
    with drawing():
        drawn = figure(0.62 + 0.56 * (len(rows) + 1))
        axes = drawn.add_axes((0.01, 0.52 / drawn.get_figheight(), 0.98, 1 - 0.58 / drawn.get_figheight()))
        axes.set(xlim=window, ylim=(-len(rows) - 0.02, 1.02), yticks=[])
        if spread:
            axes.axvspan(centre - spread, centre + spread, color=BAND, linewidth=0, zorder=0)
        if chi is not None:
            axes.axvline(centre, color=RAW, linewidth=0.9, linestyle=(0, (4, 2)), zorder=1)
        _header(axes, 0, "raw", _missing(raw), FAINT)
        _ridge(axes, shown, edges, 0.14, RAW, True, not discrete and shown.size <= _MOST_STROKES)
        for position, row in enumerate(rows, start=1):
            values = _finite(row.values)
            notes = [*_beyond(row.values[np.isfinite(row.values)], window, unit), _missing(row.values), row.verdict]
            _header(axes, position, row.label, " · ".join(note for note in notes if note), COLOURS[row.verdict])
            _ridge(axes, values, edges, 0.14 - position, COLOURS[row.verdict], True, not discrete and values.size <= _MOST_STROKES)
            _ridge(axes, _finite(row.raw), edges, 0.14 - position, FAINT, False)
            if row.chi is not None and window[0] <= row.chi <= window[1]:
                axes.plot([row.chi, row.chi], [0.1 - position, 0.7 - position], color=INK, linewidth=1.2)
        _x_axis(axes, quantity, unit)
        _full_numbers(axes)
        return to_svg(drawn, name, title)


def _full_numbers(axes: Axes) -> None:
    """Write ticks out: a common offset or power of ten at the axis' end is overlooked. None at the edges, which would cut it."""
    from matplotlib.ticker import MaxNLocator, ScalarFormatter

    if 1e-4 <= max(map(abs, axes.get_xlim())) < 1e9:
        written = ScalarFormatter(useOffset=False)
        written.set_scientific(False)
        axes.xaxis.set_major_formatter(written)
        axes.xaxis.set_major_locator(MaxNLocator(7, prune="both"))


def _missing(values: NDArray[np.float64]) -> str:
    lost = values.size - int(np.isfinite(values).sum())
    return f"{lost} of {values.size} undefined" if lost else ""


def _x_axis(axes: Axes, quantity: str, unit: str) -> None:
    label = unit_label(unit)
    axes.set_xlabel(shorten(f"{quantity} / {label}" if label else quantity, 90), parse_math=False)
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="x", length=3)


# --- scores -----------------------------------------------------------------------------------------------------------
def _score_axis(axes: Axes, values: Sequence[float], limits: Sequence[float]) -> str:
    """Set limits and ticks: linear, or logarithmic beyond twice the limit when scores are far apart, which the note says."""
    linear = 2 * max([*limits, 0.5])
    farthest = max([linear, *(abs(value) for value in values)])
    if farthest <= 10 * linear:
        low, high = min([*values, -1.25 * linear / 2]), max([*values, 1.25 * linear / 2])
        axes.set_xlim(low - 0.06 * (high - low), high + 0.06 * (high - low))
        return ""
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    axes.set_xscale("symlog", linthresh=linear, linscale=1.0)
    low = min([*values, -linear])
    high = max([*values, linear])
    axes.set_xlim(low * 3 if low < -linear else -linear * 1.15, high * 3 if high > linear else linear * 1.15)
    top = math.floor(math.log10(farthest))
    bottom = math.ceil(math.log10(linear) + 0.2)
    decades = [10.0**power for power in range(bottom, top + 1, max(1, (top - bottom) // 4 + 1))]
    inner = max(limits, default=linear / 2)
    centre = [-inner, 0.0, inner] if top <= 6 else [0.0]  # on a longer axis the three would overlap
    ticks = [-value for value in reversed(decades)] + centre + decades
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter(FixedFormatter([given(tick, 3) or "" for tick in ticks]))
    axes.xaxis.set_minor_locator(NullLocator())
    return f" (axis logarithmic beyond ±{given(linear, 3)})"


def _clipped(value: float) -> float:
    return max(-_DRAWN, min(_DRAWN, value))


def _hint(score: ScoreMark) -> str:
    """Return what a reader learns who points at a mark."""
    ends = f" [{given(score.low, 4)}, {given(score.high, 4)}]" if score.low is not None and score.high is not None else ""
    where = f"{score.label}, {score.name}" if score.name else score.label
    limit = f", limit ±{given(score.limit, 3)}" if score.limit is not None else ""
    return f"{where}: ε̂ = {given(score.epsilon_hat, 4)}{ends}{limit}, {score.verdict}"


def _draw_scores(axes: Axes, placed: Sequence[tuple[float, ScoreMark, str]]) -> None:
    """Draw scores at their heights: lines and rings of one colour are one artist, since hundreds of artists take seconds."""
    for height, score, _ in placed:
        if score.epsilon_hat is None:
            axes.text(0.0, height, "ε̂ undefined", va="center", ha="center", color=COLOURS[score.verdict])
    placed = [entry for entry in placed if entry[1].epsilon_hat is not None]
    verdicts = list(dict.fromkeys(score.verdict for _, score, _ in placed))
    for verdict in verdicts:
        colour, of_verdict = COLOURS[verdict], [(height, score) for height, score, _ in placed if score.verdict == verdict]
        guards = [(height, _guards(score)) for height, score in of_verdict if score.guard is not None and score.guard > 0]
        _draw_lines(axes, guards, color=colour, linewidth=0.7, linestyle=(0, (1.5, 1.2)), markersize=3.5, markeredgewidth=0.7)
        intervals = [(height, [score.low, score.high]) for height, score in of_verdict if score.low is not None and score.high is not None]
        _draw_lines(axes, intervals, color=colour, linewidth=1.6, markersize=6, markeredgewidth=1.2)
    rings = [(_clipped(score.epsilon), height) for height, score, _ in placed if score.epsilon is not None]
    if rings:
        axes.plot(*zip(*rings, strict=True), color=FAINT, marker="o", markersize=4, markerfacecolor="none", linestyle="none")
    for height, score, gid in placed:
        colour = COLOURS[score.verdict]
        face = "white" if score.verdict == "INCONCLUSIVE" else colour
        # A cross of its interval's colour would vanish in it. These are matplotlib's keywords, each of its type.
        edge: dict[str, Any] = {"markersize": 8, "markeredgecolor": "white", "markeredgewidth": 0.8} if score.verdict == "FAIL" else {}
        mark = {"color": colour, "marker": MARKERS[score.verdict], "markersize": 6, "markerfacecolor": face, "linestyle": "none", **edge}
        axes.plot([_clipped(score.epsilon_hat or 0.0)], [height], gid=gid, **mark)


def _draw_lines(axes: Axes, lines: Sequence[tuple[float, Sequence[float]]], **style: Any) -> None:  # matplotlib's keywords
    """Draw horizontal lines from end to end, with a short stroke at each end."""
    if not lines:
        return
    ends = np.array([[_clipped(end) for end in reach] for _, reach in lines])
    heights = np.array([height for height, _ in lines])
    stroke = {"markersize": style.pop("markersize"), "markeredgewidth": style.pop("markeredgewidth")}
    gaps = np.column_stack([ends, np.full(len(lines), np.nan)]).ravel()
    axes.plot(gaps, np.repeat(heights, 3), solid_capstyle="butt", **style)
    axes.plot(ends.ravel(), np.repeat(heights, 2), color=style["color"], linestyle="none", marker="|", **stroke)


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
    hints: dict[str, str] = {}
    limits = [score.limit for score in scores if score.limit is not None and 0 < score.limit < _DRAWN]
    values = [
        _clipped(value)
        for score in scores
        for value in (score.epsilon_hat, score.low, score.high, score.epsilon, *_guards(score))
        if value is not None
    ]
    heights = {label: 0.52 + 0.24 * (sum(score.label == label for score in scores) - 1) for label in labels}  # inches
    total = sum(heights.values())
    with drawing():
        drawn = figure(0.8 + total)
        axes = drawn.add_axes((0.01, 0.52 / drawn.get_figheight(), 0.70 if several else 0.84, total / drawn.get_figheight()))
        axes.set(ylim=(-total, 0.0), yticks=[])
        note_of_axis = _score_axis(axes, values, limits)
        common = len(set(limits)) == 1
        if common:
            axes.axvspan(-limits[0], limits[0], color=BAND, linewidth=0, zorder=0)
            for end in (-limits[0], limits[0]):
                axes.axvline(end, color=RAW, linewidth=1.0, linestyle=(0, (4, 2)), zorder=1)
                sign = "−" if end < 0 else "+"
                axes.text(end, 0.05, f"{sign}limit", ha="right" if end < 0 else "left", va="bottom", color=FAINT, fontsize=8.5)
        axes.axvline(0.0, color="#9aa0aa", linewidth=0.7, zorder=1)
        top = 0.0
        placed: list[tuple[float, ScoreMark, str]] = []
        transform = axes.get_yaxis_transform()
        for label in labels:
            axes.axhline(top, color=RULE, linewidth=0.8, zorder=0)
            # matplotlib's keywords, each of its type
            text: dict[str, Any] = {"transform": transform, "va": "center", "ha": "left", "parse_math": False}
            axes.text(0.006, top - 0.13, shorten(label, _LABEL), fontweight="bold", bbox=_BEHIND, **text)
            for position, score in enumerate(score for score in scores if score.label == label):
                height = top - 0.36 - 0.24 * position
                gid = f"hint-{len(hints)}"
                placed.append((height, score, gid))
                if score.epsilon_hat is not None:
                    hints[gid] = _hint(score)
                image = shorten(score.name or f"image {score.image + 1}", _IMAGE)
                note = f"{image}  {score.verdict}" if several else score.verdict
                axes.text(1.012, height, note, transform=transform, va="center", ha="left", color=COLOURS[score.verdict], fontsize=8.5)
                if not common and score.limit is not None:
                    for end in (-_clipped(score.limit), _clipped(score.limit)):
                        axes.plot([end, end], [height - 0.1, height + 0.1], color=RAW, linewidth=1.0)
            top -= heights[label]
        _draw_scores(axes, placed)
        _x_axis(axes, f"ε̂ = mean(D) / σ_raw{note_of_axis}", "1")
        return to_svg(drawn, name, title, hints)


# --- camera -----------------------------------------------------------------------------------------------------------
def _scalar(camera: CameraRow, name: str) -> float | None:
    return camera.scalars[name].value if name in camera.scalars else None


def _measured_curve(axes: Axes, camera: CameraRow, levels: LevelsRow) -> None:
    mean, variance = (np.asarray(column, dtype=np.float64) for column in (levels.mean_dn, levels.variance_dn2))
    error = np.asarray(levels.variance_se_dn2 or [None] * mean.size, dtype=np.float64)
    used = np.asarray(levels.used or [True] * mean.size, dtype=bool)
    for chosen, face, label in ((used, COLOURS["PASS"], "level used in the fit"), (~used, "white", "level not used")):
        if chosen.any():
            bars = np.where(np.isfinite(error[chosen]), error[chosen], 0.0)
            axes.errorbar(
                mean[chosen],
                variance[chosen],
                yerr=bars,
                fmt="o",
                markersize=4.5,
                color=COLOURS["PASS"],
                markerfacecolor=face,
                elinewidth=0.9,
                label=label,
                linestyle="none",
            )
    start, floor = (camera.dark.mean_dn, camera.dark.variance_dn2) if camera.dark else (None, None)
    if start is not None and floor is not None:
        axes.plot([start], [floor], marker="s", markersize=5.5, color=RAW, linestyle="none", label="dark level", clip_on=False)
    gain = _scalar(camera, "gain")
    if gain is not None and start is not None and floor is not None and mean.size:
        ends = np.array([start, float(np.nanmax(mean[used] if used.any() else mean))])
        error_of_gain = camera.scalars["gain"].se
        label = f"fit, K = {measured(gain, error_of_gain)} DN/e⁻"
        curve = np.asarray(levels.model_dn2, dtype=np.float64)
        if curve.size == mean.size and (shown := np.isfinite(curve)).any():
            axes.plot(np.r_[start, mean[shown]], np.r_[floor, curve[shown]], color=COLOURS["FAIL"], linewidth=1.4, label=label, zorder=1)
        else:
            axes.plot(ends, floor + gain * (ends - start), color=COLOURS["FAIL"], linewidth=1.4, label=label, zorder=1)
    axes.set_xlabel("mean grey value / DN")
    axes.set_ylabel("temporal variance / DN²")
    axes.set_ylim(bottom=0.0)


def _stated_curve(axes: Axes, camera: CameraRow) -> bool:
    """Draw total noise against signal from K and σ_r; return False when the profile does not hold them."""
    gain, noise = _scalar(camera, "gain"), _scalar(camera, "read_noise")
    top = (camera.valid_range_dn or (None, None))[1] or 2.0 ** min(camera.bits or 16, _MOST_BITS)
    offset = _scalar(camera, "offset") or 0.0
    if not gain or noise is None or gain <= 0 or not 0 < (top - offset) < _DRAWN or not (abs(gain) < 1e12 and abs(noise) < 1e12):
        return False
    signal = np.geomspace(min(0.1, (top - offset) / 10), top - offset, 200)
    floor = gain**2 * noise**2 + 1 / 12
    axes.loglog(signal, np.sqrt(gain * signal + floor), color=COLOURS["PASS"], linewidth=1.8, label="√V, all noise")
    axes.loglog(signal, np.sqrt(gain * signal), color=FAINT, linewidth=1.0, linestyle=(0, (4, 2)), label="photon noise √(K·signal)")
    axes.axhline(math.sqrt(floor), color=RAW, linewidth=1.0, linestyle=(0, (1, 1.5)), label="noise in the dark √(K²σ_r² + 1/12)")
    _decades(axes)
    axes.set_xlabel("signal above offset m − o / DN")
    axes.set_ylabel("temporal noise √V / DN")
    axes.set_title("Model curve from stated values — nothing was measured", fontsize=10, color=COLOURS["FAIL"], y=1.0)
    return True


def _decades(axes: Axes) -> None:
    """Write the powers of ten of two logarithmic axes, and draw the ticks between them together: matplotlib makes five artists of each."""
    from matplotlib.lines import Line2D
    from matplotlib.markers import TICKDOWN, TICKLEFT
    from matplotlib.ticker import FuncFormatter, NullLocator

    limits, transforms = (axes.get_xlim(), axes.get_ylim()), (axes.get_xaxis_transform(), axes.get_yaxis_transform())
    for axis, (low, high), transform, marker in zip((axes.xaxis, axes.yaxis), limits, transforms, (TICKDOWN, TICKLEFT), strict=True):
        axis.set_major_formatter(FuncFormatter(_power_of_ten))
        axis.set_minor_locator(NullLocator())
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)))
        between = [tick for power in powers for step in range(2, 10) if low <= (tick := step * 10.0**power) <= high]
        at, edge = np.asarray(between), np.zeros(len(between))
        x, y = (at, edge) if axis is axes.xaxis else (edge, at)
        ticks = Line2D(x, y, transform=transform, marker=marker, markersize=2, markeredgewidth=0.6, linestyle="none", color="#4b5058")
        axes.add_artist(ticks).set_clip_on(False)


def _power_of_ten(value: float, _: int | None = None) -> str:
    """Return a tick of a logarithmic axis, such as 10²: as text, since matplotlib's formulas take longer than the figure."""
    return f"10{str(round(math.log10(value))).replace('-', '⁻').translate(_RAISED)}"


def camera_plot(camera: CameraRow | Mapping[str, Any], name: str = "camera") -> str:
    """Return the photon-transfer curve of a camera: levels with ±1 SE, the dark level and the fit of K.

    σ²_y = σ²_y.dark + K (μ_y − μ_y.dark). Without levels (a camera from stated values) the model curve √V(m) is drawn
    and says so; "" when there is nothing to draw.

    camera : its row, or what `CameraProfile.summary` returns. name : prefix of the figure's ids.

    Raises
    ------
    InvalidRecord : the summary's scalars or levels are malformed.
    Reference: EMVA 1288 r4.0, photon transfer; formula 1.
    """
    row = camera_of(camera)
    levels = row.levels if row.calibrated and row.levels and row.levels.mean_dn else None
    with drawing():
        drawn = figure(4.1)
        axes = drawn.add_axes((0.115, 0.125, 0.865, 0.8))
        if levels is not None:
            _measured_curve(axes, row, levels)
        elif not _stated_curve(axes, row):
            return ""
        axes.grid(color=GRID, linewidth=0.7)
        axes.set_axisbelow(True)
        axes.legend(loc="upper left", frameon=False, fontsize=8.5)
        for side in ("right", "top"):
            axes.spines[side].set_visible(False)
        measured_levels = "Photon-transfer curve: temporal variance against mean grey value"
        return to_svg(drawn, name, "Noise model from stated values, not measured" if levels is None else measured_levels)
