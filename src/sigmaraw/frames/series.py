"""A SERIES folder, or an EMVA 1288 descriptor file, into dark and flat levels.

Layout: ``dark/`` and ``flat/``, in which each stack file, Zarr folder or subfolder of single frames is one level; ``frames.csv`` beside
them gives exposures; without it those that OME and FITS headers state are taken. ``dark/offset_map.*`` and ``dark/read_noise_map.*``
(floats, DN) may stand in for dark frames.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from sigmaraw.errors import InputNotFound, InvalidOption, InvalidSeries
from sigmaraw.frames.decoding import natural_key
from sigmaraw.frames.descriptor import is_descriptor, read_descriptor
from sigmaraw.frames.exposures import stated_exposure_ms
from sigmaraw.frames.frames_csv import Row, read_frames_csv
from sigmaraw.frames.levels import Kind, Level, Series
from sigmaraw.frames.maps import DarkMaps, read_dark_maps
from sigmaraw.frames.reading import COMPANIONS, frame_files, is_frame_file

MAP_NAMES = ("offset_map", "read_noise_map")


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
    if bits is not None and (isinstance(bits, bool) or not isinstance(bits, int) or not 1 <= bits <= 16):
        raise InvalidOption(f"bits={bits}", "a whole number from 1 to 16", "give the camera's bit depth")
    if not path.exists():
        raise InputNotFound(f"{path} does not exist", "a series folder with dark/ and flat/", "check the name")
    if not path.is_dir():
        return _from_descriptor(path, bits)
    if not any((path / kind).is_dir() for kind in get_args(Kind)) and not (path / "frames.csv").is_file():
        descriptors = [file for file in sorted(path.glob("*.txt")) if is_descriptor(file)]
        if len(descriptors) == 1:
            return _from_descriptor(descriptors[0], bits)
        found = f"{path} has neither dark/ and flat/ nor frames.csv" + (f", but {len(descriptors)} descriptors" if descriptors else "")
        raise InvalidSeries(
            found, "a series folder", "put darks in dark/ and flats in flat/, each exposure in a file or subfolder of its own"
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
    units = {kind: _units(folder / kind) for kind in get_args(Kind)}
    levels = _merge([*_listed(folder, rows, bits), *_unlisted(rows, units, bits)], tabled=bool(rows))
    dark, flat = ([level for level in levels if level.kind == kind] for kind in ("dark", "flat"))
    return Series(_ordered(dark), _ordered(flat), maps=maps, name=str(folder), bits=bits)


def _maps(folder: Path) -> DarkMaps | None:
    """Return the maps that stand in for darks, None when there are none; one without the other is refused."""
    found = {}
    for name in MAP_NAMES:
        places = [path for path in (folder / "dark").glob(f"{name}.*") if is_frame_file(path)]
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


@dataclass(frozen=True)
class _Unit:
    """What is one level when nothing else is said: a stack file, or a subfolder with its frame files."""

    path: Path
    files: tuple[Path, ...]


def _units(folder: Path) -> list[_Unit]:
    if not folder.is_dir():
        return []
    units = []
    for path in sorted(folder.iterdir(), key=lambda path: natural_key(path.name)):
        if path.name.startswith(".") or path.name == "Thumbs.db":
            continue
        if path.is_dir() and not is_frame_file(path):
            files = frame_files(path)
            if not files:
                raise InvalidSeries(f"{path} holds no frames", "TIFF, .npy or FITS files", "fill or remove it")
            units.append(_Unit(path, tuple(files)))
        elif is_frame_file(path):
            if not (folder.name == "dark" and path.name.split(".")[0] in MAP_NAMES):
                units.append(_Unit(path, (path,)))
        elif path.suffix.lower() not in COMPANIONS:
            raise InvalidSeries(
                f"{path} is not a frame that can be read", "TIFF, .npy or FITS files, or folders of them", "convert or remove it"
            )
    return units


def _files_of(row: Row) -> list[Path]:
    return frame_files(row.path) if row.path.is_dir() and not is_frame_file(row.path) else [row.path]


def _listed(folder: Path, rows: list[Row], bits: int | None) -> list[Level]:
    """Levels that frames.csv names, in its order."""
    levels = []
    claimed: set[Path] = set()
    for row in rows:
        files = _files_of(row)
        twice = claimed.intersection(files)
        if twice or not files:
            found = f"names {min(twice)} twice, once by its folder" if twice else f"names {row.path}, which holds no frames"
            raise InvalidSeries(f"{folder / 'frames.csv'} {found}", "each frame once", "correct the lines")
        claimed.update(files)
        kind: Kind = "dark" if row.kind == "dark" else "flat"
        name = row.path.relative_to(folder).as_posix()
        levels.append(Level(kind, name, row.exposure_ms, row.irradiance, temperature_c=row.temperature_c, paths=tuple(files), bits=bits))
    return levels


def _unlisted(rows: list[Row], units: dict[Kind, list[_Unit]], bits: int | None) -> list[Level]:
    """Levels in dark/ and flat/ that frames.csv does not name. A folder of which it names only some frames is refused."""
    listed = {file for row in rows for file in (row.path, *_files_of(row))}
    levels = []
    for kind, found in units.items():
        for unit in found:
            known = listed.intersection(unit.files)
            if known and len(known) < len(unit.files):
                missing = min(set(unit.files) - known)
                raise InvalidSeries(
                    f"frames.csv lists some frames of {unit.path}, but not {missing.name}", "all or none of a folder", "complete it"
                )
            if not known:
                name = f"{kind}/{unit.path.name}"
                # A table says it all; without one the files' own headers are asked.
                exposure = None if rows else stated_exposure_ms(unit.files, name)
                levels.append(Level(kind, name, exposure, paths=unit.files, bits=bits))
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
