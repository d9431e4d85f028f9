"""The table frames.csv: which files of a series are which exposure. Written by strangers, so every cell is checked."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path

from sigmaraw.errors import InputNotFound, InvalidSeries

REQUIRED = ("path", "kind", "exposure_ms")
OPTIONAL = ("irradiance", "temperature_c")
KINDS = ("dark", "flat")
_ABSOLUTE_ZERO_C = -273.15


@dataclass(frozen=True)
class Row:
    """One checked row: an existing path inside the series, kind, exposure in ms (None where the cell is empty)."""

    path: Path
    kind: str
    exposure_ms: float | None
    irradiance: float | None = None
    temperature_c: float | None = None


def inside(folder: Path, text: str, where: str) -> Path:
    """Return `text` as a path inside `folder`, links resolved; Windows separators are taken too.

    Raises
    ------
    InvalidSeries
        An absolute path or one that leads out of the folder: a series speaks of its own frames only.
    InputNotFound
        Nothing of that name.
    """
    relative = text.strip().replace("\\", "/")
    escapes = InvalidSeries(
        f"{where} names '{text.strip()[:80]}', which is not inside {folder}", "a relative path inside the series", "correct it"
    )
    if not relative or "\0" in relative or relative.startswith("/") or relative[1:2] == ":":
        raise escapes
    path = folder / relative
    if not path.resolve().is_relative_to(folder.resolve()):
        raise escapes
    if not path.exists():
        raise InputNotFound(f"{where} names {relative}, which is not in {folder}", "an existing file or folder", "correct the path")
    return folder / path.resolve().relative_to(folder.resolve())


def read_text(path: Path) -> str:
    """Return a small text file. Raises InvalidSeries when it is not UTF-8 text or over 16 MB."""
    if path.stat().st_size > 1 << 24:
        raise InvalidSeries(f"{path} is {path.stat().st_size} bytes long", "a short text file", "check that it is the right file")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidSeries(f"{path} is not UTF-8 text", "a plain text file", "save it as UTF-8") from error


def number(text: str, where: str, minimum: float) -> float:
    """Return a finite number of at least `minimum`. Raises InvalidSeries otherwise."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < minimum or "_" in text:
        raise InvalidSeries(f"{where} is '{text.strip()[:40]}'", f"a number from {minimum:g}", "correct it")
    return value


def read_frames_csv(path: Path) -> list[Row]:
    """Return the rows of a frames.csv: columns path, kind, exposure_ms, optional irradiance and temperature_c.

    Raises
    ------
    InvalidSeries
        Unknown, repeated or missing columns, bad cells, a path named twice or leading out of the folder.
    InputNotFound
        A path that is not there.
    """
    reader = csv.reader(io.StringIO(read_text(path)), strict=True)
    try:
        lines = [(reader.line_num, [cell.strip() for cell in line]) for line in reader if any(cell.strip() for cell in line)]
    except csv.Error as error:
        raise InvalidSeries(f"{path} line {reader.line_num}: {error}", "comma-separated values", "correct the line") from error
    if not lines:
        raise InvalidSeries(f"{path} is empty", f"the columns {', '.join(REQUIRED)}", "fill or remove it")
    header = lines[0][1]
    _check_header(path, header)
    rows: list[Row] = []
    seen: set[Path] = set()
    for line, cells in lines[1:]:
        where = f"{path} line {line}"
        if len(cells) != len(header):
            raise InvalidSeries(f"{where} has {len(cells)} cells", f"{len(header)}, one a column", "correct the line")
        row = _row(path.parent, dict(zip(header, cells, strict=True)), where)
        if row.path in seen:
            raise InvalidSeries(f"{where} names {row.path} a second time", "each path once", "remove one of the lines")
        seen.add(row.path)
        rows.append(row)
    return rows


def _check_header(path: Path, header: list[str]) -> None:
    known = (*REQUIRED, *OPTIONAL)
    for name in header:
        if name not in known:
            raise InvalidSeries(f"{path} has an unknown column '{name[:40]}'", f"only {', '.join(known)}", "rename or remove it")
    missing = [name for name in REQUIRED if name not in header]
    if missing or len(set(header)) < len(header):
        found = f"lacks the column {missing[0]}" if missing else "has a column twice"
        raise InvalidSeries(f"{path} {found}", f"each of {', '.join(REQUIRED)} once", "correct the header line")


def _row(folder: Path, cells: dict[str, str], where: str) -> Row:
    if cells["kind"] not in KINDS:
        raise InvalidSeries(f"{where}: kind is '{cells['kind'][:40]}'", f"one of {', '.join(KINDS)}", "correct it")

    def optional(name: str, minimum: float) -> float | None:
        text = cells.get(name, "")
        return number(text, f"{where}: {name}", minimum) if text else None

    return Row(
        inside(folder, cells["path"], where),
        cells["kind"],
        optional("exposure_ms", 0.0),
        optional("irradiance", 0.0),
        optional("temperature_c", _ABSOLUTE_ZERO_C),
    )
