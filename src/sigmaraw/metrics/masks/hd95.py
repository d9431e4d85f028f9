"""95th percentile of the Hausdorff distance."""

from __future__ import annotations

import numpy as np

from sigmaraw.metrics.masks.surfaces import DistanceMetric, Distances


class Hausdorff95(DistanceMetric):
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
    definition = "95th percentile of distances of border pixels to the other border, larger of both directions; 0 when both masks are empty"

    def reduced(self, found: Distances) -> np.floating:
        """Return the larger of both directions' percentiles."""
        return max(np.percentile(found.to_test, 95.0), np.percentile(found.to_reference, 95.0))
