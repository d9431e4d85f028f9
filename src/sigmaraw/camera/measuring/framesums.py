"""Exact sums of frames: rows, columns, totals, extremes.

Sums of uint16 in wider integers are slow, because every value is widened first. As many values as certainly fit are therefore added as
uint16, and only those sums are widened: 16 of a 12-bit camera.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sigmaraw.camera.measuring.kernels import kernel_for
from sigmaraw.camera.measuring.workers import Workers, strips

Frames = NDArray[np.unsignedinteger]
_AT_ONCE = 16  # values of one uint16 sum: more gain nothing
_TOP = np.iinfo(np.uint16).max
_SAFE = 65537  # values of 16 bits of which the sum fits into 32


@dataclass(frozen=True)
class FrameSums:
    """Exact sums of a few frames.

    Parameters
    ----------
    rows : ndarray of uint32
        (frame, y), sums of rows, DN.
    columns : ndarray of uint64
        (frame, x), sums of columns, DN.
    total : ndarray of int64
        (frame,), sum of all pixels, DN.
    low : ndarray of int64
        (strip, frame), smallest value of each strip of rows, DN.
    high : ndarray of int64
        (strip, frame), largest value of each strip, DN.
    parts : list of slice
        Rows of each strip.
    """

    rows: NDArray[np.uint32]
    columns: NDArray[np.uint64]
    total: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    parts: list[slice]

    @property
    def lowest(self) -> NDArray[np.int64]:
        """Smallest value of each frame, DN."""
        return self.low.min(axis=0)

    @property
    def highest(self) -> NDArray[np.int64]:
        """Largest value of each frame, DN."""
        return self.high.max(axis=0)


def frame_sums(frames: Frames, crew: Workers) -> FrameSums:
    """Return row, column and frame sums, and extremes, of (frame, y, x). A row of up to 65537 pixels fits into uint32.

    Parameters
    ----------
    frames : ndarray of uint8 or uint16
        (frame, y, x), DN.
    crew : Workers
        Threads that share the work.
    """
    count, height, width = frames.shape
    parts = strips((height, width))
    rows = np.empty((count, height), np.uint32)
    by_strip = np.empty((len(parts), count, width), np.uint32)
    low, high = np.empty((len(parts), count), np.int64), np.empty((len(parts), count), np.int64)

    kernel = kernel_for(frames)

    def task(index: int) -> None:
        if kernel is not None:
            of_rows = (frames.itemsize, parts[index].start, parts[index].stop)
            kernel.frame_sums(frames, count, height, width, *of_rows, rows, by_strip[index], low[index], high[index])
            return
        strip = frames[:, parts[index]]
        low[index], high[index] = strip.min(axis=(1, 2)), strip.max(axis=(1, 2))
        rows[:, parts[index]], by_strip[index] = line_sums(strip, int(high[index].max()))

    crew.run([partial(task, index) for index in range(len(parts))])
    # A column of up to 65537 pixels fits into uint32 too.
    columns = by_strip.sum(axis=0, dtype=np.uint32 if height <= _SAFE else np.uint64).astype(np.uint64)
    return FrameSums(rows, columns, rows.sum(axis=1, dtype=np.int64), low, high, parts)


def line_sums(strip: Frames, highest: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return the sums of the rows, (frame, y), and of the columns, (frame, x), of (frame, y, x) whose values are at most `highest`, DN.

    Parameters
    ----------
    strip : ndarray of uint8 or uint16
        (frame, y, x), DN.
    highest : int
        Largest value that occurs, DN.
    """
    count, height, width = strip.shape
    each = min(_AT_ONCE, _TOP // max(highest, 1))
    down, across = height // each * each, width // each * each
    rows, columns = strip[:, :, across:].sum(axis=2, dtype=np.uint32), strip[:, down:].sum(axis=1, dtype=np.uint32)
    if across:
        part = strip[:, :, :across].reshape(count, height, each, across // each)
        rows += part.sum(axis=2, dtype=np.uint16).sum(axis=2, dtype=np.uint32)
    if down:
        block = strip[:, :down].reshape(count, down // each, each, width)
        columns += block.sum(axis=2, dtype=np.uint16).sum(axis=1, dtype=np.uint32)
    return rows, columns
