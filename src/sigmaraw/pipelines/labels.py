"""A user's segmentation as a pipeline: image → label image, which is counted and measured here."""

from __future__ import annotations

import abc
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw import registry
from sigmaraw.contracts import FoundObjects, Parameter
from sigmaraw.errors import InvalidSpec, SigmarawError
from sigmaraw.measurements import parse_pixel_size
from sigmaraw.pipelines.base import columns
from sigmaraw.pipelines.failures import raised_by
from sigmaraw.pipelines.found import Found, Reading
from sigmaraw.pipelines.inputs import one_frame
from sigmaraw.pipelines.measurements import CONNECTIVITY, MEASURE_OBJECTS, PIXEL_SIZE, U_MODE, min_size
from sigmaraw.pipelines.segmentation import SegmentationPipeline
from sigmaraw.registry.functions import source_of

CLASSES = Parameter(
    "classes",
    str,
    None,
    help="the map holds classes 1, 2, … and not objects: their number, or their names joined by |; each is measured apart",
)
SCORE = Parameter("score", float, 0.5, unit="1", help="objects with a lower score are left out, where the model gives scores")


class OwnSegmentation(SegmentationPipeline):
    """Base of pipelines whose label image comes from a user's code: one image after the other, in the caller's thread."""

    libraries = ("scikit-image", "scipy", "numpy")

    def __init__(self, spec: str, **settings: Any) -> None:
        super().__init__(spec, **settings)
        names = _class_names(self.settings["classes"])
        if self.measures is None or names:
            self._choose(self.settings["measure"], parse_pixel_size(self.settings["pixel_size"]), names)
        if self.settings["u_mode"] == "unet-demo":
            self._state_kinds()
        self._reading = Reading(spec, self.settings["min_size"], self.settings["connectivity"], len(names), self.settings["score"])

    @abc.abstractmethod
    def _labelled(self, image: NDArray[np.integer]) -> Any:
        """Return what the user's code makes of a copy of the image: labels, a mask, classes, or one of them with scores."""

    def _found(self, image: NDArray[np.integer]) -> Found:
        return self._reading.found(self._labelled(image), image.shape)

    def _mask(self, image: NDArray[np.integer]) -> NDArray[np.bool_]:
        return self._found(image).labels > 0

    def __call__(self, raw: Any) -> dict[str, float]:
        """Return the measurements of one frame (y, x) or volume (z, y, x), uint8 or uint16, DN, or of RawFrames with one frame.

        Raises
        ------
        NotIntegerData, ColourImage, ShapeMismatch
        PredictionFailed
            The user's code raised an exception, or the program failed.
        InvalidPrediction
            It returned something else than labels.
        """
        return self._guarded(one_frame(raw), None)

    def mask(self, raw: Any) -> NDArray[np.bool_]:
        """Return the mask of one frame (y, x) or volume (z, y, x). Raises as `__call__`."""
        found: NDArray[np.bool_] = self._call(self._mask, one_frame(raw), None)
        return found

    def segmented(self, image: NDArray[np.integer]) -> tuple[NDArray[np.integer], dict[str, float]]:
        """Return the objects of one image as a label image, 0 where there is none, and what a call returns. Raises as `__call__`."""
        labels, row = self._call(self._labels_and_row, one_frame(image), None)
        return labels, row

    def _each_segmented(self, images: Iterable[NDArray[np.integer]]) -> list[tuple[NDArray[np.integer], dict[str, float]]]:
        return [self._call(self._labels_and_row, image, index) for index, image in enumerate(images)]

    def _table(self, images: Iterable[Any]) -> dict[str, NDArray[np.float64]]:
        rows = [self._guarded(image, index) for index, image in enumerate(images)]
        return columns(self.measurements, rows)

    def _each_with_objects(self, images: Iterable[NDArray[np.integer]]) -> list[tuple[dict[str, float], FoundObjects]]:
        return [self._call(self._with_objects, image, index) for index, image in enumerate(images)]

    def _guarded(self, image: NDArray[np.integer], index: int | None) -> dict[str, float]:
        values: dict[str, float] = self._call(self._measure, image, index)
        return values

    def _call(self, step: Callable[[Any], Any], image: NDArray[np.integer], index: int | None) -> Any:
        """Return what a step gives for an image; whatever the user's code raises becomes a refusal."""
        try:
            return step(image)
        except SigmarawError:
            raise
        except (Exception, SystemExit) as error:
            raise raised_by(self.spec, error, self._source(), index) from error

    def _source(self) -> str | None:
        """Return the file of the user's code, whose line a failure names."""
        return None


class LabelsPipeline(OwnSegmentation):
    """Your function image → label image; objects are counted and measured here.

    ``labels:package.module:function`` or ``labels:file.py:function``. The function gets a copy of the image, (y, x) or (z, y, x), uint8 or
    uint16, DN, and returns a label image of its shape, a mask, a class map (with `classes`), or (mask or labels, scores).
    """

    name = "labels"
    parameters = (
        Parameter("function", str, required=True, file=True, help="package.module:function, or file.py:function"),
        MEASURE_OBJECTS,
        PIXEL_SIZE,
        CLASSES,
        SCORE,
        min_size(0),
        CONNECTIVITY,
        U_MODE,
    )

    def __init__(self, spec: str, **settings: Any) -> None:
        super().__init__(spec, **settings)
        module, _, name = self.settings["function"].rpartition(":")
        if not module:
            found = f"'{self.settings['function']}' in 'labels'"
            raise InvalidSpec(found, "package.module:function, or file.py:function", "write it like labels:mymodel.py:segment")
        self.function = registry.import_named("pipeline", spec, module, name)

    def _labelled(self, image: NDArray[np.integer]) -> Any:
        return self.function(image.copy())

    def _source(self) -> str | None:
        code = getattr(inspect.unwrap(self.function), "__code__", None)
        return getattr(code, "co_filename", None)

    def config(self) -> dict[str, Any]:
        """Return every setting with defaults written out, the SHA-256 of the function's file, and versions (JSON values)."""
        return {**super().config(), **source_of(self.function)}


def _class_names(text: str | None) -> tuple[str, ...]:
    """Return the classes of ``3``, ``nucleus|debris``. Raises InvalidSpec."""
    if text is None:
        return ()
    names = [f"class{number}" for number in range(1, int(text) + 1)] if text.isdecimal() and int(text) < 1000 else text.split("|")
    names = [name.strip() for name in names]
    if not names or not all(names) or len(set(names)) < len(names):
        raise InvalidSpec(f"classes={text}", "the number of classes, or their names", "write it like classes=3 or classes=nucleus|debris")
    return tuple(names)
