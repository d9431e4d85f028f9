"""The measures that a specification chooses, as one: image and objects → all named numbers."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw import registry
from sigmaraw.contracts import LabelledImage, Measure, Measurement
from sigmaraw.errors import InvalidSpec, ShapeMismatch
from sigmaraw.measurements.function import FunctionMeasure

DEFAULT = "count+area+total_intensity+mean_intensity"
"""What is measured where a specification does not say."""


def named(text: str) -> list[str]:
    """Return the names that ``count+area+package.module:function`` holds. Raises InvalidSpec for an empty or repeated one."""
    names = [part.strip() for part in text.split("+")]
    if not all(names) or len(set(names)) < len(names):
        raise InvalidSpec(f"measure={text}", "names joined by +, each once", "write it like measure=count+area")
    return names


def dotted_settings(text: str, keys: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings of the measures that `text` chooses, typed, by ``measure.key``.

    Parameters
    ----------
    text : str
        Names joined by +.
    keys : mapping of str to str
        ``measure.key`` to the value as typed.

    Returns
    -------
    dict of str to object
        Those of `keys`, each of its type.

    Raises
    ------
    InvalidSpec
        A measure that is not chosen, a key that it does not have, a value out of its domain.

    Examples
    --------
    >>> dotted_settings("count+texture", {"texture.levels": "16"})
    {'texture.levels': 16}
    """
    chosen = named(text)
    settings: dict[str, Any] = {}
    for key in keys:
        name, _, part = key.partition(".")
        if name not in chosen:
            raise InvalidSpec(f"the key '{key}' without measure={name}", f"a key of {', '.join(chosen)}", f"add {name} to measure")
        kind = registry.load(registry.MEASUREMENTS, name)
        parameter = next((entry for entry in kind.parameters if entry.name == part), None)
        if parameter is None:
            allowed = ", ".join(f"{name}.{entry.name}" for entry in kind.parameters) or "(none)"
            raise InvalidSpec(f"'{name}' has no key '{part}'", f"one of {allowed}", f"correct '{key}'")
        settings[key] = registry.convert(keys[key], parameter, name)
    return settings


class Measures:
    """Several measures, taken together.

    Parameters
    ----------
    text : str
        Names of registered measures, and ``package.module:function``, joined by +.
    settings : mapping of str to object, optional
        Their settings by ``measure.key``, typed.
    pixel_size : tuple of float, optional
        Size of a pixel along each axis, µm.
    classes : sequence of str, optional
        Names of the classes that the model tells apart; each measure is then taken for each class, as ``count_NAME``.
    kinds : mapping of str to str, optional
        `Measurement.kind` by name, where the model says more than the measure.
    studied : bool, default False
        Whether the coverage study measured these very numbers of this very model; of those that `kinds` names.

    Raises
    ------
    UnknownName, InvalidSpec
        No such measure or function; a required setting is missing; two measurements of one name.

    Examples
    --------
    >>> [row.name for row in Measures("count+area", classes=("cell", "debris")).measurements]
    ['count_cell', 'area_cell', 'count_debris', 'area_debris']
    """

    def __init__(
        self,
        text: str = DEFAULT,
        settings: Mapping[str, Any] | None = None,
        pixel_size: tuple[float, ...] | None = None,
        classes: Sequence[str] = (),
        kinds: Mapping[str, str] | None = None,
        studied: bool = False,
    ) -> None:
        self.pixel_size, self.classes = pixel_size, tuple(classes)
        self._kinds, self._studied = dict(kinds or {}), studied
        self.chosen = [_measure(name, settings or {}) for name in named(text)]
        names = [row.name for row in self.measurements]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise InvalidSpec(f"measure={text} gives '{repeated[0]}' twice", "each measurement once", "leave one of them out")

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        """What is returned, in this order; a function that does not say what it returns is in it after its first call."""
        rows = [self._stated(row) for entry in self.chosen for row in entry.rows_in(self.pixel_size) if not self._by_class(entry)]
        for name in self.classes:
            for entry in filter(self._by_class, self.chosen):
                rows += [_of_class(self._stated(row), name) for row in entry.rows_in(self.pixel_size)]
        return tuple(rows)

    @property
    def complete(self) -> bool:
        """Whether `measurements` already holds all."""
        return all(entry.rows for entry in self.chosen)

    def stated(self, kinds: Mapping[str, str], studied: bool) -> Measures:
        """Return the same measures with `Measurement.kind` stated by name, `studied` where the coverage study measured them."""
        other = copy.copy(self)
        other._kinds, other._studied = dict(kinds), studied
        return other

    def __call__(
        self,
        image: NDArray[np.integer],
        labels: NDArray[np.integer],
        count: int,
        classes: NDArray[np.integer] | None = None,
        prediction: NDArray[np.floating] | None = None,
    ) -> dict[str, float]:
        """Return all numbers by name.

        Parameters
        ----------
        image : ndarray
            (y, x) or (z, y, x), uint8 or uint16, DN.
        labels : ndarray
            Same shape, integers: 0 is background, 1 to `count` are objects.
        count : int
            Number of objects.
        classes : ndarray, optional
            Class of each object, (object,), 1 to the number of classes.
        prediction : ndarray, optional
            The map that the model predicts, same shape.

        Returns
        -------
        dict of str to float
            By the names of `measurements`, in their order.

        Raises
        ------
        ShapeMismatch
            The pixel size is stated for another number of axes.
        """
        whole = self._labelled(image, labels, count, prediction)
        values: dict[str, float] = {}
        for entry in self.chosen:
            if not self._by_class(entry):
                values |= entry(whole)
        for number, name in enumerate(self.classes, 1):
            part = self._of_class(whole, number, classes)
            for entry in filter(self._by_class, self.chosen):
                values |= {f"{key}_{name}": value for key, value in entry(part).items()}
        return {row.name: float(values[row.name]) for row in self.measurements}

    def of_objects(
        self, image: NDArray[np.integer], labels: NDArray[np.integer], count: int, prediction: NDArray[np.floating] | None = None
    ) -> dict[str, NDArray[np.float64]]:
        """Return, by name, the numbers of each object, (object,), of those measures that have them; classes make no difference."""
        whole = self._labelled(image, labels, count, prediction)
        return {name: values for entry in self.chosen for name, values in entry.of_objects(whole).items()}

    def object_rows(self, ndim: int) -> tuple[Measurement, ...]:
        """Return what `of_objects` returns of images of that many axes, with units."""
        tiny = np.ones((1,) * ndim, np.int64)
        names = self.of_objects(tiny.astype(np.uint8), tiny, 1)
        return tuple(row for entry in self.chosen for row in entry.rows_in(self.pixel_size) if row.name in names)

    def config(self) -> list[dict[str, Any]]:
        """Return the settings of each measure (JSON values)."""
        return [entry.config() for entry in self.chosen]

    def _by_class(self, entry: Measure) -> bool:
        return bool(self.classes) and entry.per_class

    def _stated(self, row: Measurement) -> Measurement:
        return replace(row, kind=self._kinds[row.name], studied=self._studied) if row.name in self._kinds else row

    def _labelled(
        self, image: NDArray[np.integer], labels: NDArray[np.integer], count: int, prediction: NDArray[np.floating] | None
    ) -> LabelledImage:
        if self.pixel_size is not None and len(self.pixel_size) != image.ndim:
            sizes = ", ".join(f"{size:g}" for size in self.pixel_size)
            found = f"pixel_size={sizes} and an image of {image.ndim} axes"
            raise ShapeMismatch(found, "a size for each axis", 'write it like pixel_size="0.5,0.1,0.1" (z, y, x)')
        return LabelledImage(image, labels, count, self.pixel_size, prediction)

    def _of_class(self, whole: LabelledImage, number: int, classes: NDArray[np.integer] | None) -> LabelledImage:
        """Return the image with the objects of one class alone, numbered from 1."""
        of = np.ones(whole.count, np.int64) if classes is None else np.asarray(classes)
        numbers = np.zeros(whole.count + 1, np.int32)
        chosen = np.flatnonzero(of == number) + 1
        numbers[chosen] = np.arange(1, len(chosen) + 1)
        return LabelledImage(whole.image, numbers[whole.labels], len(chosen), whole.pixel_size, whole.prediction)


def _measure(name: str, settings: Mapping[str, Any]) -> Measure:
    """Return one measure with its settings."""
    module, _, function = name.rpartition(":")
    if module:
        return FunctionMeasure(registry.import_named("measurement", name, module, function), name)
    kind = registry.load(registry.MEASUREMENTS, name)
    own = {key.partition(".")[2]: value for key, value in settings.items() if key.partition(".")[0] == name}
    missing = [entry for entry in kind.parameters if entry.required and own.get(entry.name) is None]
    if missing:
        key = f"{name}.{missing[0].name}"
        raise InvalidSpec(f"measure={name} without '{key}'", f"{key}=…, {missing[0].help}", f"add {key}=…")
    built: Measure = kind(**own)
    return built


def _of_class(row: Measurement, name: str) -> Measurement:
    return replace(row, name=f"{row.name}_{name}", symbol=f"{row.symbol}({name})", definition=f"{row.definition}; class {name}")
