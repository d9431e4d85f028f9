"""The one pass over a series: scalars of every level, maps of its pixels, and what all levels must share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sigmaraw.camera.maps.classes import RTS_FRAMES, Suspects, find_suspects
from sigmaraw.camera.measuring.evidence import LevelEvidence
from sigmaraw.camera.measuring.level import LevelMeter, MeasuredLevel
from sigmaraw.camera.measuring.mapstore import MapStore
from sigmaraw.camera.measuring.moments import LevelMoments
from sigmaraw.camera.measuring.onepass import CHUNK_PIXELS, PixelSums
from sigmaraw.camera.measuring.workers import Workers, read_ahead, workers
from sigmaraw.camera.taps.layout import TapLayout, Window, part_of_series
from sigmaraw.errors import BitDepthMismatch, ShapeMismatch
from sigmaraw.frames import Level, Series, SourceFile
from sigmaraw.frames.streaming import FrameBuffer, FrameStream

Progress = Callable[[int, int, str], None]


@dataclass
class Scan:
    """What reading leaves of a series, or of the pixels of one tap.

    Parameters
    ----------
    series : Series
        The levels that are read.
    darks : list of LevelMoments
        Scalars of the dark levels read so far.
    flats : list of LevelMoments
        Scalars of the flat levels read so far.
    dark_evidence : list of LevelEvidence
        What the checks need of each dark level.
    flat_evidence : list of LevelEvidence
        What the checks need of each flat level.
    dark_pixels : PixelSums or None
        Sums of the pixels of the first dark level.
    suspects : Suspects or None
        Pixels of the dark level `suspects_of`; None where no dark level has enough frames.
    suspects_of : int
        Place of that dark level.
    files : list of tuple of (str, SourceFile)
        Role and hash of every file.
    metadata : dict of str to str
        What the files state of the camera.
    shape : tuple of (int, int) or None
        (y, x), px; None before the first level.
    bits : int or None
        Bit depth; None before the first level.
    bits_source : str
        "stated", "metadata" or "container".
    first : str
        Name of the first level.
    store : MapStore or None
        Maps of all levels but the first dark one, dark levels first.
    """

    series: Series
    darks: list[LevelMoments] = field(default_factory=list)
    flats: list[LevelMoments] = field(default_factory=list)
    dark_evidence: list[LevelEvidence] = field(default_factory=list)
    flat_evidence: list[LevelEvidence] = field(default_factory=list)
    dark_pixels: PixelSums | None = None
    suspects: Suspects | None = None
    suspects_of: int = 0
    files: list[tuple[str, SourceFile]] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)
    shape: tuple[int, int] | None = None
    bits: int | None = None
    bits_source: str = ""
    first: str = ""
    store: MapStore | None = None

    def begin(self, level: Level, shape: tuple[int, int], closing: ExitStack) -> None:
        """Hold the size of a level's frames against the first level's and the descriptor's.

        Parameters
        ----------
        level : Level
            The level.
        shape : tuple of (int, int)
            (y, x), px; None before the first level.
        closing : ExitStack
            Takes over what must be closed in the end.

        Raises
        ------
        ShapeMismatch
            If the frames have another shape than the first level or the descriptor.
        """
        size = self.series.size
        if size is not None and shape != size:
            raise ShapeMismatch(f"level {level.name} has frames of {shape}", f"{size}, as the descriptor says", "correct the descriptor")
        if self.shape is None:
            self.shape, self.first = shape, level.name
            self.store = closing.enter_context(MapStore(shape, len(self.series.dark) + len(self.series.flat)))
        if shape != self.shape:
            raise ShapeMismatch(
                f"level {level.name} has frames of {shape}, {self.first} of {self.shape}",
                "(y, x) frames of one shape",
                "calibrate one sensor region",
            )

    def take(self, index: int, level: Level, measured: MeasuredLevel, stream: FrameStream, crew: Workers) -> None:
        """Hold a level's bit depth against the first level's, and keep what was measured.

        Parameters
        ----------
        index : int
            Place of the level: dark levels first, in order.
        level : Level
            The level.
        measured : MeasuredLevel
            What the frames gave.
        stream : FrameStream
            The frames, read to the end.
        crew : Workers
            Threads that share the work.

        Raises
        ------
        BitDepthMismatch
            If the bit depth is another than that of the first level.
        """
        assert self.store is not None
        moments, evidence = measured.moments, measured.evidence
        bits, source = stream.depth(moments.maximum)
        if self.bits is None:
            self.bits, self.bits_source = bits, source
        if bits != self.bits:
            raise BitDepthMismatch(
                f"level {level.name} has {bits} bits, {self.first} has {self.bits}", "one bit depth", "state it with bits"
            )
        # Pixels of a line that shares noise are not independent witnesses of the variance.
        moments = replace(moments, variance_var=moments.variance_var + evidence.shared_variance_var / moments.n_pairs)
        (self.darks if level.kind == "dark" else self.flats).append(moments)
        (self.dark_evidence if level.kind == "dark" else self.flat_evidence).append(evidence)
        if index == 0 and level.kind == "dark":
            self.dark_pixels, self.suspects = measured.pixels, find_suspects(measured.pixels)
            measured.pixels.release_shapes()
        else:
            self.store.put(index, measured.pixels, moments.mean, crew)
            measured.pixels.give_back(crew)
        self.metadata = {**{key: str(value) for key, value in stream.metadata.items()}, **self.metadata}

    def curve(self, curve_variance: np.ndarray, used: np.ndarray) -> dict[str, np.ndarray]:
        """Return the photon-transfer points, flat levels in order of their mean.

        Parameters
        ----------
        curve_variance : ndarray
            (flat level,), the transfer curve, DN²; NaN for levels out of the fit.
        used : ndarray
            (flat level,), whether the level is in the fit.
        """
        order = np.argsort([level.mean for level in self.flats], kind="stable")
        flats = [self.flats[index] for index in order]
        exposure = [np.nan if level.exposure_ms is None else level.exposure_ms for level in self.series.flat]
        return {
            "level_mean": np.array([level.mean for level in flats]),
            "level_mean_se": np.sqrt([level.mean_var for level in flats]),
            "level_variance": np.array([level.variance for level in flats]),
            "level_variance_se": np.sqrt([level.variance_var for level in flats]),
            "level_exposure": np.array(exposure)[order],
            "level_model": curve_variance[order],
            "level_used": used[order].astype(np.int8),
        }

    def provenance(self) -> dict[str, Any]:
        """Return what a profile says of the frames it comes from."""
        return {
            "bits": self.bits,
            "bits_source": self.bits_source,
            "source": "calibrated",
            "series_sha256": self.series.digest(self.files),
            "series_files": len(self.files),
            **({"header_settings": json.dumps(dict(self.series.settings))} if self.series.settings else {}),
            **{key: self.metadata[key] for key in ("camera", "serial", "mode") if key in self.metadata},
        }


def _sources(level: Level) -> tuple[SourceFile, ...]:
    """The level's files and hashes; of frames in memory that came from no file, the hash of their values."""
    if level.loaded is None or level.loaded.files:
        return level.files()
    return (SourceFile(level.name, hashlib.sha256(np.ascontiguousarray(level.loaded.data).data).hexdigest(), "memory"),)


def with_bits(series: Series, bits: int | None) -> Series:
    """Return the series with a stated bit depth on every level, those in memory checked against it.

    Parameters
    ----------
    series : Series
        The dark and flat levels.
    bits : int or None
        Bit depth, 1 to 16; None leaves the series as it is.

    Raises
    ------
    BitDepthMismatch
        If a frame in memory holds a value that does not fit.
    """
    if bits is None:
        return series

    def stated(level: Level) -> Level:
        if level.loaded is None:
            return replace(level, bits=bits)
        if int(level.loaded.data.max()) >= 1 << bits:
            raise BitDepthMismatch(
                f"level {level.name} holds {int(level.loaded.data.max())}, but {bits} bits are stated",
                "values of at most that many bits",
                "state more bits",
            )
        return replace(level, loaded=replace(level.loaded, bits=bits, bits_source="stated"))

    return replace(series, dark=tuple(map(stated, series.dark)), flat=tuple(map(stated, series.flat)), bits=bits)


def scan_levels(series: Series, closing: ExitStack, progress: Progress | None, layout: TapLayout | None = None) -> list[Scan]:
    """Read every level once and return what it leaves: of the whole sensor first, then of each tap.

    Parameters
    ----------
    series : Series
        The dark and flat levels.
    closing : ExitStack
        Takes over what must be closed when the maps are no longer needed.
    progress : callable or None
        Called with levels done, levels in all and the name of the level; None for silence.
    layout : TapLayout or None
        Taps; None for a whole sensor.

    Raises
    ------
    ShapeMismatch, BitDepthMismatch, TooFewFrames, ImplausibleSeries, OutOfSpace
        As `calibrate`.
    """
    scans = [Scan(series)]
    levels = (*series.dark, *series.flat)
    buffers = (FrameBuffer(), FrameBuffer())
    with workers() as crew, _hashing() as hashing:
        found = [hashing.submit(_sources, level) for level in levels]
        for index, level in enumerate(levels):
            _read(index, level, scans, layout, closing, crew, buffers)
            if progress is not None:
                progress(index + 1, len(levels), level.name)
        for scan in scans:
            _files(scan, levels, found)
            _look_further(scan, crew, buffers)
            _take_maps(scan)
    return scans


@contextmanager
def _hashing() -> Iterator[ThreadPoolExecutor]:
    """A thread that hashes files while their frames are worked through; what is not begun when something fails is dropped."""
    pool = ThreadPoolExecutor(1)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _read(
    index: int,
    level: Level,
    scans: list[Scan],
    layout: TapLayout | None,
    closing: ExitStack,
    crew: Workers,
    buffers: tuple[FrameBuffer, FrameBuffer],
) -> None:
    """Read one level for the whole sensor and for every tap; the first level says where the taps' pixels are."""
    stream = level.stream()
    meters: list[LevelMeter] = []
    windows: list[Window | None] = [None]
    for frames in read_ahead(stream.chunks(CHUNK_PIXELS, *buffers)):
        if not meters:
            shape = (int(frames.shape[1]), int(frames.shape[2]))
            scans[0].begin(level, shape, closing)
            if layout is not None:
                windows += layout.windows(shape)
                if len(scans) == 1:
                    pairs = zip(layout.labels, layout.windows(shape), strict=True)
                    scans += [Scan(part_of_series(scans[0].series, window, label)) for label, window in pairs]
            meters = [LevelMeter(_level(scan, index).name, shape_sums=index == 0 and level.kind == "dark") for scan in scans]
        for meter, window in zip(meters, windows, strict=True):
            meter.add(frames if window is None else np.ascontiguousarray(frames[:, *window]), crew)
    if not meters:
        LevelMeter(level.name).result(crew)  # refuses a level without frames
    for scan, meter in zip(scans, meters, strict=True):
        of_scan = _level(scan, index)
        if scan is not scans[0]:
            scan.begin(of_scan, meter.shape, closing)
        scan.take(index, of_scan, meter.result(crew), stream, crew)


def _level(scan: Scan, index: int) -> Level:
    return (*scan.series.dark, *scan.series.flat)[index]


def _files(scan: Scan, levels: Sequence[Level], found: Sequence[Future[tuple[SourceFile, ...]]]) -> None:
    for level, sources in zip(levels, found, strict=True):
        scan.files += [(f"{level.kind} {level.exposure_ms} {level.irradiance} {level.photons}", source) for source in sources.result()]


def _look_further(scan: Scan, crew: Workers, buffers: tuple[FrameBuffer, FrameBuffer]) -> None:
    """Take suspects from the shortest dark exposure of enough frames where the first has too few; it is read once more for that."""
    enough = [index for index, level in enumerate(scan.darks) if level.n_frames >= RTS_FRAMES]
    if scan.suspects is not None or not enough:
        return
    level = scan.series.dark[enough[0]]
    meter = LevelMeter(level.name, shape_sums=True)
    for frames in read_ahead(level.stream().chunks(CHUNK_PIXELS, *buffers)):
        meter.add(frames, crew)
    scan.suspects, scan.suspects_of = find_suspects(meter.result(crew).pixels), enough[0]


def _take_maps(scan: Scan) -> None:
    """Dark maps in place of dark levels."""
    if scan.series.maps is None:
        return
    maps = scan.series.maps
    if maps.offset_dn.shape != scan.shape:
        raise ShapeMismatch(
            f"the dark maps have the shape {maps.offset_dn.shape}, the flats {scan.shape}", "one shape", "give maps of the same region"
        )
    scan.darks.append(_moments_of_maps(maps.offset_dn, maps.read_noise_dn))
    scan.files += [(f"map {index}", source) for index, source in enumerate(maps.files)]


def _moments_of_maps(offset: np.ndarray, noise: np.ndarray) -> LevelMoments:
    """Scalars of dark maps. The number of their frames is not stated, so their error counts as none, and a note says so."""
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
