"""95th percentile of the Hausdorff distance."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Metric
from sigmaraw.metrics.masks.policy import spacing_of
from sigmaraw.metrics.masks.surfaces import border_distances, both_empty


class Hausdorff95(Metric):
    """HD95: the 95th percentile of distances of border pixels to the other border, the larger of both directions.

    Percentiles are interpolated linearly. Some libraries pool both directions first, or weigh pixels by area: docs/how-to/references.md.

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
    >>> Hausdorff95()(x, y)
    1.0
    """

    name = "hd95"
    compares = "masks"
    unit = "px"
    definition = "95th percentile of distances of border pixels to the other border, larger of both directions; 0 when both masks are empty"
    takes_spacing = True

    def __init__(self, spacing: Iterable[float] | None = None) -> None:
        self.spacing = spacing_of(spacing)

    def __call__(self, reference: NDArray[Any], test: NDArray[Any]) -> float:
        """Return the distance; NaN where one mask alone is empty. Raises ShapeMismatch, UnsupportedArray."""
        found = border_distances(reference, test, self.spacing)
        if found is None:
            return 0.0 if both_empty(reference, test) else math.nan
        return float(max(np.percentile(found.to_test, 95.0), np.percentile(found.to_reference, 95.0)))
