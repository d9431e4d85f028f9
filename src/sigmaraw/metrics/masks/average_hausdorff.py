"""Average Hausdorff distance of paper 001."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.metrics.masks.surfaces import DistanceMetric, Distances, pixel_distances


class AverageHausdorff(DistanceMetric):
    """Average Hausdorff distance over all annotated pixels, ½(mean_x min_y d + mean_y min_x d).

    Pixels inside both masks are 0 away, so that it is smaller than distances of borders.

    Parameters
    ----------
    spacing : iterable of float, optional
        Size of a pixel along each axis; 1 px without it.

    References
    ----------
    Paper 001, "Metrics"; formula 7.

    Examples
    --------
    >>> x, y = np.zeros((2, 20, 20), bool)
    >>> x[5:13, 5:13] = y[5:13, 6:14] = True
    >>> AverageHausdorff()(x, y)
    0.125
    """

    name = "average-hausdorff"
    definition = "mean distance of each mask's pixels to the other mask, mean of both directions; 0 when both are empty"

    def distances(self, reference: NDArray[Any], test: NDArray[Any]) -> Distances | None:
        """Return the distances of all pixels, not of borders alone."""
        return pixel_distances(reference, test, self.spacing)

    def reduced(self, found: Distances) -> np.floating:
        """Return the mean of both directions' means."""
        return 0.5 * (np.mean(found.to_test) + np.mean(found.to_reference))
