"""The median of a square window, as a processing step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.processing import Processing
from sigmaraw.contracts import Parameter


class Median(Processing):
    """Each pixel as the median of size × size pixels around it; the frame is reflected at its edges.

    Reference: scipy.ndimage.median_filter.
    """

    name = "median"
    parameters = (Parameter("size", int, 3, choices=(3, 5, 7, 9, 11), unit="px", help="side of the window"),)
    probes = (("size=7", "size=3"),)

    def __init__(self, *, size: int = 3) -> None:
        self.size = size

    def processed(self, frame: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return the filtered frame(s), DN."""
        from scipy.ndimage import median_filter

        return np.asarray(median_filter(frame, self.size, mode="reflect", axes=(-2, -1)), np.float64)
