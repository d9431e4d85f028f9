"""Otsu's threshold: the classical pipeline that needs no model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sigmaraw.pipelines.measurements import CONNECTIVITY, MEASURE_OBJECTS, MEASUREMENTS, PIXEL_SIZE, min_size
from sigmaraw.pipelines.segmentation import SegmentationPipeline

# What the coverage study of replica modes measured with this threshold.
_KINDS = {"count": "count", "area": "adaptive-area", "total_intensity": "intensity", "mean_intensity": "mean-intensity"}


class OtsuPipeline(SegmentationPipeline):
    """Pixels above Otsu's threshold of the image's own histogram, one bin per grey value.

    mask = raw > t, t maximising the variance between the classes raw ≤ t and raw > t. A constant image has no objects.

    Reference: N. Otsu, IEEE Trans. Syst. Man Cybern. 9(1), 62–66, 1979; formula 6.
    """

    name = "otsu"
    libraries = ("scikit-image", "scipy", "numpy")
    parameters = (min_size(0), CONNECTIVITY, MEASURE_OBJECTS, PIXEL_SIZE)
    measurements = tuple(replace(row, kind=_KINDS[row.name], studied=True) for row in MEASUREMENTS)

    def _mask(self, image: NDArray[np.integer]) -> NDArray[np.bool_]:
        from skimage.filters import threshold_otsu

        if image.min() == image.max():
            return np.zeros(image.shape, dtype=bool)
        mask: NDArray[np.bool_] = image > threshold_otsu(image)  # a volume has one threshold
        return mask
