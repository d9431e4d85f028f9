"""Trees of blood vessels in a volume, with known truth: radius from 6 px at the root to 1 px in the last branches."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidOption

_LARGEST, _SMALLEST = 6.0, 1.0  # px


@dataclass(frozen=True)
class VesselVolume:
    """Vessels as a camera would see them, slice by slice.

    Parameters
    ----------
    mean_e : ndarray of float64
        (z, y, x), mean photoelectrons per pixel and exposure, e-.
    mask : ndarray of bool
        (z, y, x), inside vessels; the sharp outlines before the optics blurred them.
    length_px : float
        Length of all centre lines, px, also where branches run inside each other.
    radii_px : ndarray of float64
        Radius of each segment, px.
    """

    mean_e: NDArray[np.float64]
    mask: NDArray[np.bool_]
    length_px: float
    radii_px: NDArray[np.float64]


@dataclass(frozen=True)
class _Segment:
    """A straight piece of vessel: ends (z, y, x) and radius, px."""

    start: NDArray[np.float64]
    end: NDArray[np.float64]
    radius: float


def vessel_volume(
    shape: tuple[int, int, int] = (24, 128, 128),
    seed: int = 0,
    *,
    trees: int = 3,
    peak_e: float = 300.0,
    background_e: float = 150.0,
    psf_px: float = 0.8,
    texture: float = 0.12,
) -> VesselVolume:
    """Return trees of vessels that branch by Murray's law, r³ = r₁³ + r₂³, from 6 to 1 px radius, in textured tissue.

    Parameters
    ----------
    shape : tuple of int
        (z, y, x), at least 8, 32 and 32 px.
    seed : int, default 0
        Decides places, branches, brightness and texture.
    trees : int, default 3
        Trees; each enters through another place of the sides.
    peak_e : float, default 300.0
        Mean brightness of vessels above the tissue, e-; each tree has 75 % to 125 % of it.
    background_e : float, default 150.0
        Mean of the tissue, e-.
    psf_px : float, default 0.8
        Standard deviation of the Gaussian blur, px.
    texture : float, default 0.12
        Relative standard deviation of the tissue, over about 4 px.

    Returns
    -------
    VesselVolume
        The volume with its truth.

    Raises
    ------
    InvalidOption
        A smaller shape, or a number below 0.

    References
    ----------
    C. D. Murray, Proc. Natl. Acad. Sci. 12, 207 (1926).
    """
    from scipy.ndimage import gaussian_filter

    if len(shape) != 3 or shape[0] < 8 or min(shape[1:]) < 32:
        raise InvalidOption(f"shape={shape}", "(z, y, x) of at least 8, 32 and 32 px", "give such a shape")
    if trees < 1 or min(peak_e, background_e, psf_px, texture) < 0:
        raise InvalidOption("trees, electrons, blur or texture out of their domain", "numbers from 0, one tree or more", "correct them")
    random = np.random.default_rng([seed, 0x7E5])
    mask, light = np.zeros(shape, bool), np.zeros(shape)
    segments: list[_Segment] = []
    for number in range(trees):
        bright = peak_e * random.uniform(0.75, 1.25)
        grown = _tree(random, shape, number)
        for segment in grown:
            _draw(mask, light, segment, bright)
        segments += grown
    grain = gaussian_filter(random.standard_normal(shape), 4.0)
    tissue = background_e * np.clip(1 + texture * grain / max(float(grain.std()), 1e-12), 0.2, None)
    mean = gaussian_filter(tissue + light, psf_px)
    length = sum(float(np.linalg.norm(segment.end - segment.start)) for segment in segments)
    return VesselVolume(mean, mask, length, np.array([segment.radius for segment in segments]))


def _tree(random: np.random.Generator, shape: tuple[int, int, int], number: int) -> list[_Segment]:
    """Return the segments of one tree that enters through the left, right, upper or lower side."""
    depth, height, width = shape
    along = random.uniform(0.25, 0.75)
    turn = number % 4
    across = [(along * height, 0.0), (along * height, width - 1.0), (0.0, along * width), (height - 1.0, along * width)][turn]
    angle = [0.0, math.pi, math.pi / 2, -math.pi / 2][turn] + random.normal(0, 0.2)  # in the plane, from +x towards +y
    waiting = [(np.array([random.uniform(0.3, 0.7) * depth, *across]), angle, 0.0, _LARGEST)]
    found = []
    while waiting:
        start, angle, rise, radius = waiting.pop(0)
        length = (6.0 + 3.0 * radius) * random.uniform(0.7, 1.3)
        end = start + length * np.array([math.sin(rise), math.cos(rise) * math.sin(angle), math.cos(rise) * math.cos(angle)])
        found.append(_Segment(start, end, radius))
        if not all(0 <= place < size for place, size in zip(end, shape, strict=True)):
            continue  # it leaves the volume
        share = random.uniform(0.3, 0.7)
        for part, side in ((share, 1.0), (1 - share, -1.0)):
            thinner = radius * part ** (1 / 3)
            if thinner >= _SMALLEST:
                waiting.append((end, angle + side * random.uniform(0.25, 0.8), float(np.clip(random.normal(0, 0.35), -0.7, 0.7)), thinner))
    return found


def _draw(mask: NDArray[np.bool_], light: NDArray[np.float64], segment: _Segment, bright: float) -> None:
    """Mark what lies within the radius of a segment."""
    low = np.floor(np.minimum(segment.start, segment.end) - segment.radius).astype(int)
    high = np.ceil(np.maximum(segment.start, segment.end) + segment.radius).astype(int) + 1
    patch = tuple(slice(max(a, 0), min(b, size)) for a, b, size in zip(low, high, mask.shape, strict=True))
    if any(part.start >= part.stop for part in patch):
        return
    z, y, x = np.ogrid[patch]
    direction = segment.end - segment.start
    offset = [axis - place for axis, place in zip((z, y, x), segment.start, strict=True)]
    share = np.clip(sum(axis * step for axis, step in zip(offset, direction, strict=True)) / float(direction @ direction), 0, 1)
    distance = sum((axis - share * step) ** 2 for axis, step in zip(offset, direction, strict=True))
    inside = distance <= segment.radius**2
    mask[patch] |= inside
    light[patch][inside] = bright
