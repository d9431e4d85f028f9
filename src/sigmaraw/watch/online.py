"""Online maximum mean discrepancy: the last W frames against the reference, with a threshold of stated mean run time.

S_t = mean k(w, w') − 2 mean k(w, x) + mean k(x, x') over the window w and the reference x. An alarm is S_t above a threshold that is
the same for all t. The threshold is chosen so that frames like the reference give the first false alarm after R frames on average, counted
from the first frame: streams drawn from the half of the reference that the kernel has not seen say so.

Reference: A. Gretton et al., J. Mach. Learn. Res. 13, 723 (2012), for the statistic.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidOption
from sigmaraw.watch.mmd import Floats, kernel, median_distance

_RUNS = 3000
_LENGTH = 4  # simulated frames of a run, in mean run times; what is left over counts as exponential
_CELLS = 2.0e7  # simulated frames at once


@dataclass(frozen=True)
class OnlineMmd:
    """A calibrated detector.

    Parameters
    ----------
    reference : ndarray, float64
        (frame, feature), the half of the reference that the kernel compares with, standardised.
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
            (frame, feature) of the reference; every other one is for the kernel, the rest for the threshold.
        window : int
            Frames of a window.
        run_time : float
            Mean number of frames to a false alarm, counted from the first one.
        seed : int, default 0
            Of the simulated streams.
        runs : int, default 3000
            Simulated streams.

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
        compared, drawn = features[::2], features[1::2]
        centre, spread = compared.mean(axis=0), compared.std(axis=0, ddof=1)
        spread = np.where(spread > 0, spread, np.inf)  # a feature that never varies says nothing
        x, z = (compared - centre) / spread, (drawn - centre) / spread
        bandwidth = median_distance(x)
        simulated = _simulated(x, z, bandwidth, window, run_time, seed, runs)
        return cls(x, centre, spread, bandwidth, window, float(run_time), _threshold(simulated, window, run_time))

    def started(self) -> Running:
        """Return the detector before its first frame."""
        return Running(self)


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
        self._frames: deque[Floats] = deque(maxlen=detector.window)
        self._near: deque[float] = deque(maxlen=detector.window)

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
        self._near.append(float(kernel(point, detector.reference, detector.bandwidth).mean()))
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
        gram = kernel(stream, stream, bandwidth)
        found.append(_windows(near[None], lambda a, b, gram=gram: gram[a, b], np.arange(len(stream))[None], window)[0] + inner)
    return np.stack(found)


def _windows(near: Floats, gram, index: NDArray[np.intp], window: int) -> Floats:  # type: ignore[no-untyped-def]
    """Return mean k(w, w') − 2 mean near(w) of every window; `gram(a, b)` gives k of points by their numbers in `index`."""
    length = index.shape[1] - window + 1
    total = np.full((index.shape[0], length), float(window))  # k of each frame with itself
    for lag in range(1, window):
        pairs = np.cumsum(np.pad(gram(index[:, lag:], index[:, :-lag]), ((0, 0), (1, 0))), axis=1)
        span = window - lag
        total += 2.0 * (pairs[:, span : span + length] - pairs[:, :length])
    sums = np.cumsum(np.pad(near, ((0, 0), (1, 0))), axis=1)
    return np.asarray(total / window**2 - 2.0 * (sums[:, window:] - sums[:, :-window]) / window)


def _simulated(x: Floats, z: Floats, bandwidth: float, window: int, run_time: float, seed: int, runs: int) -> Floats:
    """Return S along streams of reference frames, drawn with replacement.

    A frame that is drawn twice into a window would be compared with itself, as no two real frames are: its mean kernel with the others
    stands in.
    """
    random = np.random.default_rng([seed, 0x0A11])
    inner, near = float(kernel(x, x, bandwidth).mean()), kernel(z, x, bandwidth).mean(axis=1)
    table = kernel(z, z, bandwidth)
    np.fill_diagonal(table, (table.sum(axis=1) - 1.0) / (len(z) - 1))
    length = round(_LENGTH * run_time) + window
    found, at_once = [], max(1, int(_CELLS / length))
    for start in range(0, runs, at_once):
        index = random.integers(len(z), size=(min(at_once, runs - start), length))
        found.append(_windows(near[index], lambda a, b: table[a, b], index, window) + inner)
    return np.concatenate(found)


def _threshold(values: Floats, window: int, run_time: float) -> float:
    """Return the threshold at which simulated streams give their first alarm after `run_time` frames on average."""
    low, high = float(values.min()), float(values.max())
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if mean_run_time(values, middle, window) < run_time else (low, middle)
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
