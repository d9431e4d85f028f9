"""Overlapping tiles for models whose input size is fixed (formula 6).

Along one axis of length L, with window w and border b: where L ≤ w one tile holds the whole axis, padded to w by
reflection. Otherwise tiles advance by s = w − 2b, each contributes its central s pixels, and reflection supplies what a
tile sees beyond the image. s = w with b = 0 is the seam control.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidOption


@dataclass(frozen=True)
class _Axis:
    """Padding of one axis, where its windows start in the padded axis, and which part of a window is kept."""

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


def _axis(length: int, window: int, border: int) -> _Axis:
    step = window - 2 * border
    if window < 1 or border < 0 or step < 1:
        raise InvalidOption(
            f"window {window} px with border {border} px", "window > 2 * border", "choose a smaller border or a larger window"
        )
    if length <= window:
        before = (window - length) // 2
        return _Axis(length, window, before, window - length - before, (0,), before, length)
    tiles = -(-length // step)
    return _Axis(length, window, border, tiles * step - length + border, tuple(k * step for k in range(tiles)), border, step)


class Tiling:
    """Cut an image into tiles and put predictions on the tiles together again, each pixel from exactly one tile.

    Parameters
    ----------
    shape : tuple of int
        (y, x) of the image, px.
    window : tuple of int
        (y, x) of a tile, px.
    border : int
        Discarded on each side of a tile, px.

    Raises
    ------
    InvalidOption
        Nothing of a tile would be kept.
    """

    def __init__(self, shape: tuple[int, int], window: tuple[int, int], border: int) -> None:
        self.rows = _axis(shape[0], window[0], border)
        self.columns = _axis(shape[1], window[1], border)

    def __len__(self) -> int:
        return len(self.rows.starts) * len(self.columns.starts)

    def split(self, image: NDArray[Any]) -> NDArray[Any]:
        """Return tiles (tile, window y, window x) of an image (y, x), dtype kept."""
        rows, columns = self.rows, self.columns
        padded = np.pad(image, ((rows.before, rows.after), (columns.before, columns.after)), mode="reflect")
        return np.stack([padded[y : y + rows.window, x : x + columns.window] for y in rows.starts for x in columns.starts])

    def join(self, tiles: NDArray[Any]) -> NDArray[Any]:
        """Return predictions (…, y, x) from those on the tiles (tile, …, window y, window x)."""
        rows, columns = self.rows, self.columns
        shape = (*tiles.shape[1:-2], len(rows.starts) * rows.keep, len(columns.starts) * columns.keep)
        joined = np.empty(shape, tiles.dtype)
        places = [(i, j) for i in range(len(rows.starts)) for j in range(len(columns.starts))]
        for (i, j), tile in zip(places, tiles, strict=True):
            kept = tile[..., rows.keep_from : rows.keep_from + rows.keep, columns.keep_from : columns.keep_from + columns.keep]
            joined[..., i * rows.keep : (i + 1) * rows.keep, j * columns.keep : (j + 1) * columns.keep] = kept
        return np.ascontiguousarray(joined[..., : rows.length, : columns.length])
