"""What a model finds in an image, whatever it returns: objects numbered from 1, with classes or scores where it gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidPrediction


@dataclass(frozen=True)
class Found:
    """Objects of one image.

    Parameters
    ----------
    labels : ndarray of int32
        Shape of the image: 0 is background, 1 to `count` are objects.
    count : int
        Number of objects.
    classes : ndarray of int, optional
        Class of each object, (object,), from 1.
    prediction : ndarray of float, optional
        The map that the model predicts, shape of the image.
    """

    labels: NDArray[np.int32]
    count: int
    classes: NDArray[np.int64] | None = None
    prediction: NDArray[np.floating] | None = None


def neighbours(ndim: int, connectivity: int) -> NDArray[np.bool_]:
    """Return which neighbours join pixels to one object, (3,) along each axis. connectivity : 4 or 8, in volumes 6 or 26."""
    from scipy import ndimage

    structure: NDArray[np.bool_] = ndimage.generate_binary_structure(ndim, 1 if connectivity == 4 else ndim)
    return structure


def of_mask(mask: NDArray[np.bool_], smallest_px: int, connectivity: int) -> Found:
    """Return the connected parts of a mask of at least `smallest_px` pixels. connectivity : 4 or 8, in volumes 6 or 26."""
    from scipy import ndimage

    labels, count = ndimage.label(mask, neighbours(mask.ndim, connectivity))
    if smallest_px <= 1:  # numbered in their order already, and none to leave out
        return Found(labels, int(count))
    stays = np.bincount(labels[labels > 0], minlength=int(count) + 1) >= smallest_px  # of objects alone: most pixels are background
    return Found(labels, int(count)) if stays[1:].all() else _numbered(labels, stays)


def of_labels(labels: NDArray[np.integer], smallest_px: int, keep: NDArray[np.bool_] | None = None) -> Found:
    """Return the objects of a label image of at least `smallest_px` pixels, numbered in the order of their labels.

    keep : (label + 1,) whether an object stays, whatever its size.
    """
    flat = labels.ravel()
    if flat.size and int(flat.max()) > flat.size:  # sparse labels, as those of a tracker: numbered anew before they are counted
        flat = np.unique(flat, return_inverse=True)[1]
        flat = flat + (0 if (labels == 0).any() else 1)
    sizes = np.bincount(flat)
    stays = sizes >= max(smallest_px, 1)
    if keep is not None:
        stays &= keep
    return _numbered(flat.reshape(labels.shape), stays)


def _numbered(labels: NDArray[np.integer], stays: NDArray[np.bool_]) -> Found:
    """Return the objects that stay, (label + 1,), numbered in the order of their labels; 0 is background whatever is said of it."""
    stays[0] = False
    numbers = np.zeros(len(stays), np.int32)
    count = int(np.count_nonzero(stays))
    numbers[stays] = np.arange(1, count + 1, dtype=np.int32)
    return Found(numbers.take(labels), count)


def of_classes(classes: NDArray[np.integer], number: int, smallest_px: int, connectivity: int, spec: str) -> Found:
    """Return the connected parts of each class of a class map, class by class. Raises InvalidPrediction for a class beyond `number`."""
    highest = int(classes.max(initial=0))
    if highest > number:
        found = f"'{spec}' returned class {highest}"
        raise InvalidPrediction(found, f"0 (background) to {number}", f"state the classes: classes={highest}, or their names joined by |")
    labels = np.zeros(classes.shape, np.int32)
    of: list[int] = []
    for one in range(1, number + 1):
        part = of_mask(classes == one, smallest_px, connectivity)
        inside = part.labels > 0
        labels[inside] = part.labels[inside] + len(of)
        of += [one] * part.count
    return Found(labels, len(of), np.array(of, np.int64))


@dataclass(frozen=True)
class Reading:
    """How what a model returns becomes objects.

    Parameters
    ----------
    spec : str
        The pipeline's specification, for messages.
    smallest_px : int
        Objects of fewer pixels are left out.
    connectivity : {8, 4}
        Neighbours that join pixels of a mask to one object; in volumes 26 or 6.
    classes : int
        Number of classes of a class map; 0 where labels are returned.
    score : float
        Objects with a lower score are left out, where the model gives scores.
    """

    spec: str
    smallest_px: int = 0
    connectivity: int = 8
    classes: int = 0
    score: float = 0.5

    def found(self, values: Any, shape: tuple[int, ...]) -> Found:
        """Return the objects of an image of this shape.

        Parameters
        ----------
        values : array, or (array, scores)
            A label image, a mask, a class map where classes are stated; with scores of each object, a map of the image's shape, or a
            mapping, which is not looked at (StarDist's details). Of several masks (object, …) with scores the best ones come first.

        Raises
        ------
        InvalidPrediction
            Something else.
        """
        scores = None
        if isinstance(values, tuple | list) and len(values) >= 2 and np.ndim(values[0]) >= 2:
            values, scores = values[0], values[1]
        if scores is None or isinstance(scores, Mapping):
            return self._of_array(checked_labels(values, shape, self.spec))
        if np.ndim(values) == len(shape) + 1:
            return self._of_stack(np.asarray(values), np.asarray(scores), shape)
        array = checked_labels(values, shape, self.spec)
        if np.shape(scores) == shape:
            return replace(self._of_array(array), prediction=np.asarray(scores, np.float64))
        return self._of_scored(array, np.asarray(scores))

    def _of_array(self, array: NDArray[Any]) -> Found:
        if self.classes:
            return of_classes(array.astype(np.int64), self.classes, self.smallest_px, self.connectivity, self.spec)
        if array.dtype.kind == "b":
            return of_mask(array, self.smallest_px, self.connectivity)
        return of_labels(array, self.smallest_px)

    def _of_scored(self, array: NDArray[Any], scores: NDArray[Any]) -> Found:
        """Return the objects with a score that suffices; scores are in the order of the labels."""
        whole = of_mask(array, 0, self.connectivity) if array.dtype.kind == "b" else of_labels(array, 0)
        self._check_scores(scores, whole.count)
        return of_labels(whole.labels, self.smallest_px, np.concatenate([[False], scores.astype(np.float64) >= self.score]))

    def _of_stack(self, masks: NDArray[Any], scores: NDArray[Any], shape: tuple[int, ...]) -> Found:
        """Return the objects of masks (object, …), the best painted first; a pixel belongs to the first that claims it."""
        self._check_scores(scores, len(masks))
        labels = np.zeros(shape, np.int32)
        for number, index in enumerate(np.argsort(-scores.astype(np.float64), kind="stable"), 1):
            if scores[index] >= self.score:
                mask = checked_labels(masks[index], shape, self.spec) > 0
                labels[mask & (labels == 0)] = number
        return of_labels(labels, self.smallest_px)

    def _check_scores(self, scores: NDArray[Any], count: int) -> None:
        if scores.shape != (count,) or scores.dtype.kind not in "fiu":
            found = f"'{self.spec}' returned scores of {scores.dtype} {scores.shape} for {count} objects"
            raise InvalidPrediction(found, "one number for each object, or a map of the image's shape", "return (labels, scores)")


def checked_labels(values: Any, shape: tuple[int, ...], spec: str) -> NDArray[np.integer]:
    """Return what a model returned as a label image of the image's shape, bool left as it is.

    Raises
    ------
    InvalidPrediction
        Another shape, negative labels, or floats that are no whole numbers.
    """
    array = np.asarray(values)
    expected = f"a label image {shape} of integers: 0 is background, each object has a number"
    if array.shape != shape:
        raise InvalidPrediction(f"'{spec}' returned an array {array.shape} for an image {shape}", expected, "return the image's shape")
    if array.dtype.kind == "f" and np.isfinite(array).all() and (array == np.rint(array)).all() and np.abs(array).max(initial=0) < 2**31:
        array = array.astype(np.int64)
    if array.dtype.kind not in "biu":
        remedy = "return labels or a mask; for a map of probabilities return (map > threshold, map)"
        raise InvalidPrediction(f"'{spec}' returned an array of {array.dtype}", expected, remedy)
    if array.dtype.kind == "i" and array.min(initial=0) < 0:
        raise InvalidPrediction(f"'{spec}' returned the label {array.min()}", expected, "use 0 for background")
    return array
