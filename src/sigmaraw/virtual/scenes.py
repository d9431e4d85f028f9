"""Scenes with known truth: what a camera would see without noise, and which pixel belongs to which cell."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidOption

_ATTEMPTS = 400  # places tried per cell before the scene counts as full


@dataclass(frozen=True)
class Scene:
    """A static scene.

    Parameters
    ----------
    mean_e : ndarray of float64
        (y, x), mean photoelectrons per pixel and exposure, e-.
    labels : ndarray of int32
        (y, x), 0 for background, 1 … count for cells; the sharp outlines before the optics blurred them.
    background_e : ndarray of float64
        (y, x), the mean without cells, e-.
    """

    mean_e: NDArray[np.float64]
    labels: NDArray[np.int32]
    background_e: NDArray[np.float64]

    @property
    def count(self) -> int:
        """Number of cells."""
        return int(self.labels.max())

    @property
    def mask(self) -> NDArray[np.bool_]:
        """True inside cells, (y, x)."""
        return self.labels > 0

    @property
    def area(self) -> int:
        """Pixels inside cells, px."""
        return int(np.count_nonzero(self.labels))


def nuclei_scene(
    shape: tuple[int, int] = (256, 256),
    n_cells: int = 30,
    peak_e: float = 400.0,
    background_e: float = 20.0,
    seed: int = 0,
    *,
    radius_px: float = 8.0,
    psf_px: float = 1.2,
    gap_px: float = 4.0,
    brightness_spread: float = 0.25,
    texture: float = 0.15,
    gradient: float = 0.3,
) -> Scene:
    """Return separated, cell-like objects on a sloping background, as a microscope's optics would show them.

    m = PSF ∗ [b(y, x) + Σ_i a_i·(1 + texture)·inside_i], cells being ellipses with a slightly wavy outline.

    Parameters
    ----------
    shape : tuple of int, optional
        (y, x), px.
    n_cells : int, default 30
        Cells wanted; where no space is left, fewer are placed, and `Scene.count` says how many.
    peak_e : float, default 400.0
        Mean brightness of a cell above background, e-.
    background_e : float, default 20.0
        Mean background, e-.
    seed : int, default 0
        Decides places, shapes, brightness and texture.
    radius_px : float, default 8.0
        Mean radius of a cell, px.
    psf_px : float, default 1.2
        Standard deviation of the Gaussian blur, px.
    gap_px : float, default 4.0
        Least distance between outlines, px.
    brightness_spread : float, default 0.25
        Relative spread of the cells' brightness (log-normal).
    texture : float, default 0.15
        Relative standard deviation of brightness inside a cell, correlated over about 2 px.
    gradient : float, default 0.3
        Relative rise of the background from one edge to the other.

    Raises
    ------
    InvalidOption
        A value out of its domain.
    """
    _check(shape, n_cells, peak_e, background_e, radius_px, psf_px, brightness_spread, texture, gradient)
    from scipy.ndimage import gaussian_filter

    random = np.random.default_rng([seed, 0x5CE7E])
    labels, clearance = np.zeros(shape, np.int32), np.ones(shape, bool)
    cells = np.zeros(shape)
    for _ in range(n_cells):
        outline = _place(random, clearance, radius_px, gap_px)
        if outline is None:
            break
        patch, inside, keep_free = outline
        labels[patch][inside] = labels.max() + 1
        clearance[patch] &= ~keep_free
        cells[patch][inside] = peak_e * random.lognormal(-(brightness_spread**2) / 2, brightness_spread)
    grain = gaussian_filter(random.standard_normal(shape), 2.0, mode="reflect")
    grain /= max(float(grain.std()), 1e-12)
    background = background_e * _slope(random, shape, gradient)
    sharp = background + cells * np.clip(1 + texture * grain, 0.2, None)
    mean = gaussian_filter(sharp, psf_px, mode="reflect") if psf_px > 0 else sharp
    return Scene(np.maximum(mean, 0.0), labels, background)


def _check(
    shape: tuple[int, int],
    n_cells: int,
    peak_e: float,
    background_e: float,
    radius_px: float,
    psf_px: float,
    brightness_spread: float,
    texture: float,
    gradient: float,
) -> None:
    if len(shape) != 2 or min(shape) < 8:
        raise InvalidOption(f"shape={shape}", "(y, x), at least 8 px each", "give such a shape")
    for name, value, lowest in (
        ("n_cells", n_cells, 0),
        ("peak_e", peak_e, 0),
        ("background_e", background_e, 0),
        ("radius_px", radius_px, 2),
        ("psf_px", psf_px, 0),
        ("brightness_spread", brightness_spread, 0),
        ("texture", texture, 0),
        ("gradient", gradient, 0),
    ):
        if not (math.isfinite(value) and value >= lowest):
            raise InvalidOption(f"{name}={value}", f"a number from {lowest}", f"correct {name}")
    if gradient > 2:
        raise InvalidOption(f"gradient={gradient}", "at most 2: beyond it the background would be negative", "lower it")


def _place(
    random: np.random.Generator, clearance: NDArray[np.bool_], radius_px: float, gap_px: float
) -> tuple[tuple[slice, ...], NDArray[np.bool_], NDArray[np.bool_]] | None:
    """Return a patch of the scene with the masks of a cell and of the room that it keeps free, or None: no free place."""
    height, width = clearance.shape
    radius = radius_px * random.uniform(0.75, 1.25)
    stretch, angle = random.uniform(1.0, 1.5), random.uniform(0, math.pi)
    waves = random.normal(0, 0.04, 3), random.uniform(0, 2 * math.pi, 3)
    half_long, half_short = radius * math.sqrt(stretch), radius / math.sqrt(stretch)
    # Cells lie wholly inside: one cut by the edge to a sliver has no well-defined count.
    margin = min(half_long * 1.15 + 1, (min(height, width) - 1) / 2)
    reach = math.ceil(half_long * (1 + np.abs(waves[0]).sum()) + gap_px * stretch) + 2  # beyond it neither cell nor gap
    for _ in range(_ATTEMPTS):
        cy, cx = random.uniform(margin, height - 1 - margin), random.uniform(margin, width - 1 - margin)
        if not clearance[int(cy), int(cx)]:
            continue
        patch = tuple(slice(max(int(c) - reach, 0), int(c) + reach + 1) for c in (cy, cx))
        y, x = np.ogrid[:height, :width]
        y, x = y[patch[0]], x[:, patch[1]]
        u = (math.cos(angle) * (x - cx) + math.sin(angle) * (y - cy)) / half_long
        v = (-math.sin(angle) * (x - cx) + math.cos(angle) * (y - cy)) / half_short
        theta = np.arctan2(v, u)
        edge = 1 + sum(a * np.cos((k + 2) * theta + p) for k, (a, p) in enumerate(zip(*waves, strict=True)))
        distance = np.hypot(u, v)
        inside = distance <= edge
        if np.all(clearance[patch][inside]):
            return patch, inside, distance <= edge + gap_px / half_short
    return None


def _slope(random: np.random.Generator, shape: tuple[int, int], gradient: float) -> NDArray[np.float64]:
    """Plane with mean 1 that rises by `gradient` across the image in a random direction."""
    direction = random.uniform(0, 2 * math.pi)
    y, x = np.meshgrid(np.linspace(-0.5, 0.5, shape[0]), np.linspace(-0.5, 0.5, shape[1]), indexing="ij")
    reach = abs(math.cos(direction)) + abs(math.sin(direction))
    return 1 + gradient * (math.cos(direction) * y + math.sin(direction) * x) / reach
