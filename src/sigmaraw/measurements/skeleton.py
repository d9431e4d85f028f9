"""The skeleton of objects as a graph: its pixels, and which of them are neighbours."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Offset = tuple[int, ...]


def skeleton_of(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the skeleton of a mask (y, x) or (z, y, x), one pixel wide, by scikit-image's thinning."""
    from skimage.morphology import skeletonize

    found: NDArray[np.bool_] = skeletonize(mask) > 0
    return found


def half_offsets(ndim: int) -> list[Offset]:
    """Return one of each pair of opposite steps to a neighbour: 4 in a plane, 13 in a volume."""
    zero = (0,) * ndim
    return [step for step in itertools.product((-1, 0, 1), repeat=ndim) if step > zero]


def edges(skeleton: NDArray[np.bool_]) -> Iterator[tuple[Offset, NDArray[np.bool_]]]:
    """Yield each step to a neighbour with the pixels from which it joins two pixels of the skeleton, in its shape.

    A diagonal step counts only where no pixel between its ends is on the skeleton: the corner of a staircase is two steps along the axes,
    and not a third one across (mixed adjacency).
    """
    padded = np.pad(skeleton, 1)
    for step in half_offsets(skeleton.ndim):
        joined = skeleton & _shifted(padded, step)
        for between in _between(step):
            joined &= ~_shifted(padded, between)
        yield step, joined


def degrees(skeleton: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return how many neighbours each pixel of the skeleton is joined with, 0 elsewhere."""
    found = np.zeros(np.array(skeleton.shape) + 2, np.int64)
    inner = tuple(slice(1, -1) for _ in range(skeleton.ndim))
    for step, joined in edges(skeleton):
        found[inner] += joined
        found[tuple(slice(1 + by, by + 1 + size) for by, size in zip(step, skeleton.shape, strict=True))] += joined
    return found[inner]


def _shifted(padded: NDArray[np.bool_], step: Offset) -> NDArray[np.bool_]:
    """Return, for each pixel of the unpadded array, whether the pixel one step away is set."""
    return padded[tuple(slice(1 + by, by + size - 1) for by, size in zip(step, padded.shape, strict=True))]


def _between(step: Offset) -> list[Offset]:
    """Return the steps to the pixels that lie between both ends of a diagonal step."""
    parts = [(0,) if by == 0 else (0, by) for by in step]
    zero = (0,) * len(step)
    return [part for part in itertools.product(*parts) if part not in (zero, step)]
