"""Differences between two images, against a range that is always stated."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidOption, ShapeMismatch, UnsupportedArray


class Psnr:
    """Peak signal-to-noise ratio: 10·log₁₀(range² / mean((reference − test)²)), dB; infinite for equal images.

    Parameters
    ----------
    data_range : the range, DN. None is that of the reference's integer container (255 or 65535), which overstates the PSNR of
        12-bit data in uint16 by 24 dB: give 2^bits − 1 where the bit depth is known. `range_of` says which was used.

    Raises
    ------
    InvalidOption : a range that is not above 0.

    Reference: SCIENCE 5 and 7.
    """

    name = "psnr"
    unit = "dB"
    definition = "10 log10(range² / mean squared difference); range as given, else the largest value of the integer container"

    def __init__(self, data_range: float | None = None) -> None:
        if data_range is not None and not (math.isfinite(data_range) and data_range > 0):
            raise InvalidOption(f"data range {data_range}", "a number above 0", "give the range of the data in DN")
        self.data_range = data_range

    def range_of(self, reference: NDArray[Any]) -> float:
        """Return the range, DN, that this reference is held against. Raises UnsupportedArray for floats without a range."""
        if self.data_range is not None:
            return float(self.data_range)
        if reference.dtype.kind not in "ui":
            raise UnsupportedArray(f"an image of type {reference.dtype} without a data range", "a stated range", "give data_range")
        return float(np.iinfo(reference.dtype).max)

    def __call__(self, reference: NDArray[Any], test: NDArray[Any]) -> float:
        """Return the ratio in dB over all pixels. reference, test : one shape, DN. Raises ShapeMismatch."""
        error = _difference(reference, test)
        mean_square = float(np.mean(error * error))
        return math.inf if mean_square == 0 else 10 * math.log10(self.range_of(reference) ** 2 / mean_square)


class MaxError:
    """Largest absolute difference of a pixel: max|reference − test|. Reference: SCIENCE 5."""

    name = "max-error"
    unit = "DN"
    definition = "largest absolute difference of a pixel"

    def __call__(self, reference: NDArray[Any], test: NDArray[Any]) -> float:
        """Return the difference in DN. reference, test : one shape, DN. Raises ShapeMismatch."""
        return float(np.abs(_difference(reference, test)).max())


def _difference(reference: NDArray[Any], test: NDArray[Any]) -> NDArray[np.float64]:
    """Return test − reference in float64: unsigned integers would wrap."""
    reference, test = np.asarray(reference), np.asarray(test)
    if reference.shape != test.shape or reference.size == 0:
        raise ShapeMismatch(f"images of shapes {reference.shape} and {test.shape}", "one shape, not empty", "compare images of one frame")
    return np.asarray(test, dtype=np.float64) - reference
