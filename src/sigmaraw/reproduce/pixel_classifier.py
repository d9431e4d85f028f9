"""Small trained models of the study `pomarico`: a linear discriminant on filtered images says which pixels belong to cells or organs.

Each learns on virtual scenes of its kind, with their truth, at the first call: the scenes are always the same, so the model is too. Plans
name it as a user's function, such as ``labels:sigmaraw.reproduce.pixel_classifier:phase_contrast_cells``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.virtual.light_sheet import VolumeScene, light_sheet_scene
from sigmaraw.virtual.phase_contrast import PhaseScene, phase_contrast_scene
from sigmaraw.virtual.tomography import tomography_scan

GAIN, OFFSET, READ_NOISE = 1.8, 400.0, 1.6
"""System gain, DN/e-, offset, DN, and read noise, e-, of the cameras that the models learn from."""
OPT_SHAPE, OPT_ANGLES, OPT_LIGHT = (6, 40), 32, 300.0
"""A scan's projections (y, x), px, their number, and the light through the middle of an organ, e-."""
RECONSTRUCTION = {"method": "fbp", "kind": "emission", "offset": OFFSET, "low": -30.0, "high": 120.0}
"""Keys of the pipeline `recon`; low and high in DN per px."""
PHASE_CONTRAST: dict[str, Any] = {"shape": (96, 96), "n_cells": 7, "light_e": 1500.0}
LIGHT_SHEET: dict[str, Any] = {"shape": (12, 40, 40), "n_nuclei": 10}
"""Keys of the scenes that the models learn on and are asked about."""
_TRAINING_SEEDS = (900_001, 900_002, 900_003)
_WIDTHS = (1.0, 2.5)

Example = tuple[NDArray[np.float64], NDArray[np.bool_]]


@dataclass(frozen=True)
class PixelClassifier:
    """A linear discriminant on Gaussians, gradients and Laplacians of an image.

    Parameters
    ----------
    mean, spread, weights : ndarray of float64
        Of each filter, (filter).
    threshold : float
        Pixels whose weighted sum is above it belong to objects.
    """

    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    weights: NDArray[np.float64]
    threshold: float

    @classmethod
    def trained(cls, examples: list[Example]) -> PixelClassifier:
        """Return Fisher's discriminant of examples (image in units of about 1, mask), both classes alike likely."""
        filters = np.concatenate([filtered(image).reshape(image.size, -1) for image, _ in examples])
        inside = np.concatenate([mask.ravel() for _, mask in examples])
        mean, spread = filters.mean(axis=0), filters.std(axis=0)
        scaled = (filters - mean) / spread
        of = [scaled[inside == kind] for kind in (False, True)]
        within = sum(np.cov(each, rowvar=False) for each in of) / 2
        weights = np.linalg.solve(within + 1e-3 * np.eye(len(mean)), of[1].mean(axis=0) - of[0].mean(axis=0))
        return cls(mean, spread, weights, float(np.mean([(each @ weights).mean() for each in of])))

    def mask(self, image: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which pixels belong to objects."""
        found: NDArray[np.bool_] = ((filtered(image) - self.mean) / self.spread) @ self.weights > self.threshold
        return found


def filtered(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Gaussians of two widths, the size of their gradients and their Laplacians, (…, filter)."""
    from scipy.ndimage import gaussian_filter, laplace

    made = []
    for width in _WIDTHS:
        smooth = gaussian_filter(image, width, truncate=3.0)
        made += [smooth, np.sqrt(sum(part**2 for part in np.gradient(smooth))), laplace(smooth)]
    return np.stack(made, axis=-1)


def phase_contrast_cells(image: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return which pixels of a phase-contrast frame (y, x), DN, belong to cells."""
    return _phase_contrast().mask(_over_median(image))


def light_sheet_nuclei(volume: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return which pixels of a light-sheet volume (z, y, x), DN, belong to nuclei."""
    return _light_sheet().mask(_stretched(volume))


def tomogram_organs(volume: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return which pixels of a reconstructed volume (y, v, u), in 65535ths of its scale, belong to organs."""
    return _tomogram().mask(volume / 65535.0)


def _over_median(image: NDArray[np.integer]) -> NDArray[np.float64]:
    light = image.astype(np.float64) - OFFSET
    return light / max(float(np.median(light)), 1.0)


def _stretched(volume: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return light on a scale that is straight below 60 e- and logarithmic above it, so that bright grains do not outweigh all else."""
    return np.arcsinh((volume.astype(np.float64) - OFFSET) / (60.0 * GAIN))


@functools.cache
def _phase_contrast() -> PixelClassifier:
    return PixelClassifier.trained(
        [_example(phase_contrast_scene(**PHASE_CONTRAST, seed=seed), _over_median, seed) for seed in _TRAINING_SEEDS]
    )


@functools.cache
def _light_sheet() -> PixelClassifier:
    return PixelClassifier.trained([_example(light_sheet_scene(**LIGHT_SHEET, seed=seed), _stretched, seed) for seed in _TRAINING_SEEDS])


def _example(scene: PhaseScene | VolumeScene, scaled: Callable[[NDArray[np.integer]], NDArray[np.float64]], seed: int) -> Example:
    return scaled(_frames(scene.mean_e, seed)), scene.labels > 0


@functools.cache
def _tomogram() -> PixelClassifier:
    from sigmaraw.pipelines.reconstruction import ReconstructionPipeline

    reconstruct = ReconstructionPipeline("recon", then="otsu", **RECONSTRUCTION)
    examples = []
    for seed in _TRAINING_SEEDS:
        scan = tomography_scan(OPT_SHAPE, OPT_ANGLES, OPT_LIGHT, seed, "emission")
        examples.append((reconstruct.scaled(_frames(scan.mean_e, seed)) / 65535.0, scan.labels > 0))
    return PixelClassifier.trained(examples)


def _frames(mean_e: NDArray[np.float64], seed: int) -> NDArray[np.uint16]:
    random = np.random.default_rng([seed, 0xF4])
    frames = OFFSET + GAIN * (random.poisson(mean_e) + random.normal(0, READ_NOISE, mean_e.shape))
    return np.clip(np.rint(frames), 0, 65535).astype(np.uint16)
