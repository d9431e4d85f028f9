"""The results as arrays and tables with units, and a record in a few words."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from sigmaraw.record.content import Content
from sigmaraw.record.fields import OWN_UNIT, Row
from sigmaraw.record.results import ResultRow, TestRow
from sigmaraw.record.words import VERDICTS, worst

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

_KEYS = ("image", "codec", "measurement")
_MOST_SHOWN = 20  # codecs in a notebook's table

Cell = float | int | str | bool | None


_INTERVALS = ("_ci", "_range")
_NESTED = ("delta", "evidence", "look")  # rows of their own, which stand in record.json


def column_units(kind: type[Row]) -> dict[str, tuple[str, str]]:
    """Return (unit, definition) of each field of a row's class, in its order; the unit is "" for words.

    Parameters
    ----------
    kind : type
        Class of the row.
    """
    return {name: (meta.unit, meta.definition) for name, meta in described(kind).items()}


class Described(msgspec.Struct, frozen=True):
    """What a field's annotation says: unit, definition, and its type without them."""

    unit: str
    definition: str
    type: object


def described(kind: type[Row]) -> dict[str, Described]:
    """Return what the fields of a row's class say of themselves, in the class's order."""
    found = {}
    for entry in msgspec.inspect.type_info(kind).fields:  # type: ignore[attr-defined]  # a row is a struct
        inner, unit, definition = entry.type, "", ""
        while isinstance(inner, msgspec.inspect.Metadata):
            unit = (inner.extra or {}).get("unit", unit)
            definition = (inner.extra_json_schema or {}).get("description", definition)
            inner = inner.type
        found[entry.encode_name] = Described(unit, definition, inner)
    return found


def flat(row: ResultRow) -> dict[str, Cell]:
    """Return a result as single cells: both ends of an interval, a test's statistic and p; texts for lists, nothing of nested rows.

    Parameters
    ----------
    row : ResultRow
        A result.
    """
    cells: dict[str, Cell] = {}
    for name in row.__struct_fields__:
        value = getattr(row, name)
        if name.endswith(_INTERVALS):
            stem = name.removesuffix("_ci")
            low, high = value or (None, None)
            cells |= {f"{stem}_low": low, f"{stem}_high": high}
        elif name in ("ks", "ks_null"):
            test = value or TestRow(statistic=None, p=None)
            cells |= {f"{name}_statistic": test.statistic, f"{name}_p": test.p}
        elif name == "warnings":
            cells[name] = "; ".join(warning.text for warning in value)
        elif name not in _NESTED:
            cells[name] = value
    return cells


def flat_names() -> tuple[str, ...]:
    """Return the columns of `flat`, in its order."""
    row = ResultRow(
        image=0, codec="", measurement="", chi_raw=None, chi_codec=None, verdict="PASS", sigma_raw=None, epsilon=None, epsilon_hat=None
    )
    return tuple(flat(row))


def flat_unit(name: str) -> tuple[str, str]:
    """Return (unit, definition) of a column of `flat`."""
    units = column_units(ResultRow)
    if name in units:
        return units[name]
    stem, _, part = name.rpartition("_")
    if part in ("low", "high"):
        unit, definition = units[f"{stem}_ci" if f"{stem}_ci" in units else stem]
        return unit, f"{'lower' if part == 'low' else 'upper'} end of the {definition}"
    unit, definition = column_units(TestRow)[part]
    return unit, f"{definition}: {units[stem][1]}"


def results_dataset(content: Content) -> xr.Dataset:
    """Return every field of the results as an array (image, codec, measurement) with `units` and `long_name`.

    Numbers are float64, undefined ones NaN; words are text. Where a field is in the measurement's unit, that stands in the
    coordinate `unit`.

    Parameters
    ----------
    content : Content
        The rows of a record.
    """
    import xarray as xr

    codecs = [row.codec for row in content.codecs]
    measurements = [row.name for row in content.measurements]
    images = sorted({row.image for row in content.results})
    shape = (len(images), len(codecs), len(measurements))
    places = [(images.index(row.image), codecs.index(row.codec), measurements.index(row.measurement)) for row in content.results]
    rows = [flat(row) for row in content.results]
    variables = {}
    for name in (name for name in rows[0] if name not in _KEYS):
        words = any(isinstance(row[name], str) for row in rows)
        values = np.full(shape, "", dtype=object) if words else np.full(shape, np.nan)
        for place, row in zip(places, rows, strict=True):
            cell = row[name]
            values[place] = (cell or "") if words else (np.nan if cell is None else cell)
        unit, definition = flat_unit(name)
        attributes = {"long_name": definition} | ({"units": _shown_unit(unit)} if unit else {})
        variables[name] = (_KEYS, values.astype(str) if words else values, attributes)
    units = ("measurement", [row.unit for row in content.measurements], {"long_name": "unit of the measurement"})
    return xr.Dataset(variables, coords={"image": images, "codec": codecs, "measurement": measurements, "unit": units})


def _shown_unit(unit: str) -> str:
    return "of the measurement: coordinate `unit`" if unit == OWN_UNIT else unit


def results_frame(content: Content) -> pd.DataFrame:
    """Return the results as a table, one line each, with the measurement's unit; `attrs["units"]` names each column's.

    Parameters
    ----------
    content : Content
        The rows of a record.
    """
    import pandas as pd

    units = content.units
    rows = [flat(row) for row in content.results]
    lines = [{**{name: row[name] for name in _KEYS}, "unit": units[str(row["measurement"])], **row} for row in rows]
    frame = pd.DataFrame(lines)
    for name in frame.columns:  # undefined everywhere is still a column of numbers
        if frame[name].isna().all():
            frame[name] = frame[name].astype(np.float64)
    frame.attrs["units"] = {name: flat_unit(name)[0] for name in rows[0]}
    return frame


# --- a record in a few words ------------------------------------------------------------------------------------------
def summary_line(content: Content) -> str:
    """Return what a record is in one line: verdict, and how much was studied.

    Parameters
    ----------
    content : Content
        The rows of a record.
    """
    verdict = worst(row.verdict for row in content.codecs)
    images = len({row.image for row in content.results})
    parts = (_several(images, "image"), _several(len(content.codecs), "codec"), _several(len(content.measurements), "measurement"))
    return f"<sigmaraw Record {verdict}: {', '.join(parts)}; mode {content.plan.mode}, digest {content.digest[:12]}>"


def summary_html(content: Content) -> str:
    """Return a small table of a record for a notebook: one line a codec; every word is escaped.

    Parameters
    ----------
    content : Content
        The rows of a record.
    """
    head = "".join(f"<th>{name}</th>" for name in ("codec", "verdict", "CR", *(word for word in VERDICTS)))
    lines = []
    for row in content.codecs[:_MOST_SHOWN]:
        verdicts = [result.verdict for result in content.results if result.codec == row.codec]
        ratio = "" if row.compression_ratio is None else f"{row.compression_ratio:.3g}"
        cells = (row.codec, row.verdict, ratio, *(str(verdicts.count(word)) for word in VERDICTS))
        lines.append("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>")
    more = len(content.codecs) - _MOST_SHOWN
    rest = f"<p>and {_several(more, 'codec')} more</p>" if more > 0 else ""
    return f"<p>{html.escape(summary_line(content))}</p><table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>{rest}"


def _several(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
