"""A plan file as it is written and locked before data are seen, and what is refused later."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sigmaraw.errors import InvalidPlan
from sigmaraw.files import write_text
from sigmaraw.integrity.log import now
from sigmaraw.record.design import LockRow
from sigmaraw.study.reads import first_reads, log_path

LOCK = "lock"
PROTOCOL_KEYS: dict[str, type] = {
    "question": str,
    "context_of_use": str,
    "model_influence": str,
    "decision_consequence": str,
    "endpoints": list,
    "rationale": dict,
    "unit": str,
    "images": int,
    "multiplicity": str,
    "exclusions": list,
}
"""What a plan file says beside settings, with types."""


def digest_of_plan(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 over all that a plan file says but its lock, in canonical JSON: layout and comments do not count."""
    kept = {key: value for key, value in content.items() if key != LOCK}
    return hashlib.sha256(json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()


def write_locked(path: str | Path, content: Mapping[str, Any]) -> LockRow:
    """Write a plan file with its lock, whole or not at all.

    Parameters
    ----------
    path : path
        The file.
    content : mapping
        What `tomllib` is to read of it; a lock in it is replaced.

    Returns
    -------
    LockRow
        Digest and time, as they stand in the file.
    """
    kept = {key: value for key, value in content.items() if key != LOCK}
    lock = LockRow(state="locked", sha256=digest_of_plan(kept), created=now())
    write_text(path, toml_text({**kept, LOCK: {"sha256": lock.sha256, "time": lock.created}}))
    return lock


def toml_text(content: Mapping[str, Any]) -> str:
    """Return TOML of texts, numbers, booleans, lists of them, and tables of these."""
    return "\n".join(_lines(content, ())) + "\n"


def _lines(table: Mapping[str, Any], place: Sequence[str]) -> list[str]:
    lines = [f"[{'.'.join(map(_key, place))}]"] if place else []
    lines += [f"{_key(key)} = {_value(value)}" for key, value in table.items() if not isinstance(value, Mapping)]
    for key, value in table.items():
        if isinstance(value, Mapping):
            lines += ["", *_lines(value, (*place, key))]
    return lines


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else _value(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # a JSON text is a TOML text but for DEL
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    raise InvalidPlan(f"a value of type {type(value).__name__} in a plan", "text, number, true or false, or a list of them", "correct it")


def read_lock(path: str | Path) -> LockRow | None:
    """Return a plan file's lock; None where it has none.

    Raises
    ------
    InvalidPlan
        The file was edited after it was locked, or its lock is none.
    """
    content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    lock = content.get(LOCK)
    if lock is None:
        return None
    if not isinstance(lock, dict) or set(lock) != {"sha256", "time"} or not all(isinstance(value, str) for value in lock.values()):
        raise InvalidPlan(f"[lock] of {path}", "sha256 and time, as sigmaraw plan writes them", "lock the plan with sigmaraw plan")
    try:
        datetime.fromisoformat(lock["time"])
    except ValueError as error:
        raise InvalidPlan(f"time = '{lock['time'][:40]}' in [lock] of {path}", "a time, ISO 8601", "lock the plan anew") from error
    if digest_of_plan(content) != lock["sha256"]:
        raise InvalidPlan(
            f"plan {path} was edited after it was locked at {lock['time']}",
            "the plan as it was locked",
            "undo the edit, or lock a new plan for new data with sigmaraw plan",
        )
    return LockRow(state="locked", sha256=lock["sha256"], created=lock["time"])


def require_lock(path: str | Path, exploratory: bool) -> LockRow:
    """Return how a plan file was fixed, for the record.

    Raises
    ------
    InvalidPlan
        Not locked, and not said to be exploratory.
    """
    lock = read_lock(path)
    if exploratory:
        return LockRow(state="exploratory", sha256=lock.sha256 if lock else None, created=lock.created if lock else None)
    if lock is None:
        raise InvalidPlan(
            f"plan {path} is not locked",
            "a plan that was locked before the data were read",
            "lock it with sigmaraw plan, or add --exploratory",
        )
    return lock


def refuse_late_lock(lock: LockRow | None, digests: Sequence[str]) -> None:
    """Refuse a lock that is younger than this tool's first read of the data.

    Parameters
    ----------
    lock : LockRow or None
        None and exploratory ones pass.
    digests : sequence of str
        SHA-256 of each image.

    Raises
    ------
    InvalidPlan
        One of them had been read before the plan was locked.
    """
    if lock is None or lock.state != "locked" or lock.created is None:
        return
    held, locked = first_reads(), datetime.fromisoformat(lock.created)
    earlier = sorted(time for digest in digests if (time := held.get(digest)) and datetime.fromisoformat(time) < locked)
    if earlier:
        raise InvalidPlan(
            f"a plan locked at {lock.created}, and data that this tool first read at {earlier[0]} ({log_path()})",
            "a plan that was locked before the data were read",
            "use new data, or add --exploratory",
        )
