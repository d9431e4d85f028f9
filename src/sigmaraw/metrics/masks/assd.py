"""Average symmetric surface distance."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Metric
from sigmaraw.metrics.masks.policy import spacing_of
from sigmaraw.metrics.masks.surfaces import border_distances, both_empty


class AverageSurfaceDistance(Metric):
    """ASSD: mean distance of the border pixels of both masks to the other border, all of them pooled.

    Parameters
    ----------
    spacing : iterable of float, optional
        Size of a pixel along each axis; 1 px without it.

    References
    ----------
    formula 7.

    Examples
    --------
    >>> x, y = np.zeros((2, 20, 20), bool)
    >>> x[5:13, 5:13] = y[5:13, 6:14] = True
    >>> AverageSurfaceDistance()(x, y)
    0.5
    """

    name = "assd"
    compares = "masks"
    unit = "px"
    definition = "mean distance of border pixels to the other mask's border, both directions pooled; 0 when both masks are empty"
    takes_spacing = True

    def __init__(self, spacing: Iterable[float] | None = None) -> None:
        self.spacing = spacing_of(spacing)

    def __call__(self, reference: NDArray[Any], test: NDArray[Any]) -> float:
        """Return the distance; NaN where one mask alone is empty. Raises ShapeMismatch, UnsupportedArray."""
        found = border_distances(reference, test, self.spacing)
        if found is None:
            return 0.0 if both_empty(reference, test) else math.nan
        return float(np.mean(found.both))
