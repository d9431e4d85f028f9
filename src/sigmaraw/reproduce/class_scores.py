"""How a class map differs from the truth, in the terms of paper 003: accuracy, IoU and boundary F1 by class and put together, boxes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sigmaraw.metrics import BoundaryF1
from sigmaraw.metrics.masks.confusion import Counts, counts, share
from sigmaraw.metrics.masks.objects import box_overlaps, matched

Labels = NDArray[np.integer]
TOGETHER = ("global accuracy", "mean accuracy", "mean IoU", "weighted IoU", "mean boundary F1")
BY_CLASS = ("accuracy", "IoU", "boundary F1")
TOUCHING, OVERLAPPING = 0.1, 0.5
"""Smallest IoU of two boxes that show one object, and from which they overlap well."""


@dataclass(frozen=True)
class Scores:
    """Scores of one image, all shares, 1.

    Parameters
    ----------
    together : mapping of str to float
        By the names in `TOGETHER`.
    by_class : mapping of str to tuple of float
        By the names in `BY_CLASS`, one value a class; NaN where neither map shows the class, and accuracy where the truth does not.
    """

    together: Mapping[str, float]
    by_class: Mapping[str, tuple[float, ...]]


def scores(truth: Labels, found: Labels, classes: int) -> Scores:
    """Return the scores of one class map (y, x) against the truth.

    Accuracy of a class is TP/(TP + FN), as in the library that 003 used; global accuracy is the share of pixels with the right class. Means
    are over the classes that have a value; weighted IoU weighs classes by their pixels in the truth.
    """
    each = [counts(truth == label, found == label) for label in range(classes)]
    accuracy = tuple(share(one.tp, one.tp + one.fn) for one in each)
    iou = tuple(_iou(one) for one in each)
    boundary = tuple(_boundary(truth == label, found == label) for label in range(classes))
    weights = np.array([one.tp + one.fn for one in each], dtype=np.float64)
    present = weights > 0
    together = {
        "global accuracy": float(np.mean(truth == found)),
        "mean accuracy": float(np.nanmean(accuracy)),
        "mean IoU": float(np.nanmean(iou)),
        "weighted IoU": float(np.sum(np.array(iou)[present] * weights[present]) / weights.sum()),
        "mean boundary F1": float(np.nanmean(boundary)),
    }
    return Scores(together, {"accuracy": accuracy, "IoU": iou, "boundary F1": boundary})


def _iou(one: Counts) -> float:
    return share(one.tp, one.tp + one.fp + one.fn)


def _boundary(truth: NDArray[np.bool_], found: NDArray[np.bool_]) -> float:
    return BoundaryF1()(truth, found) if truth.any() or found.any() else math.nan


def confusion(pairs: Sequence[tuple[Labels, Labels]], classes: int) -> NDArray[np.float64]:
    """Return of all pixels of each true class (row) the share found as each class (column); a class that no truth shows is a row of NaN."""
    table = np.zeros((classes, classes))
    for truth, found in pairs:
        table += np.bincount((truth.astype(np.intp) * classes + found).ravel(), minlength=classes**2).reshape(classes, classes)
    whole = table.sum(axis=1, keepdims=True)
    return np.divide(table, whole, out=np.full_like(table, np.nan), where=whole > 0)


def boxes(pairs: Sequence[tuple[Labels, Labels]]) -> tuple[float, float, int]:
    """Return the shares of the objects' boxes found with an IoU in [.1, .5) and in [.5, 1], and the number of objects.

    Boxes are matched one to one. Pairs are label images of the truth's objects and masks of the same class.
    """
    low = high = total = 0
    for truth, found in pairs:
        overlap = box_overlaps(truth, found)
        ious = matched(overlap.iou, TOUCHING)
        high += int(np.count_nonzero(ious >= OVERLAPPING))
        low += int(np.count_nonzero(ious < OVERLAPPING))
        total += overlap.reference
    return share(low, total), share(high, total), total
