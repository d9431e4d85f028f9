"""Equivalent diameter of objects."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import LabelledImage, Measure, Measurement
from sigmaraw.measurements.means import mean


class Diameter(Measure):
    """Mean diameter of the discs, or balls, that have the objects' areas, or volumes.

    d = 2·√(A/π), in volumes d = (6V/π)^(1/3).
    """

    name = "diameter"
    rows = (Measurement("diameter", "px", "d", "mean equivalent diameter of the objects, undefined where there are none"),)
    dimension = "length"

    def __call__(self, labelled: LabelledImage) -> dict[str, float]:
        """Return the mean of d over objects, px or µm."""
        return {"diameter": mean(self.of_objects(labelled)["diameter"])}

    def of_objects(self, labelled: LabelledImage) -> dict[str, NDArray[np.float64]]:
        """Return d of each object."""
        space = labelled.sizes * labelled.cell
        return {"diameter": 2 * np.sqrt(space / math.pi) if labelled.image.ndim == 2 else np.cbrt(6 * space / math.pi)}
