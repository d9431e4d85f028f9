"""The readers that are installed, and which of them takes a path."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from sigmaraw import registry
from sigmaraw.contracts.readers import Reader


@functools.cache
def readers() -> tuple[Reader, ...]:
    """Return every reader that can be used, those of this package first, those of last resort at the end."""
    found = [entry for entry in registry.installed(registry.READERS) if entry.found is not None]
    found.sort(key=lambda entry: (entry.found.last_resort, not entry.found.__module__.startswith("sigmaraw."), entry.name))
    return tuple(entry.found() for entry in found)


@functools.cache
def by_suffix() -> dict[str, Reader]:
    """Return the reader of each suffix, in lower case; of two that take one, the first of `readers`."""
    table: dict[str, Reader] = {}
    for reader in readers():
        for suffix in reader.suffixes:
            table.setdefault(suffix.lower(), reader)
    return table


def suffix_of(path: Path) -> str:
    """Return the end of a name that chooses the reader, in lower case: the longest that a reader takes, else the last suffix."""
    name = path.name.lower()
    known = [suffix for suffix in by_suffix() if name.endswith(suffix) and len(name) > len(suffix)]
    if known:
        return max(known, key=len)
    return "".join(Path(name).suffixes[-2:]) if name.endswith(".gz") else Path(name).suffix


def reader_of(path: Path) -> Reader | None:
    """Return the reader of a file or folder; None where none takes it.

    A folder is taken by what lies in it, a file by its suffix, and where that says nothing by its first bytes.
    """
    if path.is_dir():
        return next((reader for reader in readers() if reader.takes(path)), None)
    found = by_suffix().get(suffix_of(path))
    if found is not None or not path.is_file():
        return found
    return next((reader for reader in readers() if reader.takes(path)), None)


def describe() -> list[dict[str, Any]]:
    """Return one row per registered reader, those that cannot be used with the reason (JSON values).

    Returns
    -------
    list of dict
        Each with name, formats, suffixes, library, extra, package, available and reason.

    Examples
    --------
    >>> [row["suffixes"] for row in describe() if row["name"] == "png"]
    [['.png']]
    """
    return [
        {
            "name": entry.name,
            "formats": str(getattr(entry.found, "formats", "")),
            "suffixes": list(getattr(entry.found, "suffixes", ())),
            "library": str(getattr(entry.found, "package", "")),
            "extra": str(getattr(entry.found, "extra", "")),
            "package": entry.package,
            "available": entry.found is not None,
            "reason": entry.fault,
        }
        for entry in registry.installed(registry.READERS)
    ]
