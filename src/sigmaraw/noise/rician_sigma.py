"""σ of the Rician noise of magnitude images, from a region without signal or from repeats of one scan."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InsufficientRepeats, InvalidOption, OutsideValidRange, ShapeMismatch
from sigmaraw.noise.model import QUANTISATION_VARIANCE

FEWEST = 200
"""Pixels of a region from which σ is estimated: its standard error is then 3.5 %."""
BLOCK = 4
"""Side of the blocks, px, whose scatter gives a standard error that holds where neighbouring pixels are correlated."""
RAYLEIGH = 0.03
"""How far shares of pixels up to a value may lie from Rayleigh's law, beside what chance makes."""
_CHANCE = 1.95  # of Kolmogorov's statistic times √N: exceeded in one region of a thousand
_FOURTH_OF_ROUNDING = 1 / 180  # variance of the square of a rounding error, DN⁴


@dataclass(frozen=True)
class SigmaEstimate:
    """σ with its standard error.

    Parameters
    ----------
    sigma_dn : float
        σ of the real and of the imaginary channel, DN.
    se_dn : float
        Its standard error, DN.
    pixels : int
        Pixels that it rests on.
    how : str
        From what it was estimated.
    """

    sigma_dn: float
    se_dn: float
    pixels: int
    how: str

    @property
    def spec(self) -> str:
        """What ``--camera`` takes."""
        return f"rician:sigma={self.sigma_dn:.6g},se={self.se_dn:.3g}"


def sigma_from_background(background: Any) -> SigmaEstimate:
    """Return σ from pixels without signal, whose magnitudes follow Rayleigh's law: σ² = (mean M² − 1/12)/2.

    The standard error is σ/(2√N), or that from the scatter of blocks of 4 × 4 px where this is larger, as it is where neighbouring
    pixels are correlated.

    Parameters
    ----------
    background : array_like of int
        The region, (y, x) or (z, y, x), or pixels (pixel,), DN.

    Returns
    -------
    SigmaEstimate
        σ and its standard error.

    Raises
    ------
    InvalidOption
        Fewer than 200 pixels.
    OutsideValidRange
        The values do not follow Rayleigh's law, by Kolmogorov's distance.

    References
    ----------
    formula 1.1; A. A. Edelstein et al., Med. Phys. 11, 180–185 (1984).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> air = np.rint(np.hypot(*rng.normal(0, 12, (2, 100, 100)))).astype(np.uint16)
    >>> found = sigma_from_background(air)
    >>> abs(found.sigma_dn - 12) < 3 * found.se_dn
    True
    """
    values = np.asarray(background, dtype=np.float64)
    if values.size < FEWEST:
        raise InvalidOption(f"a background of {values.size} pixels", f"at least {FEWEST}", "choose a larger region without signal")
    square = float(np.mean(values**2)) - QUANTISATION_VARIANCE
    apart, tolerated = _distance(values, square), RAYLEIGH + _CHANCE / math.sqrt(values.size)
    if not apart <= tolerated:
        raise OutsideValidRange(
            f"a region whose values lie {apart:.2f} from Rayleigh's law (largest difference of shares)",
            f"at most {tolerated:.2f}, as noise without signal has in a magnitude image",
            "choose a region of air without ghosts; masked, filtered and multi-coil backgrounds do not follow Rayleigh's law",
        )
    sigma = math.sqrt(square / 2)
    relative = max(1 / math.sqrt(values.size), _block_error(values**2) / square)
    return SigmaEstimate(sigma, sigma * relative / 2, values.size, "region without signal")


def sigma_from_repeats(repeats: Any) -> SigmaEstimate:
    """Return σ from repeats of one scan of a static object, whatever the signal in each pixel is.

        Q = 4σ²(P − σ²)  ⇒  σ² = (P − √(P² − Q))/2,  P = mean E[M²], Q = mean Var(M²), means over pixels

    Both sides hold exactly for Rician noise, so that weak signals bias nothing. What rounding adds, P/3 to Q and 1/12 to P, is subtracted.
    The standard error is that of the jackknife over blocks of 4 × 4 px.

    Parameters
    ----------
    repeats : array_like of int
        (repeat, y, x) or (repeat, z, y, x), DN.

    Returns
    -------
    SigmaEstimate
        σ and its standard error.

    Raises
    ------
    InsufficientRepeats
        Fewer than two.
    ShapeMismatch
        No axis of repeats, or images of fewer than 16 blocks of 4 × 4 px.
    OutsideValidRange
        The image is little else than noise: P² < Q.

    References
    ----------
    formula 1.1.
    """
    frames = np.asarray(repeats)
    if frames.ndim not in (3, 4):
        raise ShapeMismatch(f"an array of shape {frames.shape}", "(repeat, y, x) or (repeat, z, y, x)", "give repeats of one image")
    if len(frames) < 2:
        raise InsufficientRepeats(f"{len(frames)} repeat", "at least two", "give repeats of one image")
    squares = [frame.astype(np.float64) ** 2 for frame in frames]
    mean = np.mean(squares, axis=0)
    variance = sum((one - mean) ** 2 for one in squares) / (len(frames) - 1)
    first, second = _block_means(mean), _block_means(np.asarray(variance))
    if first.size < 16:
        raise ShapeMismatch(f"an image of shape {frames.shape[1:]}", f"at least 16 blocks of {BLOCK} × {BLOCK} px", "give whole images")
    sigma = _sigma_of_moments(float(first.mean()), float(second.mean()))
    if math.isnan(sigma):
        raise OutsideValidRange(
            "repeats that are little else than noise", "an image with signal in it", "estimate σ from the region without signal"
        )
    n = first.size
    left_out = np.array([_sigma_of_moments(*((part.sum() - part[i]) / (n - 1) for part in (first, second))) for i in range(n)])
    se = math.sqrt((n - 1) / n * float(((left_out - left_out.mean()) ** 2).sum()))
    return SigmaEstimate(sigma, se if math.isfinite(se) else sigma, int(mean.size), f"{len(frames)} repeats")


def _distance(values: NDArray[np.float64], square: float) -> float:
    """Return the largest |share of values up to k − (1 − exp(−(k + ½)²/mean M²))| over whole k; 1 where there is no noise."""
    if not square > 0:
        return 1.0
    found, counts = np.unique(values, return_counts=True)
    return float(np.abs(np.cumsum(counts) / values.size - (1 - np.exp(-((found + 0.5) ** 2) / square))).max())


def _sigma_of_moments(square: float, variance: float) -> float:
    """Return σ of P and Q as measured on whole DN; NaN where P² < Q."""
    p = square - QUANTISATION_VARIANCE
    q = variance - p / 3 - _FOURTH_OF_ROUNDING
    inside = p * p - q
    return math.sqrt(max((p - math.sqrt(inside)) / 2, 0.0)) if inside >= 0 else math.nan


def _block_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the means of whole blocks of every plane, (block,)."""
    height, width = (side // BLOCK * BLOCK for side in values.shape[-2:])
    cut = values.reshape(-1, *values.shape[-2:])[:, :height, :width]
    return np.asarray(cut.reshape(len(cut), height // BLOCK, BLOCK, width // BLOCK, BLOCK).mean(axis=(2, 4)).reshape(-1))


def _block_error(values: NDArray[np.float64]) -> float:
    """Return the standard error of the mean from the scatter of blocks; 0 where there are too few of them."""
    if values.ndim < 2:
        return 0.0
    means = _block_means(values)
    return float(means.std(ddof=1)) / math.sqrt(means.size) if means.size >= 16 else 0.0
