"""Objects of masks and label images, and their overlap with those of another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.metrics.masks.policy import checked


@dataclass(frozen=True)
class Overlaps:
    """Objects of two masks.

    Parameters
    ----------
    iou : ndarray
        (reference object, test object), intersection over union of pixels.
    reference, test : int
        Number of objects of each.
    """

    iou: NDArray[np.float64]
    reference: int
    test: int


def labelled(mask: NDArray[Any]) -> tuple[NDArray[np.intp], int]:
    """Return a label image 1 … n, and n: each value of a label image is an object, of a mask each component (8, in volumes 26).

    An array with one value beside 0 is a mask.

    Examples
    --------
    >>> labelled(np.array([1, 1, 0, 1], bool))[1], labelled(np.array([1, 1, 0, 7]))[1]
    (2, 2)
    """
    from scipy import ndimage

    values = np.unique(mask)
    values = values[values != 0]
    if values.size > 1:
        return np.searchsorted(np.concatenate([np.zeros(1, values.dtype), values]), mask) * (mask != 0), int(values.size)
    found, count = ndimage.label(mask != 0, ndimage.generate_binary_structure(mask.ndim, mask.ndim))
    return found.astype(np.intp), int(count)


def overlaps(reference: NDArray[Any], test: NDArray[Any]) -> Overlaps:
    """Return the overlap of every pair of objects, by pixels. Raises ShapeMismatch, UnsupportedArray."""
    reference, test = checked(reference, test)
    (x, m), (y, n) = labelled(reference), labelled(test)
    both = np.bincount((x * (n + 1) + y).ravel(), minlength=(m + 1) * (n + 1)).reshape(m + 1, n + 1)
    sizes_x, sizes_y = both.sum(axis=1)[1:, None], both.sum(axis=0)[None, 1:]
    inside = both[1:, 1:]
    return Overlaps(inside / np.maximum(sizes_x + sizes_y - inside, 1), m, n)


def box_overlaps(reference: NDArray[Any], test: NDArray[Any]) -> Overlaps:
    """Return the overlap of every pair of objects' bounding boxes. Raises ShapeMismatch, UnsupportedArray."""
    reference, test = checked(reference, test)
    first, second = _boxes(reference), _boxes(test)
    if not len(first) or not len(second):
        return Overlaps(np.zeros((len(first), len(second))), len(first), len(second))
    low = np.maximum(first[:, None, :, 0], second[None, :, :, 0])
    high = np.minimum(first[:, None, :, 1], second[None, :, :, 1])
    inside = np.prod(np.maximum(high - low, 0), axis=-1)
    sizes = [np.prod(boxes[..., 1] - boxes[..., 0], axis=-1) for boxes in (first, second)]
    return Overlaps(inside / (sizes[0][:, None] + sizes[1][None] - inside), len(first), len(second))


def _boxes(mask: NDArray[Any]) -> NDArray[np.intp]:
    """Return (object, axis, start and end)."""
    from scipy import ndimage

    labels, count = labelled(mask)
    found = [place for place in ndimage.find_objects(labels, count) if place is not None]
    return np.array([[(side.start, side.stop) for side in place] for place in found], dtype=np.intp).reshape(-1, mask.ndim, 2)


def matched(iou: NDArray[np.float64], at_least: float) -> NDArray[np.float64]:
    """Return the overlaps of pairs matched one to one so that their sum is largest, among pairs that overlap by `at_least`."""
    from scipy.optimize import linear_sum_assignment

    if iou.size == 0:
        return np.zeros(0)
    usable = np.where(iou >= at_least, iou, 0.0)
    rows, columns = linear_sum_assignment(usable, maximize=True)
    found = usable[rows, columns]
    return np.asarray(found[found > 0.0])
