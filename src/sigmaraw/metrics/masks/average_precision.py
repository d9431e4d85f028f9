"""Average precision of objects over thresholds."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Metric
from sigmaraw.errors import InvalidOption
from sigmaraw.metrics.masks.objects import matched, overlaps
from sigmaraw.metrics.masks.policy import of_empty

THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))


class AveragePrecision(Metric):
    """TP / (TP + FP + FN) of objects matched one to one at an IoU threshold, mean over thresholds .5, .55 … .95.

    Pairs that reach the threshold are matched so that the sum of IoU is largest.

    Parameters
    ----------
    thresholds : iterable of float
        IoU, above 0 and up to 1; reached where IoU is at least the threshold.

    Raises
    ------
    InvalidOption
        No threshold, or one outside.

    References
    ----------
    J. C. Caicedo et al., Nature Methods 16, 1247–1253 (2019); formula 7.

    Examples
    --------
    >>> x = np.array([1, 1, 0, 2, 2])
    >>> AveragePrecision(thresholds=[0.5])(x, np.array([1, 1, 0, 0, 0]))
    0.5
    """

    name = "average-precision"
    compares = "masks"
    unit = "1"
    discrete = True
    definition = "mean over IoU .5, .55 … .95 of TP / (TP + FP + FN) of matched objects; 1 when both masks are empty, 0 when one is"

    def __init__(self, thresholds: Iterable[float] = THRESHOLDS) -> None:
        self.thresholds = tuple(thresholds)
        if not self.thresholds or not all(0.0 < one <= 1.0 for one in self.thresholds):
            raise InvalidOption(f"thresholds {self.thresholds}", "numbers above 0 and up to 1", "give IoU thresholds")

    def __call__(self, reference: NDArray[Any], test: NDArray[Any]) -> float:
        """Return the mean over thresholds. Raises ShapeMismatch, UnsupportedArray."""
        found = overlaps(reference, test)
        empty = of_empty(found.reference, found.test)
        if empty is not None:
            return empty
        values = []
        for threshold in self.thresholds:
            tp = int(np.count_nonzero(matched(found.iou, threshold)))
            values.append(tp / (found.reference + found.test - tp))
        return math.fsum(values) / len(values)
