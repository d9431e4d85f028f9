"""Clipping of what is dark, before a threshold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Parameter
from sigmaraw.pipelines.classical.base import ClassicalPipeline, above_otsu, keys


class PercentileClipPipeline(ClassicalPipeline):
    """Pixels above Otsu's threshold of the image, in which everything below a percentile was raised to it.

    The clip takes unspecific background out of the histogram; paper 002 (Pankova) does so at the 90th percentile for the Golgi apparatus.
    """

    name = "percentile-clip"
    parameters = keys(0, Parameter("percentile", float, 90.0, minimum=0.0, maximum=99.9, unit="%", help="share of pixels that is clipped"))

    def _segmented(self, image: NDArray[np.integer]) -> NDArray[np.bool_]:
        low = np.percentile(image, self.settings["percentile"])
        return above_otsu(np.maximum(image.astype(np.float64), low))
