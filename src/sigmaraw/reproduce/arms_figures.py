"""Figures of the study of arms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.reports.svg import drawing, figure
from sigmaraw.virtual.vesicles import CLASSES, VesicleImage

_COLOURS = ("#1c1f24", "#d8c21d", "#d0462b")  # background, phagophore, autolysosome


def examples(test: Sequence[VesicleImage], found: Mapping[str, Sequence[NDArray[np.integer]]]) -> Any:
    """Return two test images with their truth and what each arm finds."""
    from matplotlib.colors import ListedColormap

    colours = ListedColormap(_COLOURS)
    shown = list(range(min(2, len(test))))
    with drawing():
        made = figure(1.75 * len(shown) + 0.3, 8.0)
        made.set_layout_engine("constrained")
        grid = made.subplots(len(shown), 2 + len(found), squeeze=False)
        for row, k in zip(grid, shown, strict=True):
            row[0].imshow(_composite(test[k].image), interpolation="nearest")
            for axes, (title, labels) in zip(
                row[1:], {"truth": test[k].labels, **{arm: maps[k] for arm, maps in found.items()}}.items(), strict=True
            ):
                axes.imshow(labels, cmap=colours, vmin=0, vmax=2, interpolation="nearest")
                axes.set_title(title, fontsize=9)
            row[0].set_title("red and green", fontsize=9)
            for axes in row:
                axes.set_axis_off()
    return made


def _composite(image: NDArray[np.uint16]) -> NDArray[np.float64]:
    """Return (y, x, colour), 0 to 1."""
    low, high = np.percentile(image, (1, 99.8))
    red, green = np.clip((image - low) / max(high - low, 1), 0, 1)
    return np.stack([red, green, np.zeros_like(red)], axis=-1)


def summary(mean_iou: Mapping[str, Sequence[float]], tables: Mapping[str, Sequence[Sequence[float]]]) -> Any:
    """Return box plots of mean IoU over images, and the confusion matrix of each arm."""
    with drawing():
        made = figure(2.9, 9.0)
        made.set_layout_engine("constrained")
        first, *others = made.subplots(1, 1 + len(tables), width_ratios=[1.2, *[1] * len(tables)])
        first.boxplot(list(mean_iou.values()), tick_labels=list(mean_iou), widths=0.5)
        first.set_ylabel("mean IoU of an image")
        short = [name[:5] + "." for name in CLASSES]
        for axes, (arm, table) in zip(others, tables.items(), strict=True):
            axes.imshow(table, cmap="Blues", vmin=0, vmax=1)
            for row, values in enumerate(table):
                for column, value in enumerate(values):
                    axes.text(column, row, f"{value:.3f}", ha="center", va="center", color="white" if value > 0.5 else "black", fontsize=8)
            axes.set_xticks(range(len(CLASSES)), short, fontsize=8)
            axes.set_yticks(range(len(CLASSES)), short if arm == next(iter(tables)) else [], fontsize=8)
            axes.set_title(arm, fontsize=9)
            axes.set_xlabel("found")
        others[0].set_ylabel("true")
    return made
