"""A user's own function as a pipeline: image → {name: number}, a number, a label image or a mask."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Measurement, Pipeline
from sigmaraw.errors import InvalidPrediction, InvalidSpec
from sigmaraw.measurements import Measures
from sigmaraw.pipelines.base import columns
from sigmaraw.pipelines.failures import raised_by
from sigmaraw.pipelines.found import Reading
from sigmaraw.pipelines.inputs import many_frames, one_frame
from sigmaraw.registry import import_named
from sigmaraw.registry.functions import number_of, short, source_of

Function = Callable[[Any], Mapping[str, float]]


class FunctionPipeline(Pipeline):
    """A pipeline that calls `function(image)` with a copy of each image, (y, x) or (z, y, x) in the camera's dtype, DN.

    It returns a mapping of names to numbers; or one number, which is named after the function; or a label image, a mask, or one of
    them with scores, whose objects are counted and measured here (count, area, total and mean intensity). ``labels:`` has keys for these.

    Its `measurements` attribute, where it has one, names what it returns: a sequence of Measurement or of names, or a
    mapping of names to units. Otherwise the first call does, with unit "1". A Measurement's `kind` is a statement there: the coverage study
    has not measured the function. Its `gradient` attribute, where it has one, is
    contracts.Differentiable's hook.

    Parameters
    ----------
    function : callable
        Returns a mapping of names to real numbers, NaN where undefined; or a number, a label image or a mask.
    spec : str, optional
        As typed by the user; unless given it is named by its module.
    """

    name = "function"

    def __init__(self, function: Function, spec: str | None = None) -> None:
        self.function = function
        module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", type(function).__name__)
        self.spec = spec or f"{module}:{name}"
        self._measurements = _declared(function, self.spec)
        self._measures = Measures()  # of a label image or mask

    @property  # the contract's attribute, which the first call may set
    def measurements(self) -> tuple[Measurement, ...]:
        """What the function returns.

        Raises
        ------
        InvalidPrediction
            It does not say so itself, and has not been called yet.
        """
        if self._measurements is None:
            raise InvalidPrediction(
                f"the measurements of '{self.spec}' are not declared",
                "a prediction first",
                "predict one image, or set function.measurements",
            )
        return self._measurements

    @measurements.setter
    def measurements(self, stated: tuple[Measurement, ...]) -> None:
        self._measurements = tuple(stated)

    def config(self) -> dict[str, Any]:
        """Return the specification and the SHA-256 of the function's source file, where it has one (JSON values)."""
        return {"name": self.name, "spec": self.spec, **source_of(self.function), "versions": {"numpy": np.__version__}}

    def __call__(self, raw: Any) -> dict[str, float]:
        """Return the function's numbers of one frame (y, x) or volume (z, y, x), uint8 or uint16, DN.

        Raises
        ------
        NotIntegerData, ColourImage, ShapeMismatch
        PredictionFailed
            The function raised an exception.
        InvalidPrediction
            Something else than named finite-or-NaN numbers, or other names than before.
        """
        return self._call(one_frame(raw))

    def batch(self, images: NDArray[np.integer]) -> dict[str, NDArray[np.float64]]:
        """Return per measurement a float64 array (image); each image is its own call. Raises as `__call__`."""
        rows = [self._call(image, index) for index, image in enumerate(many_frames(images))]
        return columns(self.measurements, rows)

    def gradient(self, image: NDArray[np.integer]) -> Mapping[str, NDArray[np.floating]]:
        """Return the derivatives that the function's `gradient(image)` gives, none where it has no such attribute."""
        hook = getattr(self.function, "gradient", None)
        return {} if hook is None else self._guarded(hook, one_frame(image), None)

    def _guarded(self, function: Callable[[Any], Any], image: NDArray[np.integer], index: int | None) -> Any:
        """Return what the user's function gives for a copy of the image: one that works in place must not reach the study's frame.

        Raises PredictionFailed for whatever it raises, its sys.exit() included.
        """
        try:
            return function(image.copy())
        except (Exception, SystemExit) as error:
            code = getattr(inspect.unwrap(function), "__code__", None) or getattr(type(function).__call__, "__code__", None)
            raise raised_by(self.spec, error, getattr(code, "co_filename", None), index) from error

    def _call(self, image: NDArray[np.integer], index: int | None = None) -> dict[str, float]:
        values = self._guarded(self.function, image, index)
        if np.ndim(values[0] if isinstance(values, tuple | list) and values else values) >= 2:
            found = Reading(self.spec).found(values, image.shape)
            values = self._measures(image, found.labels, found.count, prediction=found.prediction)
            self._measurements = self._measurements or self._measures.measurements
        elif isinstance(values, bool | int | float | np.bool_ | np.integer | np.floating) or (
            isinstance(values, np.ndarray) and values.ndim == 0
        ):
            values = {self._measurements[0].name if self._measurements else self._label(): values}
        if not isinstance(values, Mapping) or not values or not all(isinstance(name, str) and name for name in values):
            wanted = "a mapping of names to numbers, a number, a label image or a mask"
            raise InvalidPrediction(f"'{self.spec}' returned {short(values)}", wanted, "return one of these")
        result = {name: number_of(self.spec, name, value) for name, value in values.items()}
        if self._measurements is None:
            self._measurements = tuple(_plain(name, self.spec) for name in result)
        expected = [measurement.name for measurement in self._measurements]
        if set(result) != set(expected):
            raise InvalidPrediction(
                f"'{self.spec}' returned {', '.join(result)}", f"{', '.join(expected)} for every image", "return NaN where undefined"
            )
        return {name: result[name] for name in expected}

    def _label(self) -> str:
        """Return what a single number is called."""
        name = getattr(self.function, "__name__", "")
        return name if name.isidentifier() else "value"


def load_function(module: str, name: str, spec: str) -> FunctionPipeline:
    """Import `module` and return its function `name` as a pipeline. Raises InvalidSpec as `registry.import_named` does."""
    return FunctionPipeline(import_named("pipeline", spec, module, name), spec)


def _declared(function: Function, spec: str) -> tuple[Measurement, ...] | None:
    stated = getattr(function, "measurements", None)
    if stated is None:
        return None
    if isinstance(stated, Mapping):
        rows = [_plain(str(name), spec, str(unit)) for name, unit in stated.items()]
    elif isinstance(stated, Sequence) and not isinstance(stated, str):
        rows = [replace(row, studied=False) if isinstance(row, Measurement) else _plain(str(row), spec) for row in stated]
    else:
        rows = []
    if not rows or len({row.name for row in rows}) < len(rows):
        expected = "names, each once, or a mapping of names to units"
        raise InvalidSpec(f"measurements of '{spec}' are {short(stated)}", expected, "correct them")
    return tuple(rows)


def _plain(name: str, spec: str, unit: str = "1") -> Measurement:
    return Measurement(name, unit, name, f"{name} as {spec} returns it")
