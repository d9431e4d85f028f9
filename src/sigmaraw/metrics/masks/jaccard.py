"""Jaccard index."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Metric
from sigmaraw.metrics.masks.policy import foreground, of_empty


class Jaccard(Metric):
    """Jaccard index of two masks, |X∩Y| / |X∪Y|.

    Notes
    -----
    formula 7.

    Examples
    --------
    >>> Jaccard()(np.array([1, 1, 0]), np.array([1, 0, 0]))
    0.5
    """

    name = "jaccard"
    compares = "masks"
    unit = "1"
    definition = "|X∩Y| / |X∪Y|; 1 when both masks are empty, 0 when one is"

    def __call__(self, reference: NDArray[Any], test: NDArray[Any]) -> float:
        """Return the index of two masks of one shape. Raises ShapeMismatch, UnsupportedArray."""
        x, y = foreground(reference, test)
        empty = of_empty(int(np.count_nonzero(x)), int(np.count_nonzero(y)))
        return int(np.count_nonzero(x & y)) / int(np.count_nonzero(x | y)) if empty is None else empty
