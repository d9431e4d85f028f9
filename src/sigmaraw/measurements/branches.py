"""Branch points of the skeleton of objects."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import LabelledImage, Measure, Measurement
from sigmaraw.measurements.skeleton import degrees, skeleton_of


class Branches(Measure):
    """Points at which the objects' skeleton branches: pixels with three neighbours or more, of which adjoining ones count once."""

    name = "branches"
    rows = (Measurement("branches", "1", "N_b", "branch points of the skeleton of the objects", discrete=True),)

    def __call__(self, labelled: LabelledImage) -> dict[str, float]:
        """Return N_b."""
        return {"branches": float(self.of_objects(labelled)["branches"].sum())}

    def of_objects(self, labelled: LabelledImage) -> dict[str, NDArray[np.float64]]:
        """Return the branch points of each object; one that adjoins two objects belongs to that of its first pixel."""
        from scipy import ndimage

        skeleton = skeleton_of(labelled.mask)
        points, count = ndimage.label(degrees(skeleton) >= 3, ndimage.generate_binary_structure(skeleton.ndim, skeleton.ndim))
        _, first = np.unique(points.ravel(), return_index=True)
        owners = labelled.labels.ravel()[first[1:]] if count else np.zeros(0, np.int64)
        return {"branches": np.bincount(owners, minlength=labelled.count + 1)[1:].astype(np.float64)}
