"""Online maximum mean discrepancy: the last W frames against the reference, with a threshold of stated mean run time.

S_t = mean k(w, w') − 2 mean k(w, x) + mean k(x, x') over the window w and the reference x. An alarm is S_t above a threshold that is
the same for all t. The threshold is chosen so that frames like the reference give the first false alarm after R frames on average, counted
from the first frame: streams drawn from the reference say so. A drawn frame is never compared with itself, as no new frame is.

Reference: A. Gretton et al., J. Mach. Learn. Res. 13, 723 (2012), for the statistic.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidOption
from sigmaraw.watch.mmd import Floats, kernel, median_distance

_RUNS = 3000
_FRAMES, _FEWEST_RUNS = 3.0e6, 500  # simulated in all; fewer runs where they are long, at the price of a few per cent
_LENGTH = 4  # simulated frames of a run, in mean run times; what is left over counts as exponential
LARGEST = 2000
"""Frames of the reference that the kernel compares with: more cost time with each frame, and say little more."""
_CELLS = 2.0e7  # simulated frames at once


@dataclass(frozen=True)
class OnlineMmd:
    """A calibrated detector.

    Parameters
    ----------
    reference : ndarray, float64
        (frame, feature), at most 2,000 frames, standardised.
    centre, spread : ndarray, float64
        (feature,), what standardises a frame's features.
    bandwidth : float
        σ of the kernel, in standard deviations.
    window : int
        Frames of a window.
    run_time : float
        Mean number of frames to a false alarm.
    threshold : float
        Of S.
    """

    reference: Floats
    centre: Floats
    spread: Floats
    bandwidth: float
    window: int
    run_time: float
    threshold: float

    @classmethod
    def calibrated(cls, features: Floats, window: int, run_time: float, seed: int = 0, runs: int = _RUNS) -> OnlineMmd:
        """Return a detector for frames like those whose features are given.

        Parameters
        ----------
        features : ndarray, float64
            (frame, feature) of the reference.
        window : int
            Frames of a window.
        run_time : float
            Mean number of frames to a false alarm, counted from the first one.
        seed : int, default 0
            Of the simulated streams.
        runs : int, default 3000
            Simulated streams, fewer where the run time is long.

        Raises
        ------
        InvalidOption
            Fewer reference frames than four windows, or a run time that a window fills.
        """
        if window < 2 or len(features) < 4 * window:
            raise InvalidOption(
                f"a window of {window} with {len(features)} reference frames",
                "at least 2 frames, and 4 windows of reference",
                "take more frames",
            )
        if run_time <= 1.2 * window:
            raise InvalidOption(f"run time {run_time:g} with a window of {window}", "more than 1.2 windows", "lengthen the run time")
        centre, spread = moments(features)
        x = (features[:LARGEST] - centre) / spread
        bandwidth = median_distance(x)
        simulated = _simulated(x, bandwidth, window, run_time, seed, runs)
        return cls(x, centre, spread, bandwidth, window, float(run_time), _threshold(simulated, window, run_time))

    def started(self) -> Running:
        """Return the detector before its first frame."""
        return Running(self)


def moments(features: Floats) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of each feature, (feature,); a feature that never varies says nothing, and has an infinite one."""
    spread = features.std(axis=0, ddof=1)
    return features.mean(axis=0), np.where(spread > 0, spread, np.inf)


class Running:
    """A detector with its window.

    Parameters
    ----------
    detector : OnlineMmd
        What it was calibrated to.
    """

    def __init__(self, detector: OnlineMmd) -> None:
        self.detector = detector
        self._inner = float(kernel(detector.reference, detector.reference, detector.bandwidth).mean())
        self._norms = (detector.reference * detector.reference).sum(axis=1)  # the same for every frame
        self._frames: deque[Floats] = deque(maxlen=detector.window)
        self._near: deque[float] = deque(maxlen=detector.window)

    @property
    def near(self) -> float:
        """Mean kernel of the last frame with the reference."""
        return self._near[-1]

    def resume(self, frames: Sequence[Floats], near: Sequence[float]) -> None:
        """Take the last frames of an earlier watch for the window, without computing them anew.

        Parameters
        ----------
        frames : sequence of ndarray, float64
            (feature,) of each, in the order in which they came.
        near : sequence of float
            What `near` was after each.
        """
        self._frames.extend((np.asarray(one, np.float64) - self.detector.centre) / self.detector.spread for one in frames)
        self._near.extend(near)

    def add(self, features: Floats) -> float | None:
        """Return S with one more frame; None until a window is full.

        Parameters
        ----------
        features : ndarray, float64
            (feature,) of the frame.
        """
        detector = self.detector
        point = ((np.asarray(features, np.float64) - detector.centre) / detector.spread)[None]
        self._frames.append(point[0])
        self._near.append(float(kernel(point, detector.reference, detector.bandwidth, self._norms).mean()))
        if len(self._frames) < detector.window:
            return None
        window = np.stack(self._frames)
        return float(kernel(window, window, detector.bandwidth).mean()) - 2.0 * float(np.mean(self._near)) + self._inner


def statistics(x: Floats, streams: Sequence[Floats] | Floats, bandwidth: float, window: int) -> Floats:
    """Return S of every full window of streams of points, (stream, frame − window + 1).

    Parameters
    ----------
    x : ndarray, float64
        (point, feature), the reference.
    streams : ndarray, float64
        (stream, frame, feature).
    bandwidth : float
        σ of the kernel.
    window : int
        Frames of a window.
    """
    inner = float(kernel(x, x, bandwidth).mean())
    found = []
    for stream in streams:
        near = kernel(stream, x, bandwidth).mean(axis=1)
        within, across = _windows(near[None], _band(stream, bandwidth), np.arange(len(stream))[None], window)
        found.append((within - 2.0 * across + inner)[0])
    return np.stack(found)


def statistics_of_draws(x: Floats, points: Floats, index: NDArray[np.intp], bandwidth: float, window: int) -> Floats:
    """Return S of every full window of streams drawn from a set of points, (stream, frame − window + 1).

    Parameters
    ----------
    x : ndarray, float64
        (point, feature), the reference.
    points : ndarray, float64
        (point, feature), from which streams are drawn.
    index : ndarray
        (stream, frame), which point each frame is.
    bandwidth : float
        σ of the kernel.
    window : int
        Frames of a window.
    """
    table, near = kernel(points, points, bandwidth), kernel(points, x, bandwidth).mean(axis=1)
    within, across = _windows(near[index], lambda a, b: table[a, b], index, window)
    return np.asarray(within - 2.0 * across + float(kernel(x, x, bandwidth).mean()))


def _band(stream: Floats, bandwidth: float) -> Callable[[NDArray[np.intp], NDArray[np.intp]], Floats]:
    """Return k of points of a stream by their numbers: a window needs those near each other alone."""

    def gram(a: NDArray[np.intp], b: NDArray[np.intp]) -> Floats:
        return np.asarray(np.exp(-((stream[a] - stream[b]) ** 2).sum(axis=-1) / (2.0 * bandwidth**2)))

    return gram


def _windows(
    near: Floats, gram: Callable[[NDArray[np.intp], NDArray[np.intp]], Floats], index: NDArray[np.intp], window: int
) -> tuple[Floats, Floats]:
    """Return mean k(w, w') and mean near(w) of every window; `gram(a, b)` gives k of points by their numbers in `index`."""
    length = index.shape[1] - window + 1
    total = np.full((index.shape[0], length), float(window))  # k of each frame with itself
    for lag in range(1, window):
        pairs = np.cumsum(np.pad(gram(index[:, lag:], index[:, :-lag]), ((0, 0), (1, 0))), axis=1)
        span = window - lag
        total += 2.0 * (pairs[:, span : span + length] - pairs[:, :length])
    sums = np.cumsum(np.pad(near, ((0, 0), (1, 0))), axis=1)
    return total / window**2, np.asarray((sums[:, window:] - sums[:, :-window]) / window)


def _simulated(x: Floats, bandwidth: float, window: int, run_time: float, seed: int, runs: int) -> Floats:
    """Return S along streams of reference frames, drawn with replacement.

    Where a frame would be compared with itself in a window, its mean kernel with the others stands in; and a window is compared with the
    frames of the reference that are not in it.
    """
    random = np.random.default_rng([seed, 0x0A11])
    table = kernel(x, x, bandwidth)
    inner, near = float(table.mean()), (table.sum(axis=1) - 1.0) / (len(x) - 1)
    np.fill_diagonal(table, near)
    length = round(_LENGTH * run_time) + window
    runs = min(runs, max(_FEWEST_RUNS, int(_FRAMES / length)))
    found, at_once = [], max(1, int(_CELLS / length))
    for start in range(0, runs, at_once):
        index = random.integers(len(x), size=(min(at_once, runs - start), length))
        within, across = _windows(near[index], lambda a, b: table[a, b], index, window)
        # Σ over the whole reference less the window's own pairs; n − 1 and W − 1 others of a frame leave n − W.
        apart = ((len(x) - 1) * across - (window * within - 1.0)) / (len(x) - window)
        found.append(within - 2.0 * apart + inner)
    return np.concatenate(found)


def _threshold(values: Floats, window: int, run_time: float) -> float:
    """Return the threshold at which simulated streams give their first alarm after `run_time` frames on average.

    A stream has alarmed by a frame where its largest value so far is above the threshold, so that `mean_run_time` is a count of those.
    """
    highest = np.maximum.accumulate(values, axis=1)
    last, every = np.sort(highest[:, -1]), np.sort(highest, axis=None)
    low, high = float(every[0]), float(every[-1])
    for _ in range(60):
        middle = (low + high) / 2
        alarmed = len(last) - int(np.searchsorted(last, middle, "right"))
        quiet = int(np.searchsorted(every, middle, "right"))
        early = alarmed > 0 and (quiet + alarmed) / alarmed + window - 1 < run_time
        low, high = (middle, high) if early else (low, middle)
    return high


def mean_run_time(values: Floats, threshold: float, window: int) -> float:
    """Return the mean number of frames to the first value above the threshold; streams without one count as exponential from there on.

    Parameters
    ----------
    values : ndarray, float64
        (stream, window), S of every full window.
    threshold : float
        Of S.
    window : int
        Frames of a window: no alarm can come earlier.
    """
    above = values > threshold
    alarmed = above.any(axis=1)
    frames = np.where(alarmed, above.argmax(axis=1) + 1, values.shape[1])
    return float("inf") if not alarmed.any() else float(frames.sum() / alarmed.sum() + window - 1)
