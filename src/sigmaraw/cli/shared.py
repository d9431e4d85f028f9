"""Options that several verbs read alike."""

from __future__ import annotations

from pathlib import Path

from sigmaraw.errors import InvalidOption


def parse_roi(text: str | None) -> tuple[int, int] | None:
    """Return (y, x) of ``y,x``. Raises InvalidOption for anything but two whole numbers from 0."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 2 or not all(part.isdecimal() for part in parts):
        raise InvalidOption(f"--roi {text}", "two whole numbers y,x from 0", "give the corner like --roi 128,64")
    return int(parts[0]), int(parts[1])


def check_folder(folder: Path) -> None:
    """Refuse an output folder that cannot be one before any work is done."""
    taken = next((part for part in (folder, *folder.parents) if part.exists()), None)
    if taken is not None and not taken.is_dir():
        raise InvalidOption(f"output {folder}: {taken} is a file", "a folder, or a name that is free", "choose another with -o")
