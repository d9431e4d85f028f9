"""Average Hausdorff distance of paper 001."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Metric
from sigmaraw.metrics.masks.policy import spacing_of
from sigmaraw.metrics.masks.surfaces import both_empty, pixel_distances


class AverageHausdorff(Metric):
    """Average Hausdorff distance over all annotated pixels, ½(mean_x min_y d + mean_y min_x d).

    Pixels inside both masks are 0 away, so that it is smaller than distances of borders.

    Parameters
    ----------
    spacing : iterable of float, optional
        Size of a pixel along each axis; 1 px without it.

    References
    ----------
    001, "Metrics"; formula 7.

    Examples
    --------
    >>> x, y = np.zeros((2, 20, 20), bool)
    >>> x[5:13, 5:13] = y[5:13, 6:14] = True
    >>> AverageHausdorff()(x, y)
    0.125
    """

    name = "average-hausdorff"
    compares = "masks"
    unit = "px"
    definition = "mean distance of each mask's pixels to the other mask, mean of both directions; 0 when both are empty"
    takes_spacing = True

    def __init__(self, spacing: Iterable[float] | None = None) -> None:
        self.spacing = spacing_of(spacing)

    def __call__(self, reference: NDArray[Any], test: NDArray[Any]) -> float:
        """Return the distance; NaN where one mask alone is empty. Raises ShapeMismatch, UnsupportedArray."""
        found = pixel_distances(reference, test, self.spacing)
        if found is None:
            return 0.0 if both_empty(reference, test) else math.nan
        return float(0.5 * (np.mean(found.to_test) + np.mean(found.to_reference)))
