"""The state of a watch: one SQLite file to which entries are only added, each bound to all before it by its hash.

digest_n = SHA-256(digest_{n−1} ‖ n ‖ kind ‖ body). Every entry is one transaction, written through to the disk: a kill leaves whole
entries. Opening recomputes all digests, so that an entry that was changed, moved or taken out of the middle by hand is refused. What a
chain cannot show is that its last entries were cut off: the digest that `watch check` prints with each frame, kept elsewhere, can.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sigmaraw.errors import InputNotFound, IntegrityError, InvalidOption, UnreadableFile

SCHEMA = "sigmaraw/watch/1"
_TABLE = """
CREATE TABLE entries (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL, digest TEXT NOT NULL);
CREATE TRIGGER no_update BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'entries are only added'); END;
CREATE TRIGGER no_delete BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'entries are only added'); END;
"""


@dataclass(frozen=True)
class Entry:
    """One entry: its number from 0, kind ("fit" or "frame"), content (JSON values) and digest."""

    number: int
    kind: str
    body: dict[str, Any]
    digest: str


class State:
    """An open state.

    Parameters
    ----------
    path : str or path
        The file.

    Raises
    ------
    InputNotFound, UnreadableFile
        There is no file, or it is no state of a watch.
    IntegrityError
        An entry is not as it was written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise InputNotFound(f"state {path} does not exist", "a file from sigmaraw watch fit", "check the path")
        self._connection = sqlite3.connect(self.path, timeout=10)
        try:
            _set_up(self._connection)
            self.entries = list(self._read())
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise UnreadableFile(f"{path} is no state of a watch ({error})", "a file from sigmaraw watch fit", "fit it again") from error
        except (ValueError, TypeError) as error:
            self._connection.close()
            raise _edited(self.path, str(error)) from error
        self._check_first()

    @classmethod
    def created(cls, path: str | os.PathLike[str], body: Mapping[str, Any], overwrite: bool = False) -> State:
        """Return a new state whose first entry is a fit. Raises InvalidOption where the file exists and may not be replaced."""
        target = Path(path)
        if target.exists() and not overwrite:
            raise InvalidOption(f"{path} exists", "a free name", "choose another with -o, or add --overwrite")
        from sigmaraw.files import atomic_path

        with atomic_path(target) as temporary:
            temporary.unlink()
            connection = sqlite3.connect(temporary)
            _set_up(connection)
            with connection:
                connection.executescript(_TABLE)
                _insert(connection, 0, "fit", {"schema": SCHEMA, **body}, "")
            connection.close()
        return cls(target)

    @property
    def digest(self) -> str:
        """The digest of the last entry."""
        return self.entries[-1].digest

    def add(self, kind: str, body: Mapping[str, Any]) -> Entry:
        """Write one more entry through to the disk, and return it.

        Raises
        ------
        IntegrityError
            Another process has added entries meanwhile.
        """
        number = len(self.entries)
        try:
            with self._connection:
                text, digest = _insert(self._connection, number, kind, body, self.digest)
        except sqlite3.IntegrityError as error:
            raise IntegrityError(
                f"another process has added to {self.path}", "one watch at a time", "run sigmaraw watch check once more"
            ) from error
        except sqlite3.OperationalError as error:
            raise InvalidOption(f"{self.path} cannot be written ({error})", "a file that can be written", "free it, or copy it") from error
        entry = Entry(number, kind, json.loads(text), digest)
        self.entries.append(entry)
        return entry

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _read(self) -> Iterator[Entry]:
        """Yield the entries, each with its digest checked. Raises ValueError, TypeError."""
        before = ""
        rows = self._connection.execute("SELECT number, kind, body, digest FROM entries ORDER BY number")
        for number, row in enumerate(rows):
            entry = _checked(row)
            if entry.number != number or _digest(before, number, entry.kind, row[2]) != entry.digest:
                raise ValueError(f"entry {number} is not as it was written")
            before = entry.digest
            yield entry

    def _check_first(self) -> None:
        if not self.entries or self.entries[0].kind != "fit" or self.entries[0].body.get("schema") != SCHEMA:
            self._connection.close()
            raise _edited(self.path, "its first entry is no fit")


def _set_up(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA trusted_schema = OFF")


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[State]:
    """Yield a state, and close it."""
    state = State(path)
    try:
        yield state
    finally:
        state.close()


def _insert(connection: sqlite3.Connection, number: int, kind: str, body: Mapping[str, Any], before: str) -> tuple[str, str]:
    """Write an entry, and return its text and its digest."""
    text = _text(body)
    digest = _digest(before, number, kind, text)
    connection.execute("INSERT INTO entries VALUES (?, ?, ?, ?)", (number, kind, text, digest))
    return text, digest


def _checked(row: tuple[Any, ...]) -> Entry:
    number, kind, text, digest = row
    body = json.loads(text)
    if not isinstance(body, dict) or not isinstance(kind, str) or not isinstance(digest, str):
        raise ValueError(f"entry {number} is malformed")
    return Entry(int(number), kind, body, digest)


def _digest(before: str, number: int, kind: str, body: str) -> str:
    return hashlib.sha256(f"{before}\n{number}\n{kind}\n{body}".encode()).hexdigest()


def _text(body: Mapping[str, Any]) -> str:
    """Return canonical JSON; a number that is not finite is null."""
    return json.dumps(plain(body), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def plain(value: Any) -> Any:
    """Return JSON values in which a number that is not finite is null."""
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def _edited(path: Path, how: str) -> IntegrityError:
    return IntegrityError(
        f"the state {path} was changed by hand ({how})", "entries as sigmaraw watch wrote them", "restore the file, or fit again"
    )
