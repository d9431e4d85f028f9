"""Reconstructed CT volumes with known truth: the six classes of `organs`, with organs and vessels that run on from slice to slice."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidOption
from sigmaraw.virtual.organs import LEVELS_HU, STORED, fill_ellipse

SCALE = 16
"""Stored levels per HU of a 16 bit volume."""


@dataclass(frozen=True)
class OrganVolume:
    """One volume.

    Parameters
    ----------
    image : ndarray of uint16
        (z, y, x), 16·(HU + 1024), 16 bit.
    labels : ndarray of uint8
        (z, y, x), the class of each voxel: a number in `CLASSES`.
    """

    image: NDArray[np.uint16]
    labels: NDArray[np.uint8]


def organ_volume(
    shape: tuple[int, int, int] = (24, 128, 128), seed: int = 0, noise_hu: float = 8.0, texture_hu: float = 8.0, vessels: int = 40
) -> OrganVolume:
    """Return a piece of a trunk: lungs with vessels, organs, ribs that slant and a spine, in fat and muscle.

    Parameters
    ----------
    shape : tuple of int, optional
        (z, y, x), at least 8 slices of 64 × 64 px.
    seed : int, default 0
        Decides places, shapes, texture and noise.
    noise_hu : float, default 8.0
        Standard deviation of the noise, correlated over neighbours in three dimensions as a cone beam's reconstruction is, HU.
    texture_hu : float, default 8.0
        Standard deviation of what varies inside a class, over about 3 px, HU.
    vessels : int, default 40
        Tubes of 1 to 4 px radius that wind through the slices.

    Raises
    ------
    InvalidOption
        A smaller shape.
    """
    from scipy.ndimage import gaussian_filter

    if len(shape) != 3 or shape[0] < 8 or min(shape[1:]) < 64:
        raise InvalidOption(f"shape={shape}", "(z, y, x), at least 8 slices of 64 × 64 px", "give such a shape")
    random = np.random.default_rng([seed, 0xC7F])
    labels = _Trunk(random, shape, vessels).labels()
    mean = gaussian_filter(np.take(LEVELS_HU, labels), 0.6)
    grain, noise = (gaussian_filter(random.standard_normal(shape), width) for width in (2.5, 0.7))
    value = mean + texture_hu * grain / grain.std() * (labels > 0) + noise_hu * noise / noise.std()
    return OrganVolume(np.clip(np.rint(SCALE * (value + STORED)), 0, 65535).astype(np.uint16), labels)


class _Trunk:
    """Outlines of one trunk, drawn slice by slice; lengths are shares of the slice's sides."""

    def __init__(self, random: np.random.Generator, shape: tuple[int, int, int], vessels: int) -> None:
        self.shape = shape
        y, x = np.ogrid[: shape[1], : shape[2]]
        self.y, self.x = (y - shape[1] / 2) / shape[1], (x - shape[2] / 2) / shape[2]
        self.wobble = random.uniform(0.95, 1.05, 8)
        self.phase = random.uniform(0, 2 * math.pi, 2)
        self.vessels = [
            (
                random.uniform((-0.24, -0.34), (0.24, 0.34)),  # middle at z = 0, (y, x)
                random.normal(0, 0.15, 2),  # drift over the volume
                random.uniform(0, 2 * math.pi, 2),
                random.uniform(1, 4),  # radius, px
            )
            for _ in range(vessels)
        ]

    def labels(self) -> NDArray[np.uint8]:
        """Return the class of each voxel, (z, y, x)."""
        made = np.zeros(self.shape, np.uint8)
        for z, each in enumerate(made):
            self._slice(each, z / self.shape[0])
        return made

    def _slice(self, labels: NDArray[np.uint8], at: float) -> None:
        swell = 1 + 0.06 * np.sin(2 * math.pi * at + self.phase)
        w = self.wobble
        ellipse = functools.partial(fill_ellipse, labels, self.y, self.x)
        ellipse("fat", (0, 0), (0.36 * w[0], 0.46 * w[1]))
        ellipse("muscle", (0, 0), (0.31 * w[0], 0.41 * w[1]))
        for side in (-1, 1):
            ellipse("lung", (-0.07, side * 0.2), (0.16 * w[2] * swell[0], 0.11 * w[3] * swell[0]), side * 0.3)
            ellipse("organ", (0.16, side * 0.2), (0.06 * w[4] * swell[1], 0.09 * w[5] * swell[1]), side * 0.5)
        ellipse("bone", (0.22, 0), (0.045, 0.045))
        for angle in np.linspace(0, 2 * math.pi, 14, endpoint=False) + 0.15 + 0.4 * at:  # ribs
            ellipse("bone", (0.325 * math.sin(angle), 0.43 * math.cos(angle)), (0.012, 0.03), -float(angle))
        for middle, drift, phase, radius in self.vessels:
            centre = middle + drift * at + 0.02 * np.sin(4 * math.pi * at + phase)
            ellipse("organ", (float(centre[0]), float(centre[1])), (radius / self.shape[1], radius / self.shape[2]))
