"""The table of a camera's readout taps or colour planes: what a profile says of them, checked and formatted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sigmaraw.errors import InvalidRecord
from sigmaraw.reports.numbers import measured, unit_label

_MOST = 64


def check_tap_summary(taps: Any) -> None:
    """Refuse taps that a table cannot show; None is a camera without taps.

    Raises
    ------
    InvalidRecord : no {layout, labels, scalars: {name: {value, se, unit}}}, or columns of another length than the labels.
    """
    if taps is None:
        return
    labels = taps.get("labels") if isinstance(taps, Mapping) else None
    good = isinstance(labels, list) and 1 < len(labels) <= _MOST and all(isinstance(label, str) for label in labels)
    rows = taps.get("scalars") if good else None
    rows = rows if isinstance(rows, Mapping) and isinstance(taps.get("layout"), str) else {}
    good = good and bool(rows)
    good = good and all(isinstance(row, Mapping) and isinstance(row.get("unit"), str) for row in rows.values())
    good = good and all(_is_column(row.get(key), len(labels or [])) for row in rows.values() for key in ("value", "se"))
    if not good:
        raise InvalidRecord("'camera.taps' of the record", "{layout, labels, scalars: {name: {value, se, unit}}}", "make it again")


def _is_column(column: Any, length: int) -> bool:
    def number(value: Any) -> bool:
        return value is None or (isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value))

    return isinstance(column, list) and len(column) == length and all(map(number, column))


def tap_table(taps: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return {layout, labels, rows of (name, unit, cells)} as printed; quantities that no tap determines are left out."""
    if taps is None:
        return None
    rows = []
    for name, row in taps["scalars"].items():
        if all(value is None for value in row["value"]):
            continue
        cells = [
            "–" if value is None else f"{measured(value, se)}" + ("" if se is None else f" ± {se:.2g}")
            for value, se in zip(row["value"], row["se"], strict=True)
        ]
        rows.append((name.replace("_", " "), unit_label(row["unit"]), cells))
    return {"layout": taps["layout"], "labels": taps["labels"], "rows": rows}
