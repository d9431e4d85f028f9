"""What a profile holds of its taps: read, checked, summarised."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from sigmaraw.camera.taps.layout import TapLayout, parse_layout
from sigmaraw.errors import InvalidOption, InvalidProfile
from sigmaraw.netcdf import Arrays
from sigmaraw.quantities import TABLE

REMARKS = ("not_determined", "flag", "upper_limit")


def stored_layout(dataset: Arrays) -> TapLayout | None:
    """Return the layout that a profile states; None where it has no taps.

    Parameters
    ----------
    dataset : Arrays
        A camera dataset.

    Raises
    ------
    InvalidProfile
        If the text is no layout.
    """
    text = dataset.attrs.get("tap_layout")
    if text is None:
        return None
    kind, _, value = str(text)[:40].partition(" ")
    try:
        layout = parse_layout(value if kind == "taps" else None, value if kind == "cfa" else None)
    except InvalidOption:
        layout = None
    if layout is None:
        raise InvalidProfile(f"tap_layout = '{str(text)[:40]}'", "'taps 2x2' or 'cfa RGGB'", "calibrate again")
    return layout


def sensor_shape(dataset: Arrays) -> tuple[int, int]:
    """Return (y, x) of the sensor whose taps a profile holds.

    Parameters
    ----------
    dataset : Arrays
        A camera dataset.

    Raises
    ------
    InvalidProfile
        If the text is no shape.
    """
    parts = str(dataset.attrs.get("tap_sensor"))[:40].split("x")
    if len(parts) != 2 or not all(part.isdecimal() and 0 < int(part) < 1 << 20 for part in parts):
        raise InvalidProfile(f"tap_sensor = '{str(dataset.attrs.get('tap_sensor'))[:40]}'", "pixels like 1040x2152", "calibrate again")
    return int(parts[0]), int(parts[1])


def check_taps(dataset: Arrays, scalars: tuple[str, ...]) -> None:
    """Check that the `tap_*` variables fit the layout, and that gain, offset and noise lie in their domains.

    Parameters
    ----------
    dataset : Arrays
        A camera dataset.
    scalars : tuple of str
        Names of the scalars.

    Raises
    ------
    InvalidProfile
        If they do not.
    """
    names = [str(name) for name in dataset.variables if str(name).startswith("tap_")]
    layout = stored_layout(dataset)
    if layout is None and not names:
        return
    remedy = "calibrate again"
    if layout is None or dataset.attrs.get("tap_labels") != " ".join(layout.labels):
        raise InvalidProfile("taps without their layout and labels", "the attributes tap_layout and tap_labels", remedy)
    sensor_shape(dataset)
    wanted = {f"tap_{name}{end}" for name in scalars if name in dataset.variables for end in ("", "_se")}
    missing = sorted(wanted.difference(names))
    if missing:
        raise InvalidProfile(f"taps without {missing[0]}", "every scalar of the profile for each tap", remedy)
    for name in names:
        values = dataset[name]
        if values.dims[:1] != ("tap",) or values.shape[0] != len(layout.labels) or np.isinf(values.values).any():
            raise InvalidProfile(f"{name} with dimensions {values.dims} {values.shape}", f"{len(layout.labels)} finite values", remedy)
    for name, lowest in (("gain", 0.0), ("offset", -math.inf), ("read_noise", -1e-300), ("dark_noise", -1e-300)):
        if not (dataset[f"tap_{name}"].values > lowest).all():  # NaN is not
            raise InvalidProfile(f"tap_{name} = {dataset[f'tap_{name}'].values}", "finite values in their domain", remedy)
    for name in names:
        if name.endswith("_se") and bool((dataset[name].values < 0).any()):
            raise InvalidProfile(f"{name} below 0", "standard errors from 0", remedy)
        tap_remarks(dataset, name)


def tap_remarks(dataset: Arrays, name: str) -> list[dict[str, Any]]:
    """Return reasons, flags and upper limits of a `tap_*` variable, one entry a tap.

    Parameters
    ----------
    dataset : Arrays
        A camera dataset.
    name : str
        A `tap_*` variable.

    Raises
    ------
    InvalidProfile
        If the text is no list of remarks.
    """
    count = dataset[name].shape[0]
    text = dataset[name].attrs.get("remarks")
    try:
        rows = [{} for _ in range(count)] if text is None else json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        rows = None
    good = isinstance(rows, list) and len(rows) == count and all(isinstance(row, dict) and _is_remark(row) for row in rows)
    if rows is None or not good:
        raise InvalidProfile(f"{name} with a malformed attribute remarks", f"a JSON list of {count} objects", "calibrate again")
    return rows


def _is_remark(row: Mapping[str, Any]) -> bool:
    words = all(isinstance(row[key], str) for key in ("not_determined", "flag") if key in row)
    limit = row.get("upper_limit", 0.0)
    return set(row) <= set(REMARKS) and words and isinstance(limit, (int, float)) and not isinstance(limit, bool) and math.isfinite(limit)


def tap_summary(dataset: Arrays) -> dict[str, Any] | None:
    """Return {layout, labels, scalars: {name: {value [tap], se [tap], unit, symbol, definition}}} as JSON values; None without taps.

    Parameters
    ----------
    dataset : Arrays
        A camera dataset.
    """
    layout = stored_layout(dataset)
    if layout is None:
        return None

    def numbers(name: str) -> list[float | None]:
        return [float(value) if math.isfinite(value) else None for value in dataset[name].values]

    scalars = {}
    for name in (str(name) for name in dataset.variables if str(name).startswith("tap_") and dataset[name].dims == ("tap",)):
        if not name.endswith("_se"):
            row = TABLE[name.removeprefix("tap_")]
            scalars[row.name] = {
                "value": numbers(name), "se": numbers(f"{name}_se"), "unit": row.unit, "symbol": row.symbol, "definition": row.definition,
                "remarks": tap_remarks(dataset, name),
            }  # fmt: skip
    return {"layout": str(layout), "labels": list(layout.labels), "scalars": scalars}
