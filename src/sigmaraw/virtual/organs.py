"""Reconstructed CT slices with known truth: six classes of tissue in Hounsfield-like numbers, with texture and noise."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidOption

CLASSES = ("air", "lung", "fat", "muscle", "organ", "bone")
LEVELS_HU = (-1000.0, -760.0, -100.0, 50.0, 220.0, 750.0)
"""Mean of each class, HU."""
STORED = 1024
"""Added to HU, so that slices are 12 bit integers."""


@dataclass(frozen=True)
class Slice:
    """One slice.

    Parameters
    ----------
    image : ndarray of uint16
        (y, x), HU + 1024, 12 bit.
    labels : ndarray of uint8
        (y, x), the class of each pixel: a number in `CLASSES`.
    """

    image: NDArray[np.uint16]
    labels: NDArray[np.uint8]


def organ_slice(
    shape: tuple[int, int] = (256, 256),
    seed: int = 0,
    noise_hu: float = 12.0,
    texture_hu: float = 10.0,
    levels_hu: Sequence[float] = LEVELS_HU,
) -> Slice:
    """Return a slice through a trunk: lungs, organs, vessels of 1 to 4 px radius, ribs and a spine, in fat and muscle.

    Parameters
    ----------
    shape : tuple of int
        (y, x), at least 64 px each.
    seed : int, default 0
        Decides places, shapes, texture and noise.
    noise_hu : float, default 12.0
        Standard deviation of the noise, correlated over neighbours as a reconstruction's is, HU.
    texture_hu : float, default 10.0
        Standard deviation of what varies inside a class, over about 3 px, HU.
    levels_hu : sequence of float, optional
        Mean of each class, HU; by default `LEVELS_HU`.

    Raises
    ------
    InvalidOption
        A smaller shape, or another number of levels.
    """
    from scipy.ndimage import gaussian_filter

    if min(shape) < 64:
        raise InvalidOption(f"shape={shape}", "at least 64 px a side", "give such a shape")
    if len(levels_hu) != len(CLASSES):
        raise InvalidOption(f"{len(levels_hu)} levels", f"{len(CLASSES)}, one for each class", "correct levels_hu")
    random = np.random.default_rng([seed, 0xC7])
    y, x = np.mgrid[: shape[0], : shape[1]]
    y, x = (y - shape[0] / 2) / shape[0], (x - shape[1] / 2) / shape[1]
    labels = np.zeros(shape, np.uint8)
    ellipse = functools.partial(fill_ellipse, labels, y, x)
    wobble = random.uniform(0.95, 1.05, 12)
    ellipse("fat", (0, 0), (0.36 * wobble[0], 0.46 * wobble[1]))
    ellipse("muscle", (0, 0), (0.31 * wobble[0], 0.41 * wobble[1]))
    for side in (-1, 1):
        ellipse("lung", (-0.07, side * 0.2), (0.16 * wobble[2], 0.11 * wobble[3]), side * 0.3)
        ellipse("organ", (0.16, side * 0.2), (0.06 * wobble[4], 0.09 * wobble[5]), side * 0.5)
    ellipse("bone", (0.22, 0), (0.045, 0.045))
    for angle in np.linspace(0.15, 2 * math.pi + 0.15, 14, endpoint=False):  # ribs
        ellipse("bone", (0.325 * math.sin(angle), 0.43 * math.cos(angle)), (0.012, 0.03), -angle)
    for _ in range(34):  # vessels, from 1 to 4 px radius
        radius = random.uniform(1, 4)
        centre = random.uniform(-0.24, 0.24), random.uniform(-0.34, 0.34)
        ellipse("organ", centre, (radius / shape[0], radius * random.uniform(1, 3) / shape[1]), random.uniform(0, math.pi))
    mean = gaussian_filter(np.take(levels_hu, labels), 0.6)  # the reconstruction's own blur
    grain, noise = (gaussian_filter(random.standard_normal(shape), width) for width in (3.0, 0.7))
    value = mean + texture_hu * grain / grain.std() * (labels > 0) + noise_hu * noise / noise.std()
    return Slice(np.clip(np.rint(value + STORED), 0, 4095).astype(np.uint16), labels)


def fill_ellipse(
    labels: NDArray[np.uint8],
    y: NDArray[np.float64],
    x: NDArray[np.float64],
    name: str,
    centre: tuple[float, float],
    radii: tuple[float, float],
    angle: float = 0.0,
) -> None:
    """Give the pixels (y, x) in an ellipse a class of `CLASSES`; places and radii are in the unit of y and x, angle in rad."""
    u, v = y - centre[0], x - centre[1]
    a, b = math.cos(angle) * u + math.sin(angle) * v, -math.sin(angle) * u + math.cos(angle) * v
    labels[(a / radii[0]) ** 2 + (b / radii[1]) ** 2 <= 1] = CLASSES.index(name)
