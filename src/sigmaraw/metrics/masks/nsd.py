"""Normalised surface Dice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Metric
from sigmaraw.metrics.masks.policy import BOTH_EMPTY, ONE_EMPTY, spacing_of, tolerance_of
from sigmaraw.metrics.masks.surfaces import border_distances, both_empty


class SurfaceDice(Metric):
    """NSD: share of the border pixels of both masks that lie within a tolerance of the other border.

    Parameters
    ----------
    tolerance : float, default 1.0
        In the unit of the spacing, px without one; the tolerance itself is within.
    spacing : iterable of float, optional
        Size of a pixel along each axis; 1 px without it.

    Raises
    ------
    InvalidOption
        A tolerance below 0.

    References
    ----------
    S. Nikolov et al., J. Med. Internet Res. 23, e26151 (2021), with pixels in place of surface elements; formula 7.

    Examples
    --------
    >>> x, y = np.zeros((2, 20, 20), bool)
    >>> x[5:13, 5:13] = y[5:13, 6:14] = True
    >>> SurfaceDice(tolerance=0.5)(x, y)
    0.5
    """

    name = "nsd"
    compares = "masks"
    unit = "1"
    definition = "share of border pixels within the tolerance (1 px, or 1 in the spacing's unit) of the other border; 1 when both are empty"
    takes_spacing = True

    def __init__(self, tolerance: float = 1.0, spacing: Iterable[float] | None = None) -> None:
        self.tolerance, self.spacing = tolerance_of(tolerance), spacing_of(spacing)

    def __call__(self, reference: NDArray[Any], test: NDArray[Any]) -> float:
        """Return the share. Raises ShapeMismatch, UnsupportedArray."""
        found = border_distances(reference, test, self.spacing)
        if found is None:
            return BOTH_EMPTY if both_empty(reference, test) else ONE_EMPTY
        return float(np.mean(found.both <= self.tolerance))
