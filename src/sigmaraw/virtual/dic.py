"""Cells seen in differential interference contrast (DIC), with stains of nuclei, endoplasmic reticulum (ER) and a cell's protein (GFP).

DIC shows the slope of the optical path along the shear s: I = I₀ + c·∂φ/∂s, with φ the path through cell, nucleus and granules. The
brightness of a stain differs from cell to cell and from field to field, and leaves no trace in DIC; its outline does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidOption
from sigmaraw.virtual.scenes import nuclei_scene

STAINS = ("nuclei", "er", "gfp")
_SPREAD = {"nuclei": 0.35, "er": 0.3, "gfp": 0.35}  # of brightness between cells, log-normal
_STAINING = 0.3  # of brightness between fields, log-normal
_DARK = 0.1  # share of cells that do not express GFP: dead ones, of which 002 says that they are few
_MEAN, _SLOPE, _NOISE = 110.0, 32.0, 2.5  # grey level of the ground, grey levels for each px of path, noise; 8 bit


@dataclass(frozen=True)
class DicScene:
    """One field.

    Parameters
    ----------
    dic : ndarray of uint8
        (y, x), DN.
    stains : dict of str to ndarray of uint16
        (y, x), DN, by the names in `STAINS`.
    nuclei, cells : ndarray of int32
        (y, x), 0 for background, 1 … count; a nucleus has the number of its cell.
    """

    dic: NDArray[np.uint8]
    stains: dict[str, NDArray[np.uint16]]
    nuclei: NDArray[np.int32]
    cells: NDArray[np.int32]

    @property
    def count(self) -> int:
        """Number of cells."""
        return int(self.nuclei.max())


def dic_scene(shape: tuple[int, int] = (96, 96), n_cells: int = 6, seed: int = 0, scale: float = 1.0) -> DicScene:
    """Return a field of cells in DIC with its stains.

    Parameters
    ----------
    shape : tuple of int
        (y, x), px.
    n_cells : int, default 6
        Cells wanted; where no space is left, there are fewer.
    seed : int, default 0
        Decides places, shapes, brightness, texture and noise.
    scale : float, default 1.0
        Magnification: at 1 a nucleus has a radius of about 5 px, a cell one of 9 px.

    Returns
    -------
    DicScene
        With its truth.

    Raises
    ------
    InvalidOption
        A magnification out of .3 to 5, or as `nuclei_scene`.
    """
    from scipy.ndimage import distance_transform_edt, gaussian_filter
    from skimage.segmentation import expand_labels

    if not (math.isfinite(scale) and 0.3 <= scale <= 5):
        raise InvalidOption(f"scale={scale}", "a number from 0.3 to 5", "correct scale")
    nuclei = nuclei_scene(shape, n_cells, seed=seed, radius_px=5.0 * scale, gap_px=7.0 * scale).labels
    random = np.random.default_rng([seed, 0xD1C])
    cells = expand_labels(nuclei, distance=4.0 * scale).astype(np.int32)
    grain = _grain(random, shape, scale)
    inner = distance_transform_edt(_eroded(cells))
    path = np.sqrt(inner * scale) + 0.9 * np.sqrt(distance_transform_edt(_eroded(nuclei)) * scale)
    path = gaussian_filter(path + 0.25 * scale * grain * ((cells > 0) & (nuclei == 0)), 0.8 * scale)
    slope = (np.gradient(path, axis=0) + np.gradient(path, axis=1)) / math.sqrt(2)
    dic = _MEAN + _SLOPE * slope + _NOISE * random.standard_normal(shape)
    count = int(nuclei.max())
    dark = random.random(count) < _DARK
    places = {"nuclei": nuclei, "er": cells * (nuclei == 0), "gfp": cells}
    stains = {}
    for name in STAINS:
        bright = random.lognormal(-(_SPREAD[name] ** 2) / 2, _SPREAD[name], count)
        bright = np.where(dark, 0.02, bright) if name == "gfp" else bright
        bright = bright * random.lognormal(-(_STAINING**2) / 2, _STAINING)
        light = np.concatenate([[0.0], bright])[places[name]] * np.clip(1 + (0.3 if name == "er" else 0.1) * grain, 0.2, None)
        mean = gaussian_filter(300 * light + 10, 1.0 * scale)
        stains[name] = np.clip(random.poisson(mean) + 100, 0, 4095).astype(np.uint16)
    return DicScene(np.clip(np.rint(dic), 0, 255).astype(np.uint8), stains, nuclei, cells)


def _grain(random: np.random.Generator, shape: tuple[int, int], scale: float) -> NDArray[np.float64]:
    """Return granules of about 1.5 px, standard deviation 1."""
    from scipy.ndimage import gaussian_filter

    grain = gaussian_filter(random.standard_normal(shape), 1.2 * scale)
    return np.asarray(grain / max(float(grain.std()), 1e-12))


def _eroded(labels: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return the insides of objects, without the pixels that touch another one: a distance then is that to an object's outline."""
    from skimage.segmentation import find_boundaries

    return (labels > 0) & ~find_boundaries(labels, mode="inner")
