"""How many replicas there are and why, and the law of propagation beside them: checked, and laid out for page and terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sigmaraw.errors import InvalidRecord
from sigmaraw.reports.numbers import fixed, interval, measured, percent, plain, with_unit

_REMEDY = "run sigmaraw validate again, or restore the folder from a copy"
_DELTA_NUMBERS = ("sigma", "ratio", "u_ratio", "d_low", "d_high", "tolerance", "n_dig")


def _number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _good_delta(value: Any) -> bool:
    if not isinstance(value, Mapping) or not isinstance(value.get("reason"), str) or not all(_number(value.get(n)) for n in _DELTA_NUMBERS):
        return False
    pairs = [value.get(name) for name in ("interval", "replicas_interval")]
    return value.get("accepted") in (True, False, None) and all(
        pair is None or (isinstance(pair, list) and len(pair) == 2 and all(map(_number, pair))) for pair in pairs
    )


def _good_adaptive(value: Any) -> bool:
    rows = value.get("measurements") if isinstance(value, Mapping) else None
    return (
        isinstance(rows, list)
        and all(_number(value.get(name)) for name in ("target", "maximum", "n"))
        and isinstance(value.get("reached"), bool)
        and all(
            isinstance(row, Mapping)
            and isinstance(row.get("measurement"), str)
            and _number(row.get("image"))
            and _number(row.get("relative_u"))
            and isinstance(row.get("reached"), bool)
            and isinstance(row.get("reason"), str | None)
            for row in rows
        )
    )


def check_replica_number(record: dict[str, Any]) -> None:
    """Refuse a record whose `adaptive` or `delta` is not what a study writes; both may be missing. Raises InvalidRecord."""
    if record.setdefault("adaptive", None) is not None and not _good_adaptive(record["adaptive"]):
        raise InvalidRecord("'adaptive' of record.json", "target, maximum, n, reached and a row per measurement", _REMEDY)
    for row in record["results"]:
        if row.setdefault("delta", None) is not None and not _good_delta(row["delta"]):
            raise InvalidRecord("'delta' of a result in record.json", "numbers, a reason and whether it was accepted", _REMEDY)


def replicas_used(record: Mapping[str, Any]) -> str:
    """Return n as the plan states it, with what an adaptive rule made of it."""
    stated, adaptive = record["plan"].get("n"), record.get("adaptive")
    if adaptive is None:
        return "none" if stated is None else str(stated)
    how = "reached" if adaptive["reached"] else "not reached"
    return f"{plain(adaptive['n'])} ({stated}: {how})"


def adaptive_rows(record: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return per image and measurement how well σ_raw is known, as text."""
    rows = (record.get("adaptive") or {}).get("measurements", [])
    words = {True: "yes", False: "no"}
    return [
        {
            "image": str(row["image"]),
            "measurement": row["measurement"],
            "u": percent(row["relative_u"]) or f"undefined ({row['reason'] or 'not said'})",
            "reached": words[row["reached"]],
        }
        for row in rows
    ]


def delta_rows(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the law of propagation per image and measurement, as text; the same for every codec, so once."""
    units = {row["name"]: row["unit"] for row in record["measurements"]}
    seen: dict[tuple[Any, str], dict[str, Any]] = {}
    for row in record["results"]:
        delta, key = row.get("delta"), (row["image"], row["measurement"])
        if delta is None or key in seen:
            continue
        none = f"undefined ({delta['reason']})"
        ends, replicas = (delta.get(name) or (None, None) for name in ("interval", "replicas_interval"))
        seen[key] = {
            "image": str(row["image"]),
            "measurement": row["measurement"],
            "defined": delta.get("sigma") is not None,
            "sigma": with_unit(plain(delta.get("sigma"), 3), units.get(row["measurement"], "")) or none,
            "ratio": measured(delta.get("ratio"), delta.get("u_ratio")) or none,
            "interval": interval(*ends) or none,
            "replicas": interval(*replicas) or none,
            "low": plain(delta.get("d_low"), 2) or none,
            "high": plain(delta.get("d_high"), 2) or none,
            "tolerance": plain(delta.get("tolerance"), 1) or none,
            "digits": fixed(delta.get("n_dig"), 0) or "",
            "accepted": {True: "yes", False: "no"}.get(delta.get("accepted"), "not decided"),
            "reason": delta["reason"],
        }
    return list(seen.values())


def delta_undefined(rows: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return (reason, measurements) of those rows of `delta_rows` that have no σ, each measurement with its images."""
    places: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        if not row["defined"]:
            places.setdefault(str(row["reason"]), {}).setdefault(row["measurement"], []).append(row["image"])
    return [
        (reason, "; ".join(f"{name}, image{'s' * (len(images) > 1)} {', '.join(images)}" for name, images in names.items()))
        for reason, names in places.items()
    ]


def text_lines(record: Mapping[str, Any]) -> list[str]:
    """Return lines for a terminal: what an adaptive n reached, and σ_raw by the law of propagation where there is one."""
    lines = []
    if record.get("adaptive") is not None:
        open_ = [f"{row['measurement']} of image {row['image']}: {row['u']}" for row in adaptive_rows(record) if row["reached"] == "no"]
        lines.append(f"n = {replicas_used(record)}" + (f"; u(σ_raw)/σ_raw: {', '.join(open_)}" if open_ else ""))
    for row in delta_rows(record):
        if not row["sigma"].startswith("undefined"):
            verdict = {"yes": "may stand for replicas", "no": "does not stand for replicas", "not decided": row["reason"]}[row["accepted"]]
            where = f"{row['measurement']}, image {row['image']}"
            beside = "" if row["ratio"].startswith("undefined") else f", {row['ratio']} of that of replicas"
            lines.append(f"law of propagation, {where}: σ = {row['sigma']}{beside}; {verdict}")
    return lines
