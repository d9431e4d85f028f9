"""Figures of the studies of in-silico labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.reports.svg import drawing, figure
from sigmaraw.virtual.dic import DicScene

Plane = NDArray[Any]


def stains(scene: DicScene, predicted: Plane, gfp: Plane) -> Any:
    """Return DIC, and red ER, green GFP, blue nuclei of the true and of the predicted stains in one picture each."""
    probability = 1 / (1 + np.exp(-gfp.astype(np.float64)))
    true = _composite(scene.stains["er"], scene.stains["gfp"], scene.stains["nuclei"])
    found = _composite(predicted[1], probability, predicted[0])
    found[..., 1] = probability  # from 0 to 1 as it is: stretched, a field without a cell would be green
    return _row({"DIC": scene.dic, "true stains": true, "predicted stains": found}, 2.7)


def seams(whole: Plane, without: Plane, bordered: Plane) -> Any:
    """Return predictions of nuclei: whole, by tiles without a border, and with one."""
    return _row({"whole": whole, "tiles, b = 0": without, "tiles, b = 12 px": bordered}, 2.7)


def _row(images: Mapping[str, Plane], height: float) -> Any:
    with drawing():
        made = figure(height, 7.2)
        made.set_layout_engine("constrained")
        for axes, (title, image) in zip(made.subplots(1, len(images)), images.items(), strict=True):
            axes.imshow(image, cmap="gray", interpolation="nearest")
            axes.set_title(title, fontsize=9)
            axes.set_axis_off()
    return made


def _composite(*channels: Plane) -> NDArray[np.float64]:
    limits = [np.percentile(channel, (2, 99.5)) for channel in channels]
    scaled = [(channel - low) / max(high - low, 1e-9) for channel, (low, high) in zip(channels, limits, strict=True)]
    return np.clip(np.stack(scaled, axis=-1), 0, 1)


def scatter(truth: Sequence[Mapping[str, float]], found: Sequence[Mapping[str, float]]) -> Any:
    """Return each measurement in the predicted stain against that in the true one, a point an image."""
    with drawing():
        made = figure(2.4, 9.0)
        made.set_layout_engine("constrained")
        for axes, name in zip(made.subplots(1, len(truth[0])), truth[0], strict=True):
            axes.plot([row[name] for row in truth], [row[name] for row in found], "o", ms=3, alpha=0.6)
            if name in ("count", "area"):  # intensities of a predicted stain are in another unit
                axes.axline((0, 0), slope=1, color="#8a8f98", lw=0.8)
            axes.set_title(name, fontsize=9)
            axes.locator_params(axis="x", nbins=3)  # numbers of six digits stand side by side
            axes.set_xlabel("true stain")
        made.axes[0].set_ylabel("predicted stain")
    return made


def stability(losses: Mapping[str, Mapping[str, float]]) -> Any:
    """Return the PCC loss under each corruption, a bar a network."""
    with drawing():
        made = figure(2.8, 7.2)
        made.set_layout_engine("constrained")
        axes = made.subplots()
        for k, (name, rows) in enumerate(losses.items()):
            axes.bar(np.arange(len(rows)) + 0.4 * k - 0.2, list(rows.values()), 0.38, label=name)
        axes.set_xticks(range(len(rows)), [spec.replace(" ", "\n") for spec in rows], fontsize=8)
        axes.set_ylabel("PCC loss")
        axes.legend(frameon=False, fontsize=8)
    return made


def matrix(r: Mapping[str, Sequence[float]], columns: Sequence[str]) -> Any:
    """Return r by what a network was trained at (row) and tested at (column)."""
    with drawing():
        made = figure(2.8, 4.6)
        made.set_layout_engine("constrained")
        axes = made.subplots()
        table = np.array(list(r.values()))
        axes.imshow(table, cmap="Blues", vmin=min(0.0, table.min()), vmax=1, aspect="auto")
        for (row, column), value in np.ndenumerate(table):
            axes.text(column, row, f"{value:.3f}", ha="center", va="center", color="white" if value > 0.6 else "black")
        axes.set_xticks(range(len(columns)), columns)
        axes.set_yticks(range(len(r)), list(r))
        axes.set_xlabel("tested at magnification")
        axes.set_ylabel("trained at")
    return made
