"""When this tool first read an image: an append-only log in the user's folder for state. It knows nothing of other programs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from sigmaraw.errors import InvalidPlan

_NAME = "first-reads.jsonl"


def log_path() -> Path:
    """Return the log: in $SIGMARAW_STATE, else in the folder that the system keeps for a user's state."""
    stated = os.environ.get("SIGMARAW_STATE")
    if stated:
        return Path(stated) / _NAME
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return base / "sigmaraw" / _NAME


def first_reads() -> dict[str, str]:
    """Return the time (UTC, ISO 8601) of the first read of each image, by its SHA-256.

    Raises
    ------
    InvalidPlan
        A line of the log is not one of this tool's.
    """
    path = log_path()
    found: dict[str, str] = {}
    if not path.exists():
        return {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            entry = json.loads(line)
            digest, time = str(entry["sha256"]), str(entry["time"])
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidPlan(f"line {number} of {path}", '{"sha256": …, "time": …}', "restore the log from a copy") from error
        found[digest] = min(found.get(digest, time), time)
    return found


def note_reads(digests: Iterable[str], time: str) -> None:
    """Append the images that the log does not hold yet.

    Raises
    ------
    OSError
        The folder cannot be written.
    """
    held = first_reads()
    lines = [json.dumps({"sha256": digest, "time": time}) + "\n" for digest in dict.fromkeys(digests) if digest not in held]
    if not lines:
        return
    path = log_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as log:
        log.write("".join(lines))
