"""What of a file is asked for: ``stack.ome.tif#channel=0``, ``flats.tif#pages=0-7``, ``two.fits#extension=SCI``."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from sigmaraw.contracts.readers import Role, Selection
from sigmaraw.errors import InvalidSpec

KEYS = "channel, t, z, another axis by its letter, pages, image, extension, lossy"
_ALIASES = {"channel": "c", "time": "t", "series": "image", "scene": "image", "position": "p"}
_DATASET = "::"  # between an HDF5 file and the path of a data set in it
_PART = re.compile(r"\s*([A-Za-z]\w*)\s*=\s*([^=&#]+?)\s*")
_PAGES = re.compile(r"(\d{1,7})(?:-(\d{1,7}))?")
_EXAMPLE = "write it as file.tif#channel=0 or file.tif#pages=0-7&z=frames"


def split(path: Path) -> tuple[Path, Selection]:
    """Return a path without its selection, and the selection.

    A file whose name holds a # or :: is taken as it is.

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

    Examples
    --------
    >>> file, selection = split(Path("scan.h5::/entry/data#pages=0-3"))
    >>> file.name, selection.dataset, selection.pages
    ('scan.h5', '/entry/data', ((0, 3),))
    """
    if path.exists():
        return path, Selection()
    text, mark, asked = str(path).rpartition("#")
    if not mark or not Path(text).name or "/" in asked:
        text, asked = str(path), ""
    selection = parse(asked, str(path)) if asked or text != str(path) else Selection()
    name, mark, dataset = text.partition(_DATASET)
    if mark and name:
        text, selection = name, replace(selection, dataset=dataset or None)
    return Path(text), selection


def with_selection(path: Path, selection: str) -> Path:
    """Return a path with one more thing asked for, unless `selection` is empty."""
    if not selection:
        return path
    file, before = split(path)
    asked = "&".join(filter(None, (before.text, selection)))
    inside = "" if before.dataset is None else f"{_DATASET}{before.dataset}"
    return file.with_name(f"{file.name}{inside}#{asked}")


def selected(path: Path, *, channel: int | None = None, time: int | None = None, series: int | None = None) -> Path:
    """Return a path with what options ask of each input: a channel, a time point, an image of several.

    Parameters
    ----------
    channel : int, optional
        Number of the channel, from 0.
    time : int, optional
        Number of the time point, from 0.
    series : int, optional
        Number of the image, scene or series, from 0.

    Examples
    --------
    >>> selected(Path("a.nd2"), channel=1, series=2).name
    'a.nd2#channel=1&image=2'
    """
    asked = (("channel", channel), ("t", time), ("image", series))
    return with_selection(path, "&".join(f"{key}={value}" for key, value in asked if value is not None))


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
