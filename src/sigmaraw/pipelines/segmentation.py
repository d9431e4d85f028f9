"""What pipelines that segment have in common: raw frame → mask → measurements."""

from __future__ import annotations

import abc
import functools
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Measurement, Pipeline
from sigmaraw.errors import IntegrityError
from sigmaraw.pipelines.base import columns
from sigmaraw.pipelines.inputs import many_frames, one_frame
from sigmaraw.pipelines.measurements import MEASUREMENTS, measure, objects
from sigmaraw.pipelines.threads import each


class SegmentationPipeline(Pipeline):
    """Base of built-in pipelines; `_mask` is what a subclass adds. Settings are those of `parameters`, already typed.

    Parameters
    ----------
    spec : str
        The specification as typed.
    **settings
        One value for each of `parameters`.
    """

    libraries: ClassVar[tuple[str, ...]]  # packages that decide the numbers
    measurements: tuple[Measurement, ...] = MEASUREMENTS
    sha256: str | None = None  # of the model file, where there is one

    @abc.abstractmethod
    def _mask(self, image: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Return the mask of one image (y, x) or (z, y, x), small objects still in; called from several threads."""

    def config(self) -> dict[str, Any]:
        """Return every setting with defaults written out, model SHA-256 and versions (JSON values)."""
        return {
            **super().config(),
            "model_sha256": self.sha256,
            "versions": {name: version(name) for name in self.libraries},
        }

    def mask(self, raw: Any) -> NDArray[np.bool_]:
        """Return the mask of one frame (y, x) or volume (z, y, x), objects below min_size still in. Raises as `__call__`."""
        return each(self._mask, [one_frame(raw)])[0]

    def __call__(self, raw: Any) -> dict[str, float]:
        """Return the measurements of one frame (y, x) or volume (z, y, x), uint8 or uint16, DN, or of RawFrames with one frame.

        Raises
        ------
        NotIntegerData, ColourImage, ShapeMismatch
        """
        return each(self._measure, [one_frame(raw)])[0]

    def batch(self, images: NDArray[np.integer]) -> dict[str, NDArray[np.float64]]:
        """Return per measurement a float64 array (image). images: (image, y, x) or (image, z, y, x), uint8 or uint16, DN.

        Raises
        ------
        NotIntegerData, ColourImage, ShapeMismatch
        """
        return self._table(many_frames(images))

    def _table(self, images: Iterable[Any]) -> dict[str, NDArray[np.float64]]:
        return columns(self.measurements, each(self._measure, images))

    def _measure(self, image: NDArray[np.integer]) -> dict[str, float]:
        return measure(image, self._mask(image), self.settings["min_size"], self.settings["connectivity"])

    def segmented(self, image: NDArray[np.integer]) -> tuple[NDArray[np.integer], dict[str, float]]:
        """Return the objects of one image as a label image, 0 where there is none, and its measurements."""
        from scipy import ndimage

        image = one_frame(image)
        mask = self._mask(image)
        smallest, connectivity = self.settings["min_size"], self.settings["connectivity"]
        kept, _ = objects(mask, smallest, connectivity)
        reach = 1 if connectivity == 4 else mask.ndim
        labels, _ = ndimage.label(kept, ndimage.generate_binary_structure(mask.ndim, reach))
        return labels, measure(image, mask, smallest, connectivity)

    def __reduce__(self) -> tuple[Any, ...]:
        # Sessions and modules do not travel to workers; what defines them does.
        return _rebuild, (type(self), self.spec, tuple(self.settings.items()), self.sha256)


@functools.lru_cache(maxsize=4)
def _rebuild(
    kind: type[SegmentationPipeline], spec: str, settings: tuple[tuple[str, Any], ...], sha256: str | None
) -> SegmentationPipeline:
    pipeline = kind(spec, **dict(settings))
    if pipeline.sha256 != sha256:
        raise IntegrityError(
            f"the model of '{spec}' has SHA-256 {pipeline.sha256}",
            f"{sha256}, as when the study began",
            "do not change models during a study",
        )
    return pipeline
