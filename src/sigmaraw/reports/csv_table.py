"""One line per result as comma-separated values: every grid point's scores with its bytes and quality, for any table program."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from sigmaraw.files import write_text
from sigmaraw.record import Content, read_content
from sigmaraw.record.codecs import CodecRow
from sigmaraw.record.statements import STATEMENTS, StatementRow
from sigmaraw.record.tables import Cell, described, flat, flat_names

_FORMULA = ("=", "+", "-", "@")  # a table program runs what begins with one of these
_NOT_CELLS = ("codec", "resolved", "verdict", "achieved", "achieved_replicas", "metrics", "images")
_CODEC = tuple(name for name in described(CodecRow) if name not in _NOT_CELLS)
_CURVE = ("curve", "parameter", "value")
_STATEMENT = ("verdict", "reason", "value", "low", "high", "decides")
_SAID = tuple(f"{name.replace('-', '_')}_{part}" for name in STATEMENTS for part in _STATEMENT)
COLUMNS = (
    "codec",
    *_CURVE,
    *_CODEC,
    "unit",
    "raw_spread_low",
    "raw_spread_high",
    "warnings_bearing",
    *_SAID,
    *(name for name in flat_names() if name != "codec"),
)


def safe_cell(value: Cell) -> Cell:
    """Return a cell: numbers in full, nothing for what is undefined, and no word that a table program takes for a formula."""
    if value is None:
        return ""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return repr(value) if isinstance(value, float) else value


def _statement(row: StatementRow) -> dict[str, Cell]:
    """Return one statement over images as cells; it is the same on each image's line."""
    low, high = row.ci or (None, None)
    stem = row.statement.replace("-", "_")
    cells: tuple[Cell, ...] = (row.verdict, row.reason, row.value, low, high, row.decides)
    return {f"{stem}_{part}": cell for part, cell in zip(_STATEMENT, cells, strict=True)}


def csv_text(record: Content) -> str:
    """Return the table of a record."""
    points = {point.codec: point for point in record.sweep.points} if record.sweep else {}
    spreads = {row.measurement: row for row in record.sweep.raw_spread} if record.sweep else {}
    codecs = {row.codec: row for row in record.codecs}
    said: dict[tuple[str, str], dict[str, Cell]] = {}
    for row in record.statements:
        said.setdefault((row.codec, row.measurement), {}).update(_statement(row))
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for result in record.results:
        codec, spread, point = codecs[result.codec], spreads.get(result.measurement), points.get(result.codec)
        values: dict[str, Cell] = {name: getattr(codec, name) for name in _CODEC}
        values |= flat(result) | {"unit": record.units[result.measurement]} | said.get((result.codec, result.measurement), {})
        values["warnings_bearing"] = sum(warning.bears for warning in result.warnings)
        if spread is not None:
            values |= {"raw_spread_low": spread.low, "raw_spread_high": spread.high}
        if point is not None:
            values |= {"curve": point.curve, "parameter": point.parameter, "value": point.shown}
        writer.writerow([safe_cell(values.get(name)) for name in COLUMNS])
    return stream.getvalue()


class CsvReport:
    """Writes results.csv: one line per image, codec and measurement."""

    name = "csv"

    def render(self, folder: Path) -> Path:
        """Write `folder`/results.csv from record.json, whole or not at all, and return its path.

        Raises
        ------
        InvalidRecord : record.json is missing or is not a record.
        """
        target = Path(folder) / "results.csv"
        write_text(target, csv_text(read_content(folder)))
        return target
