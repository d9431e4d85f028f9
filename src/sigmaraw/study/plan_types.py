"""Types of a plan's values: from Python anything can be given, and a wrong type must not end a study after its last replica."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sigmaraw.errors import InvalidOption

_WHOLE = (int, np.integer)
_NUMBER = (int, float, np.integer, np.floating)
_WANTED: dict[str, tuple[tuple[type, ...], str]] = {
    "n": ((*_WHOLE, str, type(None)), "a whole number, or a text such as auto:0.05"),
    "seed": (_WHOLE, "a whole number"),
    **{name: ((*_NUMBER, type(None)), "a number") for name in ("k", "spread", "rms", "rms_counts")},
    "mode": ((str,), "a text such as bootstrap"),
    "rule": ((str,), "a text such as equivalence"),
}


def check_types(values: Mapping[str, Any]) -> dict[str, int]:
    """Refuse values of the wrong type, and return whole numbers of NumPy as Python's.

    Parameters
    ----------
    values : mapping
        Of a plan, by name: n, seed, k, spread, rms, rms_counts, mode, rule and roi are looked at.

    Returns
    -------
    dict of str to int
        Those of `n` and `seed` that came as NumPy's integers, which a record does not hold.

    Raises
    ------
    InvalidOption
        A value is of another type.

    Examples
    --------
    >>> check_types({"n": np.int64(20), "seed": 1, "k": 1.0, "spread": 1.25, "rms": None, "rms_counts": None})
    {'n': 20}
    """
    for name, (types, expected) in _WANTED.items():
        if (name in values and not isinstance(values[name], types)) or isinstance(values.get(name), bool):
            raise InvalidOption(f"{name} = {values[name]!r:.60}", expected, f"correct {name}")
    roi = values.get("roi")
    if roi is not None and not (isinstance(roi, list | tuple) and len(roi) == 2 and all(isinstance(place, _WHOLE) for place in roi)):
        raise InvalidOption(f"roi = {roi!r:.60}", "two whole numbers (y, x) from 0", "give the corner of the region on the sensor")
    return {name: int(values[name]) for name in ("n", "seed") if isinstance(values[name], np.integer)}


def margins_of(margin: Mapping[str, float] | None) -> dict[str, float]:
    """Return margins by measurement.

    Parameters
    ----------
    margin : mapping of str to float, optional
        As the caller gave it.

    Raises
    ------
    InvalidOption
        It is no mapping, or a margin is no number.
    """
    if margin is None:
        return {}
    if not isinstance(margin, Mapping):
        raise InvalidOption(f"margin = {margin!r:.60}", "margins by measurement, such as {'count': 2}", "name the measurement")
    for name, value in margin.items():
        if not isinstance(value, _NUMBER) or isinstance(value, bool):
            raise InvalidOption(f"margin {name} = {value!r:.60}", "a number in the measurement's unit", "correct it")
    return dict(margin)
