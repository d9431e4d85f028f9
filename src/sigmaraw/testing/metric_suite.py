"""The conformance suite for metrics: what a study and a listing rely on, checked from outside, for built-ins and extensions alike."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Metric
from sigmaraw.errors import SigmarawError
from sigmaraw.testing.requirements import require


def check_metric(metric: Metric) -> None:
    """Check a metric against the contract; an extension's author calls it with an object of the own class.

    It checks that name, unit, definition and `compares` are stated; that a value is a float, the same twice, from a view that is not
    contiguous and from a pickled copy; that neither array is changed; that frames and volumes of uint8 and uint16 are taken where images
    are compared, and bool and integers where masks are; that equal arrays give another value than different ones; and that arrays of
    different shapes are refused by name.

    Parameters
    ----------
    metric : Metric
        The metric itself, not its class.

    Raises
    ------
    AssertionError
        The metric breaks the contract; the message says how.

    Examples
    --------
    >>> from sigmaraw.metrics import MaxError
    >>> check_metric(MaxError())
    """
    _check_declaration(metric)
    for label, reference, test in _pairs(metric.compares):
        where = f"{metric.name} of {label}"
        before = reference.copy(), test.copy()
        value = metric(reference, test)
        require(type(value) is float, f"{where} is {type(value).__name__}, not a float")
        unchanged = np.array_equal(reference, before[0]) and np.array_equal(test, before[1])
        require(unchanged, f"{where} changes an array that it is given")
        copy = pickle.loads(pickle.dumps(metric))  # noqa: S301 - our own object, made in this call
        for how, other in (
            ("twice", metric(reference, test)),
            ("from a view", metric(_strided(reference), _strided(test))),
            ("from a pickled copy", copy(reference, test)),
        ):
            require(_bits(other) == _bits(value), f"{where} gives another value {how}: {other} and {value}")
        same = metric(reference, reference.copy())
        require(not math.isnan(same), f"{where} is not defined for equal arrays")
        require(_bits(same) != _bits(value), f"{where} does not tell equal arrays from different ones")
    _check_refusals(metric)


def _check_declaration(metric: Metric) -> None:
    require(isinstance(metric, Metric), f"{type(metric).__name__} does not inherit from sigmaraw.contracts.Metric")
    for field in ("name", "unit", "definition"):
        value = getattr(metric, field, None)
        require(isinstance(value, str) and bool(value), f"{type(metric).__name__} states no {field}")
    require(metric.compares in ("images", "masks"), f"{metric.name} compares '{metric.compares}', neither images nor masks")


def _pairs(compares: str) -> list[tuple[str, NDArray[Any], NDArray[Any]]]:
    """Return labelled arrays that differ: frames, a volume, one pixel."""
    rng = np.random.default_rng(8)
    if compares == "masks":
        first, second = rng.random((9, 12)) < 0.4, rng.random((9, 12)) < 0.5
        return [("bool masks", first, second), ("integer masks", first.astype(np.uint8), second.astype(np.int32))]
    pairs = []
    for dtype, top in ((np.uint8, 255), (np.uint16, 65535)):
        for shape in ((64, 72), (3, 64, 72)):
            reference = rng.integers(0, top + 1, shape).astype(dtype)
            test = np.clip(reference.astype(np.int64) + rng.integers(-3, 4, shape), 0, top).astype(dtype)
            pairs.append((f"{np.dtype(dtype)} {shape}", reference, test))
    return pairs


def _strided(array: NDArray[Any]) -> NDArray[Any]:
    wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
    wide[..., ::2] = array
    return wide[..., ::2]


def _bits(value: float) -> bytes:
    """Compare bits: NaN equals NaN, and nearly equal is not equal."""
    return np.float64(value).tobytes()


def _check_refusals(metric: Metric) -> None:
    dtype = bool if metric.compares == "masks" else np.uint16
    for first, second in (((64, 72), (64, 71)), ((64, 72), (3, 64, 72))):
        try:
            metric(np.ones(first, dtype), np.ones(second, dtype))
        except SigmarawError:
            continue
        require(False, f"{metric.name} takes arrays of shapes {first} and {second} without a word")
