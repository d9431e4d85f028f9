"""Panoptic quality of objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Metric
from sigmaraw.metrics.masks.objects import overlaps
from sigmaraw.metrics.masks.policy import of_empty


@dataclass(frozen=True)
class Panoptic:
    """Panoptic quality and its factors: quality = segmentation · recognition; and the objects behind them."""

    quality: float
    segmentation: float
    recognition: float
    tp: int
    fp: int
    fn: int


class PanopticQuality(Metric):
    """Panoptic quality, Σ IoU of matched objects / (TP + ½FP + ½FN); objects match where IoU > .5, which makes the match unique.

    References
    ----------
    A. Kirillov et al., CVPR 2019, 9396–9405; formula 7.

    Examples
    --------
    >>> x = np.array([1, 1, 0, 2, 2])
    >>> PanopticQuality()(x, np.array([1, 1, 0, 0, 0]))
    0.6666666666666666
    """

    name = "panoptic-quality"
    compares = "masks"
    unit = "1"
    definition = "Σ IoU of objects matched at IoU > .5 / (TP + FP/2 + FN/2); 1 when both masks are empty, 0 when one is"

    def of(self, reference: NDArray[Any], test: NDArray[Any]) -> Panoptic:
        """Return the quality with its factors; empty masks as `__call__` has them. Raises ShapeMismatch, UnsupportedArray."""
        found = overlaps(reference, test)
        empty = of_empty(found.reference, found.test)
        if empty is not None:
            return Panoptic(empty, empty, empty, 0, found.test, found.reference)
        ious = found.iou[found.iou > 0.5]
        tp = int(ious.size)
        fp, fn = found.test - tp, found.reference - tp
        segmentation = float(np.mean(ious)) if tp else 0.0
        recognition = tp / (tp + 0.5 * fp + 0.5 * fn)
        return Panoptic(segmentation * recognition, segmentation, recognition, tp, fp, fn)

    def __call__(self, reference: NDArray[Any], test: NDArray[Any]) -> float:
        """Return the quality of two masks or label images. Raises ShapeMismatch, UnsupportedArray."""
        return self.of(reference, test).quality
