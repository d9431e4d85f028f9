"""What compression does to the texture around objects: weighted total variation of paper 001, and multi-scale structural similarity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import ShapeMismatch

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of the five scales, finest first (Wang 2003)."""
_WINDOW = 11  # px, of the Gaussian window
_SIGMA, _TRUNCATE, _K1, _K2 = 1.5, 3.5, 0.01, 0.03  # px; standard deviations that the window reaches to; both constants


def weighted_total_variation(image: NDArray[np.number], labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return the mean gradient of each object's bounding box: √(Δy² + Δx²) with the pixels below and right, over height × width.

    The differences read one row and one column beyond the box; where the image ends there they are 0.

    Parameters
    ----------
    image : ndarray
        (y, x), DN.
    labels : ndarray of int
        (y, x), 0 for background, 1 … n for objects.

    Returns
    -------
    ndarray of float64
        (object,), DN/px.

    Raises
    ------
    ShapeMismatch
        Image and labels differ in shape.

    References
    ----------
    Paper 001, eq. 7.

    Examples
    --------
    >>> ramp = np.tile(np.arange(6), (6, 1))
    >>> labels = np.zeros((6, 6), int)
    >>> labels[2:4, 1:3] = 1
    >>> weighted_total_variation(ramp, labels).tolist()
    [1.0]
    """
    from scipy.ndimage import find_objects

    if image.shape != labels.shape or image.ndim != 2:
        raise ShapeMismatch(f"an image {image.shape} and labels {labels.shape}", "two planes (y, x) of one shape", "give such")
    values = np.pad(np.asarray(image, dtype=np.float64), ((0, 1), (0, 1)), mode="edge")
    gradient = np.hypot(values[1:, :-1] - values[:-1, :-1], values[:-1, 1:] - values[:-1, :-1])
    return np.array([float(gradient[box].mean()) for box in find_objects(labels) if box is not None])


def ms_ssim(reference: NDArray[np.number], test: NDArray[np.number], data_range: float) -> tuple[float, NDArray[np.float64]]:
    """Return the multi-scale structural similarity of two images, and its map.

    Contrast and structure at every scale, luminance at the coarsest; each scale is half of the one before by means of 2 × 2 px. Images
    below 176 px have fewer scales, so that the 11 px window fits; their exponents are scaled to sum to 1. The map has the finest scale's
    size, coarser ones repeated; the value is the product of each scale's mean, which is not the map's mean.

    Parameters
    ----------
    reference, test : ndarray
        (y, x), DN, at least 11 px a side.
    data_range : float
        Range of values, DN; stated, never taken from the data.

    Returns
    -------
    float
        1 where the images are equal.
    ndarray of float64
        (y, x), the same pixel by pixel.

    Raises
    ------
    ShapeMismatch
        Shapes that differ, or too small.

    References
    ----------
    Z. Wang, E. P. Simoncelli, A. C. Bovik, Asilomar Conf. Signals, Systems and Computers 37, 1398 (2003).

    Examples
    --------
    >>> flat = np.full((32, 32), 100.0)
    >>> ms_ssim(flat, flat, 255)[0]
    1.0
    """
    x, y = np.asarray(reference, dtype=np.float64), np.asarray(test, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 2 or min(x.shape) < _WINDOW:
        raise ShapeMismatch(f"images {x.shape} and {y.shape}", f"two planes of one shape, {_WINDOW} px a side or more", "give such")
    scales = next(count for count in range(len(WEIGHTS), 0, -1) if min(x.shape) // 2 ** (count - 1) >= _WINDOW)
    weights = np.array(WEIGHTS[:scales]) / sum(WEIGHTS[:scales])
    value, whole = 1.0, np.ones(x.shape)
    rows, columns = x.shape
    for scale, weight in enumerate(weights):
        luminance, structure = _parts(x, y, data_range)
        part = np.maximum(luminance * structure if scale == scales - 1 else structure, 0.0)  # a power of a negative one is not defined
        value *= float(part.mean()) ** weight
        grown = np.repeat(np.repeat(part, 2**scale, axis=0), 2**scale, axis=1)[:rows, :columns]
        missing = ((0, rows - grown.shape[0]), (0, columns - grown.shape[1]))
        whole *= np.pad(grown, missing, mode="edge") ** weight
        x, y = _halved(x), _halved(y)
    return value, whole


def _parts(x: NDArray[np.float64], y: NDArray[np.float64], data_range: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return luminance, and contrast times structure, pixel by pixel."""
    from scipy.ndimage import gaussian_filter

    def blurred(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(gaussian_filter(values, _SIGMA, truncate=_TRUNCATE, mode="reflect"))

    c1, c2 = (_K1 * data_range) ** 2, (_K2 * data_range) ** 2
    mean_x, mean_y = blurred(x), blurred(y)
    var_x, var_y = blurred(x * x) - mean_x**2, blurred(y * y) - mean_y**2
    covariance = blurred(x * y) - mean_x * mean_y
    return (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1), (2 * covariance + c2) / (var_x + var_y + c2)


def _halved(values: NDArray[np.float64]) -> NDArray[np.float64]:
    height, width = int(values.shape[0]) // 2, int(values.shape[1]) // 2
    return np.asarray(values[: 2 * height, : 2 * width].reshape(height, 2, width, 2).mean(axis=(1, 3)))
