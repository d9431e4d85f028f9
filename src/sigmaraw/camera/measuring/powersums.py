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
    groups = count // _LANES
    wide = crew.array("wide", (pairs, count), np.float64)
    lanes = crew.array("lanes", (groups, 2, pairs, _LANES), np.float64)
    over = np.empty((2, pairs, count - groups * _LANES))
    np.copyto(wide, values.reshape(pairs, count))
    for power in range(2):
        wide *= wide
        lanes[:, power] = wide[:, : groups * _LANES].reshape(pairs, groups, _LANES).transpose(1, 0, 2)
        over[power] = wide[:, groups * _LANES :]
    sums = np.add.reduce(lanes, axis=0)
    for each in np.moveaxis(over, 2, 0):
        sums[:, :, 0] += each
    second, fourth = np.add.accumulate(sums, axis=2)[:, :, -1]
    return second, fourth
