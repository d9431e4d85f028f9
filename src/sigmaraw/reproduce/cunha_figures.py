"""The figures of paper 001's study of observers, in its manner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.metrics.sharpness import ms_ssim
from sigmaraw.reproduce.axes import ratio_axis

if TYPE_CHECKING:
    from sigmaraw.reproduce.cunha_observers import Readings, Setting
    from sigmaraw.statistics.observers import CodecMark, RetainedCurve

_COLOURS = {"jpeg2000": "#0b5d91", "hevc": "#00695c", "lossless": "#33373d"}
_NAMES = {"jpeg2000": "JPEG 2000", "hevc": "HEVC"}
_INTRA, _INTER, _MARK = "#a63c00", "#8a3a6b", "#33373d"


def curves(
    settings: Sequence[Setting],
    marks: Sequence[CodecMark],
    readings: Readings,
    retained: RetainedCurve,
    sections: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> Any:
    """Return Jaccard index and distance against the ratio with the observers' lines and marks, retained slices, and figure 14."""
    from sigmaraw.reports.svg import drawing, figure

    with drawing():
        made = figure(8.4, 7.2)
        made.set_layout_engine("constrained")
        axes = made.subplots(3, 2)
        for column, (name, unit) in enumerate((("Jaccard index", "1"), ("average Hausdorff distance", "px"))):
            _against_ratio(axes[0, column], settings, marks, column)
            for values, colour, who in ((readings.intra, _INTRA, "intra-observer"), (readings.inter, _INTER, "inter-observer")):
                axes[0, column].axhline(float(np.nanmean(values[column])), color=colour, lw=1, ls="--", label=who)
            ratio_axis(axes[0, column], _ratios(settings))
            axes[0, column].set_ylabel(name if unit == "1" else f"{name}, {unit}")
        made.legend(handles=_legend(axes[0, 0]), frameon=False, fontsize=8, loc="outside upper center", ncols=3)
        axes[1, 0].plot(retained.thresholds, retained.retained_percent, color="#33373d", drawstyle="steps-post")
        axes[1, 0].axvline(0.7, color="#8a8f98", lw=0.8, ls="--")
        axes[1, 0].set_xlabel("threshold on the Jaccard index")
        axes[1, 0].set_ylabel("slices retained, %")
        for kind in _NAMES:
            chosen = [each for each in settings if each.spec.startswith(kind)]
            axes[1, 1].plot([each.ratio for each in chosen], [each.texture_percent for each in chosen], "o-", color=_COLOURS[kind], ms=4)
        axes[1, 1].axhline(0, color="#8a8f98", lw=0.8)
        ratio_axis(axes[1, 1], _ratios(settings))
        axes[1, 1].set_ylabel("change of texture (wTV), %")
        for place, section, label in zip(axes[2], sections, ("number of sections", "mean area of sections, px"), strict=True):
            place.plot(section, readings.intra[0], "o", color="#0b5d91", ms=4, alpha=0.8)
            place.set_xlabel(label)
            place.set_ylabel("intra-observer Jaccard index")
        for place in axes.ravel():
            place.spines[["top", "right"]].set_visible(False)
    return made


def _against_ratio(place: Any, settings: Sequence[Setting], marks: Sequence[CodecMark], column: int) -> None:
    """Draw a curve a family: ▲ above a point that differs from intra-observer agreement, ● where it differs from inter-observer."""
    means = {mark.codec: (mark.jaccard, mark.distance)[column] for mark in marks}
    for kind, name in _NAMES.items():
        chosen = [each for each in settings if each.spec.startswith(kind)]
        if chosen:
            x, y = [each.ratio for each in chosen], [means[each.spec] for each in chosen]
            place.errorbar(
                x, y, [_se(each.scores[column]) for each in chosen], marker="s", ms=3, capsize=2, color=_COLOURS[kind], label=name
            )
    at = {each.spec: each.ratio for each in settings}
    for mark in marks:
        if mark.codec != "lossless":
            signs = (" ▲" if mark.differs_intra else "") + (" ●" if mark.differs_inter else "")
            place.annotate(signs, (at[mark.codec], means[mark.codec]), fontsize=7, color=_MARK, xytext=(2, 3), textcoords="offset points")


def _ratios(settings: Sequence[Setting]) -> list[float]:
    return [each.ratio for each in settings if each.spec.partition(":")[0] in _NAMES]


def _legend(place: Any) -> list[Any]:
    """Return the curves and lines of one panel, and the two marks of Tukey's test."""
    curves, _ = place.get_legend_handles_labels()
    marks = (("^", "differs from intra-observer"), ("o", "differs from inter-observer"))
    return [*curves, *(place.plot([], [], mark, color=_MARK, ms=5, label=label)[0] for mark, label in marks)]


def _se(values: NDArray[np.float64]) -> float:
    kept = values[np.isfinite(values)]
    return float(kept.std(ddof=1) / np.sqrt(kept.size)) if kept.size > 1 else 0.0


def pictures(raw: NDArray[np.integer], settings: Sequence[Setting], middle: int) -> Any:
    """Return one slice after each of some codecs, and under it the map of MS-SSIM against the raw slice."""
    from sigmaraw.reports.svg import drawing, figure

    low, high = np.percentile(raw[middle], (0.5, 99.5))
    span = float(raw.max()) - float(raw.min())
    with drawing():
        made = figure(3.5, 7.2)
        made.set_layout_engine("constrained")
        axes = made.subplots(2, len(settings) + 1, squeeze=False)
        axes[0, 0].imshow(raw[middle], cmap="gray", vmin=low, vmax=high)
        axes[0, 0].set_title("raw", fontsize=9)
        shown = None
        for column, each in enumerate(settings, 1):
            value, similar = ms_ssim(raw[middle], each.decoded[middle], span)
            axes[0, column].imshow(each.decoded[middle], cmap="gray", vmin=low, vmax=high)
            axes[0, column].set_title(f"{_NAMES[each.spec.partition(':')[0]]} {each.ratio:.0f}:1", fontsize=9)
            shown = axes[1, column].imshow(np.round(50 * similar) / 50, cmap="magma", vmin=0, vmax=1)  # in steps, for a small file
            axes[1, column].set_title(f"MS-SSIM {value:.3f}", fontsize=9)
        for place in axes.ravel():
            place.set_axis_off()
        if shown is not None:
            made.colorbar(shown, ax=axes[:, -1].tolist(), aspect=30, label="MS-SSIM, 1")
    return made
