"""Temporal and spatial moments of one level's frames: the only arithmetic on pixels that calibration does.

Pairs A, B at one exposure: σ²_t = [½·mean((A−B)²) − ½(μ_A−μ_B)²]·N/(N−1), averaged over successive non-overlapping pairs.
The factor N/(N−1) returns what the difference of the means takes along: σ²/N per pair, 11 % on a 3 × 3 px frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import ImplausibleSeries, TooFewFrames

_ROWS_PER_BLOCK = 1 << 20  # pixels a block, so that float64 copies stay small whatever the frame is


@dataclass(frozen=True)
class LevelMoments:
    """Scalars of one level.

    mean, variance : temporal mean (DN) and pair variance (DN²); n_pairs pairs of n_pixels pixels.
    variance_var : Var(σ̂²), DN⁴. excess : spatial variance of the pixels' own temporal variances, DN⁴.
    frame_means : (frame), DN. top_fraction : fraction of pixel values that equal `maximum`, the largest one.
    """

    mean: float
    variance: float
    variance_var: float
    excess: float
    n_frames: int
    n_pairs: int
    n_pixels: int
    frame_means: NDArray[np.float64]
    minimum: int
    maximum: int
    top_fraction: float
    bottom_fraction: float

    @property
    def mean_var(self) -> float:
        """Variance of the mean, DN², over repetitions with the same pixels: σ²_t/(N·L)."""
        return self.variance / (self.n_pixels * self.n_frames) if self.n_frames else 0.0


def quantisation_var(variance: float | NDArray[np.float64]) -> Any:
    """Return the squared uncertainty, DN⁴, that rounding leaves in a measured variance, for an unknown phase of the mean.

    Rounding N(μ, σ²) to whole DN gives σ² + 1/12 − (4σ² + 1/π²)·exp(−2π²σ²)·cos 2πμ + …: below σ ≈ 0.5 DN the last term counts.
    Half the square of its amplitude is its mean square. `variance` is σ² + 1/12, DN².
    """
    square = np.maximum(np.asarray(variance, dtype=np.float64) - 1.0 / 12.0, 0.0)
    amplitude = (4.0 * square + 1.0 / np.pi**2) * np.exp(-2.0 * np.pi**2 * np.minimum(square, 30.0))
    return 0.5 * amplitude**2


def level_moments(frames: NDArray[np.unsignedinteger], name: str) -> LevelMoments:
    """Return the scalars of a level.

    Var(σ̂²) = mean[(A−B)⁴]/(6(N−1)) per pair: 2σ⁴/(N−1) for equal Gaussian pixels, and right for pixels of unequal noise; to it
    comes what rounding leaves open (`quantisation_var`), nothing from σ = 1 DN on.

    Parameters
    ----------
    frames : (frame, y, x), uint8 or uint16, DN, in order of acquisition. name : for messages.

    Raises
    ------
    TooFewFrames : fewer than two frames, or fewer than two pixels.
    ImplausibleSeries : two successive frames are the same file: their difference says nothing about noise.
    """
    count, pixels = len(frames), int(np.prod(frames.shape[1:]))
    if count < 2 or pixels < 2:
        raise TooFewFrames(
            f"level {name} has {count} frame{'s' if count != 1 else ''} of {pixels} pixels",
            "at least two frames of two pixels",
            "take pairs at every level, in one stack, one subfolder, or listed with equal exposure in frames.csv",
        )
    means = np.array([frame.mean(dtype=np.float64) for frame in frames])
    second, fourth = np.empty(count // 2), np.empty(count // 2)
    for pair in range(count // 2):
        a, b = frames[2 * pair], frames[2 * pair + 1]
        second[pair], fourth[pair] = _difference_moments(a, b, means[2 * pair] - means[2 * pair + 1])
        if second[pair] == 0.0 and a.min() != a.max():
            raise ImplausibleSeries(
                f"frames {2 * pair} and {2 * pair + 1} of level {name} are identical", "separate exposures", "remove the copy"
            )
    minimum, maximum = int(frames.min()), int(frames.max())
    bessel, pairs = pixels / (pixels - 1.0), count // 2
    variance = float(0.5 * second.mean() * bessel)
    square = float(fourth.mean() * bessel**2 / 12.0)  # mean over pixels of σ_i⁴
    return LevelMoments(
        mean=float(means.mean()),
        variance=variance,
        variance_var=2.0 * square / ((pixels - 1) * pairs) + float(quantisation_var(variance)),
        excess=max(square - variance**2, 0.0),
        n_frames=count,
        n_pairs=pairs,
        n_pixels=pixels,
        frame_means=means,
        minimum=minimum,
        maximum=maximum,
        top_fraction=float(np.count_nonzero(frames == maximum) / frames.size),
        bottom_fraction=float(np.count_nonzero(frames == minimum) / frames.size),
    )


def _difference_moments(a: NDArray[np.unsignedinteger], b: NDArray[np.unsignedinteger], shift: float) -> tuple[float, float]:
    """Return the mean square and mean fourth power of A − B − shift, in blocks of float64."""
    flat_a, flat_b = a.reshape(-1), b.reshape(-1)
    second = fourth = 0.0
    for start in range(0, flat_a.size, _ROWS_PER_BLOCK):
        difference = np.subtract(flat_a[start : start + _ROWS_PER_BLOCK], flat_b[start : start + _ROWS_PER_BLOCK], dtype=np.float64)
        difference -= shift
        difference *= difference
        second += float(difference.sum())
        difference *= difference  # not np.dot: threads of a linear-algebra library cost more here than they bring
        fourth += float(difference.sum())
    return second / flat_a.size, fourth / flat_a.size


def difference_moments_slow(a: NDArray[np.unsignedinteger], b: NDArray[np.unsignedinteger]) -> tuple[float, float]:
    """Slow twin of `_difference_moments`, pixel by pixel."""
    differences = [float(p) - float(q) for p, q in zip(a.ravel(), b.ravel(), strict=True)]
    centre = sum(differences) / len(differences)
    return tuple(sum((d - centre) ** power for d in differences) / len(differences) for power in (2, 4))  # type: ignore[return-value]  # of two powers


def pixel_moments(frames: NDArray[np.unsignedinteger]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each pixel's temporal mean (DN) and unbiased variance (DN²) over L frames, in one streaming float64 pass.

    Sums are taken of d_i = x_i − x_0, which is exact for integers, so nothing cancels. Common brightness changes of the lamp
    are removed: with c_i = mean over pixels of d_i, variance = [Σ(d_i−c_i)² − (Σ(d_i−c_i))²/L]/(L−1) · N/(N−1).

    Parameters
    ----------
    frames : (frame, y, x), L ≥ 2, uint8 or uint16, DN.
    """
    count, pixels = len(frames), int(np.prod(frames.shape[1:]))
    first = frames[0].astype(np.float64)
    total, centred, squares = (np.zeros_like(first) for _ in range(3))
    for frame in frames:
        shifted = frame - first
        total += shifted
        shifted -= shifted.mean()
        centred += shifted
        shifted *= shifted
        squares += shifted
    variance = (squares - centred * centred / count) / (count - 1) * (pixels / (pixels - 1))
    return first + total / count, np.maximum(variance, 0.0)


def pixel_moments_slow(frames: NDArray[np.unsignedinteger]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Slow twin of `pixel_moments`: all frames in float64 at once, two passes."""
    data = frames.astype(np.float64)
    steady = data - data.mean(axis=(1, 2), keepdims=True)
    pixels = data[0].size
    return data.mean(axis=0), steady.var(axis=0, ddof=1) * pixels / (pixels - 1)
