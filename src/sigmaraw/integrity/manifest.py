"""The manifest of a record: every part with its SHA-256, and the inputs by their path from the record."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import msgspec

from sigmaraw.errors import InvalidRecord, visible
from sigmaraw.files import sha256_of_file

MANIFEST_FILE, SIGNATURES_FILE, PDF_FILE = "manifest.json", "signatures.json", "report.pdf"
MANIFEST_SCHEMA = "sigmaraw/manifest/1"
_LARGEST = 64 << 20  # bytes
ROLES = {
    "record.json": "record",
    "result.nc": "predictions",
    "report.html": "html",
    PDF_FILE: "pdf",
    "results.csv": "csv",
    "summary.json": "summary",
    "verdicts.txt": "text",
    "record.md": "text",
    "plan.toml": "plan",
    "check.py": "check",
    "ro-crate-metadata.json": "crate",
}
"""What a file that this program writes is to a record, by its name; any other one is an attachment."""
ATTACHMENT = "attachment"
Role = Annotated[str, msgspec.Meta(pattern=rf"\A(?:{'|'.join(sorted({*ROLES.values(), ATTACHMENT}))})\Z")]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of the record. path : from the record's folder, with / between its parts. role : a value of `ROLES`, or attachment."""

    path: str
    role: Role
    sha256: Sha256
    bytes: int


class InputPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file that went in. path : from the record's folder; None for an array from Python."""

    path: str | None
    role: str
    sha256: str


class LogPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The log. lines : SHA-256 of each line: later ones may follow, none of these may change."""

    path: str
    lines: tuple[str, ...]


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every part of a record.

    Parameters
    ----------
    record_digest : str
        The digest of record.json, which times, paths and hardware do not enter.
    parts : tuple of Part
        Its files, the log apart.
    inputs : tuple of InputPart
        What went in.
    log : LogPart
        The log.
    """

    schema: str = MANIFEST_SCHEMA
    record_digest: str
    parts: tuple[Part, ...]
    inputs: tuple[InputPart, ...]
    log: LogPart

    def document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        values: dict[str, Any] = msgspec.to_builtins(self)
        return values

    def text(self) -> str:
        """Return it as it stands in the file."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1).decode() + "\n"

    def part(self, path: str) -> Part | None:
        """Return the part of a path, None where there is none."""
        return next((entry for entry in self.parts if entry.path == path), None)


def part_of(folder: Path, path: str, role: str | None = None) -> Part:
    """Return the entry of a file. Without a role it is one that this program has just written, and its name says what it is."""
    file = folder / path
    return Part(path=path, role=role or ROLES.get(path, ATTACHMENT), sha256=sha256_of_file(file), bytes=file.stat().st_size)


def read_manifest(path: Path) -> Manifest:
    """Return a folder's manifest as a stranger's.

    Raises
    ------
    InvalidRecord
        The file is missing, cannot be read or is no manifest, or it names a part outside the folder; the message says which.
    """
    try:
        return checked(msgspec.json.decode(bytes_of(path, _LARGEST), type=Manifest))
    except (OSError, ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
        raise unreadable(path, error) from error


def bytes_of(path: Path, largest: int) -> bytes:
    """Return the bytes of a stranger's file. Raises OSError, and ValueError where it is no file or has more than `largest` bytes."""
    if path.exists() and not path.is_file():
        raise ValueError("no file")  # a pipe or a device would be read without end
    if path.stat().st_size > largest:
        raise ValueError(f"larger than {path.name} can be")
    return path.read_bytes()


def unreadable(path: Path, error: BaseException) -> InvalidRecord:
    """Return the refusal of a file beside a record that cannot be read."""
    why = (error.strerror if isinstance(error, OSError) else str(error)) or type(error).__name__
    reason = " ".join(visible(why).split())[:120]
    return InvalidRecord(
        f"{path} cannot be read ({reason})", "the file that sigmaraw wrote", "restore it from a copy, or run validate again"
    )


def checked(manifest: Manifest) -> Manifest:
    """Return a manifest that names no file outside its folder. Raises ValueError."""
    if manifest.schema != MANIFEST_SCHEMA:
        raise ValueError(f"of schema '{manifest.schema[:60]}'")
    for name in [entry.path for entry in manifest.parts] + [manifest.log.path]:
        if not is_inside(name):
            raise ValueError(f"names '{name[:60]}', which is no file of the folder")
    return manifest


def is_inside(name: str) -> bool:
    """Return whether a path stays inside the folder that it is relative to, on every system."""
    parts = PurePosixPath(name).parts
    return bool(parts) and not name.startswith("/") and ".." not in parts and not set(name) & set("\\:\0")
