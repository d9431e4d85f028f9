"""Measures: an image with its objects → named numbers."""

from __future__ import annotations

import abc
import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, runtime_checkable

import numpy as np

from sigmaraw.contracts.pipelines import Measurement
from sigmaraw.contracts.settings import Parameter

if TYPE_CHECKING:
    from numpy.typing import NDArray

Dimension = Literal["", "length", "space"]


@dataclass(frozen=True)
class LabelledImage:
    """An image with the objects that a model found in it.

    Parameters
    ----------
    image : ndarray
        The raw frame (y, x) or volume (z, y, x), uint8 or uint16, DN; not to be changed.
    labels : ndarray
        Same shape, integers: 0 is background, 1 to `count` are the objects.
    count : int
        Number of objects, the largest label.
    pixel_size : tuple of float, optional
        Size of a pixel along each axis of the image, µm; None where it is not stated.
    prediction : ndarray, optional
        Same shape, floats: the map that the model predicts beside the objects, where it predicts one.

    Examples
    --------
    >>> import numpy as np
    >>> LabelledImage(np.full((1, 3), 7, np.uint8), np.array([[0, 1, 1]]), 1).sizes
    array([2])
    """

    image: NDArray[np.integer]
    labels: NDArray[np.integer]
    count: int
    pixel_size: tuple[float, ...] | None = None
    prediction: NDArray[np.floating] | None = None

    @functools.cached_property
    def sizes(self) -> NDArray[np.int64]:
        """Pixels of each object, (object,)."""
        return np.bincount(self.labels.ravel(), minlength=self.count + 1)[1:].astype(np.int64)

    @functools.cached_property
    def totals(self) -> NDArray[np.float64]:
        """Sum of the raw frame inside each object, (object,), DN. Exact: float64 holds every sum of 16-bit pixels."""
        return np.bincount(self.labels.ravel(), weights=self.image.ravel(), minlength=self.count + 1)[1:].astype(np.float64)

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Pixels inside objects."""
        return self.labels > 0

    @property
    def step(self) -> tuple[float, ...]:
        """Size of a pixel along each axis: µm where it is stated, else 1 px."""
        return self.pixel_size or (1.0,) * self.image.ndim

    @property
    def cell(self) -> float:
        """Area or volume of a pixel: µm² or µm³ where its size is stated, else 1 px."""
        return float(np.prod(self.step))


@dataclass(frozen=True)
class FoundObjects:
    """The objects of one image with their numbers.

    Parameters
    ----------
    labels : ndarray of int
        (y, x) or (z, y, x): 0 is background, 1 to `count` are objects.
    count : int
        Number of objects.
    values : mapping of str to ndarray
        By measurement, the number of each object, (object,).
    """

    labels: NDArray[np.integer]
    count: int
    values: Mapping[str, NDArray[np.float64]]


@runtime_checkable
class FindsObjects(Protocol):
    """A pipeline whose objects can be followed one by one; the hook is optional."""

    @property
    def finds_objects(self) -> bool:
        """Return whether it does with its present settings."""
        ...

    def object_measurements(self, ndim: int) -> tuple[Measurement, ...]:
        """Return what is measured on each object of images of that many axes, with units."""
        ...

    def batch_with_objects(self, images: NDArray[np.integer]) -> tuple[dict[str, NDArray[np.float64]], list[FoundObjects]]:
        """Return what `batch` returns, and the objects of each image, found in the same pass."""
        ...


@runtime_checkable
class TakesPixelSize(Protocol):
    """A pipeline that may measure in µm by the pixel size that the images state; the hook is optional."""

    @property
    def awaits_pixel_size(self) -> bool:
        """Return whether it was asked to, and has none yet."""
        ...

    def with_pixel_size(self, sizes: tuple[float, ...]) -> Any:
        """Return the same pipeline for images of that pixel size, µm along each axis."""
        ...


class Measure(abc.ABC):
    """What is measured on an image and its objects; entry points of "sigmaraw.measurements" name a subclass.

    A specification chooses it by name, ``measure=count+area``, and sets it by keys with its name before a point,
    ``texture.levels=16``. It is deterministic and changes nothing that it is given.

    Attributes
    ----------
    name : str
        The entry point's name.
    parameters : tuple of Parameter
        The settings that a specification may give.
    rows : tuple of Measurement
        What it returns, with units for an image without a pixel size.
    dimension : {"", "length", "space"}
        How its numbers scale with the pixel size: not at all, as a length, or as an area (in volumes: as a volume).
    per_class : bool
        Whether it is taken for each class where a model tells classes apart; False takes it once for the image.

    Parameters
    ----------
    **settings
        One value for each of `parameters`, with its type and default already applied.

    Examples
    --------
    >>> import numpy as np
    >>> class Largest(Measure):
    ...     name = "largest"
    ...     rows = (Measurement("largest", "px", "A_max", "pixels of the largest object"),)
    ...     dimension = "space"
    ...     def __call__(self, labelled):
    ...         return {"largest": float(labelled.sizes.max(initial=0)) * labelled.cell}
    >>> Largest()(LabelledImage(np.zeros((1, 3), np.uint8), np.array([[0, 1, 1]]), 1))
    {'largest': 2.0}
    """

    name: str
    parameters: tuple[Parameter, ...] = ()
    rows: tuple[Measurement, ...]
    dimension: ClassVar[Dimension] = ""
    per_class: ClassVar[bool] = True

    def __init__(self, **settings: Any) -> None:
        self.settings = {parameter.name: settings.pop(parameter.name, parameter.default) for parameter in self.parameters}
        if settings:
            raise TypeError(f"{type(self).__name__} has no setting {', '.join(settings)}")

    @abc.abstractmethod
    def __call__(self, labelled: LabelledImage) -> dict[str, float]:
        """Return the numbers by the names of `rows`, NaN where one is undefined; physical where `labelled.pixel_size` is stated."""

    def of_objects(self, labelled: LabelledImage) -> Mapping[str, NDArray[np.float64]]:
        """Return the number of each object, (object,), by names of `rows`; nothing where the measure has none of single objects."""
        return {}

    def rows_in(self, pixel_size: tuple[float, ...] | None) -> tuple[Measurement, ...]:
        """Return what it returns with the units of an image of that pixel size, µm along each axis."""
        if pixel_size is None or not self.dimension:
            return self.rows
        power = {"length": "", "space": str(len(pixel_size))}[self.dimension]
        return tuple(replace(row, unit=f"um{power}") for row in self.rows)

    def config(self) -> dict[str, Any]:
        """Return every setting with its default written out (JSON values)."""
        return {"name": self.name, **self.settings}
