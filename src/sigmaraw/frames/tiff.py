"""TIFF and OME-TIFF by tifffile: every page is one plane."""

from __future__ import annotations

import contextlib
import logging
import math
import re
from collections.abc import Iterator
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
    UnreadableFile : not a TIFF, cut off, or with pages missing.
    ColourImage : RGB, palette or other colour pages.
    ShapeMismatch : pages of unequal shape or dtype.
    """
    import tifffile

    # _multifile: an OME header may name other files; only the one that was named is read.
    with _listening() as complaints, decoding(path, "TIFF"), tifffile.TiffFile(path, _multifile=False) as tif:
        return _read_open(path, tif, complaints)


def open_tiff(path: Path) -> Opened | None:
    """Return a TIFF's pages to be read frame by frame, refused as `read_tiff` does; None where they are not one series.

    Pages that lie one after the other uncompressed are copied from the file; others are decoded one by one.
    """
    import tifffile

    with _listening() as complaints, decoding(path, "TIFF"), contextlib.ExitStack() as stack:
        tif = stack.enter_context(tifffile.TiffFile(path, _multifile=False))
        checked = list(_checked_series(path, tif))
        if complaints.lines:
            raise unreadable(path, "TIFF", complaints.lines[0])
        if len(checked) != 1:
            return None
        series, pages = checked[0], checked[0].pages
        height, width = series.keyframe.imagelength, series.keyframe.imagewidth
        shape, dtype, start = (series.size // (height * width), height, width), series.dtype, series.dataoffset
        bits, metadata = _bits(tif), _metadata(tif)
        # Without compression a gap-free series is what stands in the file from its offset on.
        if start is not None:

            def read(first: int, out: NDArray[Any]) -> None:
                read_exactly(path, "TIFF", start + first * height * width * dtype.itemsize, dtype.newbyteorder(tif.byteorder), out)

            return Opened(shape, dtype, read, bits, metadata)
        if len(pages) != shape[0]:
            return None
        held = stack.pop_all()

    def decode(first: int, out: NDArray[Any]) -> None:
        with _listening() as complaints, decoding(path, "TIFF"):
            for index in range(len(out)):
                out[index] = pages[first + index].asarray()
            if complaints.lines:
                raise unreadable(path, "TIFF", complaints.lines[0])

    return Opened(shape, dtype, decode, bits, metadata, held.close)


def _read_open(path: Path, tif: Any, complaints: _Complaints) -> Decoded:
    stacks = []
    for series in _checked_series(path, tif):
        stacks.append(_pixels(path, tif, series).reshape(-1, series.keyframe.imagelength, series.keyframe.imagewidth))
    if complaints.lines:
        raise unreadable(path, "TIFF", complaints.lines[0])
    if not stacks:
        raise unreadable(path, "TIFF", "no pages")
    if len({(stack.shape[1:], stack.dtype) for stack in stacks}) > 1:
        shapes = sorted({f"{stack.shape[1]}x{stack.shape[2]} {stack.dtype.name}" for stack in stacks})
        raise ShapeMismatch(f"{path} has pages of {', '.join(shapes)}", "pages of one shape and type", "split the file")
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
