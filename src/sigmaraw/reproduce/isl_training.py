"""What the studies of in-silico labels share: fields of cells, small networks, measurements of true and predicted stains."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.pipelines.found import of_mask
from sigmaraw.pipelines.preparation import prepare
from sigmaraw.pipelines.stain import segmented
from sigmaraw.pipelines.unet import UNet, UNetDescription
from sigmaraw.reproduce.correlation import correlation
from sigmaraw.training.arrays import Floats, fit
from sigmaraw.training.config import TrainingPart
from sigmaraw.virtual.dic import DicScene, dic_scene

WIDTHS = (8, 12, 16)
TILE = 48
LEAST = 12
"""Smallest object, px."""
MEASURED = ("count", "area", "total intensity", "mean intensity")


def fields(count: int, key: Sequence[int], shape: tuple[int, int] = (96, 96), scale: float = 1.0) -> list[DicScene]:
    """Return fields with 1 to 10 cells for each 96 × 96 px at scale 1, every number equally likely."""
    random = np.random.default_rng(list(key))
    most = 10 * shape[0] * shape[1] / 96**2 / scale**2
    return [dic_scene(shape, int(random.integers(1, max(round(most), 3) + 1)), int(random.integers(2**62)), scale) for _ in range(count)]


def inputs(images: Sequence[NDArray[np.integer]]) -> Floats:
    """Return images as a network's input (image, 1, y, x): 002 normalises to 0 … 1."""
    return np.stack([prepare(image, "minmax") for image in images])[:, None]


def targets(scenes: Sequence[DicScene], names: Sequence[str]) -> Floats:
    """Return stains as targets (image, stain, y, x)."""
    return np.stack([np.stack([prepare(scene.stains[name], "percentile") for name in names]) for scene in scenes])


def part(loss: str, steps: int) -> TrainingPart:
    """Return how these networks are trained."""
    return TrainingPart(loss=loss, epochs=1, steps=steps, batch=4, tile=TILE, learning_rate=0.004, schedule="poly", threads=1)


def network(seen: Floats, wanted: Floats, task: Any, loss: str, steps: int, seed: int, progress: Callable[[], None]) -> UNet:
    """Return a small U-Net trained from `seen` to `wanted`."""
    described = UNetDescription(2, WIDTHS, "none", "relu", outputs=wanted.shape[1])
    return fit(seen, wanted, described, part(loss, steps), task, seed, progress)


def measured(stain: NDArray[Any], mask: NDArray[np.bool_] | None = None) -> dict[str, float]:
    """Return count, area (px), total and mean intensity of the objects in a stain, by Otsu's threshold or in a given mask."""
    found = of_mask(segmented(stain, "otsu", 0.0, 0, 0.0) if mask is None else mask, LEAST, 8)
    inside = found.labels > 0
    total = float(stain[inside].sum(dtype=np.float64))
    values = (found.count, inside.sum(), total, total / inside.sum() if inside.any() else 0.0)
    return dict(zip(MEASURED, map(float, values), strict=True))


def correlations(truth: Sequence[Mapping[str, float]], found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return Pearson's r over images, by measurement; 0 where one of the two does not vary."""
    return {name: correlation([row[name] for row in truth], [row[name] for row in found]) for name in truth[0]}
