"""Defocus, as a processing step: what a lens out of focus does to a point."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.processing import Processing
from sigmaraw.contracts import Parameter

_FINE = 16  # parts of a pixel's side, by which a disc's edge is averaged


class Defocus(Processing):
    """Each pixel as the mean over a disc around it; the frame is mirrored at its edges.

    The share of a pixel inside the disc is its weight, so that radii need not be whole. Radius 0 changes nothing.

    Reference: paper 002, table 9 (radii 0.5, 1, 1.5, 2, 3 px).
    """

    name = "defocus"
    parameters = (Parameter("radius", float, 1.0, minimum=0, maximum=50, unit="px", help="radius of the disc"),)
    probes = (("radius=3", "radius=1"),)

    def __init__(self, *, radius: float = 1.0) -> None:
        self.radius = radius

    def processed(self, frame: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return the blurred frame(s), DN."""
        return in_planes(frame, disc(self.radius))


def disc(radius: float) -> NDArray[np.float64]:
    """Return the kernel of a disc, (2⌈radius⌉ + 1) px a side, with sum 1.

    Parameters
    ----------
    radius : float
        Of the disc, px.
    """
    reach = math.ceil(radius)
    fine = (np.arange((2 * reach + 1) * _FINE) + 0.5) / _FINE - reach - 0.5
    inside = np.hypot(fine[:, None], fine) <= max(radius, 1.0 / _FINE)
    kernel = inside.reshape(2 * reach + 1, _FINE, 2 * reach + 1, _FINE).mean(axis=(1, 3))
    weights: NDArray[np.float64] = kernel / kernel.sum()
    return weights


def in_planes(image: NDArray[np.generic], kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the image (…, y, x) convolved with a symmetric kernel in each plane, mirrored at the edges."""
    from scipy.ndimage import convolve

    values = image.astype(np.float64)
    planes = values.reshape(-1, *values.shape[-2:])
    return np.stack([convolve(plane, kernel, mode="reflect") for plane in planes]).reshape(values.shape)
