"""Solidity of objects."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import LabelledImage, Measure, Measurement
from sigmaraw.measurements.means import mean


class Solidity(Measure):
    """Mean share of its convex hull that an object fills, by scikit-image's hull of pixels; 1 for a convex object.

    An object whose pixels span no volume (a line or plane of pixels in a volume) has no hull there, and is left out of the mean.
    """

    name = "solidity"
    rows = (Measurement("solidity", "1", "s", "mean share of their convex hulls that the objects fill; undefined where there are none"),)

    def __call__(self, labelled: LabelledImage) -> dict[str, float]:
        """Return the mean of s over objects."""
        return {"solidity": mean(self.of_objects(labelled)["solidity"])}

    def of_objects(self, labelled: LabelledImage) -> dict[str, NDArray[np.float64]]:
        """Return s of each object, NaN where it has no hull."""
        from skimage.measure import regionprops

        values = np.full(labelled.count, np.nan)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a hull that cannot be made is NaN here
            for region in regionprops(labelled.labels):
                hull = region.area_convex
                values[region.label - 1] = region.area / hull if hull > 0 else np.nan
        return {"solidity": values}
