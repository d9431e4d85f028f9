"""Dice coefficient."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Metric
from sigmaraw.metrics.masks.policy import foreground, of_empty


class Dice(Metric):
    """Dice coefficient of two masks, 2|X∩Y| / (|X| + |Y|).

    Notes
    -----
    formula 7.

    Examples
    --------
    >>> Dice()(np.array([1, 1, 0]), np.array([1, 0, 0]))
    0.6666666666666666
    """

    name = "dice"
    compares = "masks"
    unit = "1"
    definition = "2|X∩Y| / (|X| + |Y|); 1 when both masks are empty, 0 when one is"

    def __call__(self, reference: NDArray[Any], test: NDArray[Any]) -> float:
        """Return the coefficient of two masks of one shape. Raises ShapeMismatch, UnsupportedArray."""
        x, y = foreground(reference, test)
        first, second = int(np.count_nonzero(x)), int(np.count_nonzero(y))
        empty = of_empty(first, second)
        return 2 * int(np.count_nonzero(x & y)) / (first + second) if empty is None else empty
