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

from sigmaraw.contracts.readers import Decoded, Layout, Opened, Reader, Selection
from sigmaraw.errors import ColourImage, NotIntegerData, ShapeMismatch
from sigmaraw.frames import tiff_tags as tags
from sigmaraw.frames.decoding import decoding, mappable, read_exactly, require_grey, require_plausible, unreadable, unreadable_choice
from sigmaraw.frames.pixel_size import tiff_spacing

_COLOUR_PHOTOMETRICS = {2: "RGB", 3: "palette", 5: "CMYK", 6: "YCbCr", 8: "CIELab"}

# A hostile header may announce any size; a real one is small, or no more than a thousand times smaller than its pixels.


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


class TiffReader(Reader):
    """TIFF, OME-TIFF and ImageJ's TIFF, by tifffile."""

    name = "tiff"
    formats = "TIFF, BigTIFF, OME-TIFF, ImageJ's TIFF"
    suffixes = (".tif", ".tiff", ".btf", ".tf8")
    package = "tifffile"

    def read(self, path: Path, selection: Selection) -> Decoded:
        """Return all planes, as `read_tiff`."""
        return read_tiff(path, selection)

    def open(self, path: Path, selection: Selection) -> Opened | None:
        """Return planes to be read a few at a time, as `open_tiff`."""
        return open_tiff(path, selection)


def read_tiff(path: Path, selection: Selection) -> Decoded:
    """Return all planes of a TIFF file, or of the image in it that is asked for, in the order of its axes.

    Raises
    ------
    UnreadableFile
        Not a TIFF, cut off, with pages missing, or of several images.
    ColourImage
        RGB, palette or other colour pages.
    ShapeMismatch
        Pages of unequal shape or dtype.
    LossyImage, NotIntegerData
        A tag says that the stored values are not the camera's.
    """
    import tifffile

    # _multifile: an OME header may name other files; only the one that was named is read.
    with _listening() as complaints, decoding(path, "TIFF"), tifffile.TiffFile(path, _multifile=False) as tif:
        return _read_open(path, tif, complaints, selection)


def open_tiff(path: Path, selection: Selection) -> Opened | None:
    """Return the planes of a TIFF to be read a few at a time, refused as `read_tiff` does.

    None where a compressed page holds several frames, or where values are offset. Pages that lie one after the other uncompressed are
    copied from the file; others are decoded one by one.
    """
    import tifffile

    with _listening() as complaints, decoding(path, "TIFF"), contextlib.ExitStack() as stack:
        tif = stack.enter_context(tifffile.TiffFile(path, _multifile=False))
        checked = _checked_series(path, tif, selection)
        if complaints.lines:
            raise unreadable(path, "TIFF", complaints.lines[0])
        if not checked or tags.imagej_offset(path, tif):
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

        layout, inverted = _layout(tif, checked), tags.is_inverted(checked[0].keyframe)
        shape = (sum(counts), height, width)
        return Opened(shape, checked[0].dtype, read, _bits(tif), _metadata(tif), held.close, layout, inverted)


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


def _read_open(path: Path, tif: Any, complaints: _Complaints, selection: Selection) -> Decoded:
    stacks = []
    series = _checked_series(path, tif, selection)
    for one in series:
        stacks.append(_pixels(path, tif, one).reshape(-1, one.keyframe.imagelength, one.keyframe.imagewidth))
    if complaints.lines:
        raise unreadable(path, "TIFF", complaints.lines[0])
    if not stacks:
        raise unreadable(path, "TIFF", "no pages")
    _require_one_shape(path, [(stack.shape[1:], stack.dtype) for stack in stacks])
    planes = stacks[0] if len(stacks) == 1 else np.concatenate(stacks)
    planes = _signed(path, planes, tags.imagej_offset(path, tif))
    inverted = tags.is_inverted(series[0].keyframe)
    return Decoded(planes, "tifffile", _bits(tif), _metadata(tif), _layout(tif, series), inverted)


def _signed(path: Path, planes: np.ndarray[Any, Any], offset: int) -> np.ndarray[Any, Any]:
    """Undo ImageJ's way to store signed 16-bit numbers, exactly; negative ones are refused."""
    if offset == 0:
        return planes
    if planes.dtype != np.uint16 or int(planes.min()) < -offset:
        raise NotIntegerData(f"{path} holds negative pixels (ImageJ's 16-bit signed)", "uint8 or uint16", "save the camera's integers")
    shifted: np.ndarray[Any, Any] = planes - np.uint16(-offset)
    return shifted


def _layout(tif: Any, series: list[Any]) -> Layout:
    """Return the axes that the file states for its planes."""
    if len(series) > 1:
        count = sum(one.size // (one.keyframe.imagelength * one.keyframe.imagewidth) for one in series)
        return Layout("Q", (count,))
    (one,) = series
    end = one.axes.rfind("Y")
    letters, sizes = one.axes[:end], one.shape[:end]
    if one.axes[end:] not in ("YX", "YXS") or len(letters) != len(sizes):
        letters, sizes = "Q", (one.size // (one.keyframe.imagelength * one.keyframe.imagewidth),)
    if _frames_as_planes(tif, one.keyframe):
        letters = letters.replace("S", "Q")
    # ImageJ calls the planes of any stack slices; only a hyperstack says that they lie in depth.
    plain = bool(tif.is_imagej and not (tif.imagej_metadata or {}).get("hyperstack"))
    return Layout(letters, tuple(int(size) for size in sizes), plain)


def _checked_series(path: Path, tif: Any, selection: Selection) -> list[Any]:
    """Return the file's series, grey and wholly present each; of several OME images the one that is asked for."""
    size, found = path.stat().st_size, []
    for series in _chosen(path, tif, selection):
        first = series.keyframe
        frames_as_planes = _frames_as_planes(tif, first)
        if first.photometric in _COLOUR_PHOTOMETRICS and not frames_as_planes:
            raise ColourImage(
                f"{path} is a colour image ({_COLOUR_PHOTOMETRICS[first.photometric]})", "grey frames", "export the raw frames"
            )
        if not frames_as_planes:
            require_grey(path, first.samplesperpixel)
        tags.refuse_changed(path, tif, first, selection.lossy)
        _check_extent(path, series, size)
        found.append(series)
    return found


def _chosen(path: Path, tif: Any, selection: Selection) -> list[Any]:
    """Return the series that are read. Images of an OME file are different fields or positions, and never frames of one."""
    series = list(tif.series)
    if selection.image is None:
        if tif.is_ome and len(series) > 1:
            names = ", ".join(f"{index} ({str(one.name)[:20]})" for index, one in enumerate(series[:8]))
            raise unreadable_choice(path, f"{len(series)} images: {names}", f"choose one: {path.name}#image=0")
        return series
    if not selection.image.isdecimal() or int(selection.image) >= len(series):
        raise unreadable_choice(path, f"no image '{selection.image[:20]}'", f"choose one from 0 to {len(series) - 1}")
    return [series[int(selection.image)]]


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
    require_plausible(path, "TIFF", series.nbytes, size)
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
    return tags.stated_bits(tif.pages.first)


def _metadata(tif: Any) -> dict[str, Any]:
    page = tif.pages.first
    found = {
        "camera": tags.text_tag(page, "Model"),
        "serial": tags.text_tag(page, "CameraSerialNumber"),
        "cfa": tags.cfa_of(page),
        "compression": tags.lossy_compression(tif, page),
    }
    return {name: value for name, value in found.items() if value is not None} | tiff_spacing(tif)
