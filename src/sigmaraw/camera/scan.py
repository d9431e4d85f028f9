"""First pass over a series: scalars of every level, and what all levels must share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from sigmaraw.camera.classes import Suspects, find_suspects
from sigmaraw.camera.evidence import LevelEvidence
from sigmaraw.camera.level import measure_level
from sigmaraw.camera.moments import LevelMoments
from sigmaraw.camera.onepass import CHUNK_PIXELS, PixelSums
from sigmaraw.errors import BitDepthMismatch, ShapeMismatch
from sigmaraw.frames import Level, Series, SourceFile

Progress = Callable[[int, int, str], None]


@dataclass
class Scan:
    """What the first pass leaves: scalars of every level, the sums of the first dark level's pixels, and what all levels must share."""

    darks: list[LevelMoments] = field(default_factory=list)
    flats: list[LevelMoments] = field(default_factory=list)
    dark_evidence: list[LevelEvidence] = field(default_factory=list)
    flat_evidence: list[LevelEvidence] = field(default_factory=list)
    dark_pixels: PixelSums | None = None
    suspects: Suspects | None = None
    files: list[tuple[str, SourceFile]] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)
    shape: tuple[int, ...] | None = None
    bits: int | None = None
    bits_source: str = ""
    first: str = ""

    def take(self, level: Level, *, size: tuple[int, int] | None, pixels: bool) -> None:
        """Read a level, check it against the first one and add its scalars; `pixels` keeps the sums of its pixels."""
        stream = level.stream()
        measured = measure_level(stream.chunks(CHUNK_PIXELS), level.name, pixels=pixels, shape_sums=pixels)
        moments, evidence = measured.moments, measured.evidence
        bits, source = stream.depth(moments.maximum)
        if size is not None and evidence.shape != size:
            raise ShapeMismatch(
                f"level {level.name} has frames of {evidence.shape}", f"{size}, as the descriptor says", "correct the descriptor"
            )
        if self.shape is None:
            self.shape, self.bits, self.bits_source, self.first = evidence.shape, bits, source, level.name
        if evidence.shape != self.shape:
            raise ShapeMismatch(
                f"level {level.name} has frames of {evidence.shape}, {self.first} of {self.shape}",
                "(y, x) frames of one shape",
                "calibrate one sensor region",
            )
        if bits != self.bits:
            raise BitDepthMismatch(
                f"level {level.name} has {bits} bits, {self.first} has {self.bits}", "one bit depth", "state it with bits"
            )
        # Pixels of a line that shares noise are not independent witnesses of the variance.
        moments = replace(moments, variance_var=moments.variance_var + evidence.shared_variance_var / moments.n_pairs)
        (self.darks if level.kind == "dark" else self.flats).append(moments)
        (self.dark_evidence if level.kind == "dark" else self.flat_evidence).append(evidence)
        if measured.pixels is not None:
            self.dark_pixels, self.suspects = measured.pixels, find_suspects(measured.pixels)
            measured.pixels.release_shapes()
        self.files += [(f"{level.kind} {level.exposure_ms} {level.irradiance} {level.photons}", source) for source in _sources(level)]
        self.metadata = {**{key: str(value) for key, value in stream.metadata.items()}, **self.metadata}


def _sources(level: Level) -> tuple[SourceFile, ...]:
    """The level's files and hashes; of frames in memory that came from no file, the hash of their values."""
    if level.loaded is None or level.loaded.files:
        return level.files()
    return (SourceFile(level.name, hashlib.sha256(level.loaded.data.tobytes()).hexdigest(), "memory"),)


def with_bits(series: Series, bits: int | None) -> Series:
    """Return the series with a stated bit depth on every level, those in memory checked against it."""
    if bits is None:
        return series

    def stated(level: Level) -> Level:
        if level.loaded is None:
            return replace(level, bits=bits)
        if int(level.loaded.data.max()) >= 1 << bits:
            raise BitDepthMismatch(
                f"level {level.name} holds {int(level.loaded.data.max())}, but {bits} bits are stated", "values that fit", "state more bits"
            )
        return replace(level, loaded=replace(level.loaded, bits=bits, bits_source="stated"))

    return replace(series, dark=tuple(map(stated, series.dark)), flat=tuple(map(stated, series.flat)), bits=bits)


def scan_levels(series: Series, progress: Progress | None) -> Scan:
    """Read every level once. Raises ShapeMismatch, BitDepthMismatch, TooFewFrames, ImplausibleSeries."""
    scan = Scan()
    levels = (*series.dark, *series.flat)
    for done, level in enumerate(levels, start=1):
        scan.take(level, size=series.size, pixels=done == 1 and level.kind == "dark")
        if progress is not None:
            progress(done, len(levels), level.name)
    if series.maps is not None:
        maps = series.maps
        if maps.offset_dn.shape != scan.shape:
            raise ShapeMismatch(
                f"the dark maps have the shape {maps.offset_dn.shape}, the flats {scan.shape}", "one shape", "give maps of the same region"
            )
        scan.darks.append(_moments_of_maps(maps.offset_dn, maps.read_noise_dn))
        scan.files += [(f"map {index}", source) for index, source in enumerate(maps.files)]
    return scan


def _moments_of_maps(offset: np.ndarray, noise: np.ndarray) -> LevelMoments:
    """Scalars of dark maps. How many frames are behind them is not known, so their own error counts as none, and a note says so."""
    square = noise**2
    return LevelMoments(
        mean=float(offset.mean()),
        variance=float(square.mean()),
        variance_var=0.0,
        excess=float(square.var()),
        n_frames=0,
        n_pairs=0,
        n_pixels=offset.size,
        frame_means=np.array([offset.mean()]),
        minimum=0,
        maximum=0,
        top_fraction=0.0,
        bottom_fraction=0.0,
    )
