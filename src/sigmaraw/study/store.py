"""Finished blocks of a study in its output folder, so that a study that was stopped goes on where it was.

One SQLite file, to which blocks are only added. It holds no code and no object of Python: numbers, texts and arrays as bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidOption, InvalidPlan, OutOfSpace
from sigmaraw.metrics import QualityMoments
from sigmaraw.record.codecs import Achieved
from sigmaraw.study.objects import ObjectBlock
from sigmaraw.study.plan import WorkItem
from sigmaraw.study.work import BlockResult

NAME = "blocks.sqlite"
"""The file's name in the output folder; it is removed once the record stands."""
_SCHEMA = "sigmaraw/blocks/1"
_WAIT_S = 2.0  # a study that ends sooner leaves no file behind
_COMMIT_S = 0.5
_SHOWN = 4  # differences in a refusal


class _Numbers(msgspec.Struct, frozen=True):
    """Predictions: bytes of little-endian float64, and shape."""

    shape: tuple[int, ...]
    content: bytes

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> _Numbers:
        return cls(values.shape, np.ascontiguousarray(values, "<f8").tobytes())

    def array(self) -> NDArray[np.float64]:
        return np.frombuffer(self.content, "<f8").astype(np.float64).reshape(self.shape)


class _Objects(msgspec.Struct, frozen=True):
    """What images show of objects: values, where they were found, tallies; all as float64, which holds each of them."""

    values: _Numbers
    found: _Numbers
    tallies: _Numbers

    @classmethod
    def of(cls, block: ObjectBlock | None) -> _Objects | None:
        if block is None:
            return None
        return cls(*(_Numbers.of(np.asarray(part, np.float64)) for part in (block.values, block.found, block.tallies)))

    def block(self) -> ObjectBlock:
        return ObjectBlock(self.values.array(), self.found.array().astype(bool), self.tallies.array().astype(np.int64))


class _Block(msgspec.Struct, frozen=True):
    """A block's result."""

    raw: _Numbers
    decoded: _Numbers | None
    nbytes: tuple[int, ...]
    achieved: tuple[dict[str, bool | int | float | str], ...]
    quality: tuple[dict[str, int | float], ...]
    objects: _Objects | None = None
    objects_decoded: _Objects | None = None


def _packed(result: BlockResult) -> bytes:
    block = _Block(
        _Numbers.of(result.raw),
        None if result.decoded is None else _Numbers.of(result.decoded),
        tuple(int(size) for size in result.nbytes),
        tuple({key: _plain(value) for key, value in entry.items()} for entry in result.achieved),
        tuple(asdict(moments) for moments in result.quality),
        _Objects.of(result.objects),
        _Objects.of(result.objects_decoded),
    )
    return msgspec.msgpack.encode(block)


def _plain(value: Any) -> bool | int | float | str:
    if isinstance(value, str):
        return str(value)
    return value.item() if isinstance(value, np.generic) else value


def _unpacked(item: WorkItem, content: bytes) -> BlockResult:
    block = msgspec.msgpack.decode(content, type=_Block)
    achieved: tuple[Achieved, ...] = tuple(block.achieved)
    quality = tuple(QualityMoments(**moments) for moments in block.quality)  # type: ignore[arg-type]  # as `asdict` gave them
    decoded = None if block.decoded is None else block.decoded.array()
    before, after = (None if part is None else part.block() for part in (block.objects, block.objects_decoded))
    return BlockResult(item, block.raw.array(), decoded, block.nbytes, achieved, quality, before, after)


class BlockStore:
    """The finished blocks of one study.

    Parameters
    ----------
    folder : path
        The study's output folder. Nothing is written to it before a study has lasted two seconds.
    command : mapping, optional
        What starts the same study again (JSON values), for `command_of`.
    resume : bool, default False
        The folder holds blocks of a study that was stopped; else it holds none.
    wait_s : float, optional
        Time from which a study's blocks are written, s.
    commit_s : float, optional
        What a kill may cost of work, s.
    """

    def __init__(
        self,
        folder: str | Path,
        command: Mapping[str, Any] | None = None,
        *,
        resume: bool = False,
        wait_s: float = _WAIT_S,
        commit_s: float = _COMMIT_S,
    ) -> None:
        self.path = Path(folder) / NAME
        self._command, self._resume = dict(command or {}), resume
        self._between = commit_s
        self._wait, self._begin, self._committed = wait_s, time.monotonic(), 0.0
        self._pending: list[BlockResult] = []
        self._identity: dict[str, Any] = {}
        self._connection: sqlite3.Connection | None = None
        self._found: dict[WorkItem, bytes] = {}

    def begin(self, identity: Mapping[str, Any]) -> None:
        """State what decides the study's numbers; where it goes on, that must be what it was.

        Parameters
        ----------
        identity : mapping
            Plan, inputs, pipeline, versions (JSON values).

        Raises
        ------
        InvalidPlan
            Something is not as it was when the study was stopped; the message says what.
        """
        self._identity = json.loads(json.dumps(identity, default=str))
        if not self._resume:
            return
        held = _read(self.path)
        changed = list(_differences(held["identity"], self._identity))
        if changed:
            more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
            raise InvalidPlan(
                f"a study in {self.path.parent} that was begun otherwise: {'; '.join(changed[:_SHOWN])}{more}",
                "the same plan, inputs, model and versions",
                "undo the change, or begin anew with --overwrite",
            )
        self._open()
        self._found = _blocks(self.path)

    @property
    def resumes(self) -> bool:
        """Whether a study that was stopped goes on."""
        return self._resume

    def __contains__(self, item: WorkItem) -> bool:
        return item in self._found

    def take(self, item: WorkItem) -> BlockResult:
        """Return a block that was finished before."""
        return _unpacked(item, self._found[item])

    def put(self, result: BlockResult) -> None:
        """Keep a finished block. Raises OutOfSpace where the disk is full."""
        self._pending.append(result)
        now = time.monotonic()
        if now - self._begin >= self._wait and now - self._committed >= self._between:
            self.flush()

    def flush(self) -> None:
        """Write what has come, if anything has. Raises OutOfSpace where the disk is full."""
        if not self._pending:
            return
        if self._connection is None:
            self._open()
        assert self._connection is not None
        packed = [(result.item, _packed(result)) for result in self._pending]
        rows = [(*_place(item), content, hashlib.sha256(content).hexdigest()) for item, content in packed]
        try:
            with self._connection:
                self._connection.executemany("INSERT OR REPLACE INTO blocks VALUES (?, ?, ?, ?, ?, ?)", rows)
        except sqlite3.Error as error:
            raise _refused(self.path, error) from error
        self._pending, self._committed = [], time.monotonic()

    def close(self) -> None:
        """Write what has come and close the file."""
        try:
            if self._connection is not None:
                self.flush()
        finally:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def discard(self) -> None:
        """Close the file and remove it: the record stands."""
        self._pending = []
        self.close()
        _remove(self.path)

    def _open(self) -> None:
        try:
            if not self._resume:
                self._make()
            self._connection = sqlite3.connect(self.path, isolation_level="DEFERRED")
            self._connection.execute("SELECT 1 FROM blocks LIMIT 1")
        except (sqlite3.Error, OSError) as error:
            if self._connection is not None:  # without its tables it takes nothing, and closing must not try again
                self._connection.close()
                self._connection = None
            if not self._resume:
                self._leave_nothing()
            raise _refused(self.path, error) from error

    def _make(self) -> None:
        """Make the file under a temporary name, then rename it: from its first moment, a kill leaves a study that can go on."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._temporary
        _remove(temporary)
        values = {"schema": _SCHEMA, "identity": self._identity, "command": self._command}
        with contextlib.closing(sqlite3.connect(temporary)) as connection, connection:
            connection.execute("CREATE TABLE study (name TEXT PRIMARY KEY, value TEXT)")
            connection.execute(
                "CREATE TABLE blocks (image INTEGER, grp INTEGER, start INTEGER, count INTEGER, content BLOB,"
                " sha256 TEXT, PRIMARY KEY (image, grp, start, count))"
            )
            connection.executemany("INSERT INTO study VALUES (?, ?)", [(name, json.dumps(value)) for name, value in values.items()])
        # What an earlier study (--overwrite) had not finished writing must not be read as part of this one.
        Path(f"{self.path}-journal").unlink(missing_ok=True)
        temporary.replace(self.path)

    @property
    def _temporary(self) -> Path:
        return self.path.with_name(f".{self.path.name}.part")

    def _leave_nothing(self) -> None:
        """Remove the file that could not be made, and its folder where nothing else is in it."""
        with contextlib.suppress(OSError):
            _remove(self.path)
            _remove(self._temporary)
            self.path.parent.rmdir()


def _remove(path: Path) -> None:
    """Remove a file of SQLite, and what was not yet written of it."""
    for suffix in ("", "-journal"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def command_of(folder: str | Path) -> dict[str, Any]:
    """Return what starts the study again that was stopped in a folder.

    Raises
    ------
    InvalidOption
        The folder holds no such study.
    """
    command = _read(Path(folder) / NAME)["command"]
    if not isinstance(command, dict):
        raise _no_study(Path(folder))
    return command


def is_unfinished(folder: str | Path) -> bool:
    """Return whether a folder holds the blocks of a study that was stopped."""
    return (Path(folder) / NAME).is_file()


def _read(path: Path) -> dict[str, Any]:
    rows = _query(path, "SELECT name, value FROM study")
    try:
        values = {str(name): json.loads(value) for name, value in rows}
    except (TypeError, ValueError) as error:
        raise _no_study(path.parent) from error
    if values.get("schema") != _SCHEMA or not {"identity", "command"} <= set(values):
        raise _no_study(path.parent)
    return values


def _blocks(path: Path) -> dict[WorkItem, bytes]:
    """Return the finished blocks; one that is not as it was written is left out, and made anew."""
    found = {}
    for *place, content, digest in _query(path, "SELECT image, grp, start, count, content, sha256 FROM blocks"):
        if isinstance(content, bytes) and hashlib.sha256(content).hexdigest() == digest:
            found[WorkItem(*place)] = content
    return found


def _query(path: Path, text: str) -> Iterable[tuple[Any, ...]]:
    if not path.is_file():
        raise _no_study(path.parent)
    try:
        connection = sqlite3.connect(path)
        try:
            return connection.execute(text).fetchall()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise _no_study(path.parent) from error


def _place(item: WorkItem) -> tuple[int, int, int, int]:
    return item.image, item.group, item.start, item.count


def _differences(before: Any, now: Any, name: str = "") -> Iterable[str]:
    """Yield what differs between two JSON values, by its name."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in dict.fromkeys([*before, *now]):
            yield from _differences(before.get(key), now.get(key), f"{name}.{key}" if name else str(key))
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for index, (one, other) in enumerate(zip(before, now, strict=True)):
            yield from _differences(one, other, f"{name}[{index}]")
    elif before != now and not (before != before and now != now):  # NaN is NaN
        yield f"{name} was {_short(before)} and is {_short(now)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _no_study(folder: Path) -> InvalidOption:
    return InvalidOption(
        f"--resume {folder}, which holds no study that was stopped", f"a folder with {NAME}", "run validate without --resume"
    )


def _refused(path: Path, error: Exception) -> Exception:
    # SQLite calls a write beyond a quota, or to some full file systems, a disk I/O error.
    words = str(error).lower()
    full = "full" in words or "disk i/o error" in words or getattr(error, "errno", None) == 28
    if full:
        return OutOfSpace(f"no space left to write {path}", "enough free space", "free some, then go on with --resume")
    return InvalidOption(f"{path} cannot be written ({' '.join(str(error).split())[:120]})", "a writable folder", "choose another with -o")
