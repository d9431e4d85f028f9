"""The manifest of a record: every part with its SHA-256, and the inputs by their path from the record."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from sigmaraw.files import sha256_of_file

MANIFEST_FILE = "manifest.json"
MANIFEST_SCHEMA = "sigmaraw/manifest/1"
_LARGEST = 64 << 20  # bytes
ROLES = {
    "record.json": "record",
    "result.nc": "predictions",
    "report.html": "html",
    "report.pdf": "pdf",
    "results.csv": "csv",
    "summary.json": "summary",
    "verdicts.txt": "text",
    "record.md": "text",
    "plan.toml": "plan",
    "check.py": "check",
    "ro-crate-metadata.json": "crate",
}
"""What a file is to a record, by its name; any other one is an attachment."""


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of the record. path : from the record's folder, with / between its parts. role : what it is, a value of `ROLES`."""

    path: str
    role: str
    sha256: str
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


def role_of(path: str) -> str:
    """Return what a file is to a record."""
    return ROLES.get(path, "attachment")


def part_of(folder: Path, path: str) -> Part:
    """Return the entry of a file."""
    file = folder / path
    return Part(path=path, role=role_of(path), sha256=sha256_of_file(file), bytes=file.stat().st_size)


def read_manifest(path: Path) -> Manifest:
    """Return a folder's manifest as a stranger's.

    Raises
    ------
    ValueError
        No manifest, or a part outside the folder; the message says which.
    OSError
        The file is missing or cannot be read.
    """
    if path.stat().st_size > _LARGEST:
        raise ValueError("larger than a manifest can be")
    return checked(msgspec.json.decode(path.read_bytes(), type=Manifest))


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
