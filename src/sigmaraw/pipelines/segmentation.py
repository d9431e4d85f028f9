"""What pipelines that segment have in common: raw frame → mask → measurements."""

from __future__ import annotations

import abc
import functools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import FoundObjects, Measurement, Pipeline
from sigmaraw.errors import IntegrityError, InvalidOption
from sigmaraw.extras import version
from sigmaraw.measurements import DEFAULT, OF_IMAGE, Measures, parse_pixel_size
from sigmaraw.pipelines.base import columns
from sigmaraw.pipelines.found import Found, of_mask
from sigmaraw.pipelines.inputs import many_frames, one_frame
from sigmaraw.pipelines.measurements import MEASUREMENTS, NETWORK_KINDS, measured_in
from sigmaraw.pipelines.threads import each


class SegmentationPipeline(Pipeline):
    """Base of built-in pipelines; `_mask` is what a subclass adds. Settings are those of `parameters`, already typed.

    Parameters
    ----------
    spec : str
        The specification as typed.
    **settings
        One value for each of `parameters`; those of the chosen measures by ``measure.key``.
    """

    libraries: ClassVar[tuple[str, ...]]  # packages that decide the numbers
    measurements: tuple[Measurement, ...] = MEASUREMENTS
    sha256: str | None = None  # of the model file, where there is one
    measures: Measures | None = None  # what the key `measure` names, unless it names the default ones

    def __init__(self, spec: str = "", **settings: Any) -> None:
        self.measure_settings = {name: settings.pop(name) for name in list(settings) if "." in name}
        super().__init__(spec, **settings)
        chosen = self.settings.get("measure") or DEFAULT
        pixel_size = parse_pixel_size(self.settings.get("pixel_size"))
        chosen = DEFAULT if chosen == "mask" else chosen
        if chosen != "soft" and (chosen != DEFAULT or pixel_size or self.awaits_pixel_size):
            self._choose(chosen, pixel_size)

    def _choose(self, chosen: str, pixel_size: tuple[float, ...] | None, classes: Sequence[str] = ()) -> None:
        """Measure what `chosen` names. What the model says of the kind of its measurements holds for these too."""
        stated = {row.name: row.kind for row in type(self).measurements if row.kind}
        studied = any(row.studied for row in type(self).measurements)
        self.measures = Measures(chosen, self.measure_settings, pixel_size, classes, stated, studied)
        self.measurements = self.measures.measurements

    @abc.abstractmethod
    def _mask(self, image: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Return the mask of one image (y, x) or (z, y, x), small objects still in; called from several threads."""

    def _state_kinds(self, studied: bool = False) -> None:
        """Count each measurement among those of the shipped network, as far as the coverage study has them."""
        if self.measures is not None:
            self.measures = self.measures.stated(NETWORK_KINDS, studied)
            self.measurements = self.measures.measurements
        else:
            self.measurements = tuple(replace(row, kind=NETWORK_KINDS[row.name], studied=studied) for row in self.measurements)

    @property
    def awaits_pixel_size(self) -> bool:
        """Whether the images' metadata are to say the pixel size."""
        return self.settings.get("pixel_size") == OF_IMAGE

    def with_pixel_size(self, sizes: tuple[float, ...]) -> SegmentationPipeline:
        """Return the same pipeline for images of that pixel size, µm along each axis."""
        return self._with(pixel_size="|".join(map(repr, sizes)))

    def _with(self, **changed: Any) -> SegmentationPipeline:
        """Return the same pipeline with some settings changed, those of its measures included."""
        return type(self)(self.spec, **{**self.settings, **self.measure_settings, **changed})

    def config(self) -> dict[str, Any]:
        """Return every setting with defaults written out, model SHA-256 and versions (JSON values)."""
        return {
            **super().config(),
            **({"measures": self.measures.config()} if self.measures else {}),
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
        return self._measured(self._pixels(image), self._found(image))

    def _found(self, image: NDArray[np.integer]) -> Found:
        """Return the objects of one image, those below min_size left out; called from several threads."""
        return of_mask(self._mask(image), self.settings["min_size"], self.settings["connectivity"])

    def _measured(self, pixels: NDArray[np.integer], found: Found) -> dict[str, float]:
        """Return what the chosen measures say of the pixels and their objects; the default ones by counts and one sum."""
        measures = self.measures
        if measures is None:
            return measured_in(pixels, found)
        if self.awaits_pixel_size:
            raise InvalidOption(f"'{self.spec}' with an image that states no pixel size", "a size in µm", "write it like pixel_size=0.1")
        values = measures(pixels, found.labels, found.count, found.classes, found.prediction)
        if len(self.measurements) < len(values):  # a function says with its first call what it returns
            self.measurements = measures.measurements
        return values

    # --- objects as a label image -------------------------------------------------------------------------------------
    def segmented(self, image: NDArray[np.integer]) -> tuple[NDArray[np.integer], dict[str, float]]:
        """Return the objects of one image as a label image, 0 where there is none, and what a call returns. Raises as `__call__`."""
        return self._each_segmented([one_frame(image)])[0]

    def segmented_batch(self, images: NDArray[np.integer]) -> tuple[list[NDArray[np.integer]], dict[str, NDArray[np.float64]]]:
        """Return the label image of each image, and what `batch` returns, from one segmentation. Raises as `batch`."""
        pairs = self._each_segmented(many_frames(images))
        return [labels for labels, _ in pairs], columns(self.measurements, [row for _, row in pairs])

    def _each_segmented(self, images: Iterable[NDArray[np.integer]]) -> list[tuple[NDArray[np.integer], dict[str, float]]]:
        return each(self._labels_and_row, images)

    def _labels_and_row(self, image: NDArray[np.integer]) -> tuple[NDArray[np.integer], dict[str, float]]:
        """Return the objects of one image as a label image, and the measurements of the same objects; called from several threads."""
        found = self._found(image)
        return found.labels, self._measured(self._pixels(image), found)

    # --- objects one by one -------------------------------------------------------------------------------------------
    @property
    def finds_objects(self) -> bool:
        """Whether the objects can be followed one by one: not where there is no mask."""
        return self.settings.get("measure") != "soft"

    def object_measurements(self, ndim: int) -> tuple[Measurement, ...]:
        """Return what is measured on each object of images of that many axes, with units."""
        return (self.measures or Measures()).object_rows(ndim)

    def batch_with_objects(self, images: NDArray[np.integer]) -> tuple[dict[str, NDArray[np.float64]], list[FoundObjects]]:
        """Return per measurement a float64 array (image), and the objects of each image with their numbers. Raises as `batch`."""
        pairs = self._each_with_objects(many_frames(images))
        return columns(self.measurements, [row for row, _ in pairs]), [found for _, found in pairs]

    def _each_with_objects(self, images: Iterable[NDArray[np.integer]]) -> list[tuple[dict[str, float], FoundObjects]]:
        return each(self._with_objects, images)

    def _with_objects(self, image: NDArray[np.integer]) -> tuple[dict[str, float], FoundObjects]:
        found, pixels = self._found(image), self._pixels(image)
        single = (self.measures or Measures()).of_objects(pixels, found.labels, found.count, found.prediction)
        return self._measured(pixels, found), FoundObjects(found.labels, found.count, single)

    def _pixels(self, image: NDArray[np.integer]) -> NDArray[np.integer]:
        """Return the pixels in which intensities are measured: the image, unless a model takes several planes."""
        return image

    def __reduce__(self) -> tuple[Any, ...]:
        # Sessions and modules do not travel to workers; what defines them does.
        return _rebuild, (type(self), self.spec, tuple({**self.settings, **self.measure_settings}.items()), self.sha256)


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
