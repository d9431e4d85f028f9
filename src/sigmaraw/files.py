"""Writing without leaving halves behind, and hashing what was read."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sigmaraw.errors import InvalidOption, OutOfSpace, SigmarawError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system says when a disk, a quota or a limit on file sizes is full."""
_PROBE_BYTES = 1 << 20
_LARGEST_PROBE = 256 << 20
_PATIENCE_S = 5.0


def cache_folder() -> Path:
    """Return the cache folder: SIGMARAW_CACHE, else the system's own (XDG_CACHE_HOME or ~/.cache on Linux)."""
    stated = os.environ.get("SIGMARAW_CACHE")
    if stated:
        return Path(stated)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "sigmaraw" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "sigmaraw"
    base = os.environ.get("XDG_CACHE_HOME")
    # The XDG specification: a relative path is to be ignored.
    return (Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache") / "sigmaraw"


def sha256_of_file(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file's bytes as 64 hex digits; of a folder (Zarr), that of its files' sorted names and hashes."""
    if Path(path).is_dir():
        files = sorted(file.relative_to(path).as_posix() for file in Path(path).rglob("*") if file.is_file())
        lines = [f"{sha256_of_file(Path(path, name))} {name}" for name in files]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def atomic_path(target: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary name beside `target`; on success it is renamed to `target`, on any error it is removed.

    The temporary name keeps the target's suffix, since writers choose their format by it.

    Raises
    ------
    InvalidOption
        The target is a folder, or its parent cannot be made.
    OutOfSpace
        The disk has no room for the file.
    """
    target = Path(target)
    if target.is_dir():
        raise InvalidOption(f"output {target} is a folder", "a file name", "add a file name to it")
    with _place(target):
        handle, name = tempfile.mkstemp(prefix=f".{target.stem}-", suffix=target.suffix, dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        with needs_room(target, temporary):
            yield temporary
            _make_ordinary(temporary, 0o666)
            temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def require_empty(folder: Path) -> None:
    """Refuse a folder to write that holds something, before any work is done. Raises InvalidOption."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidOption(f"output {folder} holds something", "a new or empty folder", "choose another with -o")


@contextmanager
def atomic_folder(target: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary folder beside `target`; on success it is renamed to `target`, on any error it is removed.

    The target is a free name or an empty folder. Raises as `atomic_path`.
    """
    target = Path(target)
    with _place(target):
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.stem}-", suffix=target.suffix, dir=target.parent))
    try:
        with needs_room(target, temporary):
            yield temporary
            if target.is_dir() and not any(target.iterdir()):
                target.rmdir()  # not every system renames over an empty folder
            _make_ordinary(temporary, 0o777)
            temporary.replace(target)
    finally:
        remove_folder(temporary)


@contextmanager
def folder_of_parts(folder: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary folder inside `folder`, made where it is missing; on success its files move up into `folder`.

    On any error `folder` is as it was before: what it held is untouched, and it is gone where it did not exist. Raises as `atomic_path`.
    """
    folder = Path(folder)
    made = [part for part in (folder, *folder.parents) if not part.exists()]
    with _place(folder / "record"):
        temporary = Path(tempfile.mkdtemp(prefix=".record-", dir=folder))
    try:
        with needs_room(folder, temporary):
            yield temporary
            for file in sorted(temporary.iterdir()):
                file.replace(folder / file.name)
        made = []
    finally:
        remove_folder(temporary)
        for part in made:
            if not any(part.iterdir()):
                part.rmdir()


def write_text(target: str | os.PathLike[str], text: str) -> None:
    """Write `text` as UTF-8 to `target`, whole or not at all."""
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _make_ordinary(temporary: Path, mode: int) -> None:
    """Give a file or folder, which tempfile makes private, the permissions of an ordinary one."""
    umask = os.umask(0)
    os.umask(umask)
    temporary.chmod(mode & ~umask)


@contextmanager
def _place(target: Path) -> Iterator[None]:
    """Make the target's folder; what the system says against it is refused by name."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        if error.errno in FULL:
            raise _out_of_space(target) from error
        reason = error.strerror or "not writable"
        raise InvalidOption(f"output {target} cannot be written ({reason})", "a writable place", "choose another") from error


@contextmanager
def needs_room(target: Path, temporary: Path) -> Iterator[None]:
    """Turn what libraries say on a full disk into OutOfSpace; every other exception passes.

    HDF5 says "HDF error" for everything. Whether the disk is full is then found by writing a little more to the same place.

    Parameters
    ----------
    target : Path
        What was to be written, for the message.
    temporary : Path
        The file or folder that holds what is written so far.
    """
    try:
        yield
    except SigmarawError:
        raise
    except Exception as error:
        full = error.errno in FULL if isinstance(error, OSError) else False
        if full or _no_more_fits(temporary):
            raise _out_of_space(target) from error
        raise


def _out_of_space(target: Path) -> OutOfSpace:
    return OutOfSpace(
        f"no space left to write {target} (the disk is full, or a quota or a limit on file sizes is reached)",
        "enough free space",
        "free some, or choose another place with -o",
    )


def _no_more_fits(temporary: Path) -> bool:
    """Return whether a file a little larger than the largest that was written cannot be written beside it."""
    folder = temporary if temporary.is_dir() else temporary.parent
    files = [temporary] if temporary.is_file() else [file for file in temporary.rglob("*") if file.is_file()]
    size = min(max((file.stat().st_size for file in files), default=0) + _PROBE_BYTES, _LARGEST_PROBE)
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            for _ in range(0, size, _PROBE_BYTES):
                probe.write(bytes(_PROBE_BYTES))
            probe.flush()
    except OSError as error:
        return error.errno in FULL
    return False


def remove_folder(folder: Path) -> None:
    """Remove a folder with all that is in it. Writers that work in threads may still be adding files: it is tried until it is gone."""
    end = time.monotonic() + _PATIENCE_S
    while True:
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists() or time.monotonic() > end:
            return
        time.sleep(0.05)
