"""Moments of frames that stream by: every frame is read once, and what is kept does not grow with their number.

A few frames lie in memory as integers. They are worked through in strips of rows that stay in the processor's cache, strips shared out to
threads, in float32 on deviations from the first frame less the frame's own mean change (the lamp): those are small, so a sum over a few
frames is good to 1e-7 of a deviation; sums over all frames are float64. Row, column and frame sums are exact integers. The result does
not depend on the number of threads: every strip writes its own place, and places are added in order.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.unsignedinteger]
Map = NDArray[np.float64]
Single = NDArray[np.float32]
CHUNK_PIXELS = 1 << 25  # of the frames in memory: 64 MiB of uint16
_STRIP_PIXELS = 1 << 16
_TOGETHER = 8  # frames whose float32 sums are added to the float64 ones at once
_SHAPE_ORDER = ("first", "second", "third", "fourth", "right", "below")
_STILL = 1e-6  # DN²
_PIECE = 8192  # a dot product of this length stays on one thread of the linear-algebra library


@contextmanager
def workers() -> Iterator[Callable[[Callable[[int], None], int], None]]:
    """Yield `run(task, count)`, which calls task(0) … task(count − 1) on as many threads as there are cores."""
    threads = min(os.cpu_count() or 1, 8)
    with ThreadPoolExecutor(threads) as pool:

        def run(task: Callable[[int], None], count: int) -> None:
            if count < 4 or threads == 1:
                for index in range(count):
                    task(index)
            else:
                for _ in pool.map(task, range(count)):
                    pass

        yield run


def strips(shape: tuple[int, int]) -> list[slice]:
    """Return the rows of each strip: as many as `_STRIP_PIXELS` hold, one at least."""
    rows = max(1, _STRIP_PIXELS // shape[1])
    return [slice(start, min(start + rows, shape[0])) for start in range(0, shape[0], rows)]


def power_sum(values: Single) -> float:
    """Return Σv², in float64 over pieces whose float32 sums are good to 1e-6."""
    whole = values.size // _PIECE * _PIECE
    pieces = values[:whole].reshape(-1, _PIECE)
    return float(sum((float(np.dot(piece, piece)) for piece in pieces), 0.0) + float(np.dot(values[whole:], values[whole:])))


@dataclass(frozen=True)
class FrameSums:
    """Exact sums of a few frames. rows : (frame, y), columns : (frame, x), uint32. total : (frame). lowest, highest : (frame), DN."""

    rows: NDArray[np.uint32]
    columns: NDArray[np.uint64]
    total: NDArray[np.int64]
    lowest: NDArray[np.int64]
    highest: NDArray[np.int64]


def frame_means(frames: Frames, run: Callable[[Callable[[int], None], int], None]) -> NDArray[np.float64]:
    """Return the mean of each frame of (frame, y, x), DN: exact sums, divided."""
    parts = strips((frames.shape[1], frames.shape[2]))
    sums = np.empty((len(parts), len(frames)), np.int64)

    def task(index: int) -> None:
        for frame in range(len(frames)):
            sums[index, frame] = frames[frame, parts[index]].sum(axis=1, dtype=np.uint32).sum(dtype=np.int64)

    run(task, len(parts))
    return sums.sum(axis=0) / frames[0].size


def frame_sums(frames: Frames, run: Callable[[Callable[[int], None], int], None]) -> FrameSums:
    """Return row, column and frame sums, and extremes, of (frame, y, x). A row of up to 65537 pixels fits into uint32."""
    count, height, width = frames.shape
    parts = strips((height, width))
    rows = np.empty((count, height), np.uint32)
    by_strip = np.zeros((len(parts), count, width), np.uint32)
    low, high = np.empty((len(parts), count), np.int64), np.empty((len(parts), count), np.int64)

    def task(index: int) -> None:
        for frame in range(count):
            strip = frames[frame, parts[index]]
            strip.sum(axis=1, dtype=np.uint32, out=rows[frame, parts[index]])
            low[index, frame], high[index, frame] = strip.min(), strip.max()
            strip.sum(axis=0, dtype=np.uint32, out=by_strip[index, frame])

    run(task, len(parts))
    total, by_column = rows.sum(axis=1, dtype=np.int64), by_strip.sum(axis=0, dtype=np.uint64)
    return FrameSums(rows, by_column, total, low.min(axis=0), high.max(axis=0))


def difference_sums(
    frames: Frames, means: NDArray[np.float64], run: Callable[[Callable[[int], None], int], None]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean (A − B − ΔA,B)² and its fourth-power twin, DN² and DN⁴, of successive pairs (2i, 2i + 1); Δ the change of the mean.

    Parameters
    ----------
    frames : (frame, y, x), an even number. means : (frame), DN.
    """
    pairs, (height, width) = len(frames) // 2, frames.shape[1:]
    parts = strips((height, width))
    second, fourth = np.empty((len(parts), pairs)), np.empty((len(parts), pairs))

    def task(index: int) -> None:
        rows = parts[index]
        size = (rows.stop - rows.start) * width
        a, b = np.empty(size, np.float32), np.empty(size, np.float32)
        for pair in range(pairs):
            np.copyto(a, frames[2 * pair, rows].reshape(-1))
            np.copyto(b, frames[2 * pair + 1, rows].reshape(-1))
            a -= b
            a -= np.float32(means[2 * pair] - means[2 * pair + 1])
            second[index, pair] = power_sum(a)
            a *= a
            fourth[index, pair] = power_sum(a)

    run(task, len(parts))
    return second.sum(axis=0) / (height * width), fourth.sum(axis=0) / (height * width)


class PixelSums:
    """Sums over frames of each pixel's deviation e = x − x₀ − (mean of the frame − mean of the first one), by powers.

    shape_sums : third and fourth powers and products with the right and the lower neighbour too, for the classes of pixels.
    """

    def __init__(self, shape: tuple[int, int], *, shape_sums: bool = False) -> None:
        self.shape, self.frames = shape, 0
        self._names = ("first", "second", *(("third", "fourth", "right", "below") if shape_sums else ()))
        # What only the classes of pixels need is kept in single precision.
        self._sums = {name: np.zeros(shape, np.float64 if name in ("first", "second") else np.float32) for name in self._names}
        self._reference: Single | None = None
        self._start = self._change = self._squares = 0.0

    def add(self, frames: Frames, means: NDArray[np.float64], run: Callable[[Callable[[int], None], int], None]) -> None:
        """Add (frame, y, x) whose means (frame), DN, are given."""
        if self._reference is None:
            self._reference, self._start = frames[0].astype(np.float32), float(means[0])
        changes = (means - self._start).astype(np.float32)
        self._change += float(changes.sum(dtype=np.float64))
        self._squares += float(np.square(changes, dtype=np.float64).sum())
        self.frames += len(frames)
        parts = strips(self.shape)
        run(lambda index: self._strip(frames, changes, parts[index]), len(parts))

    def _strip(self, frames: Frames, changes: Single, rows: slice) -> None:
        """Add the rows of a strip."""
        for start in range(0, len(frames), _TOGETHER):
            some = slice(start, start + _TOGETHER)
            if "third" in self._sums:
                self._all_sums(frames[some], changes[some], rows)
            else:
                self._two_sums(frames[some], changes[some], rows)

    def _two_sums(self, frames: Frames, changes: Single, rows: slice) -> None:
        """Add the first and second powers of a strip: several frames at once, so that the float64 sums are touched once."""
        assert self._reference is not None
        e = frames[:, rows].astype(np.float32)
        e -= self._reference[rows]
        e -= changes[:, np.newaxis, np.newaxis]
        self._sums["first"][rows] += e.sum(axis=0)
        e *= e
        self._sums["second"][rows] += e.sum(axis=0)

    def _all_sums(self, frames: Frames, changes: Single, rows: slice) -> None:
        """Add all powers and products of a strip; products with the row below need that row too."""
        assert self._reference is not None
        height, width = rows.stop - rows.start, self.shape[1]
        taken = slice(rows.start, min(rows.stop + 1, self.shape[0]))
        reference = self._reference[taken]
        e = np.empty(reference.shape, np.float32)
        own, power, below = e[:height], np.empty((height, width), np.float32), len(reference) - 1
        sums = {name: np.zeros((height, width), np.float32) for name in self._names}
        for frame, change in zip(frames, changes, strict=True):
            np.copyto(e, frame[taken])
            e -= reference
            e -= change
            sums["first"] += own
            np.multiply(own[:below], e[1:][:height], out=power[:below])
            sums["below"][:below] += power[:below]
            np.multiply(own[:, :-1], own[:, 1:], out=power[:, :-1])
            sums["right"][:, :-1] += power[:, :-1]
            np.multiply(own, own, out=power)
            sums["second"] += power
            own *= power
            sums["third"] += own
            power *= power
            sums["fourth"] += power
        for name, part in sums.items():
            self._sums[name][rows] += part

    def mean(self) -> Map:
        """Return the temporal mean of each pixel, DN."""
        assert self._reference is not None
        # Rounding must not take a pixel that reads 0 throughout below it.
        return np.maximum(self._reference + (self._sums["first"] + self._change) / self.frames, 0.0)

    def still(self) -> NDArray[np.bool_]:
        """Return which pixels gave one value throughout: Σe and Σe² are then those of the frames' changes alone."""
        first, second = self._sums["first"] + self._change, self._sums["second"] - self._squares
        slack = 1e-3 + 1e-5 * self._squares  # of single precision; one step of one frame makes 1 of either or more
        return np.asarray((np.abs(first) < slack) & (np.abs(second) < slack))

    def variance(self) -> Map:
        """Return the unbiased temporal variance of each pixel, DN², [Σe² − (Σe)²/L]/(L−1) · N/(N−1)."""
        pixels = self._sums["first"].size
        variance = self._sums["first"] * self._sums["first"]
        variance /= -self.frames
        variance += self._sums["second"]
        variance *= pixels / (pixels - 1.0) / (self.frames - 1.0)
        return np.maximum(variance, 0.0, out=variance)

    def release_shapes(self) -> None:
        """Forget what only `shape_statistics` needs."""
        self._sums = {name: self._sums[name] for name in ("first", "second")}

    def shape_statistics(self, rows: slice) -> tuple[Map, Map, Map, Map]:
        """Return skewness, excess kurtosis, and correlation with the right and the lower neighbour, of each pixel; 0 where it is still.

        The last column has no right neighbour and the last row no lower one: 0.
        """
        stop = min(rows.stop + 1, self.shape[0])
        m, s2, s3, s4, right, below = (self._sums[name][rows.start : stop].astype(np.float64) / self.frames for name in _SHAPE_ORDER)
        central = np.maximum(s2 - m * m, 0.0)
        still = central <= _STILL
        safe = np.where(still, 1.0, central)
        skew = np.where(still, 0.0, (s3 - 3 * m * s2 + 2 * m**3) / safe**1.5)
        kurtosis = np.where(still, 0.0, (s4 - 4 * m * s3 + 6 * m * m * s2 - 3 * m**4) / safe**2 - 3.0)
        for product, axis in ((right, 1), (below, 0)):
            product -= m * np.roll(m, -1, axis)
            product /= np.sqrt(safe * np.roll(safe, -1, axis))
            product[still | np.roll(still, -1, axis)] = 0.0
        right[:, -1] = 0.0
        if stop == self.shape[0]:
            below[-1] = 0.0
        count = rows.stop - rows.start
        return skew[:count], kurtosis[:count], right[:count], below[:count]


def pixel_sums(chunks: Iterable[Frames]) -> PixelSums:
    """Return the sums over a level's frames, given a few at a time, (frame, y, x), DN; at least one frame."""
    sums: PixelSums | None = None
    with workers() as run:
        for frames in chunks:
            sums = PixelSums((frames.shape[1], frames.shape[2])) if sums is None else sums
            sums.add(frames, frame_means(frames, run), run)
    assert sums is not None
    return sums


def pixel_moments_slow(frames: Frames) -> tuple[Map, Map]:
    """Slow twin of `PixelSums.mean` and `.variance`: all frames in float64 at once, two passes."""
    data = frames.astype(np.float64)
    steady = data - data.mean(axis=(1, 2), keepdims=True)
    pixels = data[0].size
    return data.mean(axis=0), steady.var(axis=0, ddof=1) * pixels / (pixels - 1)


def difference_sums_slow(a: Frames, b: Frames) -> tuple[float, float]:
    """Slow twin of `difference_sums` for one pair, pixel by pixel."""
    differences = [float(p) - float(q) for p, q in zip(a.ravel(), b.ravel(), strict=True)]
    centre = sum(differences) / len(differences)
    return tuple(sum((d - centre) ** power for d in differences) / len(differences) for power in (2, 4))  # type: ignore[return-value]  # of two powers
