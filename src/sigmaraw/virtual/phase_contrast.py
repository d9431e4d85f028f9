"""Cells without a stain in a phase-contrast microscope: a map of their phase, and the image with its halo."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidOption
from sigmaraw.virtual.scenes import nuclei_scene


@dataclass(frozen=True)
class PhaseScene:
    """A static scene.

    Parameters
    ----------
    mean_e : ndarray of float64
        (y, x), mean photoelectrons per pixel and exposure, e-.
    labels : ndarray of int32
        (y, x), 0 for background, 1 … count for cells.
    phase_rad : ndarray of float64
        (y, x), how far cells retard the light, rad; 0 outside.
    """

    mean_e: NDArray[np.float64]
    labels: NDArray[np.int32]
    phase_rad: NDArray[np.float64]

    @property
    def count(self) -> int:
        """Number of cells."""
        return int(self.labels.max())


def phase_contrast_scene(
    shape: tuple[int, int] = (128, 128),
    n_cells: int = 10,
    light_e: float = 6000.0,
    seed: int = 0,
    *,
    radius_px: float = 9.0,
    phase_rad: float = 0.8,
    halo_px: float = 7.0,
    contrast: float = 0.5,
    psf_px: float = 1.0,
) -> PhaseScene:
    """Return cells as positive phase contrast shows them: darker than the background, in a bright halo, with bright rims.

    m = light·PSF ∗ [1 − c·(φ − H ∗ φ)], φ the cells' phase and H a Gaussian as wide as the halo: the phase ring also retards the light
    that wide structures send through it, which lifts the surroundings of a cell and shades its middle off.

    Parameters
    ----------
    shape : tuple of int, optional
        (y, x), px.
    n_cells : int, default 10
        Cells wanted; where no space is left, there are less.
    light_e : float, default 6000.0
        Mean of the background, e-.
    seed : int, default 0
        Decides places, shapes and texture.
    radius_px : float, default 9.0
        Mean radius of a cell, px.
    phase_rad : float, default 0.8
        Phase in the middle of a cell, rad; it follows the cell's thickness, with a thicker nucleus and grains.
    halo_px : float, default 7.0
        Standard deviation of H, px.
    contrast : float, default 0.5
        c, relative change of the light per rad.
    psf_px : float, default 1.0
        Standard deviation of the optics' blur, px.

    Raises
    ------
    InvalidOption
        A value out of its domain.

    References
    ----------
    Z. Yin, T. Kanade, M. Chen, Medical Image Analysis 16(5), 2012 (linear model of phase contrast).
    """
    from scipy.ndimage import distance_transform_edt, gaussian_filter

    for name, value in (("light_e", light_e), ("halo_px", halo_px), ("phase_rad", phase_rad), ("contrast", contrast)):
        if not (math.isfinite(value) and value > 0):
            raise InvalidOption(f"{name}={value}", "a number above 0", f"correct {name}")
    random = np.random.default_rng([seed, 0x9A5E])
    labels = nuclei_scene(shape, n_cells, seed=seed, radius_px=radius_px, psf_px=0.0, gap_px=5.0).labels
    depth = distance_transform_edt(labels > 0)
    thickness = np.sqrt(np.clip(depth / radius_px, 0, 1))  # a cap: steep at the rim, flat in the middle
    nucleus = np.clip(depth / radius_px - 0.45, 0, None)
    grain = gaussian_filter(random.standard_normal(shape), 1.2)
    phase = phase_rad * thickness * np.clip(0.8 + 0.4 * nucleus + 0.15 * grain / grain.std(), 0, None)
    seen = 1 - contrast * (phase - gaussian_filter(phase, halo_px))
    return PhaseScene(light_e * np.maximum(gaussian_filter(seen, psf_px), 0.02), labels, phase)
