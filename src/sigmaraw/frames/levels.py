"""The values that a SERIES consists of: exposure levels whose frames are loaded when asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from sigmaraw.errors import InvalidSeries
from sigmaraw.files import sha256_of_file
from sigmaraw.frames.maps import DarkMaps
from sigmaraw.frames.reading import assemble
from sigmaraw.frames.selection import split
from sigmaraw.frames.streaming import FrameStream
from sigmaraw.frames.types import RawFrames, SourceFile

Kind = Literal["dark", "flat"]


@dataclass(frozen=True)
class Level:
    """One exposure level with its repeats, in order of acquisition.

    exposure_ms : ms, None where not known. irradiance : in whatever unit the series states, the same for all its levels.
    photons : mean photons per pixel, None where not known. temperature_c : °C.
    paths : its files; or `loaded` : frames already in memory. part : (y, x) slices that every frame is cut to.
    """

    kind: Kind
    name: str
    exposure_ms: float | None = None
    irradiance: float | None = None
    photons: float | None = None
    temperature_c: float | None = None
    paths: tuple[Path, ...] = ()
    loaded: RawFrames | None = None
    bits: int | None = None
    part: tuple[slice, slice] | None = None

    def frames(self) -> RawFrames:
        """Read and return this level's frames; nothing is kept, so that one level is in memory at a time."""
        whole = self.loaded if self.loaded is not None else assemble(self.paths, bits=self.bits)
        return whole if self.part is None else replace(whole, data=whole.data[:, *self.part])

    def stream(self) -> FrameStream:
        """Return the level's frames as a stream: a few frames are in memory at a time, however many there are."""
        return FrameStream(self.paths, self.loaded, self.bits, self.part)

    def files(self) -> tuple[SourceFile, ...]:
        """Return the level's files with their hashes, without decoding them."""
        if self.loaded is not None:
            return self.loaded.files
        files = dict.fromkeys(split(path)[0] for path in self.paths)
        return tuple(SourceFile(str(path), sha256_of_file(path), "") for path in files)


@dataclass(frozen=True)
class Series:
    """Dark and flat levels of one camera at one setting; `maps` stand in for darks where there are none."""

    dark: tuple[Level, ...]
    flat: tuple[Level, ...]
    maps: DarkMaps | None = None
    name: str = "series"
    bits: int | None = None
    size: tuple[int, int] | None = None  # (y, x) that a descriptor states
    notes: tuple[str, ...] = ()  # what headers and names leave open, or state by the way
    cfa: str | None = None  # colour filter pattern that the headers state
    settings: Mapping[str, str] = field(default_factory=dict)  # keys that the headers of all files agree in

    def __post_init__(self) -> None:
        if self.maps is not None and self.dark:
            raise InvalidSeries(f"{self.name} has dark frames and dark maps", "one of the two", "remove the maps or the frames")
        if self.maps is None and not self.dark:
            raise InvalidSeries(f"{self.name} has no dark level", "dark frames, or offset and read-noise maps", "add dark/")
        if not self.flat:
            raise InvalidSeries(f"{self.name} has no flat level", "at least two flat levels", "add flat/")
        if len(self.dark) > 1:
            exposures = [level.exposure_ms for level in self.dark]
            if None in exposures or len(set(exposures)) < len(exposures):
                raise InvalidSeries(
                    f"{self.name} has {len(self.dark)} dark levels without distinct exposures",
                    "one dark level, or an exposure_ms for each",
                    "add frames.csv with the exposures",
                )

    def dark_for(self, flat: Level) -> Level:
        """Return the dark level that serves `flat`: the only one, else the one of nearest exposure, the shorter of two equally near.

        Raises
        ------
        InvalidSeries
            There are several darks and the flat's exposure is not known.
        """
        if len(self.dark) == 1:
            return self.dark[0]
        wanted = flat.exposure_ms
        if wanted is None:
            raise InvalidSeries(
                f"flat level {flat.name} has no exposure, but there are {len(self.dark)} dark levels", "exposure_ms", "add it to frames.csv"
            )
        return min(self.dark, key=lambda level: (abs((level.exposure_ms or 0.0) - wanted), level.exposure_ms or 0.0))

    def digest(self, files: Iterable[tuple[str, SourceFile]]) -> str:
        """Return one SHA-256 over the hashes of (role, file) pairs; paths, names and order do not enter."""
        lines = sorted(f"{role} {source.sha256}" for role, source in files)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()
