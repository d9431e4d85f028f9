"""Counts of right and wrong pixels, of two masks or class by class, and how classes are put together."""

from __future__ import annotations

import abc
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Metric
from sigmaraw.errors import InvalidOption
from sigmaraw.metrics.masks.policy import checked, of_empty

Aggregate = Literal["foreground", "global", "mean", "weighted"]
AGGREGATES: tuple[Aggregate, ...] = ("foreground", "global", "mean", "weighted")


@dataclass(frozen=True)
class Counts:
    """Pixels of one class: true and false positives, false and true negatives."""

    tp: int
    fp: int
    fn: int
    tn: int

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.tn + other.tn)


def counts(x: NDArray[np.bool_], y: NDArray[np.bool_]) -> Counts:
    """Return the counts of one class. x : reference, y : test."""
    tp, first, second = (int(np.count_nonzero(mask)) for mask in (x & y, x, y))
    return Counts(tp, second - tp, first - tp, x.size - first - second + tp)


def aggregated(reference: NDArray[Any], test: NDArray[Any], aggregate: Aggregate, ratio: Callable[[Counts], float]) -> float:
    """Return a ratio of counts, of the foreground or over classes.

    foreground: everything that is not 0, as one class. global: counts of all classes added up. mean: over classes that either map has.
    weighted: over classes of the reference, by their pixels. Background, 0, is a class where there are classes.

    Parameters
    ----------
    ratio : callable
        Of the counts of a class; NaN where it is undefined, which leaves the class out of a mean.

    Raises
    ------
    ShapeMismatch, UnsupportedArray
        As `checked`.
    """
    reference, test = checked(reference, test)
    empty = of_empty(int(np.count_nonzero(reference)), int(np.count_nonzero(test)))
    if empty is not None:
        return empty
    if aggregate == "foreground":
        return ratio(counts(reference != 0, test != 0))
    classes = np.union1d(reference, test)
    of_classes = [counts(reference == value, test == value) for value in classes]
    if aggregate == "global":
        total = of_classes[0]
        for one in of_classes[1:]:
            total = total + one
        return ratio(total)
    values = np.array([ratio(one) for one in of_classes])
    weights = np.ones(len(values)) if aggregate == "mean" else np.array([float(one.tp + one.fn) for one in of_classes])
    known = np.isfinite(values) & (weights > 0)
    return float(np.sum(values[known] * weights[known]) / np.sum(weights[known])) if known.any() else math.nan


def check_aggregate(aggregate: str) -> Aggregate:
    """Return a known way to put classes together. Raises InvalidOption."""
    for known in AGGREGATES:
        if aggregate == known:
            return known
    raise InvalidOption(f"aggregate '{aggregate}'", f"one of {', '.join(AGGREGATES)}", "name one of them")


def share(part: int, whole: int) -> float:
    """Return part/whole, NaN where whole is 0."""
    return part / whole if whole else math.nan


class ConfusionMetric(Metric):
    """A ratio of pixel counts, of the foreground or over classes. A subclass says which ratio.

    Parameters
    ----------
    aggregate : {"foreground", "global", "mean", "weighted"}, default "foreground"
        Over classes, each value one: foreground takes all but 0 as one class, global adds counts up, mean and weighted average classes.

    Raises
    ------
    InvalidOption
        Another aggregate.
    """

    compares = "masks"
    unit = "1"

    def __init__(self, aggregate: str = "foreground") -> None:
        self.aggregate = check_aggregate(aggregate)

    def __call__(self, reference: NDArray[Any], test: NDArray[Any]) -> float:
        """Return the share. Raises ShapeMismatch, UnsupportedArray."""
        return aggregated(reference, test, self.aggregate, self.ratio)

    @abc.abstractmethod
    def ratio(self, c: Counts) -> float:
        """Return the ratio of one class's counts; NaN where it is undefined."""
