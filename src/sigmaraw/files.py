"""Writing without leaving halves behind, and hashing what was read."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sigmaraw.errors import InvalidOption


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
    """
    target = Path(target)
    if target.is_dir():
        raise InvalidOption(f"output {target} is a folder", "a file name", "add a file name to it")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.stem}-", suffix=target.suffix, dir=target.parent)
    except OSError as error:
        reason = error.strerror or "not writable"
        raise InvalidOption(f"output {target} cannot be written ({reason})", "a writable place", "choose another") from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # mkstemp makes it private; the result is an ordinary file
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(target: str | os.PathLike[str], text: str) -> None:
    """Write `text` as UTF-8 to `target`, whole or not at all."""
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8")
