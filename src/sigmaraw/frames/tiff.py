"""TIFF and OME-TIFF by tifffile: every page is one plane."""

from __future__ import annotations

import contextlib
import logging
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import ColourImage, ShapeMismatch
from sigmaraw.frames.decoding import Decoded, Opened, decoding, mappable, read_exactly, require_grey, unreadable

SUFFIXES = (".tif", ".tiff", ".btf", ".tf8")
_COLOUR_PHOTOMETRICS = {2: "RGB", 3: "palette", 5: "CMYK", 6: "YCbCr", 8: "CIELab"}

# A hostile header may announce any size; a real one is small, or no more than a thousand times smaller than its pixels.
_ALWAYS_ALLOWED = 1 << 28
_LARGEST_EXPANSION = 2000


class _Complaints(logging.Handler):
    """Collects what tifffile only logs: it returns fewer pages or zeros where a file is cut off."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@contextlib.contextmanager
def _listening() -> Iterator[_Complaints]:
    import tifffile

    complaints = _Complaints()
    logger = tifffile.logger()
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(complaints)
    try:
        yield complaints
    finally:
        logger.removeHandler(complaints)
        logger.propagate = propagate


def read_tiff(path: Path) -> Decoded:
    """Return all planes of a TIFF file in page order.

    Raises
    ------
    UnreadableFile
        Not a TIFF, cut off, or with pages missing.
    ColourImage
        RGB, palette or other colour pages.
    ShapeMismatch
        Pages of unequal shape or dtype.
    """
    import tifffile

    # _multifile: an OME header may name other files; only the one that was named is read.
    with _listening() as complaints, decoding(path, "TIFF"), tifffile.TiffFile(path, _multifile=False) as tif:
        return _read_open(path, tif, complaints)


def open_tiff(path: Path) -> Opened | None:
    """Return the pages of all series of a TIFF to be read frame by frame, refused as `read_tiff` does.

    None where a compressed page holds several frames. Pages that lie one after the other uncompressed are copied from the file; others are
    decoded one by one.
    """
    import tifffile

    with _listening() as complaints, decoding(path, "TIFF"), contextlib.ExitStack() as stack:
        tif = stack.enter_context(tifffile.TiffFile(path, _multifile=False))
        checked = list(_checked_series(path, tif))
        if complaints.lines:
            raise unreadable(path, "TIFF", complaints.lines[0])
        if not checked:
            return None
        _require_one_shape(path, [((one.keyframe.imagelength, one.keyframe.imagewidth), one.dtype) for one in checked])
        height, width = checked[0].keyframe.imagelength, checked[0].keyframe.imagewidth
        counts = [one.size // (height * width) for one in checked]
        # Without compression a gap-free series is what stands in the file from its offset on.
        decoded = [one for one in checked if one.dataoffset is None]
        if any(len(one.pages) != count for one, count in zip(checked, counts, strict=True) if one.dataoffset is None):
            return None
        readers = [_decoder(path, one.pages) if one.dataoffset is None else _copier(path, tif, one, height * width) for one in checked]
        held = stack.pop_all() if decoded else contextlib.ExitStack()

        def read(first: int, out: NDArray[Any]) -> None:
            for count, reader in zip(counts, readers, strict=True):
                take = max(0, min(count - first, len(out)))
                if take:
                    reader(first, out[:take])
                first, out = max(0, first - count), out[take:]

        return Opened((sum(counts), height, width), checked[0].dtype, read, _bits(tif), _metadata(tif), held.close)


def _copier(path: Path, tif: Any, series: Any, pixels: int) -> Callable[[int, NDArray[Any]], None]:
    """Return what copies frames, of so many pixels, of a series without gaps."""
    start, dtype = series.dataoffset, series.dtype.newbyteorder(tif.byteorder)
    return lambda first, out: read_exactly(path, "TIFF", start + first * pixels * dtype.itemsize, dtype, out)


def _decoder(path: Path, pages: Any) -> Callable[[int, NDArray[Any]], None]:
    """Return what decodes frames page by page."""

    def decode(first: int, out: NDArray[Any]) -> None:
        with _listening() as complaints, decoding(path, "TIFF"):
            for index in range(len(out)):
                out[index] = pages[first + index].asarray()
            if complaints.lines:
                raise unreadable(path, "TIFF", complaints.lines[0])

    return decode


def _require_one_shape(path: Path, found: list[tuple[tuple[int, ...], Any]]) -> None:
    if len(set(found)) > 1:
        shapes = sorted({f"{shape[0]}x{shape[1]} {dtype.name}" for shape, dtype in found})
        raise ShapeMismatch(f"{path} has pages of {', '.join(shapes)}", "pages of one shape and type", "split the file")


def _read_open(path: Path, tif: Any, complaints: _Complaints) -> Decoded:
    stacks = []
    for series in _checked_series(path, tif):
        stacks.append(_pixels(path, tif, series).reshape(-1, series.keyframe.imagelength, series.keyframe.imagewidth))
    if complaints.lines:
        raise unreadable(path, "TIFF", complaints.lines[0])
    if not stacks:
        raise unreadable(path, "TIFF", "no pages")
    _require_one_shape(path, [(stack.shape[1:], stack.dtype) for stack in stacks])
    planes = stacks[0] if len(stacks) == 1 else np.concatenate(stacks)
    return Decoded(planes, "tifffile", _bits(tif), _metadata(tif))


def _checked_series(path: Path, tif: Any) -> Iterator[Any]:
    """Yield the file's series, grey and wholly present each."""
    size = path.stat().st_size
    for series in tif.series:
        first = series.keyframe
        frames_as_planes = _frames_as_planes(tif, first)
        if first.photometric in _COLOUR_PHOTOMETRICS and not frames_as_planes:
            raise ColourImage(f"{path} is a {_COLOUR_PHOTOMETRICS[first.photometric]} image", "grey frames", "export the raw frames")
        if not frames_as_planes:
            require_grey(path, first.samplesperpixel)
        _check_extent(path, series, size)
        yield series


def _pixels(path: Path, tif: Any, series: Any) -> np.ndarray[Any, Any]:
    """Return a series' pixels; mapped, where there are many and they lie in the file one after the other, uncompressed."""
    dtype = series.dtype.newbyteorder(tif.byteorder)
    if series.dataoffset is not None and series.keyframe.is_memmappable and mappable(series.nbytes):
        # Copy on write: pages come when they are needed, and nothing that is done to the array reaches the file.
        return np.asarray(np.memmap(path, dtype, mode="c", offset=series.dataoffset, shape=series.shape))
    pixels: np.ndarray[Any, Any] = series.asarray()
    return pixels


def _frames_as_planes(tif: Any, page: Any) -> bool:
    """Return whether tifffile wrote a stack (3, y, x) or (4, y, x) under its old default, which labels frames as colour planes.

    Such files carry its shape note and separate planes; colour comes interleaved, or as three planes of uint8.
    """
    separate = page.photometric == 2 and page.planarconfig == 2 and tif.is_shaped
    return bool(separate and (page.dtype == np.uint16 or page.samplesperpixel == 4))


def _check_extent(path: Path, series: Any, size: int) -> None:
    """Refuse pages whose bytes lie beyond the end of the file, which tifffile would fill with zeros, and impossible sizes."""
    if series.nbytes > max(_ALWAYS_ALLOWED, _LARGEST_EXPANSION * size):
        raise unreadable(path, "TIFF", f"{series.nbytes} bytes of pixels announced in a file of {size}")
    for page in series.pages:
        if page is None:
            raise unreadable(path, "TIFF", "a page is missing")
        if len(page.dataoffsets) != len(page.databytecounts) or len(page.dataoffsets) != math.prod(series.keyframe.chunked):
            raise unreadable(path, "TIFF", "strips or tiles are missing")
        for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
            if offset == 0 or count == 0 or offset + count > size:
                raise unreadable(path, "TIFF", "image data missing or cut off")
    stored = len(series.pages) * series.keyframe.nbytes
    contiguous = series.dataoffset is not None and series.dataoffset + series.nbytes <= size
    if stored != series.nbytes and not contiguous:
        raise unreadable(path, "TIFF", f"{series.nbytes} bytes announced, {stored} present")


def _bits(tif: Any) -> int | None:
    """Bit depth from OME SignificantBits, or from an odd BitsPerSample such as 12; None when only the container speaks."""
    if tif.is_ome and tif.ome_metadata:
        stated = [int(bits) for bits in re.findall(r'\bSignificantBits\s*=\s*"(\d{1,3})"', tif.ome_metadata)]
        if stated:
            return max(stated)
    bits = tif.pages.first.bitspersample
    return bits if 1 < bits < 16 and bits != 8 else None


def _metadata(tif: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, name in (("Model", "camera"), ("CameraSerialNumber", "serial")):
        value = tif.pages.first.tags.valueof(key)
        if isinstance(value, str) and value.strip():
            found[name] = value.strip()[:120]
    return found
