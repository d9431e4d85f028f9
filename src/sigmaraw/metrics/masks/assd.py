"""Average symmetric surface distance."""

from __future__ import annotations

import numpy as np

from sigmaraw.metrics.masks.surfaces import DistanceMetric, Distances


class AverageSurfaceDistance(DistanceMetric):
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
    definition = "mean distance of border pixels to the other mask's border, both directions pooled; 0 when both masks are empty"

    def reduced(self, found: Distances) -> np.floating:
        """Return the mean of all."""
        return np.mean(found.both)
