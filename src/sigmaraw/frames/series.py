"""A SERIES folder, or an EMVA 1288 descriptor file, into dark and flat levels.

Layout: ``dark/`` and ``flat/``, in which each stack file, Zarr folder or subfolder of single frames is one level; or one folder of files
whose names say dark or flat. ``frames.csv`` beside them gives exposures; without it those that headers and names state are taken.
``dark/offset_map.*`` and ``dark/read_noise_map.*`` (floats, DN) may stand in for dark frames.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sigmaraw.errors import InputNotFound, InvalidSeries
from sigmaraw.frames.agreement import bits_notes, cfa_of_series, contradictions, level_exposure, refuse_contradictions, shared_settings
from sigmaraw.frames.descriptor import is_descriptor, read_descriptor
from sigmaraw.frames.frames_csv import TableRow, read_frames_csv
from sigmaraw.frames.headers import Stated, stated
from sigmaraw.frames.layouts import MAP_NAMES, Unit, files_of, has_kinds, kind_folders, units_by_pattern, units_of
from sigmaraw.frames.levels import Level, Series
from sigmaraw.frames.maps import DarkMaps, read_dark_maps
from sigmaraw.frames.reading import check_bits, is_frame_file
from sigmaraw.frames.selection import split


def read_series(folder: str | os.PathLike[str], *, bits: int | None = None) -> Series:
    """Find the levels of a series; frames are read later, one level at a time.

    Parameters
    ----------
    folder : str or path-like
        A SERIES folder, a folder whose only table is an EMVA 1288 descriptor, or a descriptor file (.txt).
    bits : int, optional
        Bit depth of the camera, 1 to 16; None takes the descriptor's, else metadata, else the container's.

    Raises
    ------
    InputNotFound, InvalidSeries, UnreadableFile
        Missing, malformed or contradictory parts, each named.
    """
    path = Path(folder)
    check_bits(bits)
    if not path.exists():
        raise InputNotFound(f"{path} does not exist", "a series folder with dark/ and flat/", "check the name")
    if not path.is_dir():
        return _from_descriptor(path, bits)
    if not has_kinds(path) and not (path / "frames.csv").is_file():
        descriptors = [file for file in sorted(path.glob("*.txt")) if is_descriptor(file)]
        if len(descriptors) == 1:
            return _from_descriptor(descriptors[0], bits)
        found = f"{path} has neither dark/ and flat/ nor frames.csv" + (f", but {len(descriptors)} descriptors" if descriptors else "")
        raise InvalidSeries(
            found,
            "a series folder",
            "put darks in dark/ and flats in flat/, each exposure in a file or subfolder of its own; or name files Dark_… and Flat_…",
        )
    return _from_folder(path, bits)


def _from_descriptor(path: Path, bits: int | None) -> Series:
    if not is_descriptor(path):
        raise InvalidSeries(
            f"{path} is neither a folder nor an EMVA 1288 descriptor", "a series folder with dark/ and flat/", "give the folder"
        )
    found = read_descriptor(path)
    depth = found.bits if bits is None else bits
    levels = [replace(level, bits=depth) for level in found.levels]
    dark, flat = ([level for level in levels if level.kind == kind] for kind in ("dark", "flat"))
    return Series(_ordered(dark), _ordered(flat), name=str(path), bits=depth, size=found.size)


def _from_folder(folder: Path, bits: int | None) -> Series:
    table = folder / "frames.csv"
    rows = read_frames_csv(table) if table.is_file() else []
    maps = _maps(folder)
    if rows:
        return _series(folder.name, str(folder), [*_listed(folder, rows, bits), *_unlisted(folder, rows, bits)], bits, maps, tabled=True)
    return _series(folder.name, str(folder), units_of(folder), bits, maps, tabled=False)


def read_patterns(dark: Sequence[str], flat: Sequence[str], *, bits: int | None = None) -> Series:
    """Find the levels of a series by patterns of file names, one or more for darks and for flats.

    Parameters
    ----------
    dark, flat : sequence of str
        Names with ``*``, ``?`` and ``**``, folders, or files. ``{exposure}ms`` (or another unit of time) says where the exposure stands in
        the name, ``{level}`` and ``{repeat}`` where the number of a level and of a repeat stand.
    bits : int, optional
        Bit depth of the camera, 1 to 16.

    Returns
    -------
    Series
        Darks and flats.

    Raises
    ------
    InputNotFound, InvalidSeries, InvalidSpec
        A pattern that nothing fits, or that is not understood.
    """
    check_bits(bits)
    groups = [*units_by_pattern(dark, "dark"), *units_by_pattern(flat, "flat")]
    return _series("series", "the frames given by --dark and --flat", groups, bits, None, tabled=False)


def _series(name: str, where: str, found: Sequence[Unit | Level], bits: int | None, maps: DarkMaps | None, *, tabled: bool) -> Series:
    """Return the series of units and levels: headers are read, contradictions refused, equal levels merged."""
    headers: dict[Path, Stated] = {}
    levels, notes = [], []
    for one in found:
        paths = one.paths if isinstance(one, Level) else one.files
        headers |= {path: stated(path) for path in paths if path not in headers}
        if isinstance(one, Level):
            levels.append(one)
            continue
        exposure, said = level_exposure([(path, headers[path]) for path in paths], one.exposure_ms, one.name)
        notes += said
        levels.append(Level(one.kind, one.name, exposure, paths=paths, bits=bits))
    notes += refuse_contradictions(name, contradictions(headers.items()))
    notes += bits_notes(headers.items(), bits)
    dark, flat = ([level for level in _merge(levels, tabled) if level.kind == kind] for kind in ("dark", "flat"))
    return Series(
        _ordered(dark),
        _ordered(flat),
        maps,
        where,
        bits,
        notes=tuple(notes),
        cfa=cfa_of_series(headers.items()),
        settings=shared_settings(headers.values()),
    )


def _maps(folder: Path) -> DarkMaps | None:
    """Return the maps that stand in for darks, None when there are none; one without the other is refused."""
    found = {}
    folders = kind_folders(folder, "dark")
    for name in MAP_NAMES:
        places = [path for place in folders for path in sorted(place.glob(f"{name}.*")) if is_frame_file(path)]
        if len(places) > 1:
            raise InvalidSeries(f"{folder / 'dark'} has {len(places)} files named {name}", "one", "remove the others")
        found[name] = places[0] if places else None
    offset, noise = (found[name] for name in MAP_NAMES)
    if offset is None and noise is None:
        return None
    if offset is None or noise is None:
        there, lacking = (MAP_NAMES[0], MAP_NAMES[1]) if noise is None else (MAP_NAMES[1], MAP_NAMES[0])
        raise InvalidSeries(f"{folder / 'dark'} has {there} but no {lacking}", "both maps, in DN", f"add {lacking}.npy or .tif")
    return read_dark_maps(offset, noise)


def _listed(folder: Path, rows: list[TableRow], bits: int | None) -> list[Level]:
    """Levels that frames.csv names, in its order."""
    levels = []
    claimed: dict[Path, list[Path]] = {}
    for row in rows:
        files = files_of(row.path)
        twice = [file for file in files if _overlaps(file, claimed.get(split(file)[0], []))]
        if twice or not files:
            found = f"names {min(twice)} twice, once by its folder" if twice else f"names {row.path}, which holds no frames"
            raise InvalidSeries(f"{folder / 'frames.csv'} {found}", "each frame once", "correct the lines")
        for file in files:
            claimed.setdefault(split(file)[0], []).append(file)
        name = row.path.relative_to(folder).as_posix()
        levels.append(
            Level(row.kind, name, row.exposure_ms, row.irradiance, temperature_c=row.temperature_c, paths=tuple(files), bits=bits)
        )
    return levels


def _overlaps(path: Path, before: list[Path]) -> bool:
    """Return whether frames of a file are named that an earlier line has named."""
    new = split(path)[1]
    for other in before:
        old = split(other)[1]
        apart = any(old.axes.get(key) not in (None, value) for key, value in new.axes.items() if isinstance(value, int))
        ranges = new.pages and old.pages and all(a > d or c > b for a, b in new.pages for c, d in old.pages)
        if not (apart or ranges):
            return True
    return False


def _unlisted(folder: Path, rows: list[TableRow], bits: int | None) -> list[Level]:
    """Levels beside those that frames.csv names, of no stated exposure. A folder of which it names only some frames is refused."""
    listed = {split(file)[0] for row in rows for file in (row.path, *files_of(row.path))}
    levels = []
    for unit in units_of(folder, listed):
        known = listed.intersection(unit.files)
        if known and len(known) < len(unit.files):
            missing = min(set(unit.files) - known)
            raise InvalidSeries(
                f"frames.csv lists some frames of {unit.path}, but not {missing.name}", "all or none of a folder", "complete it"
            )
        if not known:
            levels.append(Level(unit.kind, unit.name, None, paths=unit.files, bits=bits))
    return levels


def _merge(levels: list[Level], tabled: bool) -> list[Level]:
    """Merge levels of equal kind, exposure and irradiance; a level of unknown exposure stays alone.

    Flats of which a file's header says the exposure stay alone too: their light may differ, of which headers say nothing.
    """
    merged: dict[object, Level] = {}
    for position, level in enumerate(levels):
        alone = level.exposure_ms is None or (level.kind == "flat" and not tabled)
        key: object = position if alone else (level.kind, level.exposure_ms, level.irradiance if level.kind == "flat" else None)
        known = merged.get(key)
        merged[key] = level if known is None else replace(known, paths=known.paths + level.paths)
    return list(merged.values())


def _ordered(levels: list[Level]) -> tuple[Level, ...]:
    """Levels by exposure, those of unknown exposure last, else as found."""
    unknown = float("inf")
    return tuple(sorted(levels, key=lambda level: unknown if level.exposure_ms is None else level.exposure_ms))
