"""The pipeline as it sees an image of the study: with the values of the file, however they are coded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import FindsObjects, FoundObjects, Measurement, Pipeline, Segmenting
from sigmaraw.errors import NotIntegerData
from sigmaraw.pipelines.agreement import AgreementPipeline, for_references
from sigmaraw.pipelines.base import with_part_in_float32

if TYPE_CHECKING:
    from sigmaraw.study.study_image import StudyImage


class ShiftedPipeline(Pipeline):
    """A pipeline that is given the file's values, from which a whole number was taken off: Hounsfield units, not stored values.

    Parameters
    ----------
    inner : Pipeline
        The user's.
    shift : int
        What was added to the file's values, DN.
    """

    def __init__(self, inner: Pipeline, shift: int) -> None:
        self.inner, self.shift = inner, shift
        self.name, self.spec = inner.name, inner.spec

    @property
    def measurements(self) -> tuple[Measurement, ...]:  # type: ignore[override]  # a function's come with its first call
        """What the pipeline measures."""
        return self.inner.measurements

    @property
    def finds_objects(self) -> bool:
        """Whether objects can be followed one by one."""
        return isinstance(self.inner, FindsObjects) and self.inner.finds_objects

    def object_measurements(self, ndim: int) -> tuple[Measurement, ...]:
        """Return what is measured on each object."""
        assert isinstance(self.inner, FindsObjects)  # asked for only where `finds_objects`
        return self.inner.object_measurements(ndim)

    def batch_with_objects(self, images: Any) -> tuple[dict[str, NDArray[np.float64]], list[FoundObjects]]:
        """Return measurements and objects of many images as they are coded."""
        assert isinstance(self.inner, FindsObjects)
        return self.inner.batch_with_objects(file_values(np.asarray(images), self.shift))

    def in_float32(self) -> Pipeline | None:
        """Return the same pipeline in float32; None where it computes so itself."""
        return with_part_in_float32(self, "inner")

    def __call__(self, raw: Any) -> dict[str, float]:
        """Return the measurements of one image as it is coded."""
        return self.inner(file_values(np.asarray(raw), self.shift))

    def batch(self, images: Any) -> dict[str, NDArray[np.float64]]:
        """Return the measurements of many images as they are coded."""
        return self.inner.batch(file_values(np.asarray(images), self.shift))


def file_values(images: NDArray[np.integer], shift: int) -> NDArray[np.integer]:
    """Return images with the file's values, int16. Raises NotIntegerData where a value does not fit."""
    values = images.astype(np.int32) - shift
    narrow = np.iinfo(np.int16)
    if values.min() < narrow.min or values.max() > narrow.max:
        found = f"an image with values from {values.min()} to {values.max()}"
        raise NotIntegerData(found, f"values from {narrow.min} to {narrow.max}, as int16 holds them", "export another range")
    return values.astype(np.int16)


def objects_in(pipeline: Pipeline, image: NDArray[np.integer]) -> NDArray[np.integer]:
    """Return the objects that a pipeline finds in an image as it is coded, a label image.

    Parameters
    ----------
    pipeline : Pipeline
        As `seen_by` gives it, one that segments.
    """
    if isinstance(pipeline, ShiftedPipeline):
        return objects_in(pipeline.inner, file_values(image, pipeline.shift))
    if isinstance(pipeline, AgreementPipeline):
        return objects_in(pipeline.inner, image)
    assert isinstance(pipeline, Segmenting)  # AgreementPipeline refuses others
    return pipeline.segmented(image)[0]


def seen_by(pipeline: Pipeline, image: StudyImage) -> Pipeline:
    """Return the pipeline as it sees an image: with its references, and with the file's values, where these were shifted."""
    if image.references:
        pipeline = for_references(pipeline, image.references)
    return pipeline if image.shift == 0 else ShiftedPipeline(pipeline, image.shift)
