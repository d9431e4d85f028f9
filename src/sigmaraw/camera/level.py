"""One level's frames, read once: its scalars, the evidence that checks need, and, where asked for, its pixels' own sums.

What is kept grows by some 30 bytes a frame: its mean and its fingerprint.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sigmaraw.camera.evidence import FOREIGN, PAIRS, LevelEvidence, codes_of, middle, neighbours
from sigmaraw.camera.moments import LevelMoments, quantisation_var
from sigmaraw.camera.nonuniformity import line_noise
from sigmaraw.camera.onepass import Frames, FrameSums, PixelSums, difference_sums, frame_sums, workers
from sigmaraw.errors import ImplausibleSeries, TooFewFrames

_LINE_FRAMES = 512  # whose row and column means are kept: the variance of 512 is known to 6 % line by line, and lines are many
_CODE_VALUES = 1 << 20  # of a few frames, for the histogram of codes
_STILL = 1e-9  # DN²: below, a mean square of float32 differences is none
_COPIES = "at least two frames of two pixels"


@dataclass(frozen=True)
class MeasuredLevel:
    """Scalars, evidence and, where asked for, sums of the pixels of one level."""

    moments: LevelMoments
    evidence: LevelEvidence
    pixels: PixelSums | None


def measure_level(chunks: Iterable[Frames], name: str, *, pixels: bool = False, shape_sums: bool = False) -> MeasuredLevel:
    """Return what a level's frames say.

    Var(σ̂²) = mean[(A−B)⁴]/(6(N−1)) per pair: 2σ⁴/(N−1) for equal Gaussian pixels, and right for pixels of unequal noise; to it
    comes what rounding leaves open (`quantisation_var`), nothing from σ = 1 DN on.

    Parameters
    ----------
    chunks : (frame, y, x), uint8 or uint16, DN, in order of acquisition; all of an even count but the last. name : for messages.
    pixels : keep `PixelSums` too; shape_sums : with the sums for the classes of pixels.

    Raises
    ------
    TooFewFrames : fewer than two frames, or fewer than two pixels.
    ImplausibleSeries : two successive frames are the same file: their difference says nothing about noise.
    """
    sums: PixelSums | None = None
    found: _Collected | None = None
    with workers() as run:
        for frames in chunks:
            if frames[0].size < 2:
                raise _too_few(name, len(frames), frames[0].size)
            found = _Collected(name, frames) if found is None else found
            taken = frame_sums(frames, run)
            means = taken.total / frames[0].size
            even = len(frames) // 2 * 2
            found.pairs(frames[:even], taken, *difference_sums(frames[:even], means[:even], run))
            found.frames(frames, taken, means)
            if pixels:
                sums = PixelSums((frames.shape[1], frames.shape[2]), shape_sums=shape_sums) if sums is None else sums
                sums.add(frames, means, run)
    if found is None or len(found.means) < 2:
        raise _too_few(name, 0 if found is None else len(found.means), 0 if found is None else found.shape[0] * found.shape[1])
    moments = found.moments()
    return MeasuredLevel(moments, found.evidence(moments), sums)


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

    def take(self, frame: Frames, value: int) -> None:
        if self.sign * value > self.sign * self.value:
            self.value, self.count = value, 0
        if value == self.value:
            self.count += int(np.count_nonzero(frame == value))


class _Collected:
    """Numbers of a level, frame by frame and pair by pair."""

    def __init__(self, name: str, first: Frames) -> None:
        self.name, self.shape = name, (first.shape[1], first.shape[2])
        self.means: list[float] = []
        self._second: list[float] = []
        self._fourth: list[float] = []
        self._lags: list[tuple[float, float, float]] = []
        self._hashes: list[bytes | None] = []
        self._rows: list[NDArray[np.float64]] = []
        self._columns: list[NDArray[np.float64]] = []
        self._counts = np.zeros(1 << (8 * first.dtype.itemsize), dtype=np.int64)
        self._top, self._bottom = _Extreme(1), _Extreme(-1)

    def pairs(self, frames: Frames, sums: FrameSums, second: NDArray[np.float64], fourth: NDArray[np.float64]) -> None:
        """Take the differences of successive frames; raise ImplausibleSeries where two are the same."""
        for pair in range(len(second)):
            if second[pair] < _STILL and sums.lowest[2 * pair] != sums.highest[2 * pair]:
                at = len(self.means) + 2 * pair
                raise ImplausibleSeries(
                    f"frames {at} and {at + 1} of level {self.name} are identical", "separate exposures", "remove the copy"
                )
            if len(self._lags) < PAIRS and min(self.shape) >= 3:
                self._lags.append(neighbours(middle(frames[2 * pair]), middle(frames[2 * pair + 1])))
        self._second += second.tolist()
        self._fourth += fourth.tolist()

    def frames(self, frames: Frames, sums: FrameSums, means: NDArray[np.float64]) -> None:
        """Take what single frames say."""
        height, width = self.shape
        for index, frame in enumerate(frames):
            if len(self._rows) < _LINE_FRAMES:
                self._rows.append(sums.rows[index] / width)
                self._columns.append(sums.columns[index] / height)
            self._top.take(frame, int(sums.highest[index]))
            self._bottom.take(frame, int(sums.lowest[index]))
            constant = sums.lowest[index] == sums.highest[index]
            digest = hashlib.blake2b(sums.rows[index].tobytes() + sums.columns[index].tobytes(), digest_size=16).digest()
            self._hashes.append(None if constant else digest)
        self.means += means.tolist()
        step = -(-frames.size // _CODE_VALUES) | 1  # odd, so that rows of a filter array take turns
        self._counts += np.bincount(frames[:, ::step].reshape(-1), minlength=self._counts.size)

    def moments(self) -> LevelMoments:
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

    def evidence(self, moments: LevelMoments) -> LevelEvidence:
        """Return the evidence; frames far off the level's median are left out of it, and counted."""
        means = moments.frame_means
        # With two frames a foreign one cannot be told from the other; refusals for unsteady repeats see to flats.
        off = np.abs(means - np.median(means)) > FOREIGN * np.sqrt(moments.variance)
        keep = ~off if len(means) > 2 and not off.all() and np.count_nonzero(~off) >= 2 else np.ones(len(means), dtype=bool)
        lines = keep[: len(self._rows)]
        lines = lines if np.count_nonzero(lines) >= 2 else np.ones_like(lines)
        clean = [lag for pair, lag in enumerate(self._lags) if keep[2 * pair] and keep[2 * pair + 1]] or self._lags
        lag_x, lag_y, variance = np.mean(clean, axis=0) if clean else (0.0, 0.0, 0.0)
        missing, tested, piled = codes_of(self._counts)
        region = middle(np.empty(self.shape, dtype=np.uint8))
        return LevelEvidence(
            line_noise(np.array(self._rows)[lines], np.array(self._columns)[lines]),
            self.shape,
            int(np.count_nonzero(lines)),
            keep,
            float(lag_x),
            float(lag_y),
            float(variance),
            len(clean) * region.size,
            tuple(value for value in self._hashes if value is not None),
            int(np.count_nonzero(~keep)),
            missing,
            tested,
            piled,
        )
