"""Functions that test_validate names as pipelines."""

from __future__ import annotations

import numpy as np


def constant(image: np.ndarray) -> dict[str, float]:
    """A prediction that never varies."""
    return {"answer": 42.0}


def sometimes_nan(image: np.ndarray) -> dict[str, float]:
    """Undefined for about half of all replicas."""
    total = int(image.sum())
    return {"answer": float("nan") if total % 2 else float(total)}


def bright_parts(image: np.ndarray) -> np.ndarray:
    """A mask of what is brighter than its surroundings, as a label image."""
    from scipy import ndimage

    found: np.ndarray = ndimage.label(ndimage.gaussian_filter(image.astype(float), 1.5) > 138)[0]
    return found


def otsu_of_volume(volume: np.ndarray) -> np.ndarray:
    """Objects of a volume above one threshold for all of it, joined in all directions."""
    from scipy import ndimage
    from skimage.filters import threshold_otsu

    smooth = ndimage.gaussian_filter(volume.astype(float), (0.5, 1, 1))
    labels: np.ndarray = ndimage.label(smooth > threshold_otsu(smooth), np.ones((3, 3, 3)))[0]
    return labels


_CALLS = np.random.default_rng(5)


def unsteady(image: np.ndarray) -> dict[str, float]:
    """A mean that differs from call to call, as with dropout left on."""
    return {"answer": float(image.mean()) + 50.0 * float(_CALLS.random())}


def unsteady_parts(image: np.ndarray) -> np.ndarray:
    """Objects of which a number differs from call to call."""
    found = np.zeros(image.shape, dtype=np.int64)
    for index in range(int(_CALLS.integers(1, 200))):
        found[..., index // 20 * 2, index % 20 * 2] = index + 1
    return found


def unsteady_measure(image: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """A measurement of labels that differs from call to call."""
    return {"drift": 50.0 * float(_CALLS.random())}


def unsteady_volume(lines: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """A reconstruction whose scale differs from call to call."""
    from sigmaraw.pipelines.reconstruction import fbp

    return fbp(lines, angles) + 0.01 * float(_CALLS.random())


def steady_measure(image: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """A measurement of labels that is always the same for the same ones."""
    return {"brightest": float(image.max())}
