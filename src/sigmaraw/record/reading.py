"""Reads a record as a stranger's: strict types, control characters made visible, nothing executed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from sigmaraw.errors import InvalidRecord, visible
from sigmaraw.record.camera import CameraRow, FiguresRow
from sigmaraw.record.content import SCHEMA, Content
from sigmaraw.record.fields import RowType

_REMEDY = "run sigmaraw validate again, or restore the folder from a copy"
_LONGEST = 200  # characters of a stranger's word in a message


def refuse(found: str, expected: str, remedy: str = _REMEDY) -> NoReturn:
    """Raise InvalidRecord; what was found may hold a stranger's words."""
    raise InvalidRecord(visible(found), expected, remedy)


# --- words and numbers ------------------------------------------------------------------------------------------------
def clean(value: Any) -> Any:
    """Return JSON values with words made visible and numbers that are not finite as None.

    Raises
    ------
    InvalidRecord
        A whole number of more than 64 bits, or a value that is not JSON's.
    """
    kind = type(value)
    if kind is float:  # most of a record; the order is for speed
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        if value.isascii() and value.isprintable():
            return value
        return visible(value.replace("\r\n", " ").replace("\n", " ").replace("\t", " "))
    if kind is dict or isinstance(value, Mapping):
        return {clean(str(key)): clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if abs(value) < 1 << 64 else refuse("a whole number of more than 64 bits", "numbers that a float64 holds")
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return refuse(f"a value of type {type(value).__name__} in the record", "JSON values")


# --- rows -------------------------------------------------------------------------------------------------------------
def rows_of(kind: type[RowType], value: Any, what: str) -> RowType:
    """Return JSON values as a row, words made visible.

    Parameters
    ----------
    kind : type
        Class of the row.
    value : object
        JSON values.
    what : str
        Where they are from, for the message.

    Raises
    ------
    InvalidRecord
        A value of another type, a field that is missing, or one that the row does not have.
    """
    try:
        return msgspec.convert(clean(value), kind)
    except msgspec.ValidationError as error:
        refuse(f"{what}: {_shortened(error)}", "what sigmaraw writes there")
    except RecursionError:
        refuse(f"{what} is nested too deeply", "what sigmaraw writes there")


def _shortened(error: msgspec.ValidationError) -> str:
    """Return the message in one line, its path as in `results[].ks`."""
    text = " ".join(str(error).split())
    message, at, path = text.rpartition(" - at ")
    if not at:
        return text[:_LONGEST]
    place = re.sub(r"\[\.\.\.\]", "[]", path.strip("`")).removeprefix("$").lstrip(".")
    return f"'{place[:_LONGEST]}': {message[:_LONGEST]}"


def content_of(document: Any) -> Content:
    """Return the rows of a record's JSON values.

    Raises
    ------
    InvalidRecord
        Another schema; a part that is missing, unknown or of another type; a row for a codec or measurement that is not listed.
    """
    if not isinstance(document, Mapping):
        refuse("record.json holds no object", f"a record of schema {SCHEMA}")
    if document.get("schema") != SCHEMA:
        refuse(f"schema '{str(document.get('schema'))[:60]}' in record.json", f"'{SCHEMA}'", "read it with the version that wrote it")
    content = rows_of(Content, document, "record.json")
    _check_references(content)
    return content


def _check_references(content: Content) -> None:
    """Refuse rows for a codec or measurement that the record does not list."""
    codecs = {row.codec for row in content.codecs}
    measurements = {row.name for row in content.measurements}
    if not codecs or not measurements or not content.results:
        refuse("record.json without codecs, measurements or results", "at least one of each")
    for row in content.results:
        if row.codec not in codecs or row.measurement not in measurements or row.image < 0:
            refuse(f"a result of record.json for '{row.codec[:60]}' and '{row.measurement[:60]}'", "a codec and measurement listed in it")
    said = [(row.codec, row.measurement) for row in content.statements]
    said += [(row.codec, row.measurement) for row in (content.decision.rulings if content.decision else ())]
    for codec, measurement in said:
        if codec not in codecs or measurement not in measurements:
            refuse(f"a statement of record.json for '{codec[:60]}' and '{measurement[:60]}'", "a codec and measurement listed in it")
    for score in content.objects.scores if content.objects else ():
        if score.codec not in codecs or score.image < 0:
            refuse(f"a score of an object in record.json for '{score.codec[:60]}'", "a codec listed in it")
    for point in content.sweep.points if content.sweep else ():
        if point.codec not in codecs:
            refuse(f"a point of 'sweep' in record.json for '{point.codec[:60]}'", "a codec listed in it")


def camera_of(summary: Any) -> CameraRow:
    """Return the row of what `CameraProfile.summary` returns. Raises InvalidRecord as `rows_of`."""
    return summary if isinstance(summary, CameraRow) else rows_of(CameraRow, summary, "the summary of a camera")


def figures_of(figures: Any) -> FiguresRow:
    """Return the rows of what `CameraProfile.figures` returns. Raises InvalidRecord as `rows_of`."""
    return rows_of(FiguresRow, figures, "the figures of a camera")


# --- files ------------------------------------------------------------------------------------------------------------
def read_document(folder: str | Path) -> dict[str, Any]:  # as the file has it: the digest is taken over this
    """Return record.json of a folder as JSON values: UTF-8 and of this schema; nothing else is checked.

    Raises
    ------
    InvalidRecord
        Missing, not UTF-8, not JSON, a number beyond float64, nested too deeply, or of another schema.
    """
    path = Path(folder) / "record.json"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        inside = [name for name in ("confirmation", "tuning") if (path.parent / name / "record.json").is_file()]
        remedy = f"name {Path(folder) / inside[0]}, which a search wrote" if inside else "check the path"
        raise InvalidRecord(f"{folder} has no record.json", "a folder that validate wrote", remedy) from error
    except UnicodeDecodeError as error:
        raise InvalidRecord(f"{path} is not UTF-8 text", "the file that validate wrote", "run validate again") from error
    try:
        document = json.loads(text, parse_float=_within_float64, parse_constant=lambda word: None)
        json.dumps(document, ensure_ascii=False).encode()  # half a surrogate pair is JSON, and no text
    except (ValueError, RecursionError) as error:  # JSONDecodeError and UnicodeEncodeError are ValueErrors
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)[:120]
        raise InvalidRecord(f"{path} is not JSON ({reason})", "the file that validate wrote", "run validate again") from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        found = f"'{str(document.get('schema'))[:60]}'" if isinstance(document, dict) else type(document).__name__
        raise InvalidRecord(f"{path} has schema {found}", f"'{SCHEMA}'", "use the sigmaraw version that wrote it")
    return document


def read_content(folder: str | Path) -> Content:
    """Return the rows of a folder's record.json. Raises InvalidRecord as `read_document` and `content_of`."""
    return content_of(read_document(folder))


def _within_float64(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"number {text[:20]} is beyond float64")
    return value
