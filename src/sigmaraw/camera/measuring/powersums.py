"""Sums over pixels of second and fourth powers, in float64."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sigmaraw.camera.measuring.workers import Workers

Single = NDArray[np.float32]
_LANES = 8  # running sums of the compiled kernel
_PIECE = 8192  # a dot product of this length stays on one thread of the linear-algebra library


def power_sums(values: Single, crew: Workers) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return Σv² and Σv⁴ of each (y, x) of (pair, y, x), in float64.

    Parameters
    ----------
    values : ndarray of float32
        (pair, y, x), DN.
    crew : Workers
        Threads that share the work.
    """
    second, fourth = np.zeros((2, len(values)))
    wide = crew.array("wide", values.shape[1:], np.float64)
    for index, value in enumerate(values):
        np.copyto(wide, value)
        for total in (second, fourth):
            for start in range(0, wide.shape[1], _PIECE):
                piece = wide[:, start : start + _PIECE]
                total[index] += np.vecdot(piece, piece).sum()
            if total is second:
                wide *= wide
    return second, fourth


def lane_sums(values: Single, crew: Workers) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the same in the order of the compiled kernel: eight running sums, of every eighth value; what is over goes to the first.

    Parameters
    ----------
    values : ndarray of float32
        (pair, y, x), DN.
    crew : Workers
        Threads that share the work.
    """
    pairs, count = len(values), values[0].size
    flat, whole = values.reshape(pairs, count), count - count % _LANES
    sums = np.zeros((2, pairs, _LANES))
    for start in range(0, whole, _PIECE):
        _add_lanes(flat[:, start : min(start + _PIECE, whole)], sums, crew)
    for each in flat[:, whole:].T.astype(np.float64):
        sums[0, :, 0] += each**2
        sums[1, :, 0] += (each**2) ** 2
    second, fourth = np.add.accumulate(sums, axis=2)[:, :, -1]
    return second, fourth


def _add_lanes(values: Single, sums: NDArray[np.float64], crew: Workers) -> None:
    """Add v² and v⁴ of (pair, pixel), a multiple of eight pixels, to (power, pair, lane)."""
    pairs, groups = len(values), values.shape[1] // _LANES
    wide = crew.array("wide", values.shape, np.float64)
    lanes = crew.array("lanes", (groups + 1, pairs, _LANES), np.float64)
    np.copyto(wide, values)
    lanes[1:] = wide.reshape(pairs, groups, _LANES).transpose(1, 0, 2)
    for total in sums:
        lanes[1:] *= lanes[1:]
        lanes[0] = total
        # Over the outermost axis NumPy adds one after the other.
        np.add.reduce(lanes, axis=0, out=total)
