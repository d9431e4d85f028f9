"""The pixel size that images state, for a pipeline that measures by it."""

from __future__ import annotations

from collections.abc import Sequence

from sigmaraw.contracts import Pipeline, TakesPixelSize
from sigmaraw.errors import InvalidOption
from sigmaraw.frames.pixel_size import UM
from sigmaraw.study.study_image import StudyImage


def by_pixel_size(pipeline: Pipeline, images: Sequence[StudyImage]) -> Pipeline:
    """Return the pipeline for the pixel size that all images state; the same one where it does not ask for it.

    Raises
    ------
    InvalidOption
        An image states no pixel size, or two state different ones.
    """
    if not isinstance(pipeline, TakesPixelSize) or not pipeline.awaits_pixel_size:
        return pipeline
    sizes = {size_of(image) for image in images}
    if None in sizes or len(sizes) > 1:
        several = " and ".join(map(str, sorted(sizes, key=str)))
        found = "an image without a stated pixel size" if None in sizes else f"images of pixel sizes {several} µm"
        raise InvalidOption(f"pixel_size=image and {found}", "one size that every image states", "write it like pixel_size=0.1")
    made: Pipeline = pipeline.with_pixel_size(sizes.pop() or ())
    return made


def size_of(image: StudyImage) -> tuple[float, ...] | None:
    """Return the size of a pixel along each axis of the image, µm; None where it is not stated."""
    factor, axes = UM.get(image.spacing_unit), image.frame.ndim
    if factor is None or len(image.spacing) < axes:
        return None
    return tuple(round(side * factor, 9) for side in image.spacing[-axes:])
