"""Generalised Dice coefficient of class maps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Metric
from sigmaraw.metrics.masks.policy import checked, of_empty


class GeneralisedDice(Metric):
    """Dice coefficient over classes, each weighted by the inverse square of its size in the reference.

        2 Σ_l w_l |X_l∩Y_l| / Σ_l w_l (|X_l| + |Y_l|),  w_l = 1/|X_l|²

    Each value is a class, 0 the background, which counts as one. A class that the reference does not have is left out; what the test has
    of it is missed in other classes.

    Parameters
    ----------
    background : bool, default True
        Whether the background is a class.

    References
    ----------
    C. H. Sudre et al., DLMIA 2017, LNCS 10553, 240–248; formula 6 and formula 7.

    Examples
    --------
    >>> round(GeneralisedDice()(np.array([1, 1, 0, 0, 0, 0]), np.array([1, 0, 0, 0, 0, 0])), 4)
    0.7273
    """

    name = "generalised-dice"
    compares = "masks"
    unit = "1"
    definition = "2 Σ w|X∩Y| / Σ w(|X| + |Y|) over classes, w = 1/|X|²; 1 when both are empty, 0 when one is"

    def __init__(self, background: bool = True) -> None:
        self.background = background

    def __call__(self, reference: NDArray[Any], test: NDArray[Any]) -> float:
        """Return the coefficient of two class maps of one shape. Raises ShapeMismatch, UnsupportedArray."""
        reference, test = checked(reference, test)
        empty = of_empty(int(np.count_nonzero(reference)), int(np.count_nonzero(test)))
        if empty is not None:
            return empty
        above, below = [], []
        for value in np.unique(reference):
            if value == 0 and not self.background:
                continue
            x, y = reference == value, test == value
            size = int(np.count_nonzero(x))
            above.append(2 * int(np.count_nonzero(x & y)) / size**2)
            below.append((size + int(np.count_nonzero(y))) / size**2)
        return math.fsum(above) / math.fsum(below)
