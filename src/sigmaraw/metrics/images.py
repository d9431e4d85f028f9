"""Differences between two images, against a range that is always stated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Metric
from sigmaraw.errors import InvalidOption, ShapeMismatch, UnsupportedArray


def psnr_db(mean_square: float, peak: float) -> float:
    """Return the peak signal-to-noise ratio, 10·log₁₀(peak² / mean square error).

    Parameters
    ----------
    mean_square : float
        Mean square error, DN².
    peak : float
        The range that it is held against, DN.

    Returns
    -------
    float
        dB; infinite where the error is 0.

    Examples
    --------
    >>> round(psnr_db(1.0, 255), 4)
    48.1308
    """
    return math.inf if mean_square == 0 else 10 * math.log10(peak * peak / mean_square)


def mean_square_error(first: Sequence[NDArray[np.integer]], second: Sequence[NDArray[np.integer]]) -> float:
    """Return the mean square difference over all pixels of paired frames, DN², in float64.

    Parameters
    ----------
    first, second : sequence of ndarray
        Frames, DN; each pair has one shape.

    Returns
    -------
    float
        DN².
    """
    total = sum(float(np.square(a.astype(np.float64) - b).sum()) for a, b in zip(first, second, strict=True))
    return total / sum(frame.size for frame in first)


def max_error(reference: NDArray[np.integer], test: NDArray[np.integer]) -> int:
    """Return the largest absolute difference of a pixel, max|test − reference|.

    Parameters
    ----------
    reference, test : ndarray
        Integers of one shape, DN.

    Returns
    -------
    int
        DN.
    """
    return largest(test.astype(np.int64) - reference)


def largest(error: NDArray[np.integer] | NDArray[np.float64]) -> int:
    """Return max|error| of signed whole numbers, DN; float64 may hold them; no copy is made."""
    return max(int(error.max()), -int(error.min()))


class Psnr(Metric):
    """Peak signal-to-noise ratio of two images, in dB; infinite for equal images.

        PSNR = 10·log₁₀(range² / mean((reference − test)²))

    Parameters
    ----------
    data_range : float, optional
        The range, DN. Unless given it is that of the reference's integer container (255 or 65535), which overstates the PSNR of
        12-bit data in uint16 by 24 dB: give 2^bits − 1 where the bit depth is stated. `range_of` says which was used.

    Raises
    ------
    InvalidOption
        A range that is not above 0.

    Notes
    -----
    formula 5 and formula 7.

    Examples
    --------
    >>> import numpy as np
    >>> round(Psnr()(np.zeros((4, 4), np.uint8), np.ones((4, 4), np.uint8)), 4)
    48.1308
    """

    name = "psnr"
    unit = "dB"
    record_field = "psnr_db"
    definition = "10 log10(range² / mean squared difference); range as given, else the largest value of the integer container"

    def __init__(self, data_range: float | None = None) -> None:
        if data_range is not None and not (math.isfinite(data_range) and data_range > 0):
            raise InvalidOption(f"data range {data_range}", "a number above 0", "give the range of the data in DN")
        self.data_range = data_range

    def range_of(self, reference: NDArray[Any]) -> float:
        """Return the range that this reference is held against.

        Parameters
        ----------
        reference : ndarray
            The image whose container gives the range where none is stated.

        Returns
        -------
        float
            DN.

        Raises
        ------
        UnsupportedArray
            Floats without a stated range.
        """
        if self.data_range is not None:
            return float(self.data_range)
        if reference.dtype.kind not in "ui":
            raise UnsupportedArray(f"an image of type {reference.dtype} without a data range", "a stated range", "give data_range")
        return float(np.iinfo(reference.dtype).max)

    def __call__(self, reference: NDArray[Any], test: NDArray[Any]) -> float:
        """Return the ratio over all pixels, dB. Raises ShapeMismatch."""
        error = _difference(reference, test)
        return psnr_db(float(np.mean(error * error)), self.range_of(reference))


class MaxError(Metric):
    """Largest absolute difference of a pixel, max|test − reference|, DN.

    Notes
    -----
    formula 5.

    Examples
    --------
    >>> import numpy as np
    >>> MaxError()(np.zeros((2, 2), np.uint8), np.full((2, 2), 3, np.uint8))
    3.0
    """

    name = "max-error"
    unit = "DN"
    record_field = "max_error_dn"
    definition = "largest absolute difference of a pixel"

    def __call__(self, reference: NDArray[Any], test: NDArray[Any]) -> float:
        """Return the difference, DN. Raises ShapeMismatch."""
        error = _difference(reference, test)
        return float(max(error.max(), -error.min()))


def _difference(reference: NDArray[Any], test: NDArray[Any]) -> NDArray[np.float64]:
    """Return test − reference in float64: unsigned integers would wrap."""
    reference, test = np.asarray(reference), np.asarray(test)
    if reference.shape != test.shape or reference.size == 0:
        raise ShapeMismatch(f"images of shapes {reference.shape} and {test.shape}", "one shape, not empty", "compare images of one frame")
    return np.asarray(test, dtype=np.float64) - reference
