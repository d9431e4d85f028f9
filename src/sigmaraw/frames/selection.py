"""What of a file is asked for: ``stack.ome.tif#channel=0``, ``flats.tif#pages=0-7``, ``two.fits#extension=SCI``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sigmaraw.errors import InvalidSpec

Role = Literal["frames", "z"]
KEYS = "channel, t, z, another axis by its letter, pages, image, extension, lossy"
_ALIASES = {"channel": "c", "time": "t"}
_PART = re.compile(r"\s*([A-Za-z]\w*)\s*=\s*([^=&#]+?)\s*")
_PAGES = re.compile(r"(\d{1,7})(?:-(\d{1,7}))?")
_EXAMPLE = "write it as file.tif#channel=0 or file.tif#pages=0-7&z=frames"


@dataclass(frozen=True)
class Selection:
    """The part of a file that is asked for; empty means all of it.

    Parameters
    ----------
    axes : dict of str to int or str
        Of an axis, by its lower-case letter: the index that is taken, from 0; or ``frames`` or ``z``, what its planes are taken for.
    pages : tuple of (int, int)
        First and last frame of each range, from 0, both included; empty means all.
    image : str or None
        Number of the image in a file of several.
    extension : str or None
        Name, name and version (``SCI,2``) or number of a FITS extension.
    lossy : bool
        Whether lossy compression inside the container is accepted.
    text : str
        As typed.
    """

    axes: dict[str, int | Role] = field(default_factory=dict)
    pages: tuple[tuple[int, int], ...] = ()
    image: str | None = None
    extension: str | None = None
    lossy: bool = False
    text: str = ""


def split(path: Path) -> tuple[Path, Selection]:
    """Return a path without its selection, and the selection.

    A file whose name holds a # is taken as it is.

    Parameters
    ----------
    path : Path
        As typed.

    Returns
    -------
    tuple of (Path, Selection)
        The file or folder, and what of it is asked for.

    Raises
    ------
    InvalidSpec
        What stands after the # is not understood.
    """
    name, mark, text = path.name.rpartition("#")
    if not mark or not name or path.exists():
        return path, Selection()
    return path.with_name(name), parse(text, str(path))


def with_selection(path: Path, selection: str) -> Path:
    """Return a path with one more thing asked for, unless `selection` is empty."""
    if not selection:
        return path
    file, before = split(path)
    return file.with_name(f"{file.name}#{'&'.join(filter(None, (before.text, selection)))}")


def parse(text: str, where: str) -> Selection:
    """Return the selection that stands after a #. Raises InvalidSpec; `where` names the input in its message."""
    axes: dict[str, int | Role] = {}
    values: dict[str, str] = {}
    for part in text.split("&"):
        found = _PART.fullmatch(part)
        key = "" if found is None else _ALIASES.get(found[1].lower(), found[1].lower())
        if found is None or key in axes or key in values:
            raise InvalidSpec(f"{where}: '{part[:40]}' after # is not understood", f"key=value with one of {KEYS}", _EXAMPLE)
        value = found[2]
        if key in ("pages", "image", "extension", "lossy"):
            values[key] = value
        elif len(key) == 1 or re.fullmatch(r"axis\d", key):
            axes[key] = _role(value, f"{where}: {part[:40]}")
        else:
            raise InvalidSpec(f"{where}: the key '{key[:20]}' after # is not known", f"one of {KEYS}", _EXAMPLE)
    if values.get("lossy", "accept") != "accept":
        raise InvalidSpec(f"{where}: lossy={values['lossy'][:20]}", "lossy=accept", "correct it")
    return Selection(axes, _pages(values.get("pages"), where), values.get("image"), values.get("extension"), "lossy" in values, text)


def _role(value: str, where: str) -> int | Role:
    if value == "frames":
        return "frames"
    if value == "z":
        return "z"
    if not value.isdecimal() or len(value) > 7:
        raise InvalidSpec(f"{where}", "a number from 0, 'frames' or 'z'", _EXAMPLE)
    return int(value)


def _pages(text: str | None, where: str) -> tuple[tuple[int, int], ...]:
    ranges = []
    for part in [] if text is None else re.split(r"[,;]", text):
        found = _PAGES.fullmatch(part.strip())
        first, last = (0, -1) if found is None else (int(found[1]), int(found[2] or found[1]))
        if last < first:
            raise InvalidSpec(f"{where}: pages={str(text)[:40]}", "ranges as 0-7 or 0-3,8-11, counted from 0", "correct the pages")
        ranges.append((first, last))
    return tuple(ranges)
