"""Texture of an image by its co-occurrence matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import LabelledImage, Measure, Measurement, Parameter
from sigmaraw.measurements.skeleton import half_offsets

_NAMES = {
    "contrast": ("Σ p(i − j)²", "squared difference of neighbouring grey levels"),
    "homogeneity": ("Σ p/(1 + (i − j)²)", "closeness of neighbouring grey levels"),
    "energy": ("√Σp²", "evenness of the texture"),
    "correlation": ("Σ p(i − μ)(j − μ)/σ²", "correlation of neighbouring grey levels, undefined where all are equal"),
}


class Texture(Measure):
    """Contrast, homogeneity, energy and correlation of the grey-level co-occurrence matrix (Haralick 1973).

    Grey values between the 1st and the 99th percentile of the image fall into `texture.levels` equal steps, those beyond into the first
    and the last. p(i, j) is the share of pairs of pixels with levels i and j, `texture.distance` apart along rows, columns and diagonals,
    in volumes along all 13 directions, both orders counted.
    """

    name = "texture"
    parameters = (
        Parameter("levels", int, 32, minimum=2, maximum=256, unit="1", help="grey levels of the matrix"),
        Parameter("distance", int, 1, minimum=1, unit="px", help="distance of the two pixels of a pair along each axis"),
        Parameter(
            "where", str, "image", choices=("image", "objects"), help="pairs of the whole image, or those with both pixels in objects"
        ),
    )
    rows = tuple(
        Measurement(f"texture_{name}", "1", symbol, f"{words} in the co-occurrence matrix", kind="texture")
        for name, (symbol, words) in _NAMES.items()
    )

    def __call__(self, labelled: LabelledImage) -> dict[str, float]:
        """Return the four numbers; NaN where there is no pair."""
        mask = labelled.mask if self.settings["where"] == "objects" else np.ones(labelled.image.shape, bool)
        levels = self.settings["levels"]
        p = cooccurrence(grey_levels(labelled.image, levels), mask, levels, self.settings["distance"])
        return {f"texture_{name}": value for name, value in properties(p).items()}


def grey_levels(image: NDArray[np.integer], levels: int) -> NDArray[np.int64]:
    """Return the level of each pixel, 0 to levels − 1, in equal steps between the 1st and the 99th percentile."""
    low, high = np.percentile(image, (1, 99))
    if high <= low:
        return (image > low).astype(np.int64) * (levels - 1)
    return np.clip((image - low) * (levels / (high - low)), 0, levels - 1).astype(np.int64)


def cooccurrence(grey: NDArray[np.int64], mask: NDArray[np.bool_], levels: int, distance: int) -> NDArray[np.float64]:
    """Return p (level, level) of all pairs with both pixels in the mask; all NaN where there is none."""
    counts = np.zeros(levels * levels, np.int64)
    for direction in half_offsets(grey.ndim):
        here = tuple(slice(max(0, -by * distance), size - max(0, by * distance)) for by, size in zip(direction, grey.shape, strict=True))
        there = tuple(slice(max(0, by * distance), size - max(0, -by * distance)) for by, size in zip(direction, grey.shape, strict=True))
        both = mask[here] & mask[there]
        counts += np.bincount(grey[here][both] * levels + grey[there][both], minlength=levels * levels)
    matrix = counts.reshape(levels, levels)
    matrix = matrix + matrix.T
    total = matrix.sum()
    return matrix / total if total else np.full(matrix.shape, np.nan)


def properties(p: NDArray[np.float64]) -> dict[str, float]:
    """Return contrast, homogeneity, energy and correlation of a symmetric co-occurrence matrix."""
    levels = np.arange(len(p))
    apart = (levels[:, None] - levels) ** 2
    shares = p.sum(axis=0)
    centred = levels - (levels * shares).sum()
    variance = (centred**2 * shares).sum()
    return {
        "contrast": float((p * apart).sum()),
        "homogeneity": float((p / (1 + apart)).sum()),
        "energy": float(np.sqrt((p**2).sum())),
        "correlation": float((p * np.outer(centred, centred)).sum() / variance) if variance > 0 else float("nan"),
    }
