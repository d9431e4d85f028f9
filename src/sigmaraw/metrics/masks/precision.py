"""Precision of pixels."""

from __future__ import annotations

from sigmaraw.metrics.masks.confusion import ConfusionMetric, Counts, share


class Precision(ConfusionMetric):
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
    Paper 003; formula 7.

    Examples
    --------
    >>> Precision()(np.array([1, 1, 0, 0]), np.array([1, 0, 0, 0]))
    1.0
    """

    name = "precision"
    definition = "TP / (TP + FP) of pixels; 1 when both masks are empty, 0 when one is"

    def ratio(self, c: Counts) -> float:
        """Return the ratio of one class's counts; NaN where it is undefined."""
        return share(c.tp, c.tp + c.fp)
