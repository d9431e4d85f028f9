"""The minimum between two peaks of the histogram."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Parameter
from sigmaraw.pipelines.classical.base import ClassicalPipeline, NoThreshold, keys


class BimodalPipeline(ClassicalPipeline):
    """Pixels above the minimum between the two peaks of the histogram, which is smoothed until it has two.

    An image without two peaks has no such threshold, and undefined measurements.

    Reference: J. M. S. Prewitt and M. L. Mendelsohn, Ann. N. Y. Acad. Sci. 128, 1035–1053, 1966.
    """

    name = "bimodal"
    parameters = keys(0, Parameter("bins", int, 256, minimum=8, maximum=65536, unit="1", help="bins of the histogram"))

    def _segmented(self, image: NDArray[np.integer]) -> NDArray[np.bool_]:
        from skimage.filters import threshold_minimum

        try:
            threshold = threshold_minimum(image.astype(np.float64), nbins=self.settings["bins"])
        except RuntimeError as error:
            raise NoThreshold from error
        mask: NDArray[np.bool_] = image > threshold
        return mask
