"""The class that a pipeline inherits from: it checks the images, and needs one method."""

from __future__ import annotations

import abc
import copy
import math
import sys
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import LowerPrecision, Measurement, Pipeline
from sigmaraw.errors import InvalidPrediction, SigmarawError
from sigmaraw.pipelines.failures import raised_by
from sigmaraw.pipelines.inputs import many_frames, one_frame


class ImagePipeline(Pipeline):
    """A pipeline that measures one image at a time.

    A subclass gives `name`, `parameters` (where it has settings), `measurements` and `measure`; everything else is here. Its settings
    are in `self.settings`, with their types and defaults.

    Parameters
    ----------
    spec : str
        The specification as typed.
    **settings
        One value for each of `parameters`.

    Examples
    --------
    >>> import numpy as np
    >>> from sigmaraw.contracts import Measurement
    >>> class Brightest(ImagePipeline):
    ...     name = "brightest"
    ...     measurements = (Measurement("top", "DN", "max", "largest pixel"),)
    ...     def measure(self, image):
    ...         return {"top": float(image.max())}
    >>> Brightest()(np.array([[1, 7]], np.uint16))
    {'top': 7.0}
    """

    @abc.abstractmethod
    def measure(self, image: NDArray[np.integer]) -> dict[str, float]:
        """Return the measurements of one image, NaN where one is undefined.

        Parameters
        ----------
        image : ndarray
            (y, x) or (z, y, x), uint8 or uint16, DN; not to be changed.

        Returns
        -------
        dict of str to float
            By the names of `measurements`.
        """

    def __call__(self, raw: Any) -> dict[str, float]:
        """Return the measurements of one image.

        Parameters
        ----------
        raw : ndarray or RawFrames
            One frame (y, x) or volume (z, y, x), uint8 or uint16, DN; RawFrames with one frame.

        Returns
        -------
        dict of str to float
            By name, in the order of `measurements`.

        Raises
        ------
        NotIntegerData, ColourImage, ShapeMismatch
            The image is not one grey image of the camera's integers.
        PredictionFailed
            `measure` raised an exception.
        InvalidPrediction
            `measure` returned something else than the declared numbers.
        """
        return self._checked(one_frame(raw), None)

    def batch(self, images: NDArray[np.integer]) -> dict[str, NDArray[np.float64]]:
        """Return the measurements of many images.

        Parameters
        ----------
        images : ndarray
            (image, y, x) or (image, z, y, x), uint8 or uint16, DN.

        Returns
        -------
        dict of str to ndarray
            Per measurement a float64 array (image).

        Raises
        ------
        NotIntegerData, ColourImage, ShapeMismatch, InvalidPrediction
            As a call does.
        """
        return columns(self.measurements, [self._checked(image, index) for index, image in enumerate(many_frames(images))])

    def _checked(self, image: NDArray[np.integer], index: int | None) -> dict[str, float]:
        try:
            values = self.measure(image)
        except SigmarawError:
            raise
        except Exception as error:
            raise raised_by(self.spec, error, sys.modules[type(self).__module__].__file__, index) from error
        expected = [measurement.name for measurement in self.measurements]
        if set(values) != set(expected):
            raise InvalidPrediction(
                f"'{self.spec}' returned the measurements {', '.join(map(str, values))}", ", ".join(expected), "return NaN where undefined"
            )
        numbers = {name: float(values[name]) for name in expected}
        for name, value in numbers.items():
            if math.isinf(value):
                raise InvalidPrediction(f"'{self.spec}' returned {name} = {value}", "a finite number or NaN", "return NaN where undefined")
        return numbers


def in_float32(pipeline: Pipeline) -> Pipeline | None:
    """Return the same pipeline in float32; None where it computes so itself."""
    return pipeline.in_float32() if isinstance(pipeline, LowerPrecision) else None


def with_part_in_float32(pipeline: Pipeline, name: str) -> Pipeline | None:
    """Return a pipeline whose attribute `name`, the pipeline inside it, is in float32; None where that computes so itself."""
    twin = in_float32(getattr(pipeline, name))
    if twin is None:
        return None
    made = copy.copy(pipeline)
    setattr(made, name, twin)
    return made


def columns(measurements: Iterable[Measurement], rows: list[dict[str, float]]) -> dict[str, NDArray[np.float64]]:
    """Return per measurement a float64 array (image) of the rows that single images gave."""
    return {entry.name: np.array([row[entry.name] for row in rows], dtype=np.float64) for entry in measurements}
