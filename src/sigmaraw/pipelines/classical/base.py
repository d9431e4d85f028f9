"""What classical segmentations have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import FoundObjects, Parameter
from sigmaraw.pipelines.found import of_labels
from sigmaraw.pipelines.inputs import one_frame
from sigmaraw.pipelines.measurements import CONNECTIVITY, MEASURE_OBJECTS, PIXEL_SIZE, min_size
from sigmaraw.pipelines.segmentation import SegmentationPipeline

COMMON = (CONNECTIVITY, MEASURE_OBJECTS, PIXEL_SIZE)


def keys(smallest_px: int, *own: Parameter) -> tuple[Parameter, ...]:
    """Return the keys of a classical segmentation: its own, then those of all."""
    return (*own, min_size(smallest_px), *COMMON)


class NoThreshold(Exception):
    """The image has no threshold of the kind that is looked for."""


class ClassicalPipeline(SegmentationPipeline):
    """Base of classical segmentations: `_segmented` is what one adds. A constant image has no objects.

    Where an image has no threshold of the kind that is looked for, all measurements are undefined.
    """

    libraries = ("scikit-image", "scipy", "numpy")

    def _segmented(self, image: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Return the mask of an image (y, x) or (z, y, x) that is not constant. Raises NoThreshold."""
        raise NotImplementedError

    def _mask(self, image: NDArray[np.integer]) -> NDArray[np.bool_]:
        if image.min() == image.max():
            return np.zeros(image.shape, bool)
        return self._segmented(image)

    def _measure(self, image: NDArray[np.integer]) -> dict[str, float]:
        try:
            return super()._measure(image)
        except NoThreshold:
            return {row.name: float("nan") for row in self.measurements}

    def mask(self, raw: Any) -> NDArray[np.bool_]:
        """Return the mask of one frame (y, x) or volume (z, y, x), empty where the image has no such threshold. Raises as `__call__`."""
        image = one_frame(raw)
        try:
            return super().mask(image)
        except NoThreshold:
            return np.zeros(image.shape, bool)

    def _labels_and_row(self, image: NDArray[np.integer]) -> tuple[NDArray[np.integer], dict[str, float]]:
        try:
            return super()._labels_and_row(image)
        except NoThreshold:
            return np.zeros(image.shape, np.int32), self._measure(image)

    def _with_objects(self, image: NDArray[np.integer]) -> tuple[dict[str, float], FoundObjects]:
        try:
            return super()._with_objects(image)
        except NoThreshold:
            none = of_labels(np.zeros(image.shape, np.int32), 0)
            names = [row.name for row in self.object_measurements(image.ndim)]
            return self._measure(image), FoundObjects(none.labels, 0, {name: np.zeros(0) for name in names})


def by_plane(step: Callable[[NDArray[Any]], NDArray[Any]], image: NDArray[Any]) -> NDArray[Any]:
    """Return what a step makes of an image (y, x), or of each plane of a volume."""
    return np.stack([step(plane) for plane in image]) if image.ndim == 3 else step(image)


def above_otsu(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return what is above Otsu's threshold, nothing where all values are equal."""
    from skimage.filters import threshold_otsu

    if values.min() == values.max():
        return np.zeros(values.shape, bool)
    mask: NDArray[np.bool_] = values > threshold_otsu(values)
    return mask
