"""Figures of a camera's datasheet: residuals of the transfer model, spectrograms, profiles, histograms, defects. Drawing only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sigmaraw.record.camera import CameraRow, DefectsRow, FiguresRow, LevelsRow, PatternRow
from sigmaraw.reports.svg import BAND, COLOURS, FAINT, GRID, RAW, drawing, figure, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLES = {"dsnu": "DSNU", "prnu": "PRNU"}
UNITS = {"dsnu": "e⁻", "prnu": "%"}
# Shape and colour: a class is told by either.
_CLASSES = {
    "hot": ("^", "#b4443a"),
    "rts": ("o", "#7a4fa3"),
    "dead": ("s", "#222831"),
    "clipped": ("v", "#c98a1b"),
    "correlated": ("D", "#1f7a6d"),
    "unfit": ("s", "#b4443a"),
}
_LINES, _COLUMNS = COLOURS["PASS"], COLOURS["FAIL"]


def residual_plot(camera: CameraRow) -> str:
    """Return the residuals of the photon-transfer fit in standard errors against the mean; "" where the profile has none."""
    levels = camera.levels or LevelsRow()
    mean, residual = (np.asarray(column, dtype=np.float64) for column in (levels.mean_dn, levels.residual_se))
    shown = np.isfinite(residual)
    if mean.size != residual.size or not shown.any():
        return ""
    with drawing():
        drawn = figure(2.3)
        axes = drawn.add_axes((0.115, 0.22, 0.865, 0.72))
        axes.axhspan(-2, 2, color=BAND, linewidth=0)
        axes.axhline(0, color=RAW, linewidth=0.8)
        axes.plot(mean[shown], residual[shown], "o", markersize=4, color=_LINES)
        _dress(axes, "mean grey value / DN", "residual / SE")
        return to_svg(drawn, "residuals", "Residuals of the photon-transfer fit in standard errors")


def pattern_plots(figures: FiguresRow) -> list[dict[str, str]]:
    """Return {title, svg, caption} of each figure that a profile's `figures()` hold."""
    found = []
    for kind, row in (("dsnu", figures.dsnu), ("prnu", figures.prnu)):
        if row is not None:
            found += [_spectrogram(kind, row), _profiles(kind, row), _histogram(kind, row)]
    if figures.defects is not None:
        found.append(_defects(figures.defects))
    return found


def _dress(axes: Axes, x: str, y: str) -> None:
    axes.set(xlabel=x, ylabel=y)
    axes.grid(color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("right", "top"):
        axes.spines[side].set_visible(False)


def _two_panels() -> tuple[Figure, Axes, Axes]:
    drawn = figure(2.7)
    return drawn, drawn.add_axes((0.125, 0.19, 0.36, 0.74)), drawn.add_axes((0.625, 0.19, 0.36, 0.74))


def _as_arrays(*columns: Sequence[float]) -> Sequence[np.ndarray]:
    return [np.asarray(column, dtype=np.float64) for column in columns]


def _spectrogram(kind: str, row: PatternRow) -> dict[str, str]:
    with drawing():
        drawn = figure(2.7)
        axes = drawn.add_axes((0.15, 0.19, 0.83, 0.68))
        ends: list[float] = []
        for pair, colour, label in (
            ((row.frequency_x, row.spectrum_x), _LINES, "along rows"),
            ((row.frequency_y, row.spectrum_y), _COLUMNS, "along columns"),
        ):
            frequency, power = _as_arrays(*pair)
            positive = (frequency > 0) & (power > 0)
            if positive.any():
                axes.plot(frequency[positive], power[positive], color=colour, linewidth=1.0, label=label)
                axes.legend(loc="lower left", bbox_to_anchor=(0, 0.98), ncols=2, frameon=False, fontsize=8.5)
                ends += [float(power[positive].min()), float(power[positive].max())]
        if ends and max(ends) > 10 * min(ends):  # within a decade a logarithmic axis has two ticks
            axes.set_yscale("log")
        _dress(axes, "spatial frequency / (1/px)", f"{TITLES[kind]} spectrum / {UNITS[kind]}")
        svg = to_svg(drawn, f"{kind}-spectrogram", f"Spectrogram of {TITLES[kind]}")
    caption = "Root mean power of the rows' and of the columns' Fourier transforms; white noise of standard deviation s is a line at s."
    return {"title": f"{TITLES[kind]} spectrogram", "svg": svg, "caption": caption}


def _profiles(kind: str, row: PatternRow) -> dict[str, str]:
    with drawing():
        drawn, left, right = _two_panels()
        for axes, profile, colour, label in ((left, row.row_profile, _LINES, "row"), (right, row.column_profile, _COLUMNS, "column")):
            (values,) = _as_arrays(profile)
            axes.plot(np.arange(values.size), values, color=colour, linewidth=0.9)
            _dress(axes, f"{label} / px", f"mean of a {label} / {UNITS[kind]}")
        svg = to_svg(drawn, f"{kind}-profiles", f"Profiles of {TITLES[kind]}: means of rows and of columns")
    return {"title": f"{TITLES[kind]} profiles", "svg": svg, "caption": "Means of rows and of columns, from the mean of all pixels."}


def _histogram(kind: str, row: PatternRow) -> dict[str, str]:
    with drawing():
        drawn, left, right = _two_panels()
        counts, edges = _as_arrays(row.histogram, row.edges)
        left.stairs(np.maximum(counts, 0.5), edges, baseline=0.5, fill=True, color=_LINES, alpha=0.75, linewidth=0)
        left.set_yscale("log")
        _dress(left, f"deviation / {UNITS[kind]}", "pixels per bin")
        distance, beyond = _as_arrays(row.beyond.distance, row.beyond.count)
        right.semilogy(distance, np.maximum(beyond, 0.5), color=FAINT, linewidth=1.2, drawstyle="steps-mid")
        _dress(right, f"|deviation| / {UNITS[kind]}", "pixels at or beyond")
        svg = to_svg(drawn, f"{kind}-histogram", f"Logarithmic and cumulative histograms of {TITLES[kind]}")
    taken = "after the mean of 5 × 5 pixels is taken off" if kind == "prnu" else "from the mean of all pixels"
    return {"title": f"{TITLES[kind]} histograms", "svg": svg, "caption": f"Logarithmic and cumulative histogram of the pixels, {taken}."}


def _defects(row: DefectsRow) -> dict[str, str]:
    height, width = row.shape
    if not row.count:
        return {"title": "Defect map", "svg": "", "caption": f"Not drawn: all {height * width} pixels are normal."}
    with drawing():
        tall = min(max(5.2 * height / width, 1.2), 6.0)
        drawn = figure(tall + 1.0)
        axes = drawn.add_axes((0.115, 0.75 / (tall + 1.0), 0.865, tall / (tall + 1.0)))
        where = np.asarray(row.positions, dtype=np.float64).reshape(-1, 2)
        classes = np.asarray(row.classes, dtype=object)
        for name in sorted(set(row.classes)):
            marker, colour = _CLASSES.get(name, ("s", _COLUMNS))
            of_class = where[classes == name]
            axes.plot(
                of_class[:, 1], of_class[:, 0], marker, markersize=3.5, color=colour, linestyle="none", label=f"{name} ({len(of_class)})"
            )
        if len(where):
            axes.legend(
                loc="upper left", bbox_to_anchor=(0, -0.11), ncols=6, frameon=False, fontsize=8.5, handletextpad=0.1, columnspacing=1
            )
        axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), aspect="equal")
        _dress(axes, "x / px", "y / px")
        svg = to_svg(drawn, "defects", f"Map of {row.count} pixels that are not normal, by class")
    listed = f"; the first {len(where)} are drawn" if len(where) < row.count else ""
    return {"title": "Defect map", "svg": svg, "caption": f"{row.count} of {height * width} pixels are not normal, by class{listed}."}
