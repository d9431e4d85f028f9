"""Bounding boxes of objects, matched one to one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Metric
from sigmaraw.metrics.masks.objects import box_overlaps, matched
from sigmaraw.metrics.masks.policy import of_empty

LOWEST, GOOD = 0.1, 0.5


class _Boxes(Metric):
    """Share of the reference's boxes whose matched box overlaps by an IoU in an interval."""

    compares = "masks"
    unit = "1"
    discrete = True
    low: float
    high: float

    def __call__(self, reference: NDArray[Any], test: NDArray[Any]) -> float:
        """Return the share of the reference's boxes. Raises ShapeMismatch, UnsupportedArray."""
        found = box_overlaps(reference, test)
        empty = of_empty(found.reference, found.test)
        if empty is not None:
            return empty if self.high > 1.0 else 0.0
        ious = matched(found.iou, LOWEST)
        return int(np.count_nonzero((ious >= self.low) & (ious < self.high))) / found.reference


class BoxesMatched(_Boxes):
    """Share of the reference's bounding boxes with a matched box of IoU in [.5, 1].

    Boxes are matched one to one so that the sum of IoU is largest, among pairs of IoU ≥ .1.

    References
    ----------
    Paper 003, with the gap between .49 and .5 closed; formula 7.

    Examples
    --------
    >>> x = np.zeros((9, 9), int)
    >>> x[:4, :4], x[6:, 6:] = 1, 2
    >>> BoxesMatched()(x, np.where(x == 1, 1, 0))
    0.5
    """

    name = "boxes-matched"
    definition = "share of the reference's boxes matched with IoU in [.5, 1]; 1 when both masks are empty, 0 when one is"
    low, high = GOOD, 2.0


class BoxesTouched(_Boxes):
    """Share of the reference's bounding boxes with a matched box of IoU in [.1, .5).

    Boxes are matched one to one so that the sum of IoU is largest, among pairs of IoU ≥ .1.

    References
    ----------
    Paper 003, with the gap between .49 and .5 closed; formula 7.

    Examples
    --------
    >>> x = np.zeros((9, 9), int)
    >>> x[:4, :4] = 1
    >>> BoxesTouched()(x, np.roll(x, 2, axis=0))
    1.0
    """

    name = "boxes-touched"
    definition = "share of the reference's boxes matched with IoU in [.1, .5); 0 when a mask is empty"
    low, high = LOWEST, GOOD
