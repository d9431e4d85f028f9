"""Scalars of one level's frames.

Pairs A, B at one exposure: σ²_t = [½·mean((A−B)²) − ½(μ_A−μ_B)²]·N/(N−1), averaged over successive non-overlapping pairs.
The factor N/(N−1) returns what the difference of the means takes along: σ²/N per pair, 11 % on a 3 × 3 px frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class LevelMoments:
    """Scalars of one level.

    Parameters
    ----------
    mean : float
        Temporal mean, DN.
    variance : float
        Temporal variance from pairs, DN².
    variance_var : float
        Its squared standard error, DN⁴.
    excess : float
        Variance over pixels of their temporal variances, DN⁴.
    n_frames : int
        Number of frames; 0 where not given.
    n_pairs : int
        Number of pairs.
    n_pixels : int
        Number of pixels.
    frame_means : ndarray of float64
        (frame,), mean of each frame, DN.
    minimum : int
        Smallest value, DN.
    maximum : int
        Largest value, DN.
    top_fraction : float
        Fraction of the values that equal `maximum`.
    bottom_fraction : float
        Fraction of the values that equal `minimum`.
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
    Half the square of its amplitude is its mean square.

    Parameters
    ----------
    variance : float or ndarray of float64
        σ² + 1/12, DN².
    """
    square = np.maximum(np.asarray(variance, dtype=np.float64) - 1.0 / 12.0, 0.0)
    amplitude = (4.0 * square + 1.0 / np.pi**2) * np.exp(-2.0 * np.pi**2 * np.minimum(square, 30.0))
    return 0.5 * amplitude**2
