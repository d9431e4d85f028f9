"""NumPy .npy arrays, never pickled ones: (y, x), (frame, y, x) or (frame, z, y, x)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts.readers import Decoded, Layout, Opened, Reader, Selection
from sigmaraw.frames.decoding import decoding, mappable, read_exactly, require_grey, unreadable


class NpyReader(Reader):
    """Arrays of NumPy, never pickled ones."""

    name = "npy"
    formats = "NumPy .npy arrays"
    suffixes = (".npy",)
    package = "numpy"

    def read(self, path: Path, selection: Selection) -> Decoded:
        """Return all planes, as `read_npy`."""
        return read_npy(path, selection)

    def open(self, path: Path, selection: Selection) -> Opened | None:
        """Return planes to be read a few at a time, as `open_npy`."""
        return open_npy(path, selection)


def read_npy(path: Path, selection: Selection) -> Decoded:
    """Return the array of a .npy file as planes.

    The header's shape is held against the file's length before anything is allocated. A last axis of 3 or 4 on an image
    more than four pixels wide and high is taken for colour.

    Raises
    ------
    UnreadableFile
        Not .npy, pickled, cut off, or of more than four or fewer than two dimensions.
    ColourImage
        The last axis holds colour samples.
    """
    with decoding(path, ".npy"):
        mapped = _checked(path)
        as_it_lies = mappable(mapped.nbytes) and mapped.flags.c_contiguous
        # Copy on write: pages come when they are needed, and nothing that is done to the array reaches the file.
        planes = np.asarray(np.lib.format.open_memmap(path, mode="c")) if as_it_lies else np.array(mapped, order="C", subok=False)
    sizes = planes.shape[:-2]
    return Decoded(planes.reshape(-1, *planes.shape[-2:]), "numpy", layout=Layout("Q" * len(sizes), sizes))


def open_npy(path: Path, selection: Selection) -> Opened | None:
    """Return a (frame, y, x) array to be read frame by frame, refused as `read_npy` does; None for other layouts."""
    with decoding(path, ".npy"):
        mapped = _checked(path)
        if not mapped.flags.c_contiguous:
            return None
        sizes, dtype, start = mapped.shape[:-2], mapped.dtype, int(mapped.offset)
        shape = (math.prod(sizes), *mapped.shape[-2:])

    def read(first: int, out: NDArray[Any]) -> None:
        read_exactly(path, ".npy", start + first * shape[1] * shape[2] * dtype.itemsize, dtype, out)

    return Opened((int(shape[0]), int(shape[1]), int(shape[2])), dtype, read, layout=Layout("Q" * len(sizes), sizes))


def _checked(path: Path) -> Any:
    """The array as a memory map whose header and length agree."""
    mapped = np.lib.format.open_memmap(path, mode="r")  # refuses pickled objects and headers larger than the file
    data_start = mapped.offset
    if path.stat().st_size != data_start + mapped.nbytes:
        raise unreadable(path, ".npy", f"{mapped.nbytes} bytes announced, {path.stat().st_size - data_start} present")
    if mapped.ndim < 2 or mapped.ndim > 4 or 0 in mapped.shape:
        raise unreadable(path, ".npy", f"array of shape {mapped.shape}, not (frame, y, x)")
    if mapped.ndim >= 3 and mapped.shape[-1] in (3, 4) and min(mapped.shape[-3:-1]) > 4:
        require_grey(path, mapped.shape[-1])
    return mapped
