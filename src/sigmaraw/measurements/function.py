"""A user's own function as a measure: (image, labels) → numbers."""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sigmaraw.contracts import LabelledImage, Measure, Measurement
from sigmaraw.errors import InvalidPrediction
from sigmaraw.files import sha256_of_file


class FunctionMeasure(Measure):
    """What a function of image and labels returns: one number, or a mapping of names to numbers.

    Its `measurements` attribute, where it has one, is a sequence of `Measurement` or of names, or a mapping of names to units. Otherwise
    the first call says what it returns, with unit "1".

    Parameters
    ----------
    function : callable
        Called as function(image, labels) with copies: image (y, x) or (z, y, x), DN; labels of the same shape, 0 is background.
    spec : str
        As typed.
    """

    name = "function"

    def __init__(self, function: Callable[[Any, Any], Any], spec: str) -> None:
        super().__init__()
        self.function, self.spec = function, spec
        stated = getattr(function, "measurements", None)
        self.stated = stated is not None
        self.rows = () if stated is None else self._declared(stated)

    def _declared(self, stated: Any) -> tuple[Measurement, ...]:
        pairs = stated.items() if isinstance(stated, Mapping) else [(row, "1") for row in stated]
        return tuple(
            replace(row, studied=False) if isinstance(row, Measurement) else self._plain(str(row), str(unit)) for row, unit in pairs
        )

    def _plain(self, name: str, unit: str = "1") -> Measurement:
        return Measurement(name, unit, name, f"{name} as {self.spec} returns it")

    def __call__(self, labelled: LabelledImage) -> dict[str, float]:
        """Return the function's numbers.

        Raises
        ------
        InvalidPrediction
            Something else than numbers, or other names than before.
        """
        values = self.function(labelled.image.copy(), labelled.labels.copy())
        if not isinstance(values, Mapping):
            name = self.rows[0].name if len(self.rows) == 1 else getattr(self.function, "__name__", "value")
            values = {name: values}
        numbers = {str(name): self._number(str(name), value) for name, value in values.items()}
        if not self.rows:
            self.rows = tuple(map(self._plain, numbers))
        expected = [row.name for row in self.rows]
        if set(numbers) != set(expected):
            found = f"'{self.spec}' returned {', '.join(numbers) or 'nothing'}"
            raise InvalidPrediction(found, f"{', '.join(expected)} for every image", "return NaN where undefined")
        return {name: numbers[name] for name in expected}

    def _number(self, name: str, value: Any) -> float:
        if isinstance(value, np.ndarray) and value.ndim == 0:
            value = value[()]
        if isinstance(value, bool | int | float | np.bool_ | np.integer | np.floating) and not math.isinf(value):
            return float(value)
        found = f"'{self.spec}' returned {name} = {type(value).__name__} {' '.join(repr(value).split())[:60]}"
        raise InvalidPrediction(found, "a number, or a mapping of names to numbers", "return finite numbers, or NaN where undefined")

    def config(self) -> dict[str, Any]:
        """Return the function's name and the SHA-256 of its file."""
        module = sys.modules.get(getattr(inspect.unwrap(self.function), "__module__", ""))
        source = getattr(module, "__file__", None)
        digest = sha256_of_file(source) if source and Path(source).is_file() else None
        return {"name": self.name, "spec": self.spec, "source_sha256": digest}
