"""One level's frames, read once: its scalars, the evidence that checks need, and the sums of its pixels.

What is kept grows by some 30 bytes a frame: its mean and its fingerprint.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sigmaraw.camera.measuring.evidence import FOREIGN, PAIRS, LevelEvidence, codes_of, middle, neighbours
from sigmaraw.camera.measuring.framesums import Frames, FrameSums, frame_sums
from sigmaraw.camera.measuring.kernels import kernel_for, say_which
from sigmaraw.camera.measuring.lines import line_noise
from sigmaraw.camera.measuring.moments import LevelMoments, quantisation_var
from sigmaraw.camera.measuring.onepass import PixelSums
from sigmaraw.camera.measuring.steadiness import steadiness
from sigmaraw.camera.measuring.workers import Workers, workers
from sigmaraw.errors import ImplausibleSeries, TooFewFrames

_LINE_FRAMES = 512  # whose row and column means are kept: 512 give the variance of each line to 6 %, and lines are many
_CODE_VALUES = 1 << 20  # of a few frames, for the histogram of codes
_STILL = 1e-9  # DN²: below, a mean square of float32 differences is none
_ADDING = threading.Lock()
_COPIES = "at least two frames of two pixels"


@dataclass(frozen=True)
class MeasuredLevel:
    """Scalars, evidence and sums of the pixels of one level.

    Parameters
    ----------
    moments : LevelMoments
        Scalars of the level.
    evidence : LevelEvidence
        What the checks need.
    pixels : PixelSums
        Sums over frames of each pixel.
    """

    moments: LevelMoments
    evidence: LevelEvidence
    pixels: PixelSums


def measure_level(chunks: Iterable[Frames], name: str, *, shape_sums: bool = False) -> MeasuredLevel:
    """Return what a level's frames say.

    Var(σ̂²) = mean[(A−B)⁴]/(6(N−1)) per pair: 2σ⁴/(N−1) for equal Gaussian pixels, and right for pixels of unequal noise; to it
    comes what rounding leaves open (`quantisation_var`), nothing from σ = 1 DN on.

    Parameters
    ----------
    chunks : iterable of ndarray of uint8 or uint16
        (frame, y, x), uint8 or uint16, DN, in order of acquisition; an even number of frames each, but for the last.
    name : str
        Name of the level, for messages.
    shape_sums : bool
        Whether the sums for the classes of pixels are kept too.

    Raises
    ------
    TooFewFrames
        If there are less than two frames, or less than two pixels.
    ImplausibleSeries
        If two successive frames are equal: their difference says nothing about noise.
    """
    meter = LevelMeter(name, shape_sums=shape_sums)
    with workers() as crew:
        for frames in chunks:
            meter.add(frames, crew)
        return meter.result(crew)


def _too_few(name: str, frames: int, pixels: int) -> TooFewFrames:
    return TooFewFrames(
        f"level {name} has {frames} frame{'s' if frames != 1 else ''} of {pixels} pixels",
        _COPIES,
        "take pairs at every level, in one stack, one subfolder, or listed with equal exposure in frames.csv",
    )


class _Extreme:
    """The largest (sign 1) or smallest (−1) value so far, and how many values equal it."""

    def __init__(self, sign: int) -> None:
        self.sign, self.value, self.count = sign, -sign << 20, 0

    def looks(self, frames: Frames, parts: list[slice], extremes: NDArray[np.int64]) -> list[Callable[[], object]]:
        """Return tasks that count in those strips, (strip, frame), that have the level's extreme so far."""
        value = int(self.sign * (self.sign * extremes).max())
        if self.sign * value > self.sign * self.value:
            self.value, self.count = value, 0
        where = np.argwhere(extremes == self.value)
        return [partial(self._count, frames[frame, parts[part]]) for part, frame in where.tolist()]

    def _count(self, strip: Frames) -> None:
        found = int(np.count_nonzero(strip == self.value))
        with _ADDING:
            self.count += found


class LevelMeter:
    """What a level's frames say, a few of them at a time; arguments and refusals as `measure_level`.

    Parameters
    ----------
    name : str
        Name of the level, for messages.
    shape_sums : bool
        Whether the sums for the classes of pixels are kept too.
    """

    def __init__(self, name: str, *, shape_sums: bool = False) -> None:
        say_which()
        self.name, self.shape = name, (0, 0)
        self.means: list[float] = []
        self._shape_sums = shape_sums
        self._second: list[float] = []
        self._fourth: list[float] = []
        self._lags: dict[int, tuple[float, float, float]] = {}
        self._hashes: list[bytes | None] = []
        self._rows: list[NDArray[np.float64]] = []
        self._columns: list[NDArray[np.float64]] = []
        self._top, self._bottom = _Extreme(1), _Extreme(-1)

    def add(self, frames: Frames, crew: Workers) -> None:
        """Take (frame, y, x), uint8 or uint16, DN: an even number but for the last.

        Parameters
        ----------
        frames : ndarray of uint8 or uint16
            (frame, y, x), DN; an even number of frames, but for the last ones.
        crew : Workers
            Threads that share the work.
        """
        if frames[0].size < 2:
            raise _too_few(self.name, len(frames), frames[0].size)
        if not self.means:
            self.shape = (frames.shape[1], frames.shape[2])
            self._counts = np.zeros(1 << (8 * frames.dtype.itemsize), dtype=np.int64)
            self._pixels = PixelSums(self.shape, crew, shape_sums=self._shape_sums)
        # The kernel takes frames in C order; of a cut-out the last digits would else depend on how it lies in memory.
        frames = np.ascontiguousarray(frames)
        exact = frame_sums(frames, crew)
        self._pairs(exact, *self._pixels.add(frames, exact, crew, self._looks(frames, exact, crew)))
        self.means += (exact.total / frames[0].size).tolist()

    def result(self, crew: Workers) -> MeasuredLevel:
        """Return what all frames say.

        Parameters
        ----------
        crew : Workers
            Threads that share the work.
        """
        if len(self.means) < 2:
            raise _too_few(self.name, len(self.means), self.shape[0] * self.shape[1])
        moments = self._moments()
        return MeasuredLevel(moments, self._evidence(moments, crew), self._pixels)

    def _looks(self, frames: Frames, sums: FrameSums, crew: Workers) -> list[Callable[[], object]]:
        """Return tasks that take all but the sums of pixels; they may be done in any order, at the same time."""
        step = -(-frames.size // _CODE_VALUES) | 1  # odd, so that rows of a filter array take turns
        kernel = kernel_for(frames)
        tasks: list[Callable[[], object]]
        if kernel is None:
            tasks = [partial(self._codes, frame[::step]) for frame in frames]
        else:
            tasks = [partial(kernel.count_codes, frames, *frames.shape, frames.itemsize, step, self._counts)]
        done = len(self._second)
        if min(self.shape) >= 3:
            for pair in range(min(len(frames) // 2, PAIRS - done)):
                tasks.append(partial(self._neighbours, done + pair, frames, 2 * pair, crew))
        tasks.append(partial(self._frames, sums))
        return [*tasks, *self._top.looks(frames, sums.parts, sums.high), *self._bottom.looks(frames, sums.parts, sums.low)]

    def _codes(self, values: Frames) -> None:
        counts = np.bincount(values.reshape(-1))
        with _ADDING:
            self._counts[: counts.size] += counts

    def _neighbours(self, pair: int, frames: Frames, first: int, crew: Workers) -> None:
        self._lags[pair] = neighbours(frames, first, crew)

    def _pairs(self, sums: FrameSums, second: NDArray[np.float64], fourth: NDArray[np.float64]) -> None:
        """Take the differences of successive frames; raise ImplausibleSeries where two are the same."""
        lowest, highest = sums.lowest, sums.highest
        for pair in range(len(second)):
            if second[pair] < _STILL and lowest[2 * pair] != highest[2 * pair]:
                at = len(self.means) + 2 * pair
                raise ImplausibleSeries(
                    f"frames {at} and {at + 1} of level {self.name} are identical", "separate exposures", "remove the copy"
                )
        self._second += second.tolist()
        self._fourth += fourth.tolist()

    def _frames(self, sums: FrameSums) -> None:
        """Take what single frames say."""
        height, width = self.shape
        constant = sums.lowest == sums.highest
        for index in range(len(constant)):
            if len(self._rows) < _LINE_FRAMES:
                self._rows.append(sums.rows[index] / width)
                self._columns.append(sums.columns[index] / height)
            digest = hashlib.blake2b(sums.rows[index].tobytes() + sums.columns[index].tobytes(), digest_size=16).digest()
            self._hashes.append(None if constant[index] else digest)

    def _moments(self) -> LevelMoments:
        """Return the scalars."""
        pixels, count, pairs = self.shape[0] * self.shape[1], len(self.means), len(self._second)
        bessel = pixels / (pixels - 1.0)
        variance = float(0.5 * np.mean(self._second) * bessel)
        square = float(np.mean(self._fourth) * bessel**2 / 12.0)  # mean over pixels of σ_i⁴
        return LevelMoments(
            mean=float(np.mean(self.means)),
            variance=variance,
            variance_var=2.0 * square / ((pixels - 1) * pairs) + float(quantisation_var(variance)),
            excess=max(square - variance**2, 0.0),
            n_frames=count,
            n_pairs=pairs,
            n_pixels=pixels,
            frame_means=np.array(self.means),
            minimum=self._bottom.value,
            maximum=self._top.value,
            top_fraction=self._top.count / (pixels * count),
            bottom_fraction=self._bottom.count / (pixels * count),
        )

    def _evidence(self, moments: LevelMoments, crew: Workers) -> LevelEvidence:
        """Return the evidence; frames far off the level's median are left out of it, and counted."""
        means = moments.frame_means
        # With two frames a foreign one cannot be told from the other; refusals for unsteady repeats see to flats.
        off = np.abs(means - np.median(means)) > FOREIGN * np.sqrt(moments.variance)
        keep = ~off if len(means) > 2 and not off.all() and np.count_nonzero(~off) >= 2 else np.ones(len(means), dtype=bool)
        lines = keep[: len(self._rows)]
        lines = lines if np.count_nonzero(lines) >= 2 else np.ones_like(lines)
        lags = dict(sorted(self._lags.items()))
        clean = [lag for pair, lag in lags.items() if keep[2 * pair] and keep[2 * pair + 1]] or list(lags.values())
        lag_x, lag_y, variance = np.mean(clean, axis=0) if clean else (0.0, 0.0, 0.0)
        missing, tested, piled = codes_of(self._counts)
        rows, columns = middle(self.shape)
        region = (rows.stop - rows.start) * (columns.stop - columns.start)
        return LevelEvidence(
            line_noise(np.array(self._rows)[lines], np.array(self._columns)[lines]),
            self.shape,
            int(np.count_nonzero(lines)),
            keep,
            float(lag_x),
            float(lag_y),
            float(variance),
            len(clean) * region,
            tuple(value for value in self._hashes if value is not None),
            int(np.count_nonzero(~keep)),
            missing,
            tested,
            piled,
            steadiness(self._pixels, crew),
        )
