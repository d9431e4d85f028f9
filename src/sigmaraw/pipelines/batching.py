"""How many tiles one call of a network takes: measured, and only such numbers as change no bit of an answer.

Sums inside a library may be taken in another order for another batch: on an H100 batches of 10 and 50 gave the same bits as single
images, 25 and 100 did not. So a size is a choice only where a network's answers to the same tiles have the same bits as alone, and calls
always have one of two shapes: that size, the last call filled up, or a single tile. An answer then depends on its own tile alone, whatever
is predicted with it, and a choice by the clock changes no number.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidModel, InvalidPrediction

SIZES = (10, 5, 2)
"""Tiles in one call; a study predicts ten replicas at a time."""
_LONG_S = 0.03  # a call of one tile that takes longer than this on a CPU gains nothing by company: the network's maps leave the cache
_GAIN = 0.95  # of the time that single tiles take: a size must be at least so much faster


def batches(tiles: Any, size: int) -> list[tuple[Any, int]]:
    """Return batches of `size` tiles, the last filled up by its last tile, each with how many are no filling."""
    found = []
    for start in range(0, len(tiles), size):
        batch = tiles[start : start + size]
        count = len(batch)
        if count < size:
            batch = tiles[[*range(start, start + count), *([start + count - 1] * (size - count))]]
        found.append((batch, count))
    return found


def _seconds(call: Callable[[Any], Any], tiles: Any) -> float:
    taken = []
    for _ in range(2):
        begin = time.perf_counter()
        call(tiles)
        taken.append(time.perf_counter() - begin)
    return min(taken)


def fastest_size(
    call: Callable[[Any], Any],
    tiles: Any,
    most: int,
    *,
    patient: bool,
    seconds: Callable[[Callable[[Any], Any], Any], float] = _seconds,
) -> int:
    """Return how many tiles a call should take: of `SIZES` up to `most`, the fastest that gives the bits of single tiles; else 1.

    Parameters
    ----------
    call : callable
        Tiles (tile, …) → the network's maps of them, NumPy's or torch's, finished when it returns.
    tiles : ndarray or Tensor
        As many as the largest size, which are no image of the study.
    most : int
        The largest size that is of use.
    patient : bool
        Whether sizes are tried even where one tile takes long, as on a GPU.
    seconds : callable, optional
        (call, tiles) → how long a call of these tiles takes, s; by default the clock says it.
    """
    if most < 2:
        return 1
    try:
        alone, alone_s = [call(tiles[:1])], seconds(call, tiles[:1])
        if alone_s > _LONG_S and not patient:
            return 1
        alone += [call(tiles[index : index + 1]) for index in range(1, len(tiles))]
    except (InvalidModel, InvalidPrediction):
        return 1  # what is wrong with it, the first real image says
    best, best_s = 1, alone_s * _GAIN
    for size in SIZES:
        if size > most:
            continue
        try:
            together = call(tiles[:size])
            same = all(_bits(together[index]) == _bits(alone[index][0]) for index in range(size))
        except (InvalidModel, InvalidPrediction):
            continue  # a network that takes single images only
        each_s = seconds(call, tiles[:size]) / size
        if same and each_s < best_s:
            best, best_s = size, each_s
    return best


def mixes(call: Callable[[Any], Any], tiles: Any, size: int) -> bool:
    """Return whether a network whose batch is fixed answers a tile with the same bits whatever the other tiles of the batch are."""
    try:
        together = call(tiles[:size])
        return all(_bits(together[index]) == _bits(call(tiles[[index] * size])[0]) for index in range(size))
    except (InvalidModel, InvalidPrediction):
        return False


def probe_tiles(shape: tuple[int, ...], count: int) -> NDArray[np.float32]:
    """Return tiles (tile, channel, …) of random numbers that are always the same."""
    return np.random.default_rng(1).standard_normal((count, *shape)).astype(np.float32)


def _bits(values: Any) -> bytes:
    return np.ascontiguousarray(values if isinstance(values, np.ndarray) else values.cpu().numpy()).tobytes()
