"""A user's own function as a measure: (image, labels) → numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sigmaraw.contracts import LabelledImage, Measure, Measurement
from sigmaraw.errors import InvalidPrediction
from sigmaraw.registry.functions import number_of, source_of


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
        numbers = {str(name): number_of(self.spec, str(name), value) for name, value in values.items()}
        if not self.rows:
            self.rows = tuple(map(self._plain, numbers))
        expected = [row.name for row in self.rows]
        if set(numbers) != set(expected):
            found = f"'{self.spec}' returned {', '.join(numbers) or 'nothing'}"
            raise InvalidPrediction(found, f"{', '.join(expected)} for every image", "return NaN where undefined")
        return {name: numbers[name] for name in expected}

    def config(self) -> dict[str, Any]:
        """Return the function's name and the SHA-256 of its file."""
        return {"name": self.name, "spec": self.spec, "source_sha256": source_of(self.function)["source_sha256"]}
