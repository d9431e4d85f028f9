"""The EMVA 1288 descriptor file: which images are which bright or dark exposure.

Lines start with one letter: ``v`` version; ``n`` bits width height; ``b`` exposure in ns and photons per pixel; ``d`` exposure
in ns; ``i`` a relative path of one image of the measurement above it; ``l`` a free label; ``#`` a comment.
Reference: EMVA 1288, exchange of image sets.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from sigmaraw.errors import InputNotFound, InvalidSeries
from sigmaraw.frames.frames_csv import inside, number, read_text
from sigmaraw.frames.levels import Kind, Level

_NS_PER_MS = 1e6


@dataclass
class _State:
    path: Path
    bits: int | None = None
    size: tuple[int, int] | None = None
    versions: list[str] = field(default_factory=list)
    levels: list[Level] = field(default_factory=list)
    seen: set[Path] = field(default_factory=set)


@dataclass(frozen=True)
class Descriptor:
    """A parsed descriptor: `bits` and `size` (y, x) as its n line states them, levels merged by kind, exposure and photons."""

    version: str
    bits: int
    size: tuple[int, int]
    levels: tuple[Level, ...]


def is_descriptor(path: Path) -> bool:
    """Return whether the first meaningful line of a text file is a descriptor's v or n line."""
    if path.suffix.lower() != ".txt" or not path.is_file():
        return False
    try:
        text = read_text(path)
    except InvalidSeries:
        return False
    first = next((line.split() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")), [])
    return len(first) > 1 and first[0] in ("v", "n")


def read_descriptor(path: Path) -> Descriptor:
    """Parse a descriptor file.

    Raises
    ------
    InvalidSeries
        A malformed line, an image before its measurement, a path out of the folder, no v or n line.
    InputNotFound
        The file, or an image that it names, is not there.
    """
    if not path.is_file():
        raise InputNotFound(f"{path} does not exist", "an EMVA 1288 descriptor file", "check the name")
    state = _State(path)
    for count, line in enumerate(read_text(path).splitlines(), start=1):
        text = line.strip()
        if text and not text.startswith("#"):
            _take(state, text, f"{path} line {count}")
    if state.bits is None or state.size is None or not state.versions:
        raise InvalidSeries(f"{path} lacks a v or an n line", "'v version' and 'n bits width height'", "add it at the top")
    for level in state.levels:
        if not level.paths:
            raise InvalidSeries(f"{path}: {level.name} has no images", "i lines below each b and d line", "add or remove it")
    levels = tuple(replace(level, bits=state.bits) for level in _merged(state.levels))
    return Descriptor(state.versions[0], state.bits, state.size, levels)


def _take(state: _State, text: str, where: str) -> None:
    letter, _, rest = text.partition(" ")
    fields = rest.split()
    expected = {"v": 1, "n": 3, "b": 2, "d": 1}
    if letter == "l":
        return  # a label for somebody's report, of no meaning here
    if letter == "i":
        if not state.levels:
            raise InvalidSeries(f"{where} names an image before any b or d line", "a b or d line first", "reorder the lines")
        last, image = state.levels[-1], inside(state.path.parent, rest, where)
        if image in state.seen:
            raise InvalidSeries(f"{where} names {image.name} a second time", "each image once", "remove one of the lines")
        state.seen.add(image)
        state.levels[-1] = replace(last, paths=(*last.paths, image))
        return
    if letter not in expected or len(fields) != expected[letter]:
        raise InvalidSeries(f"{where} is '{text[:60]}'", "v, n, b, d, i, l or # with its values", "correct the line")
    if letter == "v":
        state.versions.append(fields[0])
    elif letter == "n":
        bits, width, height = (number(value, where, 1) for value in fields)
        if bits > 16 or any(not value.is_integer() for value in (bits, width, height)):
            raise InvalidSeries(f"{where} is '{text[:60]}'", "whole numbers: bits up to 16, width, height", "correct the line")
        state.bits, state.size = int(bits), (int(height), int(width))
    else:
        kind: Kind = "flat" if letter == "b" else "dark"
        exposure = number(fields[0], where, 0.0) / _NS_PER_MS
        photons = number(fields[1], where, 0.0) if letter == "b" else None
        state.levels.append(Level(kind, f"{kind} {exposure:g} ms", exposure, photons=photons))


def _merged(levels: list[Level]) -> list[Level]:
    merged: dict[tuple[str, float | None, float | None], Level] = {}
    for level in levels:
        key = (level.kind, level.exposure_ms, level.photons)
        known = merged.get(key)
        merged[key] = level if known is None else replace(known, paths=known.paths + level.paths)
    return list(merged.values())
