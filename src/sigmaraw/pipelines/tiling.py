"""Overlapping tiles for models whose input size is fixed (formula 6), in two or three dimensions.

Along one axis of length L, with window w and border b: where L ≤ w one tile holds the whole axis, padded to w by
reflection. Otherwise tiles advance by s = w − 2b, each contributes its central s pixels, and reflection supplies what a
tile sees beyond the image. s = w with b = 0 is the seam control.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidOption


@dataclass(frozen=True)
class TiledAxis:
    """Padding of one axis, where its windows start in the padded axis, and which part of a window is kept, px."""

    length: int
    window: int
    before: int
    after: int
    starts: tuple[int, ...]
    keep_from: int
    keep: int

    def padded(self) -> NDArray[np.intp]:
        """Return which pixel stands at each place of the padded axis: reflection at both ends."""
        return np.pad(np.arange(self.length), (self.before, self.after), mode="reflect")


def _axis(length: int, window: int, border: int) -> TiledAxis:
    step = window - 2 * border
    if window < 1 or border < 0 or step < 1:
        raise InvalidOption(
            f"window {window} px with border {border} px", "window > 2 * border", "choose a smaller border or a larger window"
        )
    if length <= window:
        before = (window - length) // 2
        return TiledAxis(length, window, before, window - length - before, (0,), before, length)
    tiles = -(-length // step)
    return TiledAxis(length, window, border, tiles * step - length + border, tuple(k * step for k in range(tiles)), border, step)


class Tiling:
    """Cut an image into tiles and put predictions on the tiles together again, each pixel from exactly one tile.

    Parameters
    ----------
    shape : tuple of int
        (y, x) or (z, y, x) of the image, px.
    window : tuple of int
        Size of a tile along the same axes, px.
    border : int or tuple of int
        Discarded on each side of a tile, px; one number, or one for each axis.

    Raises
    ------
    InvalidOption
        Nothing of a tile would be kept.
    """

    def __init__(self, shape: tuple[int, ...], window: tuple[int, ...], border: int | tuple[int, ...]) -> None:
        borders = (border,) * len(shape) if isinstance(border, int) else border
        self.axes = tuple(_axis(*sizes) for sizes in zip(shape, window, borders, strict=True))

    def __len__(self) -> int:
        return int(np.prod([len(axis.starts) for axis in self.axes]))

    @property
    def window(self) -> tuple[int, ...]:
        """Size of a tile, px."""
        return tuple(axis.window for axis in self.axes)

    def windows(self) -> list[tuple[slice, ...]]:
        """Return where each tile lies in the padded image."""
        return [
            tuple(slice(start, start + axis.window) for start, axis in zip(starts, self.axes, strict=True))
            for starts in itertools.product(*(axis.starts for axis in self.axes))
        ]

    def split(self, image: NDArray[Any]) -> NDArray[Any]:
        """Return tiles (tile, …, window) of an image (…, y, x) or (…, z, y, x), dtype kept."""
        padding = [(0, 0)] * (image.ndim - len(self.axes)) + [(axis.before, axis.after) for axis in self.axes]
        padded = np.pad(image, padding, mode="reflect")
        return np.stack([padded[_inside(window)] for window in self.windows()])

    def kept(self) -> tuple[slice, ...]:
        """Return which part of a tile is kept."""
        return tuple(slice(axis.keep_from, axis.keep_from + axis.keep) for axis in self.axes)

    def join(self, tiles: NDArray[Any]) -> NDArray[Any]:
        """Return predictions (…, y, x) or (…, z, y, x) from those on the tiles (tile, …, window)."""
        between = tiles.shape[1 : tiles.ndim - len(self.axes)]
        joined = np.empty((*between, *(len(axis.starts) * axis.keep for axis in self.axes)), tiles.dtype)
        for place, tile in zip(itertools.product(*(range(len(axis.starts)) for axis in self.axes)), tiles, strict=True):
            target = tuple(slice(index * axis.keep, (index + 1) * axis.keep) for index, axis in zip(place, self.axes, strict=True))
            joined[_inside(target)] = tile[_inside(self.kept())]
        return np.ascontiguousarray(joined[_inside(tuple(slice(0, axis.length) for axis in self.axes))])


def _inside(part: tuple[slice, ...]) -> Any:
    """Return the index of that part of the last axes."""
    return (..., *part)
