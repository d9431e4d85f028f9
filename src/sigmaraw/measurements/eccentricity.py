"""Eccentricity of objects."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import LabelledImage, Measure, Measurement
from sigmaraw.measurements.means import mean


class Eccentricity(Measure):
    """Mean eccentricity of the ellipses, or ellipsoids, that have the objects' second moments.

    e = √(1 − λ_min/λ_max), λ the eigenvalues of the covariance of an object's pixel centres: 0 for a disc, 1 for a line. An object of one
    pixel has 0.
    """

    name = "eccentricity"
    rows = (
        Measurement(
            "eccentricity", "1", "e", "mean eccentricity of the objects, from their second moments; undefined where there are none"
        ),
    )

    def __call__(self, labelled: LabelledImage) -> dict[str, float]:
        """Return the mean of e over objects."""
        return {"eccentricity": mean(self.of_objects(labelled)["eccentricity"])}

    def of_objects(self, labelled: LabelledImage) -> dict[str, NDArray[np.float64]]:
        """Return e of each object."""
        values = np.linalg.eigvalsh(covariances(labelled))  # ascending
        shortest, longest = np.maximum(values[:, 0], 0.0), values[:, -1]
        share = np.divide(shortest, longest, out=np.ones_like(longest), where=longest > 0)
        return {"eccentricity": np.sqrt(np.clip(1.0 - share, 0.0, 1.0))}


def covariances(labelled: LabelledImage) -> NDArray[np.float64]:
    """Return the covariance of the pixel centres of each object, (object, axis, axis), px² or µm²."""
    places = np.nonzero(labelled.labels)
    objects = labelled.labels[places] - 1
    sizes = np.maximum(labelled.sizes, 1)
    centred = []
    for axis, step in zip(places, labelled.step, strict=True):
        # Centred before they are squared: sums of squares of large coordinates would lose digits.
        centres = np.bincount(objects, weights=axis, minlength=labelled.count) / sizes
        centred.append((axis - centres[objects]) * step)
    found = np.empty((labelled.count, len(places), len(places)))
    for i, one in enumerate(centred):
        for j, other in enumerate(centred[: i + 1]):
            found[:, i, j] = found[:, j, i] = np.bincount(objects, weights=one * other, minlength=labelled.count) / sizes
    return found
