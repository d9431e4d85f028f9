"""The parts that a sweep and a search add to a record, read as a stranger's: types checked, names of the record's own codecs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from sigmaraw.errors import InvalidRecord


@dataclass(frozen=True)
class CurvePoint:
    """One codec of a sweep: its curve, and the setting that runs along it (None where the curve is one point)."""

    codec: str
    curve: str
    parameter: str | None
    value: float | str | None
    unit: str


@dataclass(frozen=True)
class Sweep:
    """curves : name → points, as typed. raw_spread : measurement → where 95 % of raw predictions lie about their mean, σ_raw."""

    curves: dict[str, list[CurvePoint]]
    raw_spread: dict[str, tuple[float, float]]


def _refuse(found: str, expected: str) -> NoReturn:
    raise InvalidRecord(found, expected, "run the sweep or search again, or restore the folder from a copy")


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _rows(part: Mapping[str, Any], name: str, words: tuple[str, ...]) -> list[dict[str, Any]]:
    rows = part.get(name)
    if not isinstance(rows, list) or not all(
        isinstance(row, dict) and all(isinstance(row.get(word), str) for word in words) for row in rows
    ):
        _refuse(f"'{name}' of a sweep or search in record.json", f"a list of objects with {', '.join(words)}")
    return rows


def sweep_of(record: Mapping[str, Any]) -> Sweep | None:
    """Return the record's sweep, None where it has none.

    record : as `loading.checked` returns it.

    Raises
    ------
    InvalidRecord : a part is missing or of another type, or names a codec or measurement that the record does not list.
    """
    part = record.get("sweep")
    if part is None:
        return None
    if not isinstance(part, dict):
        _refuse("'sweep' of record.json", "an object")
    codecs = {row["codec"] for row in record["codecs"]}
    curves: dict[str, list[CurvePoint]] = {}
    for row in _rows(part, "points", ("codec", "curve", "unit")):
        parameter, value = row.get("parameter"), row.get("value")
        known = row["codec"] in codecs and (parameter is None or isinstance(parameter, str))
        if not known or not (value is None or isinstance(value, str | bool) or _number(value)):
            _refuse("a point of 'sweep' in record.json", "a codec of the record, a parameter and its value")
        shown = str(value).lower() if isinstance(value, bool) else value
        curves.setdefault(row["curve"], []).append(CurvePoint(row["codec"], row["curve"], parameter, shown, row["unit"]))
    spread = {
        row["measurement"]: (float(row["low"]), float(row["high"]))
        for row in _rows(part, "raw_spread", ("measurement",))
        if _number(row.get("low")) and _number(row.get("high"))
    }
    return Sweep(curves, spread)


_SIDE_NUMBERS = ("images", "failing")
VERDICTS = ("PASS", "FAIL", "INCONCLUSIVE")


def _check_side(side: Any) -> None:
    good = isinstance(side, dict) and side.get("verdict") in VERDICTS and isinstance(side.get("reason"), str)
    good = good and all(_number(side.get(name)) for name in _SIDE_NUMBERS)
    if not good or not (side.get("epsilon_hat") is None or _number(side["epsilon_hat"])):
        _refuse("a tried setting of 'search' in record.json", "{verdict, reason, images, failing, epsilon_hat}")


def search_of(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the record's search, each part that a rendering reads being of its type; None where it has none.

    record : as `loading.checked` returns it.

    Raises
    ------
    InvalidRecord : a part is missing or of another type.
    """
    part = record.get("search")
    if part is None:
        return None
    names = ("images", "error_rate", "recommended", "rule")
    if not isinstance(part, dict) or not all(isinstance(part.get(name), dict) for name in names):
        _refuse("'search' of record.json", f"an object with {', '.join(names)}")
    images, rates, recommended, rule = (part[name] for name in names)
    if not (rule.get("exceedance") is None or _number(rule["exceedance"])):
        _refuse("the rule of 'search' in record.json", "a share of images, or null")
    if not all(isinstance(images.get(name), list) for name in ("tuning", "confirmation")):
        _refuse("the images of 'search' in record.json", "lists")
    if not all(_number(rates.get(name)) for name in ("recommended", "each_family", "all_families")):
        _refuse("the error rates of 'search' in record.json", "numbers")
    for row in _rows(part, "families", ("curve", "unit", "outcome")):
        optional = (row.get("compression_ratio"), row.get("exceedance_upper"))
        if not all(value is None or _number(value) for value in optional) or not isinstance(row.get("chosen"), str | None):
            _refuse("a family of 'search' in record.json", "numbers or null, and the chosen codec or null")
        for tried in _rows(row, "tried", ("codec",)):
            if not _number(tried.get("compression_ratio")) or not (tried.get("psnr_camera_db") is None or _number(tried["psnr_camera_db"])):
                _refuse("a tried setting of 'search' in record.json", "its compression ratio and PSNR")
            if not _number(tried.get("round")):
                _refuse("a tried setting of 'search' in record.json", "its round")
            _check_side(tried.get("tuning"))
            if tried.get("confirmation") is not None:
                _check_side(tried["confirmation"])
    if not isinstance(recommended.get("codec"), str | None):
        _refuse("the recommended codec of 'search' in record.json", "a codec or null")
    return dict(part)
