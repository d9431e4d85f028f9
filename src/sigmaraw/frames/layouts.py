"""Folders of calibration frames as laboratories have them: which files are one level."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sigmaraw.errors import InputNotFound, InvalidSeries, InvalidSpec, SigmarawError
from sigmaraw.frames.decoding import natural_key
from sigmaraw.frames.levels import Kind
from sigmaraw.frames.names import exposure_of_name, is_kind_folder, kind_of_name, repeat_key
from sigmaraw.frames.reading import FORMATS, frame_files, is_companion, is_frame_file, is_litter
from sigmaraw.frames.selection import split
from sigmaraw.frames.streaming import open_frames
from sigmaraw.frames.units import milliseconds_of

MAP_NAMES = ("offset_map", "read_noise_map")
_NUMBER = r"(\d+(?:[.,p]\d+)?)"
_PLACE = re.compile(r"\{(exposure|level|repeat)\}([A-Za-z\u00b5\u03bc]*)")


@dataclass(frozen=True)
class Unit:
    """What is one level when nothing else is said: a stack file, a folder of single frames, or single frames of one name.

    Parameters
    ----------
    path : Path
        The file or folder.
    files : tuple of Path
        Its frame files, in natural order of their names.
    kind : str
        ``dark`` or ``flat``.
    name : str
        For messages and tables.
    exposure_ms : float or None
        What its name states, ms.
    """

    path: Path
    files: tuple[Path, ...]
    kind: Kind
    name: str
    exposure_ms: float | None = None


def has_kinds(folder: Path) -> bool:
    """Return whether names in a folder say dark or flat."""
    return any(kind_of_name(path.name) is not None and (path.is_dir() or is_frame_file(path)) for path in folder.iterdir())


def kind_folders(folder: Path, kind: Kind) -> list[Path]:
    """Return the folders in which the levels of a kind lie: ``dark``, ``Darks``, ``dark_frames``."""
    found = [path for path in folder.iterdir() if path.is_dir() and not is_frame_file(path)]
    return sorted(path for path in found if is_kind_folder(path.name) and kind_of_name(path.name) == kind)


def files_of(path: Path) -> list[Path]:
    """Return the frame files of a file or of a folder of single frames."""
    return frame_files(path) if path.is_dir() and not is_frame_file(path) else [path]


def units_of(folder: Path, listed: Iterable[Path] = ()) -> list[Unit]:
    """Return the levels of a series folder as its names say them.

    Parameters
    ----------
    folder : Path
        With ``dark`` and ``flat`` in it in any usual spelling, or with files and folders whose names say dark or flat.
    listed : iterable of Path
        Files and folders that a table names: their names need to say nothing.

    Raises
    ------
    InvalidSeries
        A file that is no frame, or a frame whose name says neither dark nor flat.
    """
    known = set(listed)
    inside = {path for file in known for path in file.parents}
    units: list[Unit] = []
    for path in sorted(folder.iterdir(), key=lambda path: natural_key(path.name)):
        kind = kind_of_name(path.name)
        if is_litter(path):
            continue
        is_folder = path.is_dir() and not is_frame_file(path)
        if kind is not None and is_folder and is_kind_folder(path.name):
            units += _inside(path, kind)
        elif kind is not None and (is_folder or is_frame_file(path)):
            units.append(_unit(path, kind, path.name))
        elif (is_frame_file(path) and path not in known) and not _stands_alone(folder):
            raise InvalidSeries(
                f"the name of {path} says neither dark nor flat", "names with Dark or Flat in them", "rename it, or list it in frames.csv"
            )
        elif not is_folder and not is_companion(path) and path not in known and path not in inside and not _stands_alone(folder):
            raise InvalidSeries(f"{path} is not a frame that can be read", f"{FORMATS}, or folders of them", "convert or remove it")
    return _repeats(units, known)


def _stands_alone(folder: Path) -> bool:
    """Return whether the levels lie in dark/ and flat/, so that what lies beside them is nobody's frame."""
    return all(kind_folders(folder, kind) for kind in ("dark", "flat")) or (folder / "frames.csv").is_file()


def _inside(folder: Path, kind: Kind) -> list[Unit]:
    """Return the levels of ``dark/`` or ``flat/``."""
    units = []
    for path in sorted(folder.iterdir(), key=lambda path: natural_key(path.name)):
        if is_litter(path):
            continue
        if path.is_dir() or is_frame_file(path):
            if not (kind == "dark" and path.name.split(".")[0] in MAP_NAMES):
                units.append(_unit(path, kind, f"{folder.name}/{path.name}"))
        elif not is_companion(path):
            raise InvalidSeries(f"{path} is not a frame that can be read", f"{FORMATS}, or folders of them", "convert or remove it")
    return units


def _unit(path: Path, kind: Kind, name: str) -> Unit:
    files = files_of(path)
    if not files:
        raise InvalidSeries(f"{path} holds no frames", FORMATS, "fill or remove it")
    return Unit(path, tuple(files), kind, name, exposure_of_name(path.name))


def _repeats(units: list[Unit], listed: set[Path]) -> list[Unit]:
    """Merge single frames into levels where their names say so: names equal but for the number at their end.

    Darks of one name are one level. Of flats that must leave two levels or more: one name for all of them says nothing.
    """
    groups: dict[tuple[Kind, str, float | None], list[Unit]] = {}
    for unit in units:
        key = repeat_key(split(unit.path)[0]) if len(unit.files) == 1 and unit.files[0] == unit.path and unit.path not in listed else None
        if key is not None:
            groups.setdefault((unit.kind, f"{unit.path.parent}/{key}", unit.exposure_ms), []).append(unit)
    several = {kind: sum(1 for key in groups if key[0] == kind) > 1 for kind in ("dark", "flat")}
    merged: dict[Path, Unit] = {}
    for (kind, _, _), members in groups.items():
        if len(members) < 2 or (kind == "flat" and not several[kind]) or not all(_is_single(unit.path) for unit in members):
            continue
        whole = replace(members[0], files=tuple(unit.path for unit in members), name=f"{members[0].name} … {members[-1].path.name}")
        merged |= {unit.path: whole for unit in members}
    found: dict[int, Unit] = {}
    for unit in units:
        one = merged.get(unit.path, unit)
        found[id(one)] = one
    return list(found.values())


def _is_single(path: Path) -> bool:
    """Return whether a file holds one frame; a damaged one is refused later, when it is read."""
    try:
        opened = open_frames(path)
    except SigmarawError:
        return False
    opened.close()
    return opened.shape[0] == 1


def units_by_pattern(patterns: Sequence[str], kind: Kind) -> list[Unit]:
    """Return the levels that patterns of names find.

    Parameters
    ----------
    patterns : sequence of str
        As ``flats/*.tif``, ``flats/{exposure}ms_{repeat}.tif``, a folder or a file.
    kind : str
        ``dark`` or ``flat``.

    Raises
    ------
    InputNotFound
        Nothing fits a pattern.
    InvalidSpec
        ``{exposure}`` without a unit behind it.
    """
    units: list[Unit] = []
    for pattern in patterns:
        text, mark, selection = pattern.rpartition("#") if "=" in pattern.rpartition("#")[2] else (pattern, "", "")
        expression, factor = _expression(text)
        found = _found(text, expression)
        if not found:
            raise InputNotFound(f"no {kind} frames fit '{pattern}'", "files or folders of frames", "correct the pattern")
        groups: dict[tuple[str | None, ...], list[Path]] = {}
        for path, match in found:
            values = match.groupdict() if match is not None else {}
            key: tuple[str | None, ...] = (
                (values.get("exposure"), values.get("level")) if {"exposure", "level"} & set(values) else (str(path),)
            )
            groups.setdefault(key, []).append(path)
        for key, paths in groups.items():
            files = tuple(
                file if not mark else file.with_name(f"{file.name}#{selection}")
                for path in paths
                for file in sorted(files_of(path), key=lambda file: natural_key(file.name))
            )
            named = float(re.sub("[,p]", ".", key[0])) * factor if "{exposure}" in text and key[0] is not None else None
            exposure = named if named is not None else exposure_of_name(paths[0].name)
            units.append(Unit(files[0] if len(files) == 1 else paths[0], files, kind, paths[0].name, exposure))
    return _repeats(units, set())


def _found(text: str, expression: re.Pattern[str]) -> list[tuple[Path, re.Match[str] | None]]:
    """Return the files and folders that a pattern names, in natural order; a folder of levels stands for what lies in it."""
    plain = Path(text)
    if plain.exists():
        if plain.is_dir() and not is_frame_file(plain):
            entries = sorted((path for path in plain.iterdir() if not is_litter(path)), key=lambda path: natural_key(path.name))
            if any(path.is_dir() and not is_frame_file(path) for path in entries):
                return [(path, None) for path in entries if path.is_dir() or is_frame_file(path)]
            return [(path, None) for path in frame_files(plain)]
        return [(plain, None)]
    wide = _PLACE.sub(lambda found: "*" + found[2], text)
    # Path.glob takes no absolute pattern.
    paths = sorted((Path(name) for name in glob.glob(wide, recursive=True)), key=natural_key)  # noqa: PTH207
    matched = [(path, expression.fullmatch(path.as_posix())) for path in paths if not is_litter(path)]
    return [(path, match) for path, match in matched if match is not None and (path.is_dir() or is_frame_file(path))]


def _expression(text: str) -> tuple[re.Pattern[str], float]:
    """Return the regular expression of a pattern, and the milliseconds of one unit of its {exposure}."""
    factor, parts, at = 1.0, [], 0
    for found in _PLACE.finditer(text):
        parts.append(_wild(text[at : found.start()]))
        name, unit = found[1], found[2]
        if name == "exposure":
            known = milliseconds_of(unit)
            if known is None:
                raise InvalidSpec(f"'{text}' has {{exposure}} without a unit of time behind it", "as {exposure}ms", "add the unit")
            factor = known
        parts.append(f"(?P<{name}>{_NUMBER if name == 'exposure' else '[^/]+?'}){re.escape(unit)}")
        at = found.end()
    parts.append(_wild(text[at:]))
    try:
        return re.compile("".join(parts)), factor
    except re.error as error:
        raise InvalidSpec(f"the pattern '{text}' ({error})", "each of {exposure}, {level}, {repeat} once", "correct it") from error


def _wild(text: str) -> str:
    """Return a part of a pattern as a regular expression."""
    plain = re.escape(text)
    return plain.replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
