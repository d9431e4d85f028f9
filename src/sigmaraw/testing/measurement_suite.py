"""The conformance suite for measures: what pipelines and records rely on, checked from outside, for built-ins and extensions alike."""

from __future__ import annotations

import json
import math
import pickle
from dataclasses import replace

import numpy as np

from sigmaraw.contracts import LabelledImage, Measure, Measurement
from sigmaraw.testing.requirements import require

_SIDE = 24  # px


def check_measure(measure: Measure, *, frames: bool = True, volumes: bool = True) -> None:
    """Check a measure against the contract; an extension's author calls it with an object of the own class.

    It checks that rows are declared with unit, symbol and definition; that numbers are finite floats or NaN under those names, the same
    twice, from a view that is not contiguous and from a pickled copy; that image and labels are not changed; that images without objects,
    with one object of one pixel and with nothing but an object are taken, and frames and volumes of uint8 and uint16; that the numbers do
    not depend on the order in which objects are numbered; that a pixel size scales them as `dimension` says; that numbers of single objects
    have declared names and one value each, in the objects' order; that settings are JSON values.

    Parameters
    ----------
    measure : Measure
        The measure itself, not its class.
    frames, volumes : bool, default True
        Whether it takes frames (y, x), and volumes (z, y, x).

    Raises
    ------
    AssertionError
        The measure breaks the contract; the message says how.

    Examples
    --------
    >>> from sigmaraw.measurements.area import Area
    >>> check_measure(Area())
    """
    require(isinstance(measure, Measure), f"{type(measure).__name__} does not inherit from sigmaraw.contracts.Measure")
    _check_rows(measure)
    json.dumps(measure.config(), allow_nan=False)
    shapes = [(_SIDE, _SIDE)] * frames + [(8, _SIDE, _SIDE)] * volumes
    for shape in shapes:
        for label, labelled in _examples(shape):
            _check_numbers(measure, labelled, f"{measure.name} of {label}, {len(shape)} axes")
        _check_order(measure, _examples(shape)[0][1])
        _check_scale(measure, _examples(shape)[0][1])


def _examples(shape: tuple[int, ...]) -> list[tuple[str, LabelledImage]]:
    """Images of bright boxes with their labels, and the ends of what may come."""
    random = np.random.default_rng(3)
    image = random.integers(90, 130, shape).astype(np.uint16)
    labels = np.zeros(shape, np.int32)
    for number, (y, x, height, width) in enumerate(((2, 2, 3, 9), (9, 4, 6, 6), (18, 12, 2, 2)), 1):
        box = (*(slice(1, 1 + 2 * number) for _ in shape[2:]), slice(y, y + height), slice(x, x + width))
        labels[box], image[box] = number, image[box] + 100 * number
    one = np.zeros(shape, np.int32)
    one[(1,) * len(shape)] = 1
    none, all_ = np.zeros(shape, np.int32), np.ones(shape, np.int32)
    return [
        ("three objects", LabelledImage(image, labels, 3)),
        ("three objects, uint8", LabelledImage((image // 2).astype(np.uint8), labels, 3)),
        ("no object", LabelledImage(image, none, 0)),
        ("one pixel", LabelledImage(image, one, 1)),
        ("nothing but an object", LabelledImage(image, all_, 1)),
        ("a constant image", LabelledImage(np.full(shape, 7, np.uint16), labels, 3)),
    ]


def _check_rows(measure: Measure) -> None:
    require(isinstance(measure.rows, tuple) and bool(measure.rows), f"{measure.name} declares no rows")
    require(all(isinstance(row, Measurement) for row in measure.rows), f"the rows of {measure.name} are not Measurement")
    names = [row.name for row in measure.rows]
    require(len(set(names)) == len(names), f"{measure.name} declares a row twice")
    for row in measure.rows:
        require(bool(row.unit and row.symbol and row.definition), f"{row.name} lacks unit, symbol or definition")
        require(not measure.dimension or row.unit == "px", f"{row.name} scales with the pixel size, and its unit is {row.unit}, not px")


def _check_numbers(measure: Measure, labelled: LabelledImage, where: str) -> None:
    before = labelled.image.copy(), labelled.labels.copy()
    values = measure(labelled)
    require(list(values) == [row.name for row in measure.rows], f"{where} returns {', '.join(values)}")
    for name, value in values.items():
        require(type(value) is float and not math.isinf(value), f"{where}: {name} is {value!r}, not a finite float or NaN")
    unchanged = np.array_equal(labelled.image, before[0]) and np.array_equal(labelled.labels, before[1])
    require(unchanged, f"{where} changes an array that it is given")
    again = pickle.loads(pickle.dumps(measure))  # noqa: S301 - our own object, made in this call
    view = replace(labelled, image=np.asfortranarray(labelled.image), labels=np.asfortranarray(labelled.labels))
    for how, other in (("twice", measure(labelled)), ("from another layout", measure(view)), ("from a pickled copy", again(labelled))):
        require(_bits(other) == _bits(values), f"{where} gives other numbers {how}")
    single = measure.of_objects(labelled)
    require(set(single) <= set(values), f"{where} has numbers of objects that it does not declare")
    for name, column in single.items():
        require(np.shape(column) == (labelled.count,), f"{where}: {name} has shape {np.shape(column)} for {labelled.count} objects")


def _check_order(measure: Measure, labelled: LabelledImage) -> None:
    """Objects in another order give the same numbers, and those of single objects in that order."""
    order = np.array([0, 3, 1, 2])
    other = replace(labelled, labels=order[labelled.labels].astype(np.int32))
    one, two = measure(labelled), measure(other)
    for name, value in one.items():
        require(bool(np.isclose(value, two[name], rtol=1e-12, equal_nan=True)), f"{name} depends on how objects are numbered")
    first, second = measure.of_objects(labelled), measure.of_objects(other)
    for name, column in first.items():
        require(
            np.allclose(np.asarray(column), np.asarray(second[name])[order[1:] - 1], rtol=1e-12, equal_nan=True),
            f"{name} of single objects is not in the order of their labels",
        )


def _check_scale(measure: Measure, labelled: LabelledImage) -> None:
    """Pixels twice as large give numbers larger as `dimension` says."""
    ndim = labelled.image.ndim
    power = {"": 0, "length": 1, "space": ndim}[measure.dimension]
    small, large = (measure(replace(labelled, pixel_size=(size,) * ndim)) for size in (0.5, 1.0))
    for name in small:
        require(
            bool(np.isclose(small[name] * 2.0**power, large[name], rtol=1e-9, equal_nan=True)),
            f"{name} does not scale as '{measure.dimension or 'no length'}' with the pixel size",
        )
    units = {row.unit for row in measure.rows_in((0.5,) * ndim)}
    expected = {"": None, "length": {"um"}, "space": {f"um{ndim}"}}[measure.dimension]
    require(expected is None or units == expected, f"{measure.name} has units {units} with a pixel size")


def _bits(values: dict[str, float]) -> dict[str, bytes]:
    """Compare bits: NaN equals NaN, and nearly equal is not equal."""
    return {name: np.float64(value).tobytes() for name, value in values.items()}
