"""Where labels of vesicles come from: the classical pipeline (weak labels), and people who correct (few, and not alike)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sigmaraw.pipelines.classical.cip import CipPipeline
from sigmaraw.virtual.vesicles import VesicleImage

Labels = NDArray[np.uint8]
EXPERTS = (-1, 0, 0, 1)
"""By how many pixels each of four experts draws outlines too far out."""
MISSED, CONFUSED = 0.05, 0.03
"""Shares of the vesicles that an expert overlooks, and that he gives the other class."""


def conventional(image: NDArray[np.uint16]) -> Labels:
    """Return the classes of an image (channel, y, x) by the classical pipeline: a vesicle that half shows in green is a phagophore."""
    from scipy import ndimage

    pipeline = CipPipeline()
    red, green = (pipeline.mask(channel) for channel in image)
    objects, count = ndimage.label(red | green, np.ones((3, 3)))
    in_green = np.atleast_1d(ndimage.mean(green, objects, np.arange(1, count + 1))) if count else np.zeros(0)
    kinds = np.concatenate([[0], np.where(in_green >= 0.5, 1, 2)]).astype(np.uint8)
    found: Labels = kinds[objects]
    return found


def corrected(scene: VesicleImage, expert: int, random: np.random.Generator) -> Labels:
    """Return the labels of an image as an expert draws them: outlines too far in or out, and some vesicles missed or confused."""
    from scipy import ndimage

    drawn = np.zeros_like(scene.labels)
    for number in range(1, int(scene.objects.max()) + 1):
        inside = scene.objects == number
        label = int(scene.labels[inside].max())
        chance = random.random()
        if chance < MISSED:
            continue
        if chance < MISSED + CONFUSED:
            label = 3 - label
        moved = (
            ndimage.binary_dilation(inside) if EXPERTS[expert] > 0 else ndimage.binary_erosion(inside) if EXPERTS[expert] < 0 else inside
        )
        drawn[moved if moved.any() else inside] = label
    return drawn
