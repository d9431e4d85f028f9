"""What names of files and folders say: dark or flat, an exposure with its unit, a number of a repeat. Nothing else is guessed."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from sigmaraw.frames.levels import Kind
from sigmaraw.frames.units import parse_time

_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("dark", "darks", "darkframe", "darkframes", "darkfield", "darkfields"), "dark"),
    **dict.fromkeys(("flat", "flats", "flatframe", "flatframes", "flatfield", "flatfields", "bright", "brights"), "flat"),
}
_BESIDE = {"frame", "frames", "field", "fields", "image", "images", "data", "stack", "stacks", "raw"}
_TIME = re.compile(
    r"(?<![A-Za-z0-9.,])(?:exp(?:osure)?|t)?[-_ =]?(\d+(?:[.,p]\d+)?)[ _]?(ms|msec|us|usec|\u03bcs|ns|s|sec|min)(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_COUNTER = re.compile(r"^(.*?)[-_. ]*(?:repeat|rep|frame|img|image|no|nr|[rnft#x])?[-_. ]*[(\[]?\d+[)\]]?$", re.IGNORECASE)


def kind_of_name(name: str) -> Kind | None:
    """Return the kind that the name of a file or folder states, None where it states none or both.

    Examples
    --------
    >>> kind_of_name("Dark_10ms.tif"), kind_of_name("Flats"), kind_of_name("frame_01.tif")
    ('dark', 'flat', None)
    """
    kinds = {_KINDS[word] for word in _words(name) if word in _KINDS}
    return kinds.pop() if len(kinds) == 1 else None


def is_kind_folder(name: str) -> bool:
    """Return whether a name says dark or flat and nothing else, so that the levels lie inside."""
    words = _words(name)
    return kind_of_name(name) is not None and all(word in _KINDS or word in _BESIDE for word in words)


def _words(name: str) -> list[str]:
    # "DarkFrames" and "dark10ms" are two words each.
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return [word.lower() for word in re.findall(r"[A-Za-z]+", parted)]


def exposure_of_name(name: str) -> float | None:
    """Return the exposure that a name states with its unit, ms; None where it states none, or several.

    Examples
    --------
    >>> exposure_of_name("Dark_10ms.tif"), exposure_of_name("flat_0p5s_001.tif"), exposure_of_name("flat_10.tif")
    (10.0, 500.0, None)
    """
    text = unicodedata.normalize("NFKC", name)
    found = {
        parse_time(f"{re.sub('[,p]', '.', number)} {unit if unit == unit.upper() == 'S' else unit.lower()}", None)
        for number, unit in _TIME.findall(text)
    }
    return found.pop() if len(found) == 1 else None


def repeat_key(path: Path) -> str | None:
    """Return the name without the number that ends it, None where no number ends it: files of one key may be repeats of one level.

    Examples
    --------
    >>> repeat_key(Path("flat_10ms_002.tif")), repeat_key(Path("flat_10ms.tif"))
    ('flat_10ms', None)
    """
    stem = path.name.split(".")[0] if path.name.lower().endswith((".gz", ".fz", ".ome.tif", ".ome.tiff")) else path.stem
    found = _COUNTER.fullmatch(stem)
    return None if found is None else found[1].lower()
