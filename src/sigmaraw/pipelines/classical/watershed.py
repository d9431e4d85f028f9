"""Touching objects split where they are narrow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Parameter
from sigmaraw.pipelines.classical.base import ClassicalPipeline, above_otsu, keys
from sigmaraw.pipelines.found import Found, neighbours, of_labels


class WatershedPipeline(ClassicalPipeline):
    """Pixels above Otsu's threshold, split by a watershed of their distance to the background.

    The distance is smoothed by a Gaussian of `smooth`; each of its peaks, `distance` apart from others at least, is an object.
    """

    name = "watershed"
    parameters = keys(
        20,
        Parameter("distance", int, 5, minimum=1, unit="px", help="smallest distance of the centres of two objects"),
        Parameter("smooth", float, 1.0, minimum=0.0, unit="px", help="standard deviation of the Gaussian on the distance"),
    )

    def _segmented(self, image: NDArray[np.integer]) -> NDArray[np.bool_]:
        return above_otsu(image)

    def _found(self, image: NDArray[np.integer]) -> Found:
        from scipy import ndimage
        from skimage.feature import peak_local_max
        from skimage.segmentation import watershed

        mask = self._mask(image)
        if not mask.any():
            return of_labels(np.zeros(image.shape, np.int32), 0)
        distance = ndimage.gaussian_filter(ndimage.distance_transform_edt(mask), self.settings["smooth"])
        parts, _ = ndimage.label(mask, neighbours(mask.ndim, self.settings["connectivity"]))
        peaks = peak_local_max(distance, min_distance=self.settings["distance"], labels=parts, exclude_border=False)
        seeds = np.zeros(image.shape, np.int32)
        seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
        return of_labels(watershed(-distance, seeds, mask=mask), self.settings["min_size"])
