"""Whether the frames of a level are independent of each other, and whether few samples carry its noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from sigmaraw.camera.measuring.onepass import PixelSums
from sigmaraw.camera.measuring.workers import Workers, strips

_SAMPLE = 1 << 17  # pixels whose median variance is taken
_PART = 64  # one value of so many tells about where the median is
_RARE = 1e-9  # chance of a pixel of ordinary noise to count as an outlier
_TIMES = 9.0  # the median variance, at least: three times the noise
_SINGLE = 0.4  # of the largest kurtosis that a pixel of L frames can have: one frame, or two, carry its variance
SPIKE_FRAMES = 12
"""Frames from which the kurtosis of a pixel tells a hit in one frame from a pixel that is noisy throughout."""


@dataclass(frozen=True)
class Steadiness:
    """Numbers of one level.

    Parameters
    ----------
    pixel_variance : float
        Temporal variance over all frames, averaged over pixels, DN². Of independent frames it equals the variance of pairs.
    median_variance : float
        Its median over pixels, DN²: what most pixels have.
    noisy_share : float
        Fraction of the summed variance that lies in pixels of more than nine times the median, beyond what they would have with it.
    spike_share : float or None
        The part of it in pixels in which one or two frames carry the variance; None where the frames are too few, or not asked for.
    """

    pixel_variance: float
    median_variance: float
    noisy_share: float
    spike_share: float | None


def steadiness(pixels: PixelSums, crew: Workers) -> Steadiness:
    """Return what the sums of a level's pixels say; two frames or more."""
    count = pixels.shape[0] * pixels.shape[1]
    parts = strips(pixels.shape)
    samples = [np.empty(0)] * len(parts)

    def draw(index: int) -> None:
        samples[index] = pixels.variance_sample(parts[index], max(1, count // _SAMPLE))

    crew.run([partial(draw, index) for index in range(len(parts))])
    median = median_of(np.concatenate(samples))
    limit = median * _outlying(pixels.frames - 1)
    shaped = pixels.has_shapes and pixels.frames >= SPIKE_FRAMES
    found = np.zeros((len(parts), 3))

    def sum_up(index: int) -> None:
        found[index, :2] = pixels.variance_sums(parts[index], median, limit)
        if shaped and found[index, 1]:
            found[index, 2] = _spikes(pixels, parts[index], median, limit)

    crew.run([partial(sum_up, index) for index in range(len(parts))])
    # Strip after strip, whatever the number of threads.
    total, noisy, spikes = np.add.accumulate(found)[-1].tolist()
    if total <= 0:
        return Steadiness(0.0, median, 0.0, 0.0 if shaped else None)
    return Steadiness(total / count, median, noisy / total, spikes / total if shaped else None)


def median_of(values: NDArray[np.float64]) -> float:
    """Return the median, as `np.median` does in three times the time: between two values of a part of them lie few, and the median.

    Parameters
    ----------
    values : ndarray of float64
        (value,), at least one, no NaN.
    """
    part = np.sort(values[::_PART])
    margin = 2 * math.isqrt(len(part))  # four standard deviations of a rank
    low, high = part[max(len(part) // 2 - margin, 0)], part[min(len(part) // 2 + margin, len(part) - 1)]
    inside, below = values[(values >= low) & (values <= high)], np.count_nonzero(values < low)
    ranks = [(len(values) - 1) // 2 - below, len(values) // 2 - below]
    if ranks[0] < 0 or ranks[1] >= len(inside):
        return float(np.median(values))
    return float(np.partition(inside, ranks)[ranks].mean())


@cache
def _outlying(dof: int) -> float:
    """Return the variance of a pixel, in medians, from which it is an outlier."""
    from scipy.stats import chi2

    return max(_TIMES, float(chi2.isf(_RARE, dof) / chi2.median(dof)))


def _spikes(pixels: PixelSums, rows: slice, median: float, limit: float) -> float:
    """Return the variance beyond the median, DN², in outlying pixels of some rows that one or two frames carry."""
    variance = pixels.variance(rows)
    beyond = np.where(variance > limit, variance - median, 0.0)
    kurtosis = pixels.shape_statistics(rows)[1] + 3.0
    return float(beyond[kurtosis > _SINGLE * pixels.frames].sum())
