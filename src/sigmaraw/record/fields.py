"""How a row of the record is declared: a frozen class whose fields carry unit and definition."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
import numpy as np

from sigmaraw.quantities import TABLE

Number = float | None
"""A float64; None where it is undefined (null in the file)."""

Interval = tuple[float | None, float | None]
"""Lower and upper end."""

OWN_UNIT = "measurement"
"""Unit of a field that is in the unit of the row's measurement."""


def field(definition: str, unit: str = "") -> msgspec.Meta:
    """Return what a field's annotation carries: its definition and its unit.

    Parameters
    ----------
    definition : str
        One line, without a full stop.
    unit : str
        As in `quantities`; "1" is a pure number, "" no number, `OWN_UNIT` the unit of the row's measurement.

    Returns
    -------
    msgspec.Meta
        For ``Annotated[type, field(...)]``; the JSON Schema and the reference page read it.
    """
    return msgspec.Meta(description=definition, extra_json_schema={"unit": unit} if unit else None, extra={"unit": unit})


def quantity(name: str) -> msgspec.Meta:
    """Return `field` for a quantity of the table in `quantities`.

    Parameters
    ----------
    name : str
        Its name there. A quantity whose unit is "" there is in the measurement's unit.

    Raises
    ------
    KeyError
        The table has no such quantity.
    """
    row = TABLE[name]
    return field(row.definition, row.unit or OWN_UNIT)


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all rows: immutable, with named fields only, unknown ones refused.

    NumPy scalars and arrays become bare numbers and tuples; NaN and ±∞ become None, as in the file.
    """

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            bare = bare_value(value)
            if bare is not value:
                msgspec.structs.force_setattr(self, name, bare)


RowType = TypeVar("RowType", bound=Row)


def bare_value(value: Any) -> Any:
    """Return `value` in JSON types, rows left as they are; the very same object where nothing changes.

    NumPy scalars and arrays become bare numbers and tuples, NaN and ±∞ become None, lists become tuples.
    """
    if value is None or (isinstance(value, (str, int, bool, Row)) and not isinstance(value, np.generic)):
        return value
    if isinstance(value, float) and not isinstance(value, np.generic):
        return value if math.isfinite(value) else None
    if isinstance(value, tuple):
        parts = tuple(map(bare_value, value))
        return value if all(new is old for new, old in zip(parts, value, strict=True)) else parts
    if isinstance(value, list):
        return tuple(map(bare_value, value))
    if isinstance(value, Mapping):
        return {str(key): bare_value(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray):
        return bare_value(value.tolist())
    if isinstance(value, np.generic):
        return bare_value(value.item())
    return value


def plain(row: Row) -> dict[str, Any]:  # JSON's own shape
    """Return a row as JSON values: objects, lists, bare numbers, words, null."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(row))
    return found


def json_lists(value: Any) -> Any:
    """Return JSON values with lists in place of tuples."""
    if isinstance(value, dict):
        return {key: json_lists(entry) for key, entry in value.items()}
    return [json_lists(entry) for entry in value] if isinstance(value, (list, tuple)) else value
