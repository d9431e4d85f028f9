"""Precision of pixels."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from sigmaraw.contracts import Metric
from sigmaraw.metrics.masks.confusion import aggregated, check_aggregate, share


class Precision(Metric):
    """Precision: share of the test's pixels that are the reference's, TP / (TP + FP).

    Parameters
    ----------
    aggregate : {"foreground", "global", "mean", "weighted"}, default "foreground"
        Over classes, each value one: foreground takes all but 0 as one class, global adds counts up, mean and weighted average classes.

    Raises
    ------
    InvalidOption
        Another aggregate.

    References
    ----------
    003; formula 7.

    Examples
    --------
    >>> Precision()(np.array([1, 1, 0, 0]), np.array([1, 0, 0, 0]))
    1.0
    """

    name = "precision"
    compares = "masks"
    unit = "1"
    definition = "TP / (TP + FP) of pixels; 1 when both masks are empty, 0 when one is"

    def __init__(self, aggregate: str = "foreground") -> None:
        self.aggregate = check_aggregate(aggregate)

    def __call__(self, reference: NDArray[Any], test: NDArray[Any]) -> float:
        """Return the share. Raises ShapeMismatch, UnsupportedArray."""
        return aggregated(reference, test, self.aggregate, lambda c: share(c.tp, c.tp + c.fp))
