"""One policy for empty masks, and means that leave out what carries no agreement, and count it.

Both empty is perfect agreement: 1, and a distance of 0. One empty is none: 0, and a distance that is undefined (NaN).
A mean over slices, observers or classes leaves both-empty pairs out: 60 empty slices of 92 would lift a mean of .46 to .81.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Metric
from sigmaraw.errors import InvalidOption, ShapeMismatch, UnsupportedArray

BOTH_EMPTY = 1.0
ONE_EMPTY = 0.0


def checked(reference: NDArray[Any], test: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return two masks of one shape as arrays.

    Raises
    ------
    ShapeMismatch
        Different shapes, or none.
    UnsupportedArray
        Neither bool nor integer.
    """
    reference, test = np.asarray(reference), np.asarray(test)
    if reference.shape != test.shape or reference.ndim == 0:
        raise ShapeMismatch(f"masks of shapes {reference.shape} and {test.shape}", "one shape", "compare masks of the same image")
    for mask in (reference, test):
        if mask.dtype.kind not in "bui":
            raise UnsupportedArray(f"a mask of type {mask.dtype}", "bool or integers", "threshold it first")
    return reference, test


def foreground(reference: NDArray[Any], test: NDArray[Any]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return where two masks are not background. Raises as `checked`."""
    reference, test = checked(reference, test)
    return reference != 0, test != 0


def of_empty(first: int, second: int) -> float | None:
    """Return the value of an overlap where at least one mask of these sizes is empty; None where neither is."""
    if first and second:
        return None
    return ONE_EMPTY if first or second else BOTH_EMPTY


def spacing_of(spacing: Iterable[float] | None) -> tuple[float, ...] | None:
    """Return distances of neighbouring pixels along each axis. Raises InvalidOption unless all are finite and above 0."""
    if spacing is None:
        return None
    sides = tuple(float(side) for side in spacing)
    if not sides or not all(math.isfinite(side) and side > 0.0 for side in sides):
        raise InvalidOption(f"spacing {sides}", "a number above 0 for each axis", "give the size of a pixel, as (z, y, x) or (y, x)")
    return sides


def tolerance_of(tolerance: float) -> float:
    """Return a tolerated distance. Raises InvalidOption unless it is finite and from 0."""
    if not (math.isfinite(tolerance) and tolerance >= 0.0):
        raise InvalidOption(f"tolerance {tolerance}", "a number from 0", "give the distance that is tolerated")
    return float(tolerance)


@dataclass(frozen=True)
class MeanAgreement:
    """A mean over pairs of masks, with what it leaves out.

    Parameters
    ----------
    value : float
        Mean over the pairs that count, the metric's unit; NaN where none does.
    values : ndarray
        (pair,), NaN where both masks are empty or the metric is undefined.
    counted, both_empty, one_empty, undefined : int
        Pairs in the mean; pairs of two empty masks, which it leaves out; pairs of which one mask is empty; pairs without a value.
    """

    value: float
    values: NDArray[np.float64]
    counted: int
    both_empty: int
    one_empty: int
    undefined: int


def mean_agreement(metric: Metric, pairs: Iterable[tuple[NDArray[Any], NDArray[Any]]]) -> MeanAgreement:
    """Return the mean of a metric over pairs of masks: slices of a volume, observers, or classes.

    Parameters
    ----------
    metric : Metric
        Which compares masks.
    pairs : iterable of (ndarray, ndarray)
        Reference and test, each pair of one shape.

    Returns
    -------
    MeanAgreement
        The mean, and what it leaves out.

    Examples
    --------
    >>> from sigmaraw.metrics import Jaccard
    >>> empty, full = np.zeros((2, 2), bool), np.ones((2, 2), bool)
    >>> found = mean_agreement(Jaccard(), [(empty, empty), (full, full), (full, empty)])
    >>> found.value, found.both_empty, found.one_empty
    (0.5, 1, 1)
    """
    values, both, one = [], 0, 0
    for reference, test in pairs:
        x, y = foreground(reference, test)
        any_x, any_y = bool(x.any()), bool(y.any())
        both, one = both + (not any_x and not any_y), one + (any_x != any_y)
        values.append(metric(reference, test) if any_x or any_y else math.nan)
    found = np.array(values, dtype=np.float64)
    kept = found[np.isfinite(found)]
    mean = math.fsum(kept) / kept.size if kept.size else math.nan
    return MeanAgreement(mean, found, kept.size, both, one, found.size - both - kept.size)
