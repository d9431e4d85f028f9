"""Moments of frames that stream by: every frame is read once, and what is kept does not grow with their number.

A few frames lie in memory as integers. They are worked through in strips of rows that stay in the processor's cache, strips shared out to
threads, in float32 on deviations from the first frame less the change of the frame's mean (the lamp): those are small, so a sum over a few
frames is good to 1e-7 of a deviation; sums over all frames are float64. Row, column and frame sums are exact integers. The result does
not depend on the number of threads: every strip writes to one place, and places are added in order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from sigmaraw.camera.measuring import kernels
from sigmaraw.camera.measuring.framesums import Frames, FrameSums
from sigmaraw.camera.measuring.kernels import kernel_for
from sigmaraw.camera.measuring.powersums import Single, lane_sums, power_sums
from sigmaraw.camera.measuring.workers import Workers, strips

Map = NDArray[np.float64]
CHUNK_PIXELS = 1 << 25  # of the frames in memory: 64 MiB of uint16
_TOGETHER = 8  # frames that are worked through at once
_FLUSH = 64  # frames whose sums are float32: good to 1e-7 of the largest of them
_SHAPE_ORDER = ("first", "second", "third", "fourth", "right", "below")
_STILL = 1e-6  # DN²
_NARROW = (1 << 14) - 1  # DN between the extremes of a level: A + B − 2·x₀ fits into int16


class PixelSums:
    """Sums over frames of the deviation of each pixel, e = x − x₀ − (mean of the frame − mean of the first one), by powers.

    Parameters
    ----------
    shape : tuple of (int, int)
        (y, x), px.
    crew : Workers
        Whose memory the sums take.
    shape_sums : bool
        Whether third and fourth powers and products with the right and lower neighbour are kept too, for the classes of pixels.
    """

    def __init__(self, shape: tuple[int, int], crew: Workers, *, shape_sums: bool = False) -> None:
        self.shape, self.frames = shape, 0
        self._sums: dict[str, Single] = {name: crew.take(shape, np.float32) for name in (_SHAPE_ORDER if shape_sums else _SHAPE_ORDER[:2])}
        # Single precision adds up `_FLUSH` frames; what only the classes of pixels need is kept in it altogether.
        self._whole: dict[str, Map] = {}
        self._held = 0
        self._reference: Frames | None = None
        self._start = self._change = self._squares = 0.0
        self._low, self._high = 1 << 16, 0

    def add(
        self, frames: Frames, exact: FrameSums, crew: Workers, beside: Sequence[Callable[[], object]] = ()
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Add frames and return mean (A − B − Δ)², DN², and its fourth-power twin, DN⁴, of successive pairs; Δ the change of the mean.

        Parameters
        ----------
        frames : ndarray of uint8 or uint16
            (frame, y, x), DN; an even number of frames, but for the last ones.
        exact : FrameSums
            Exact sums of the same frames.
        crew : Workers
            Threads that share the work.
        beside : Sequence[callable
            Further tasks to do at the same time.

        Returns
        -------
        tuple of (ndarray of float64, ndarray of float64)
            Σ over pixels of (A − B − Δ)², DN², and of its square, DN⁴, each divided by the number of pixels, of successive pairs; Δ is the
            change of the mean.
        """
        means = exact.total / frames[0].size
        self._low, self._high = min(self._low, int(exact.low.min())), max(self._high, int(exact.high.max()))
        parts, first = strips(self.shape), self._reference is None
        if first:
            self._reference, self._start = crew.take(self.shape, frames.dtype), float(means[0])
            if self.has_shapes:  # products with the row below need its reference too
                crew.run([partial(self._begin, frames[0], rows) for rows in parts])
        changes = (means - self._start).astype(np.float32)
        self._change += float(changes.sum(dtype=np.float64))
        self._squares += float(np.square(changes, dtype=np.float64).sum())
        if self._held + len(frames) > _FLUSH and self._held:
            self._flush(crew)
        self.frames, self._held = self.frames + len(frames), self._held + len(frames)
        second, fourth = np.zeros((2, len(parts), len(frames) // 2))

        def task(index: int) -> None:
            if first and not self.has_shapes:
                self._begin(frames[0], parts[index])
            self._strip(frames, changes, parts[index], crew, second[index], fourth[index])

        crew.run([*beside, *(partial(task, index) for index in range(len(parts)))])
        pixels = self.shape[0] * self.shape[1]
        return second.sum(axis=0) / pixels, fourth.sum(axis=0) / pixels

    def _begin(self, frame: Frames, rows: slice) -> None:
        """Keep some rows of the first frame, from which deviations are taken, and set their sums to 0."""
        assert self._reference is not None
        self._reference[rows] = frame[rows]
        for sums in self._sums.values():
            sums[rows] = 0.0

    def _flush(self, crew: Workers) -> None:
        """Add the single-precision sums to those in double precision."""
        earlier = bool(self._whole)
        if not earlier:
            self._whole = {name: crew.take(self.shape, np.float64) for name in ("first", "second")}

        def move(rows: slice) -> None:
            for name, whole in self._whole.items():
                np.add(whole[rows] if earlier else 0.0, self._sums[name][rows], out=whole[rows])
                self._sums[name][rows] = 0.0

        crew.run([partial(move, rows) for rows in strips(self.shape)])
        self._held = 0

    def give_back(self, crew: Workers) -> None:
        """Leave the memory of the sums to the next level; they say nothing any more.

        Parameters
        ----------
        crew : Workers
            Whose memory it is.
        """
        if self._reference is not None:
            crew.give_back((self._reference, *self._sums.values(), *self._whole.values()))
        self._reference, self._sums, self._whole = None, {}, {}

    def _sum(self, name: str, rows: slice = slice(None), step: int = 1) -> Map:
        """Return a copy of one of the sums, float64; with a step, of every step-th pixel of those rows."""

        def part(sums: NDArray[np.floating]) -> NDArray[np.floating]:
            return sums[rows] if step == 1 else sums[rows].reshape(-1)[::step]

        total = part(self._sums[name]).astype(np.float64)
        if name in self._whole:
            total += part(self._whole[name])
        return total

    def _strip(
        self, frames: Frames, changes: Single, rows: slice, crew: Workers, second: NDArray[np.float64], fourth: NDArray[np.float64]
    ) -> None:
        """Add the rows of a strip: several frames at once, so that sums over all frames are seldom touched; fill the pairs' moments."""
        kernel, pairs = kernel_for(frames), len(frames) // 2
        if kernel is not None and pairs and "below" not in self._sums:
            self._compiled_pairs(kernel, frames[: 2 * pairs], changes[: 2 * pairs], rows, second, fourth)
            if len(frames) % 2:
                self._single(frames[-1:, rows], changes[-1:], rows, crew)
            return
        for start in range(0, len(frames), _TOGETHER):
            some, change = frames[start : start + _TOGETHER], changes[start : start + _TOGETHER]
            pairs = len(some) // 2
            at = slice(start // 2, start // 2 + pairs)
            if "below" in self._sums:
                second[at], fourth[at] = self._shapes(some, change, rows, crew)
                continue
            if pairs:
                second[at], fourth[at] = self._pairs(some[: 2 * pairs, rows], change[: 2 * pairs], rows, crew)
            if len(some) % 2:
                self._single(some[-1:, rows], change[-1:], rows, crew)

    def _single(self, frame: Frames, change: Single, rows: slice, crew: Workers) -> None:
        """Add the first two powers of a frame without a partner."""
        e = self._deviations(frame, change, rows, crew)[0]
        self._sums["first"][rows] += e
        e *= e
        self._sums["second"][rows] += e

    def _compiled_pairs(
        self, kernel: ModuleType, frames: Frames, changes: Single, rows: slice, second: NDArray[np.float64], fourth: NDArray[np.float64]
    ) -> None:
        """Do what `_pairs` does, group by group, in compiled code."""
        sums = (self._sums["first"], self._sums["second"])
        kernel.pair_sums(frames, *frames.shape, frames.itemsize, rows.start, rows.stop, self._reference, changes, *sums, second, fourth)

    def _deviations(self, frames: Frames, changes: Single, rows: slice, crew: Workers) -> Single:
        """Return e, (frame, y, x), of some rows."""
        assert self._reference is not None
        e = crew.array("deviations", frames.shape)
        np.copyto(e, frames)
        e -= self._reference[rows].astype(np.float32)
        e -= changes[:, np.newaxis, np.newaxis]
        return e

    def _pairs(self, frames: Frames, changes: Single, rows: slice, crew: Workers) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Add the first two powers of pairs of frames, by S = e_A + e_B and D = e_A − e_B: Σe = ΣS, Σe² = ½Σ(S² + D²).

        D is needed in any case, for ΣD² and ΣD⁴ of the pairs, which are returned. S and D are formed as integers, in half the memory.
        """
        pairs, height, width = len(frames) // 2, *frames.shape[1:]
        v = crew.array("deviations", (2, pairs, height, width))
        self._integer_pairs(frames, rows, crew, v)
        a, b = changes[::2], changes[1::2]
        v[0] -= (a + b)[:, np.newaxis, np.newaxis]
        v[1] -= (a - b)[:, np.newaxis, np.newaxis]
        total = crew.array("sum", (height, width))
        self._sums["first"][rows] += np.add.reduce(v[0], axis=0, out=total)
        _products(v.reshape(-1, height, width), v.reshape(-1, height, width), total)
        total *= 0.5
        self._sums["second"][rows] += total
        return lane_sums(v[1], crew)

    def _integer_pairs(self, frames: Frames, rows: slice, crew: Workers, out: Single) -> None:
        """Fill out, (2, pair, y, x), with A + B − 2·x₀ and A − B."""
        assert self._reference is not None
        a, b, reference = frames[::2], frames[1::2], self._reference[rows]
        if frames.dtype == np.uint16 and self._high - self._low <= _NARROW:
            narrow = crew.array("integers", (-(-out.size // 2),)).view(np.int16)[: out.size].reshape(out.shape)
            a, b, reference = a.view(np.int16), b.view(np.int16), reference.view(np.int16)
            # Modulo 2¹⁶ on the way, right in the end.
            np.add(a, b, out=narrow[0])
            narrow[0] -= 2 * reference
            np.subtract(a, b, out=narrow[1])
            np.copyto(out, narrow)
            return
        np.add(a, b, out=out[0], dtype=np.float32)
        out[0] -= 2 * reference.astype(np.float32)
        np.subtract(a, b, out=out[1], dtype=np.float32)

    def _shapes(self, frames: Frames, changes: Single, rows: slice, crew: Workers) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Add all powers of a strip's deviations, and products with neighbours; return ΣD² and ΣD⁴ of pairs as `_pairs`."""
        height, width, pairs = rows.stop - rows.start, self.shape[1], len(frames) // 2
        # Products with the row below need that row too.
        taken = slice(rows.start, min(rows.stop + 1, self.shape[0]))
        e = self._deviations(frames[:, taken], changes, taken, crew)
        inner, below = e[:, :height], e.shape[1] - 1
        total, square = crew.array("sum", (height, width)), crew.array("square", inner.shape)
        self._sums["first"][rows] += np.add.reduce(inner, axis=0, out=total)
        self._sums["right"][rows, :-1] += _products(inner[:, :, :-1], inner[:, :, 1:], total[:, :-1])
        self._sums["below"][rows][:below] += _products(inner[:, :below], e[:, 1 : below + 1], total[:below])
        np.multiply(inner, inner, out=square)
        self._sums["second"][rows] += np.add.reduce(square, axis=0, out=total)
        self._sums["third"][rows] += _products(inner, square, total)
        self._sums["fourth"][rows] += _products(square, square, total)
        d = square[:pairs]
        np.subtract(inner[: 2 * pairs : 2], inner[1 : 2 * pairs : 2], out=d)
        return power_sums(d, crew)

    def mean(self, rows: slice = slice(None)) -> Map:
        """Return the temporal mean of each pixel, DN.

        Parameters
        ----------
        rows : slice
            Rows of the sensor. Default: all.
        """
        assert self._reference is not None
        mean = self._sum("first", rows)
        mean += self._change
        mean /= self.frames
        mean += self._reference[rows]
        # Rounding must not take a pixel that reads 0 throughout below it.
        return np.maximum(mean, 0.0, out=mean)

    def still(self, rows: slice = slice(None)) -> NDArray[np.bool_]:
        """Return which pixels gave one value throughout: Σe and Σe² are then those of the frames' changes alone.

        Parameters
        ----------
        rows : slice
            Rows of the sensor. Default: all.
        """
        slack = 1e-3 + 1e-5 * self._squares  # of single precision; one step of one frame makes 1 of either or more
        still = np.ones(self._sums["first"][rows].shape, dtype=bool)
        for name, changes in (("first", -self._change), ("second", self._squares)):
            total = self._sum(name, rows) if self._whole else self._sums[name][rows]
            still &= (total > changes - slack) & (total < changes + slack)
        return still

    def variance(self, rows: slice = slice(None)) -> Map:
        """Return the unbiased temporal variance of each pixel, DN², [Σe² − (Σe)²/L]/(L−1) · N/(N−1).

        Parameters
        ----------
        rows : slice
            Rows of the sensor. Default: all.
        """
        return self._variance(self._sum("first", rows), self._sum("second", rows))

    def _variance(self, first: Map, second: Map) -> Map:
        """Return the variance, DN², of pixels with those sums; `first` is overwritten."""
        first *= first
        first /= -self.frames
        first += second
        first *= self._scale
        return np.maximum(first, 0.0, out=first)

    @property
    def _scale(self) -> float:
        """N/(N−1)/(L−1): what makes a sum of squares an unbiased variance."""
        pixels = self.shape[0] * self.shape[1]
        return pixels / (pixels - 1.0) / (self.frames - 1.0)

    def variance_sample(self, rows: slice, step: int) -> Map:
        """Return the variance, DN², of every step-th pixel of some rows.

        Parameters
        ----------
        rows : slice
            Rows of the sensor.
        step : int
            1 or more.
        """
        return self._variance(*(self._sum(name, rows, step) for name in ("first", "second")))

    def variance_sums(self, rows: slice, median: float, limit: float) -> tuple[float, float]:
        """Return the summed variance of some rows, DN², and by how much the pixels above `limit` exceed `median` in all, DN².

        Parameters
        ----------
        rows : slice
            Rows of the sensor.
        median : float
            Median variance, DN².
        limit : float
            Variance from which a pixel is an outlier, DN².
        """
        if kernels.compiled is not None and not self._whole:
            width = self.shape[1]
            of_rows = (self.shape[0] * width, rows.start * width, rows.stop * width)
            sums = (self._sums["first"], self._sums["second"])
            total, beyond = kernels.compiled.variance_sums(*sums, *of_rows, self.frames, self._scale, median, limit)
            return total, beyond
        variance = self.variance(rows)
        return float(variance.sum()), float(np.where(variance > limit, variance - median, 0.0).sum())

    def single(self, rows: slice, centre: float) -> tuple[Single, Single]:
        """Return mean less `centre` (DN) and variance of some rows in single precision, in a third of the time.

        Parameters
        ----------
        rows : slice
            Rows of the sensor. Default: all.
        centre : float
            What is subtracted from the mean, DN.
        """
        assert self._reference is not None
        if self._whole:
            mean, variance = self.mean(rows), self.variance(rows)
            mean -= centre
            return mean.astype(np.float32), variance.astype(np.float32)
        total = self._sums["first"][rows]
        low = total + np.float32(self._change)
        low *= np.float32(1.0 / self.frames)
        low += np.subtract(self._reference[rows], np.float32(centre), dtype=np.float32)
        np.maximum(low, np.float32(-centre), out=low)
        square = total * total
        square *= np.float32(-1.0 / self.frames)
        square += self._sums["second"][rows]
        square *= np.float32(self._scale)
        return low, np.maximum(square, np.float32(0.0), out=square)

    @property
    def has_shapes(self) -> bool:
        """Whether the sums for the classes of pixels are kept."""
        return "below" in self._sums

    def release_shapes(self) -> None:
        """Forget what only `shape_statistics` needs."""
        self._sums = {name: self._sums[name] for name in ("first", "second")}

    def shape_statistics(self, rows: slice) -> tuple[Map, Map, Map, Map]:
        """Return skewness, excess kurtosis, and correlation with the right and the lower neighbour, of each pixel; 0 where it is still.

        The last column has no right neighbour and the last row no lower one: 0.

        Parameters
        ----------
        rows : slice
            Rows of the sensor. Default: all.
        """
        stop = min(rows.stop + 1, self.shape[0])
        m, s2, s3, s4, right, below = (self._sum(name, slice(rows.start, stop)) / self.frames for name in _SHAPE_ORDER)
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


def _products(a: Single, b: Single, out: Single) -> Single:
    """Return Σ a·b over frames, (frame, y, x), in `out`."""
    return np.einsum("fij,fij->ij", a, b, out=out)


def pixel_moments_slow(frames: Frames) -> tuple[Map, Map]:
    """Slow twin of `PixelSums.mean` and `.variance`: all frames in float64 at once, two passes.

    Parameters
    ----------
    frames : ndarray of uint8 or uint16
        (frame, y, x), DN.
    """
    data = frames.astype(np.float64)
    steady = data - data.mean(axis=(1, 2), keepdims=True)
    pixels = data[0].size
    return data.mean(axis=0), steady.var(axis=0, ddof=1) * pixels / (pixels - 1)


def difference_sums_slow(a: Frames, b: Frames) -> tuple[float, float]:
    """Slow twin of what `PixelSums.add` returns, for one pair, pixel by pixel.

    Parameters
    ----------
    a : ndarray of uint8 or uint16
        (y, x), first frame of the pair, DN.
    b : ndarray of uint8 or uint16
        (y, x), second frame of the pair, DN.
    """
    differences = [float(p) - float(q) for p, q in zip(a.ravel(), b.ravel(), strict=True)]
    centre = sum(differences) / len(differences)
    return tuple(sum((d - centre) ** power for d in differences) / len(differences) for power in (2, 4))  # type: ignore[return-value]  # of two powers
