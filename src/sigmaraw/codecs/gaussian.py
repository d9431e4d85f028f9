"""Smoothing by a Gaussian, as a processing step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.processing import Processing
from sigmaraw.contracts import Parameter


class Gaussian(Processing):
    """Each pixel as the mean of its surroundings with weights exp(−r²/2σ²), out to 4σ; the frame is reflected at its edges.

    White noise keeps the share √(Σw²) of its standard deviation, 1/(2σ√π) from σ = 1 px on.

    Reference: scipy.ndimage.gaussian_filter.
    """

    name = "gaussian"
    parameters = (Parameter("sigma", float, 1.0, minimum=0.1, maximum=100, unit="px", help="standard deviation of the kernel"),)
    probes = (("sigma=3", "sigma=0.7"),)

    def __init__(self, *, sigma: float = 1.0) -> None:
        self.sigma = sigma

    def processed(self, frame: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return the smoothed frame(s), DN."""
        from scipy.ndimage import gaussian_filter

        smooth: NDArray[np.float64] = gaussian_filter(frame.astype(np.float64), self.sigma, mode="reflect", axes=(-2, -1))
        return smooth
