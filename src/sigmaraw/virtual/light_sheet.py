"""A volume of nuclei in a light-sheet microscope: a point spread that is long along z, stripes of shadow, and light that is used up."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidOption


@dataclass(frozen=True)
class VolumeScene:
    """A static scene in three dimensions.

    Parameters
    ----------
    mean_e : ndarray of float64
        (z, y, x), mean photoelectrons per pixel and exposure, e-.
    labels : ndarray of int32
        (z, y, x), 0 for background, 1 … count for objects; their outlines before optics blurred them.
    """

    mean_e: NDArray[np.float64]
    labels: NDArray[np.int32]

    @property
    def count(self) -> int:
        """Number of objects."""
        return int(self.labels.max())


def light_sheet_scene(
    shape: tuple[int, int, int] = (16, 64, 64),
    n_nuclei: int = 24,
    peak_e: float = 150.0,
    background_e: float = 15.0,
    seed: int = 0,
    *,
    radius_px: tuple[float, float] = (2.5, 5.0),
    psf_px: tuple[float, float] = (1.6, 0.9),
    stripes: float = 0.15,
    attenuation_px: float = 150.0,
    debris: int = 2,
    debris_e: float = 12000.0,
) -> VolumeScene:
    """Return nuclei in tissue, lit by a sheet that comes from x = 0.

    m = PSF ∗ {[b + Σ a_i·inside_i]·stripes(z, y)·exp(−x/attenuation)} + debris. Debris is small and fluoresces much more than nuclei do,
    as crystals of dye and pigment in cleared tissue; it is no part of the truth.

    Parameters
    ----------
    shape : tuple of int, optional
        (z, y, x), px.
    n_nuclei : int, default 24
        Nuclei wanted; where no space is left, there are less.
    peak_e, background_e : float
        Mean brightness of a nucleus above background at x = 0, and the background, e-.
    seed : int, default 0
        Decides places, sizes, brightness and stripes.
    radius_px : tuple of float, default (2.5, 5.0)
        Radius along z, and along y and x, px; each nucleus has 0.8 to 1.2 of it.
    psf_px : tuple of float, default (1.6, 0.9)
        Standard deviation of the blur along z, and along y and x, px.
    stripes : float, default 0.15
        Relative standard deviation of the shadows along x.
    attenuation_px : float, default 150.0
        Path along x after which 1/e of the light is left, px.
    debris : int, default 2
        Number of bright grains, smaller than the point spread.
    debris_e : float, default 12000.0
        Brightness in the middle of a grain, e-.

    Raises
    ------
    InvalidOption
        A value out of its domain.
    """
    from scipy.ndimage import gaussian_filter, gaussian_filter1d

    if len(shape) != 3 or min(shape) < 8:
        raise InvalidOption(f"shape={shape}", "(z, y, x), at least 8 px each", "give such a shape")
    for name, value in (("peak_e", peak_e), ("background_e", background_e), ("stripes", stripes), ("debris_e", debris_e)):
        if not (math.isfinite(value) and value >= 0):
            raise InvalidOption(f"{name}={value}", "a number from 0", f"correct {name}")
    if not attenuation_px > 0:
        raise InvalidOption(f"attenuation_px={attenuation_px}", "a path above 0", "correct attenuation_px")
    random = np.random.default_rng([seed, 0x115])
    labels, bright = _ellipsoids(random, shape, n_nuclei, radius_px)
    lit = background_e + peak_e * bright
    shadows = gaussian_filter1d(random.standard_normal(shape[:2]), 1.5, axis=1)
    shadows = np.clip(1 + stripes * shadows / shadows.std(), 0.2, None)[:, :, np.newaxis]
    lit = lit * shadows * np.exp(-np.arange(shape[2]) / attenuation_px)
    blur = psf_px[0], psf_px[1], psf_px[1]
    grains = np.zeros(shape)
    for _ in range(debris):
        grains[tuple(int(random.integers(2, side - 2)) for side in shape)] = 1.0
    grains = gaussian_filter(grains, blur)
    grains *= debris_e / max(float(grains.max()), 1e-12)
    return VolumeScene(gaussian_filter(lit, blur, mode="nearest") + grains, labels)


def _ellipsoids(
    random: np.random.Generator, shape: tuple[int, int, int], number: int, radius_px: tuple[float, float]
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return separate ellipsoids that lie wholly inside, as labels and as relative brightness, (z, y, x)."""
    axes = np.ogrid[tuple(slice(side) for side in shape)]
    labels, bright, taken = np.zeros(shape, np.int32), np.zeros(shape), np.zeros(shape, bool)
    for _ in range(200 * number):
        if labels.max() == number:
            break
        radii = [radius * random.uniform(0.8, 1.2) for radius in (radius_px[0], radius_px[1], radius_px[1])]
        centre = [random.uniform(radius, side - 1 - radius) for radius, side in zip(radii, shape, strict=True)]
        parts = [axis - at for axis, at in zip(axes, centre, strict=True)]
        inside = sum((part / radius) ** 2 for part, radius in zip(parts, radii, strict=True)) <= 1
        if (taken & inside).any():
            continue
        labels[inside] = labels.max() + 1
        bright[inside] = random.lognormal(-0.02, 0.2)
        taken |= sum((part / (radius + 2)) ** 2 for part, radius in zip(parts, radii, strict=True)) <= 1
    return labels, bright
