"""The log of a record: what ran on what, by whom. Each line holds the SHA-256 of the line before it, so that none changes alone."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from sigmaraw.integrity.canonical import digest

LOG_FILE = "log.jsonl"
FIRST = "0" * 64
"""What the first line names as the line before it."""
_LARGEST = 64 << 20  # bytes; a stranger's log must not fill the memory


class LogLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of the log.

    Parameters
    ----------
    line : int
        Its number, from 1.
    time : str
        UTC, ISO 8601.
    event : str
        start, end, report, sign-pdf, sign, written.
    by : str
        Who ran it: SIGMARAW_OPERATOR, else the name of the login.
    tool : str
        Program and version.
    facts : dict
        What belongs to the event: hashes of inputs and plan, digest, files.
    previous : str
        SHA-256 of the line before it; zeros in the first.
    sha256 : str
        SHA-256 of the canonical JSON of the other fields.
    """

    line: int
    time: str
    event: str
    by: str
    tool: str
    facts: dict[str, Any] = {}
    previous: str = FIRST
    sha256: str = ""

    def expected(self) -> str:
        """Return the SHA-256 that the line ought to state."""
        values = msgspec.to_builtins(self)
        del values["sha256"]
        return digest(values)


def operator() -> str:
    """Return who runs this: the environment variable SIGMARAW_OPERATOR, else the login's name, else "unknown"."""
    stated = os.environ.get("SIGMARAW_OPERATOR", "").strip()
    if stated:
        return stated
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container without users
        return "unknown"


def now() -> str:
    """Return the time, UTC, ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def with_lines(lines: Sequence[LogLine], tool: str, events: Sequence[tuple[str, str | None, Mapping[str, Any]]]) -> tuple[LogLine, ...]:
    """Return the lines with more of them, chained.

    Parameters
    ----------
    lines : sequence of LogLine
        What the log holds.
    tool : str
        Program and version.
    events : sequence of tuple
        (event, time or None for now, facts) of each new line.
    """
    made = list(lines)
    for event, time, facts in events:
        previous = made[-1].sha256 if made else FIRST
        line = LogLine(line=len(made) + 1, time=time or now(), event=event, by=operator(), tool=tool, facts=dict(facts), previous=previous)
        made.append(msgspec.structs.replace(line, sha256=line.expected()))
    return tuple(made)


def log_text(lines: Sequence[LogLine]) -> str:
    """Return the log as it stands in the file: one JSON object a line."""
    return "".join(json.dumps(msgspec.to_builtins(line), ensure_ascii=False) + "\n" for line in lines)


def read_log(path: Path) -> tuple[tuple[LogLine, ...], dict[int, str]]:
    """Return the lines of a log, and what is wrong, by number of the line; a line that cannot be read ends the reading.

    Number 0 stands for the file.
    """
    try:
        if path.stat().st_size > _LARGEST:
            return (), {0: "it is larger than a log can be"}
        texts = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        return (), {0: "it is missing"}
    except (OSError, UnicodeDecodeError):
        return (), {0: "it cannot be read as UTF-8 text"}
    lines: list[LogLine] = []
    problems: dict[int, str] = {}
    if texts[-1] != "":
        problems[len(texts)] = "the line does not end"
    for number, text in enumerate(texts[:-1], start=1):
        try:
            line = msgspec.json.decode(text.encode(), type=LogLine)
            wanted = line.expected()
        except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
            problems[number] = "it is no line of a log"
            break
        lines.append(line)
        previous = lines[-2].sha256 if number > 1 else FIRST
        if line.line != number or line.previous != previous:
            problems[number] = "it does not follow the line before it"
        elif line.sha256 != wanted:
            problems[number] = "it was changed after it was written"
    return tuple(lines), problems
