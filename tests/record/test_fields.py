"""Rows are immutable, hold bare values, and every field says what it is."""

from __future__ import annotations

import math
import re

import msgspec
import numpy as np
import pytest

from sigmaraw.quantities import TABLE
from sigmaraw.record.content import Content
from sigmaraw.record.fields import OWN_UNIT, Row, plain, quantity
from sigmaraw.record.results import FloorRow, ResultRow, TukeyRow
from sigmaraw.record.schema import _places
from sigmaraw.record.tables import described

KINDS = list(_places())
UNITS = {"", "1", "DN", "DN2", "e-", "px", "dB", "bit", "byte", "%", OWN_UNIT}


def test_rows_hold_bare_numbers_and_undefined_is_none() -> None:
    row = TukeyRow(image=np.int64(3), measurement="m", group1="raw", group2="c", ci=(np.float64(1.5), math.inf), p_adjusted=np.float32(0.5))
    assert type(row.image) is int and type(row.p_adjusted) is float
    assert row.ci == (1.5, None) and type((row.ci or (None,))[0]) is float
    assert FloorRow(image=0, measurement="m", difference=math.nan).difference is None
    assert plain(row)["ci"] == [1.5, None]


def test_rows_cannot_be_changed_and_know_their_fields() -> None:
    row = FloorRow(image=0, measurement="m")
    with pytest.raises(AttributeError):
        row.image = 1  # type: ignore[misc]  # that is the point
    with pytest.raises(TypeError):
        FloorRow(0, "m")  # type: ignore[call-arg, misc]  # only by name
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"image": 0, "measurement": "m", "colour": "red"}, FloorRow)


def test_every_section_is_a_row_and_each_has_a_place() -> None:
    assert {Content, ResultRow, TukeyRow} < set(KINDS) and len(KINDS) > 30


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_field_says_what_it_is_in_one_line(kind: type[Row]) -> None:
    for name, entry in described(kind).items():
        assert entry.definition and "\n" not in entry.definition and not entry.definition.endswith("."), name
        assert entry.unit in UNITS, name
    assert re.match(r"[A-Z].*\.$", (kind.__doc__ or "").splitlines()[0])


def test_a_quantity_of_the_table_is_not_said_a_second_time() -> None:
    for name in ("chi_raw", "sigma_raw", "epsilon", "epsilon_hat", "spread_ratio", "rms_d"):
        entry = described(ResultRow)[name]
        assert (entry.definition, entry.unit) == (TABLE[name].definition, TABLE[name].unit or OWN_UNIT)
    with pytest.raises(KeyError):
        quantity("colour")
