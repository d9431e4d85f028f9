"""frames.csv: which files of a series are which exposure. Written by strangers, so every cell is checked.

Columns are separated by commas, semicolons or tabs, as programs of different countries save them; with semicolons or tabs a decimal
comma is taken too.
"""

from __future__ import annotations

import csv
import io
import math
import os
import re
from dataclasses import dataclass
from pathlib import Path

from sigmaraw.errors import InputNotFound, InvalidSeries
from sigmaraw.frames.levels import Kind
from sigmaraw.frames.names import kind_of_name
from sigmaraw.frames.selection import split, with_selection
from sigmaraw.frames.units import milliseconds_of, parse_time

REQUIRED = ("path", "kind", "exposure_ms")
OPTIONAL = ("irradiance", "temperature_c", "pages")
KINDS = ("dark", "flat")
_EXPOSURE = re.compile(r"exposure(?:_?time)?_*[(\[]?(\w+)[)\]]?")
_ABSOLUTE_ZERO_C = -273.15


@dataclass(frozen=True)
class TableRow:
    """One checked row: an existing path inside the series, kind, exposure in ms (None where the cell is empty)."""

    path: Path
    kind: Kind
    exposure_ms: float | None
    irradiance: float | None = None
    temperature_c: float | None = None


def inside(folder: Path, text: str, where: str) -> Path:
    """Return `text` as a path inside `folder`; Windows separators are taken too, and links are followed as the system does.

    Parameters
    ----------
    folder : Path
        The series.
    text : str
        A relative path, with what of the file is asked for after a #.
    where : str
        File and line, for messages.

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
    plain = os.path.normpath(relative)
    if plain.split("/")[0] == "..":
        raise escapes
    path = folder / plain
    if not split(path)[0].exists():
        what = "a link that leads nowhere" if split(path)[0].is_symlink() else "not there"
        raise InputNotFound(f"{where} names {relative}, which is {what} in {folder}", "an existing file or folder", "correct the path")
    return path


def read_text(path: Path) -> str:
    """Return a small text file, UTF-8 or with the mark of UTF-16. Raises InvalidSeries when it is neither, or over 16 MB."""
    if path.stat().st_size > 1 << 24:
        raise InvalidSeries(f"{path} is {path.stat().st_size} bytes long", "a short text file", "check that it is the right file")
    content = path.read_bytes()
    try:
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            text = content.decode("utf-16")
            if not any(mark in text for mark in ",;\t"):
                raise InvalidSeries(f"{path} is not UTF-8 text", "a plain text file", "save it as UTF-8")
            return text
        return content.decode("utf-8-sig")
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


def read_frames_csv(path: Path) -> list[TableRow]:
    """Return the rows of a frames.csv.

    Parameters
    ----------
    path : Path
        Columns path, kind, exposure_ms (or exposure_s, exposure_us), optional irradiance, temperature_c and pages (0-7: from 0, the last
        one included).

    Raises
    ------
    InvalidSeries
        Unknown, repeated or missing columns, bad cells, a path named twice or leading out of the folder.
    InputNotFound
        A path that is not there.
    """
    text = read_text(path)
    delimiter = _delimiter(text)
    reader = csv.reader(io.StringIO(text), strict=True, delimiter=delimiter)
    try:
        lines = [(reader.line_num, [cell.strip() for cell in line]) for line in reader if any(cell.strip() for cell in line)]
    except csv.Error as error:
        raise InvalidSeries(f"{path} line {reader.line_num}: {error}", "comma-separated values", "correct the line") from error
    if lines and lines[0][1][0].lower().startswith("sep="):
        lines = lines[1:]  # Excel's word on the separator
    if not lines:
        raise InvalidSeries(f"{path} is empty", f"the columns {', '.join(REQUIRED)}", "fill or remove it")
    header, factor = _header(path, lines[0][1])
    rows: list[TableRow] = []
    seen: set[Path] = set()
    for line, cells in lines[1:]:
        where = f"{path} line {line}"
        if len(cells) != len(header):
            raise InvalidSeries(f"{where} has {len(cells)} cells", f"{len(header)}, one a column", "correct the line")
        row = _row(path.parent, dict(zip(header, cells, strict=True)), where, factor, "," if delimiter == "," else ".")
        if row.path in seen:
            raise InvalidSeries(f"{where} names {row.path} a second time", "each path once", "remove one of the lines")
        seen.add(row.path)
        rows.append(row)
    return rows


def _delimiter(text: str) -> str:
    """Return the separator that stands most often in the header line; a comma where there is none."""
    lines = [line for line in text.splitlines() if line.strip()]
    first = next((line for line in lines if not line.lower().startswith("sep=")), "")
    return max(",;\t", key=first.count)


def _header(path: Path, cells: list[str]) -> tuple[list[str], float]:
    """Return the names of the columns and the milliseconds of one unit of exposure."""
    names, factor = [], 1.0
    for cell in cells:
        name = re.sub(r"[\s-]+", "_", cell.strip().lower())
        exposure = _EXPOSURE.fullmatch(name)
        unit = None if exposure is None else milliseconds_of(exposure[1])
        if unit is not None:
            name, factor = "exposure_ms", unit
        names.append(name)
        if name not in (*REQUIRED, *OPTIONAL):
            known = ", ".join((*REQUIRED, *OPTIONAL))
            raise InvalidSeries(f"{path} has an unknown column '{cell[:40]}'", f"only {known}", "rename or remove it")
    missing = [name for name in REQUIRED if name not in names]
    if missing or len(set(names)) < len(names):
        found = f"lacks the column {missing[0]}" if missing else "has a column twice"
        raise InvalidSeries(f"{path} {found}", f"each of {', '.join(REQUIRED)} once", "correct the header line")
    return names, factor


def _row(folder: Path, cells: dict[str, str], where: str, factor: float, comma: str) -> TableRow:
    kind = kind_of_name(cells["kind"])
    if kind is None:
        raise InvalidSeries(f"{where}: kind is '{cells['kind'][:40]}'", f"one of {', '.join(KINDS)}", "correct it")

    def optional(name: str, minimum: float) -> float | None:
        text = cells.get(name, "").replace(",", comma)
        return number(text, f"{where}: {name}", minimum) if text else None

    exposure = cells["exposure_ms"].replace(",", comma)
    # A cell may name its own unit: "10 ms", "0.5 s".
    time = parse_time(exposure, factor) if re.search(r"[^\W\d_eE]", exposure) else None
    path = inside(folder, cells["path"], where)
    pages = cells.get("pages", "")
    return TableRow(
        with_selection(path, f"pages={pages}") if pages else path,
        kind,
        time if time is not None else _scaled(optional("exposure_ms", 0.0), factor),
        optional("irradiance", 0.0),
        optional("temperature_c", _ABSOLUTE_ZERO_C),
    )


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
