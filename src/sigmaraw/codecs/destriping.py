"""Removal of stripes along one axis, as a processing step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.processing import Processing
from sigmaraw.contracts import Parameter


class Destriping(Processing):
    """Subtract from each line how far its median lies from that of its neighbours: x̂ = x − (p − median of p over `width` lines).

    p is the median along the stripes: of each column for stripes that run along y (as an sCMOS's column amplifiers and projections of a
    ring-prone detector show), of each row for stripes along x. What is wider than half of `width` stays.

    Reference: M. Rivers, Tutorial introduction to X-ray computed microtomography data processing, 1998 (with medians in place of means).
    """

    name = "destripe"
    parameters = (
        Parameter("along", str, "y", choices=("y", "x"), help="axis along which the stripes run"),
        Parameter("width", int, 9, minimum=3, maximum=999, unit="px", help="number of neighbouring lines, odd"),
    )
    probes = (("along=y",), ("along=x,width=21",))

    def __init__(self, *, along: str = "y", width: int = 9) -> None:
        self.along, self.width = along, width | 1

    def processed(self, frame: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return the frame(s) without stripes, DN."""
        from scipy.ndimage import median_filter

        levels = frame.astype(np.float64)
        stripes = -2 if self.along == "y" else -1
        profile = np.median(levels, axis=stripes, keepdims=True)
        smooth = median_filter(profile, self.width, mode="reflect", axes=(-1 if self.along == "y" else -2,))
        without: NDArray[np.float64] = levels - (profile - smooth)
        return without
