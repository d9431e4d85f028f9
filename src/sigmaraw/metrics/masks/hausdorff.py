"""Hausdorff distance."""

from __future__ import annotations

import numpy as np

from sigmaraw.metrics.masks.surfaces import DistanceMetric, Distances


class Hausdorff(DistanceMetric):
    """Hausdorff distance of two masks' borders: the largest distance of a border pixel to the other border.

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
    >>> Hausdorff()(x, y)
    1.0
    """

    name = "hausdorff"
    definition = "largest distance of a border pixel to the other mask's border; 0 when both masks are empty"

    def reduced(self, found: Distances) -> np.floating:
        """Return the largest."""
        return np.max(found.both)
