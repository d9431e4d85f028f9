"""Boundary F1."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Metric
from sigmaraw.metrics.masks.policy import BOTH_EMPTY, ONE_EMPTY, spacing_of, tolerance_of
from sigmaraw.metrics.masks.surfaces import border_distances, both_empty

SHARE_OF_DIAGONAL = 0.0075


class BoundaryF1(Metric):
    """F1 of boundary precision and recall: shares of the test's and of the reference's border pixels near the other border.

    Parameters
    ----------
    tolerance : float, optional
        θ, in the unit of the spacing, px without one; by default .75 % of the image's diagonal. θ itself is near.
    spacing : iterable of float, optional
        Size of a pixel along each axis; 1 px without it.

    Raises
    ------
    InvalidOption
        A tolerance below 0.

    References
    ----------
    G. Csurka et al., BMVC 2013; paper 003; formula 7.

    Examples
    --------
    >>> x, y = np.zeros((2, 64, 64), bool)
    >>> x[20:28, 20:28] = y[20:28, 21:29] = True
    >>> BoundaryF1()(x, y)
    0.5
    """

    name = "boundary-f1"
    compares = "masks"
    unit = "1"
    definition = "F1 of border pixels within .75 % of the image's diagonal of the other border; 1 when both masks are empty, 0 when one is"
    takes_spacing = True

    def __init__(self, tolerance: float | None = None, spacing: Iterable[float] | None = None) -> None:
        self.tolerance = None if tolerance is None else tolerance_of(tolerance)
        self.spacing = spacing_of(spacing)

    def theta(self, shape: tuple[int, ...]) -> float:
        """Return the tolerance for masks of a shape."""
        if self.tolerance is not None:
            return self.tolerance
        sides = self.spacing or (1.0,) * len(shape)
        return SHARE_OF_DIAGONAL * math.hypot(*(size * side for size, side in zip(shape, sides, strict=True)))

    def __call__(self, reference: NDArray[Any], test: NDArray[Any]) -> float:
        """Return F1. Raises ShapeMismatch, UnsupportedArray."""
        found = border_distances(reference, test, self.spacing)
        if found is None:
            return BOTH_EMPTY if both_empty(reference, test) else ONE_EMPTY
        theta = self.theta(np.asarray(reference).shape)
        precision, recall = float(np.mean(found.to_reference <= theta)), float(np.mean(found.to_test <= theta))
        return 2.0 * precision * recall / (precision + recall) if precision + recall else 0.0
