"""The frames of one level, a few at a time: what is in memory does not grow with their number.

Uncompressed TIFF, .npy and FITS are copied from the file, a compressed TIFF is decoded page by page, Zarr chunk by chunk. What is
stored otherwise is read whole, one file at a time: compressed FITS (.gz) and FITS of other numbers, .npy in Fortran order or of four axes,
compressed TIFF pages of several frames.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts.readers import Layout, Opened
from sigmaraw.errors import ShapeMismatch
from sigmaraw.frames.axes import arrange
from sigmaraw.frames.decoding import camera_integers, require_file
from sigmaraw.frames.installed import reader_of
from sigmaraw.frames.reading import bit_depth, check_bits, decode, refuse_processed, upright, white_level
from sigmaraw.frames.selection import split
from sigmaraw.frames.types import RawFrames


def open_frames(path: Path) -> Opened:
    """Return one file's frames, to be read a few at a time.

    Raises
    ------
    InputNotFound, UnreadableFile, NotIntegerData, ColourImage, ShapeMismatch
        As `read_frames`.
    """
    file, selection = split(path)
    reader, opened = reader_of(file), None
    if reader is not None:
        if not file.is_dir() and ".zarr" not in reader.suffixes:
            require_file(file)
        opened = reader.open(file, selection)
    if opened is None:
        decoded = decode(path)
        refuse_processed(file, decoded)
        planes = camera_integers(file, decoded.planes)

        def read(first: int, out: NDArray[Any]) -> None:
            out[...] = planes[first : first + len(out)]

        shape = (planes.shape[0], planes.shape[1], planes.shape[2])
        return Opened(shape, planes.dtype, read, decoded.bits, decoded.metadata, inverted=decoded.inverted)
    camera_integers(file, np.empty(0, dtype=opened.dtype))
    layout = opened.layout or Layout("", ())
    order = arrange(file, layout.letters, layout.sizes, selection, volume=False, plain=layout.plain)
    return opened if len(order) == opened.shape[0] and (order == np.arange(len(order))).all() else _reordered(opened, order)


def _reordered(opened: Opened, order: NDArray[np.intp]) -> Opened:
    """Return those planes of a file that `order` names, neighbours read together."""

    def read(first: int, out: NDArray[Any]) -> None:
        wanted = order[first : first + len(out)]
        ends = [*(np.flatnonzero(np.diff(wanted) != 1) + 1), len(wanted)]
        start = 0
        for end in ends:
            opened.read(int(wanted[start]), out[start:end])
            start = end

    return replace(opened, shape=(len(order), *opened.shape[1:]), read=read)


class FrameBuffer:
    """Memory that one level after the other is read into: fresh memory costs half as much as reading into it."""

    def __init__(self) -> None:
        self._held = np.empty(0, np.uint8)

    def array(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return an array of any content; it holds until the next is asked for."""
        size = math.prod(shape) * dtype.itemsize
        if self._held.size < size:
            self._held = np.empty(size, np.uint8)
        return self._held[:size].view(dtype).reshape(shape)


class FrameStream:
    """A level's frames in order. After `chunks` has ended, `shape`, `metadata` and `depth` speak of all that was read.

    shape : (y, x). metadata : of the files, the first to state something counts.
    """

    def __init__(self, paths: Sequence[Path], loaded: RawFrames | None, bits: int | None, part: tuple[slice, slice] | None) -> None:
        check_bits(bits)
        self._paths, self._loaded, self._bits, self._part = paths, loaded, bits, part
        self._stated: list[int | None] = []
        self._dtype: np.dtype[Any] | None = None
        self.shape: tuple[int, int] | None = None
        self.metadata: dict[str, Any] = {}

    def chunks(
        self, pixels: int, memory: FrameBuffer | None = None, other: FrameBuffer | None = None
    ) -> Iterator[NDArray[np.unsignedinteger]]:
        """Yield (frame, y, x) arrays of an even number of frames, about `pixels` pixels; the last may be odd.

        An array holds only until the next is asked for. memory : what to read into, for several levels in turn. other : a second one,
        used by turns with the first: an array then holds until the next but one is asked for.

        Raises
        ------
        InputNotFound, UnreadableFile, NotIntegerData, ColourImage, ShapeMismatch
            The files.
        """
        if self._loaded is not None:
            data = self._loaded.data
            if data.ndim != 3:
                raise ShapeMismatch(f"frames of {data.shape[1:]}", "(y, x) frames", "calibrate one sensor region")
            self.shape, self._dtype, self.metadata = (data.shape[1], data.shape[2]), data.dtype, dict(self._loaded.metadata)
            step = _frames_of(pixels, data.shape[1] * data.shape[2])
            for start in range(0, len(data), step):
                yield self._cut(data[start : start + step])
            return
        buffers: list[NDArray[Any]] = []
        filled = 0
        for path in self._paths:
            opened = open_frames(path)
            try:
                if not buffers:
                    self.shape, self._dtype = opened.shape[1:], opened.dtype.newbyteorder("=")
                    count = _frames_of(pixels, opened.shape[1] * opened.shape[2])
                    sources = (memory or FrameBuffer(), *(() if other is None else (other,)))
                    buffers = [held.array((count, *opened.shape[1:]), self._dtype) for held in sources]
                self._take(path, opened)
                white = white_level(path, opened.dtype, opened.bits, self._bits) if opened.inverted else None
                done = 0
                while done < opened.shape[0]:
                    buffer = buffers[0]
                    count = min(opened.shape[0] - done, len(buffer) - filled)
                    opened.read(done, buffer[filled : filled + count])
                    if white is not None:
                        buffer[filled : filled + count] = upright(buffer[filled : filled + count], white, path)
                    done, filled = done + count, filled + count
                    if filled == len(buffer):
                        yield self._cut(buffer)
                        buffers, filled = [*buffers[1:], buffer], 0
            finally:
                opened.close()
        if filled:
            yield self._cut(buffers[0][:filled])

    def _take(self, path: Path, opened: Opened) -> None:
        """Hold a file against the first one, and keep what it states."""
        assert self.shape is not None and self._dtype is not None
        dtype = opened.dtype.newbyteorder("=")
        if opened.shape[1:] != self.shape or dtype != self._dtype:
            here, first = (f"{y}x{x} {kind.name}" for (y, x), kind in ((opened.shape[1:], dtype), (self.shape, self._dtype)))
            raise ShapeMismatch(f"{path} has frames of {here}, {self._paths[0]} of {first}", "one shape", "separate them")
        self._stated.append(opened.bits)
        self.metadata = {**opened.metadata, **self.metadata}

    def _cut(self, frames: NDArray[np.unsignedinteger]) -> NDArray[np.unsignedinteger]:
        return frames if self._part is None else np.ascontiguousarray(frames[:, *self._part])

    def depth(self, top: int) -> tuple[int, Literal["stated", "metadata", "container"]]:
        """Return the bit depth and where it is from. top : the largest value of all frames, DN. Raises BitDepthMismatch."""
        if self._loaded is not None:
            return self._loaded.bits, self._loaded.bits_source
        assert self._dtype is not None
        return bit_depth(str(self._paths[0]), self._dtype, top, self._bits, self._stated)


def _frames_of(pixels: int, each: int) -> int:
    return max(2, 2 * (pixels // (2 * each)))
