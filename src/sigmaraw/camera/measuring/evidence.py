"""What the checks need to know of one level's frames: taken while they are in memory, a few numbers each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sigmaraw.camera.measuring.framesums import Frames
from sigmaraw.camera.measuring.kernels import kernel_for
from sigmaraw.camera.measuring.lines import LineNoise
from sigmaraw.camera.measuring.steadiness import Steadiness
from sigmaraw.camera.measuring.workers import Workers

PAIRS = 8  # of a level, for correlation: more say nothing new
_REGION = 512  # of either side, px: one pair gives its correlation to 0.002
_BULK = 0.005  # of the values at either end, where single hot pixels make further hills
_WINDOW = 16  # codes on either side of an empty one
CODES_NEEDED = 25  # values on both sides of an empty code: chance leaves it empty once in e²⁵
FOREIGN = 5.0  # temporal standard deviations of a pixel by which a frame's mean is off its level's


@dataclass(frozen=True)
class LevelEvidence:
    """What the checks need of one level's frames.

    Parameters
    ----------
    lines : LineNoise
        Temporal variance of row and column means, DN².
    shape : tuple of (int, int)
        (y, x), px.
    frames : int
        Number of frames behind `lines`.
    keep : ndarray of bool
        (frame,), False for frames of another level.
    lag_x : float
        Covariance of neighbours in a row, DN², of (A − B)/√2 without its row and column means.
    lag_y : float
        The same of neighbours in a column, DN².
    lag_variance : float
        Variance of the same, DN²: temporal noise of single pixels.
    lag_count : int
        Pixel differences behind these three.
    hashes : tuple of bytes
        Hash of the row and column sums of each frame that is not constant.
    foreign : int
        Frames whose mean is far off the level's median.
    missing : int
        Codes inside the histogram that never occur.
    tested : int
        Codes inside the histogram that chance would not leave empty.
    piled : float
        Fraction of the values at the lowest code where it stands out from the next, else 0.
    steady : Steadiness
        Its pixels over time.
    """

    lines: LineNoise
    shape: tuple[int, int]
    frames: int
    keep: NDArray[np.bool_]
    lag_x: float
    lag_y: float
    lag_variance: float
    lag_count: int
    hashes: tuple[bytes, ...]
    foreign: int
    missing: int
    tested: int
    piled: float
    steady: Steadiness | None = None

    @property
    def line_counts(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """((rows, pixels of a row), (columns, pixels of a column))."""
        m, n = self.shape
        return (m, n), (n, m)

    @property
    def shared_variance_var(self) -> float:
        """What temporal noise of whole rows and columns adds to Var(σ̂²) of one pair, DN⁴: 2σ_row⁴/M + 2σ_col⁴/N."""
        m, n = self.shape
        row = max(self.lines.row - self.lag_variance / n, 0.0)
        column = max(self.lines.column - self.lag_variance / m, 0.0)
        return 2.0 * row**2 / m + 2.0 * column**2 / n if self.lag_count else 0.0

    @property
    def mean_noise(self) -> float:
        """Variance, DN², of one frame's mean: T_row/M and T_col/N, each of which holds the pixels' share, counted once."""
        m, n = self.shape
        return max(self.lines.row / m + self.lines.column / n - self.lag_variance / (m * n), self.lag_variance / (m * n))


def neighbours(frames: Frames, first: int, crew: Workers) -> tuple[float, float, float]:
    """Return lag-1 covariances along x and y, and the variance, DN², of (A − B)/√2 without its line means, in the middle of the frames.

    Taking row and column means off makes neighbours in a row correlate by −1/N, in a column by −1/M: that is put back.

    Parameters
    ----------
    frames : ndarray of uint8 or uint16
        (frame, y, x), DN, of at least 3 × 3 pixels.
    first : int
        Place of A; B is the next.
    crew : Workers
        Whose memory is used.
    """
    rows, columns = middle(frames.shape[1:])
    m, n = rows.stop - rows.start, columns.stop - columns.start
    d, kernel = crew.array("neighbours", (m, n)), kernel_for(frames)
    # Differences are exact; sums over a row are good to 1e-7, those over rows are float64.
    if kernel is None:
        np.subtract(frames[first, rows, columns], frames[first + 1, rows, columns], out=d, dtype=np.float32)
        d -= d.mean(axis=0, keepdims=True)
        d -= d.mean(axis=1, keepdims=True)
    else:
        region = (rows.start, columns.start, m, n)
        kernel.pair_difference(frames, *frames.shape, frames.itemsize, first, *region, d, crew.array("columns", (n,)))
    variance = 0.5 * _mean_product(d, d) * m * n / ((m - 1) * (n - 1))
    lag_x = 0.5 * _mean_product(d[:, 1:], d[:, :-1]) + variance * (m - 1) / (m * n)
    lag_y = 0.5 * _mean_product(d[1:], d[:-1]) + variance * (n - 1) / (m * n)
    return lag_x, lag_y, variance


def _mean_product(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(np.vecdot(a, b).sum(dtype=np.float64)) / a.size


def middle(shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return the rows and columns that neighbours are compared in: `_REGION` of each in the middle, or all where there are fewer.

    Parameters
    ----------
    shape : tuple of (int, int)
        (y, x), px.
    """
    rows, columns = (slice(start := max(0, (size - _REGION) // 2), start + min(size, _REGION)) for size in shape)
    return rows, columns


def codes_of(counts: NDArray[np.int64]) -> tuple[int, int, float]:
    """Return how many codes of a histogram are missing, how many could have been seen to be, and the pile at the lowest code.

    A level's histogram has one hill: inside it no code is rarer than the rarer of the highest counts left and right of it.

    Parameters
    ----------
    counts : ndarray of int64
        (code,), how often each code occurs.
    """
    present = np.flatnonzero(counts)
    low, high = int(present[0]), int(present[-1])
    piled = 0.0
    if len(present) >= 3:
        first, second = int(counts[low]), int(counts[low + 1])
        piled = first / int(counts.sum()) if first > second + 5.0 * np.sqrt(first + second) else 0.0
    rank = np.cumsum(counts[low : high + 1])
    inside = counts[low + int(np.searchsorted(rank, _BULK * rank[-1])) : low + int(np.searchsorted(rank, (1 - _BULK) * rank[-1])) + 1]
    if len(inside) < 3:
        return 0, 0, piled
    padded = np.pad(inside, _WINDOW)
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW).max(axis=1)
    left, right = windows[: len(inside)], windows[_WINDOW + 1 : _WINDOW + 1 + len(inside)]
    seen = np.minimum(left, right) >= CODES_NEEDED
    return int(np.count_nonzero(seen & (inside == 0))), int(np.count_nonzero(seen)), piled
