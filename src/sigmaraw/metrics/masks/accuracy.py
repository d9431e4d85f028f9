"""Accuracy of pixels."""

from __future__ import annotations

from sigmaraw.metrics.masks.confusion import ConfusionMetric, Counts, share


class Accuracy(ConfusionMetric):
    """Accuracy: share of pixels that agree, (TP + TN) / all.

    Paper 003 prints it without the wrong pixels below the line, where it is always 1.

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
    >>> Accuracy()(np.array([1, 1, 0, 0]), np.array([1, 0, 0, 0]))
    0.75
    """

    name = "accuracy"
    definition = "(TP + TN) / all of pixels; 1 when both masks are empty, 0 when one is"

    def ratio(self, c: Counts) -> float:
        """Return the ratio of one class's counts; NaN where it is undefined."""
        return share(c.tp + c.tn, c.tp + c.tn + c.fp + c.fn)
