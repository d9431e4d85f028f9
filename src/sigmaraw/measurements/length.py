"""Length of the skeleton of objects."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import LabelledImage, Measure, Measurement
from sigmaraw.measurements.skeleton import edges, skeleton_of


class Length(Measure):
    """Length of the objects' skeleton: the sum of the distances between neighbouring pixels of it.

    L = Σ √(Σ (s_a·h_a)²) over steps s between neighbours, h the pixel size along each axis: 1 along an axis, √2 across a square, √3 across
    a cube. The skeleton is that of all objects together; a step from one object into another counts for neither.
    """

    name = "length"
    rows = (Measurement("length", "px", "L", "length of the skeleton of the objects"),)
    dimension = "length"

    def __call__(self, labelled: LabelledImage) -> dict[str, float]:
        """Return L, px or µm."""
        return {"length": float(self.of_objects(labelled)["length"].sum())}

    def of_objects(self, labelled: LabelledImage) -> dict[str, NDArray[np.float64]]:
        """Return the length inside each object."""
        steps = np.zeros((0, labelled.count), np.int64)
        distances = []
        padded = np.pad(labelled.labels, 1)
        for step, joined in edges(skeleton_of(labelled.mask)):
            ahead = padded[tuple(slice(1 + by, by + 1 + size) for by, size in zip(step, labelled.labels.shape, strict=True))]
            inside = labelled.labels[joined & (ahead == labelled.labels)]
            steps = np.vstack([steps, np.bincount(inside, minlength=labelled.count + 1)[1:]])
            distances.append(math.sqrt(sum((by * size) ** 2 for by, size in zip(step, labelled.step, strict=True))))
        return {"length": np.asarray(distances) @ steps}
