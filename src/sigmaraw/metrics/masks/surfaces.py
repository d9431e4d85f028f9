"""Distances between two masks: of all their pixels, and of their borders."""

from __future__ import annotations

import abc
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Metric
from sigmaraw.errors import ShapeMismatch
from sigmaraw.metrics.masks.policy import foreground, spacing_of


@dataclass(frozen=True)
class Distances:
    """Distances from each pixel of one set to the nearest of the other, in the unit of the spacing, px without one.

    Parameters
    ----------
    to_test : ndarray
        Of each pixel of the reference's set.
    to_reference : ndarray
        Of each pixel of the test's set.
    """

    to_test: NDArray[np.float64]
    to_reference: NDArray[np.float64]

    @property
    def both(self) -> NDArray[np.float64]:
        """All distances of both directions."""
        return np.concatenate([self.to_test, self.to_reference])


def border(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels of a mask with a neighbour outside (4, in volumes 6); beyond the array's edge is outside.

    Examples
    --------
    >>> border(np.ones((3, 3), bool)).astype(int).tolist()
    [[1, 1, 1], [1, 0, 1], [1, 1, 1]]
    """
    from scipy.ndimage import binary_erosion

    return mask & ~binary_erosion(mask, border_value=0)


def pixel_distances(reference: NDArray[Any], test: NDArray[Any], spacing: Iterable[float] | None = None) -> Distances | None:
    """Return distances between all pixels of two masks; None where one is empty. Raises ShapeMismatch, UnsupportedArray."""
    x, y = foreground(reference, test)
    return _between(x, y, _sides(spacing, x.ndim)) if x.any() and y.any() else None


def border_distances(reference: NDArray[Any], test: NDArray[Any], spacing: Iterable[float] | None = None) -> Distances | None:
    """Return distances between the borders of two masks; None where one is empty. Raises ShapeMismatch, UnsupportedArray."""
    x, y = foreground(reference, test)
    sides = _sides(spacing, x.ndim)
    return _between(border(x), border(y), sides) if x.any() and y.any() else None


def both_empty(reference: NDArray[Any], test: NDArray[Any]) -> bool:
    """Return whether neither mask holds anything."""
    return not np.asarray(reference).any() and not np.asarray(test).any()


def _sides(spacing: Iterable[float] | None, axes: int) -> tuple[float, ...]:
    sides = spacing_of(spacing) or (1.0,) * axes
    if len(sides) != axes:
        raise ShapeMismatch(f"a spacing of {len(sides)} axes for masks of {axes}", "one number for each axis", "give the pixel's size")
    return sides


def _between(x: NDArray[np.bool_], y: NDArray[np.bool_], sides: tuple[float, ...]) -> Distances:
    from scipy.ndimage import distance_transform_edt

    return Distances(distance_transform_edt(~y, sampling=sides)[x], distance_transform_edt(~x, sampling=sides)[y])


class DistanceMetric(Metric):
    """A distance between two masks' borders: 0 where both masks are empty, NaN where one is. A subclass says how distances are reduced.

    Parameters
    ----------
    spacing : iterable of float, optional
        Size of a pixel along each axis; 1 px without it.
    """

    compares = "masks"
    unit = "px"
    takes_spacing = True
    less_is_better = True

    def __init__(self, spacing: Iterable[float] | None = None) -> None:
        self.spacing = spacing_of(spacing)

    def __call__(self, reference: NDArray[Any], test: NDArray[Any]) -> float:
        """Return the distance; NaN where one mask alone is empty. Raises ShapeMismatch, UnsupportedArray."""
        found = self.distances(reference, test)
        if found is None:
            return 0.0 if both_empty(reference, test) else math.nan
        return float(self.reduced(found))

    def distances(self, reference: NDArray[Any], test: NDArray[Any]) -> Distances | None:
        """Return the distances that are reduced; None where a mask is empty."""
        return border_distances(reference, test, self.spacing)

    @abc.abstractmethod
    def reduced(self, found: Distances) -> float | np.floating:
        """Return one number of all distances."""
