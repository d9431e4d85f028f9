"""Overlap of two masks. One policy for empty ones: both empty is perfect agreement, one empty is none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Metric
from sigmaraw.errors import ShapeMismatch, UnsupportedArray

BOTH_EMPTY = 1.0
ONE_EMPTY = 0.0


class Dice(Metric):
    """Dice coefficient of two masks, 2|X∩Y| / (|X| + |Y|).

    Notes
    -----
    formula 7.

    Examples
    --------
    >>> import numpy as np
    >>> Dice()(np.array([1, 1, 0]), np.array([1, 0, 0]))
    0.6666666666666666
    """

    name = "dice"
    compares = "masks"
    unit = "1"
    definition = "2|X∩Y| / (|X| + |Y|); 1 when both masks are empty, 0 when one is"

    def __call__(self, reference: NDArray[Any], test: NDArray[Any]) -> float:
        """Return the coefficient of two masks of one shape, bool, or integers of which 0 is background.

        Raises
        ------
        ShapeMismatch
            Different shapes.
        UnsupportedArray
            Neither bool nor integer.
        """
        both, first, second = _areas(reference, test)
        return _ratio(2 * both, first + second, first, second)


class Jaccard(Metric):
    """Jaccard index of two masks, |X∩Y| / |X∪Y|.

    Notes
    -----
    formula 7.

    Examples
    --------
    >>> import numpy as np
    >>> Jaccard()(np.array([1, 1, 0]), np.array([1, 0, 0]))
    0.5
    """

    name = "jaccard"
    compares = "masks"
    unit = "1"
    definition = "|X∩Y| / |X∪Y|; 1 when both masks are empty, 0 when one is"

    def __call__(self, reference: NDArray[Any], test: NDArray[Any]) -> float:
        """Return the index of two masks of one shape, bool, or integers of which 0 is background.

        Raises
        ------
        ShapeMismatch
            Different shapes.
        UnsupportedArray
            Neither bool nor integer.
        """
        both, first, second = _areas(reference, test)
        return _ratio(both, first + second - both, first, second)


def _ratio(part: int, whole: int, first: int, second: int) -> float:
    if first == 0 and second == 0:
        return BOTH_EMPTY
    if first == 0 or second == 0:
        return ONE_EMPTY
    return part / whole


def _areas(reference: NDArray[Any], test: NDArray[Any]) -> tuple[int, int, int]:
    """Return |X∩Y|, |X|, |Y| in pixels."""
    reference, test = np.asarray(reference), np.asarray(test)
    if reference.shape != test.shape:
        raise ShapeMismatch(f"masks of shapes {reference.shape} and {test.shape}", "one shape", "compare masks of the same image")
    for mask in (reference, test):
        if mask.dtype.kind not in "bui":
            raise UnsupportedArray(f"a mask of type {mask.dtype}", "bool or integers", "threshold it first")
    x, y = reference != 0, test != 0
    return int(np.count_nonzero(x & y)), int(np.count_nonzero(x)), int(np.count_nonzero(y))
