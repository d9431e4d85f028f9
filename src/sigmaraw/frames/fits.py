"""FITS by astropy: the image extensions of a file, plain, gzip-compressed or tile-compressed without loss."""

from __future__ import annotations

import contextlib
import gzip
import io
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts.readers import Decoded, Layout, Opened, Reader, Selection
from sigmaraw.errors import ShapeMismatch
from sigmaraw.frames.decoding import decoding, read_exactly, require_plausible, unreadable, unreadable_choice
from sigmaraw.frames.fits_keys import bits_of, metadata_of, refuse_changed

_LARGEST_BYTES = 1 << 32
_PLAIN = {(8, 0): "u1", (16, 32768): ">u2"}  # (BITPIX, BZERO) of what is read as it stands, and the type that stands there
# Kinds of a third axis that are neither time nor a bare count of frames, by the start of their CTYPE.
_AXIS_KINDS = {"WAVE": "L", "AWAV": "L", "FREQ": "L", "VELO": "L", "VRAD": "L", "VOPT": "L", "ENER": "L", "LAMB": "L", "STOKES": "P"}
_AXIS_NAMES = {"TIME": "T", "UTC": "T", "FRAME": "T", "Z": "Z", "DEPTH": "Z", "CHANNEL": "C", "COLOR": "C", "COLOUR": "C", "FILTER": "C"}


@dataclass(frozen=True)
class _Image:
    """One HDU with pixels: its place in the file, its header, shape (…, y, x) and where its data begin (None where compressed)."""

    index: int
    name: str
    version: int
    header: Any
    shape: tuple[int, ...]
    start: int | None
    packed: Any = None  # the header of the table that holds a tile-compressed image


class FitsReader(Reader):
    """FITS by astropy."""

    name = "fits"
    formats = "FITS, plain, gzip-compressed or tile-compressed"
    suffixes = (".fits", ".fit", ".fts", ".fits.gz", ".fit.gz", ".fts.gz", ".fz")
    package = "astropy"

    def read(self, path: Path, selection: Selection) -> Decoded:
        """Return all planes, as `read_fits`."""
        return read_fits(path, selection)

    def open(self, path: Path, selection: Selection) -> Opened | None:
        """Return planes to be read a few at a time, as `open_fits`."""
        return open_fits(path, selection)


def read_fits(path: Path, selection: Selection) -> Decoded:
    """Return the planes of a file's images; those of one name and shape are frames, as the exposures SCI,1 and SCI,2 of one file.

    BZERO = 32768 with BITPIX = 16 is FITS's way to write uint16 and is undone exactly. Whatever else changes a pixel's meaning is refused.

    Raises
    ------
    UnreadableFile
        Not FITS, cut off, without an image, or with images of several names of which none is chosen.
    NotIntegerData
        BSCALE, undefined pixels, units that are not DN, a calibrated or averaged frame.
    LossyImage
        Tile compression with loss.
    """
    with _listed(path, compressed=True) as hdus:
        images = _chosen(path, _images(path, hdus, hdus), selection)
        stacks = []
        for image in images:
            data = hdus[image.index].data
            if data is None or data.size == 0 or data.ndim < 2:
                raise unreadable(path, "FITS", "no pixels")
            refuse_changed(path, image.header, image.packed, data, selection.lossy)
            stacks.append(np.array(data.reshape(-1, *data.shape[-2:]), order="C"))
        planes = stacks[0] if len(stacks) == 1 else np.concatenate(stacks)
        header = images[0].header
        return Decoded(planes, "astropy", bits_of(header), metadata_of(header), _layout(images))


def open_fits(path: Path, selection: Selection) -> Opened | None:
    """Return the planes of a file's images to be read a few at a time, refused as `read_fits` does.

    None where the file is compressed, or holds neither uint8 nor uint16 as FITS writes them (BITPIX 8; BITPIX 16 and BZERO 32768).
    """
    if path.suffix.lower() in (".gz", ".fz"):
        return None
    with _listed(path, compressed=False) as hdus:
        images = _chosen(path, _images(path, hdus, None), selection)
        if any(image.start is None or image.packed is not None or "BLANK" in image.header for image in images):
            return None
        kinds = {(image.header["BITPIX"], image.header.get("BZERO", 0), image.header.get("BSCALE", 1)) for image in images}
        (bitpix, zero, scale) = kinds.pop()
        if kinds or scale != 1 or (bitpix, zero) not in _PLAIN:
            return None
        for image in images:
            refuse_changed(path, image.header, None, None, selection.lossy)
        # What cannot be parsed is found when it is asked for: within reach of the refusal.
        bits, metadata, layout = bits_of(images[0].header), metadata_of(images[0].header), _layout(images)
    shape = images[0].shape
    frame, count = math.prod(shape[-2:]), math.prod(shape[:-2])
    stored = np.dtype(_PLAIN[bitpix, zero])
    starts = [int(image.start or 0) for image in images]
    if max(starts) + math.prod(shape) * stored.itemsize > path.stat().st_size:
        raise unreadable(path, "FITS", "image data cut off")

    def read(first: int, out: NDArray[Any]) -> None:
        for index, start in enumerate(starts):
            take = max(0, min((index + 1) * count - first, len(out)))
            if take and first >= index * count:
                read_exactly(path, "FITS", start + (first - index * count) * frame * stored.itemsize, stored, out[:take])
                if bitpix == 16:
                    out[:take] ^= np.uint16(1 << 15)  # signed with 32768 taken off, as FITS writes uint16
                first, out = first + take, out[take:]

    dtype = np.dtype(np.uint8 if bitpix == 8 else np.uint16)
    return Opened((len(images) * count, shape[-2], shape[-1]), dtype, read, bits, metadata, layout=layout)


@contextlib.contextmanager
def _listed(path: Path, *, compressed: bool) -> Iterator[Any]:
    """Yield the file's HDUs, their data not yet read; refuse what is damaged."""
    from astropy.io import fits
    from astropy.utils.exceptions import AstropyUserWarning

    try:
        with decoding(path, "FITS"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Of a file that is cut off astropy only warns.
            warnings.filterwarnings("error", message=".*(truncated|Error validating header)", category=AstropyUserWarning)
            source = _source(path)
            if compressed:
                _check_packed(path, _stream(source))
            with fits.open(_stream(source), memmap=False, uint=True, ignore_blank=True, disable_image_compression=not compressed) as hdus:
                yield hdus
    except (fits.VerifyError, AstropyUserWarning) as error:
        raise unreadable(path, "FITS", error) from error


def _check_packed(path: Path, source: Path | io.BytesIO) -> None:
    """Refuse tile-compressed images that announce impossible sizes, before anything is unpacked."""
    from astropy.io import fits

    size = path.stat().st_size
    with fits.open(source, memmap=False, disable_image_compression=True) as hdus:
        for hdu in hdus:
            if hdu.header.get("ZIMAGE"):
                axes = [int(hdu.header.get(f"ZNAXIS{axis + 1}", 0)) for axis in range(int(hdu.header.get("ZNAXIS", 0)))]
                bytes_ = math.prod(axes) * abs(int(hdu.header.get("ZBITPIX", 8))) // 8 if axes else 0
                if min(axes, default=0) < 0 or len(axes) > 4:
                    raise unreadable(path, "FITS", f"{bytes_} bytes of pixels announced in a file of {size}")
                require_plausible(path, "FITS", bytes_, size)


def _images(path: Path, hdus: Any, unpacked: Any | None) -> list[_Image]:
    """Return the HDUs that hold pixels; of a file that is not unpacked, tile-compressed ones are marked as such."""
    from astropy.io import fits

    found = []
    for index, hdu in enumerate(hdus):
        header = hdu.header.copy()  # reading pixels takes BSCALE and BZERO out of it
        packed = None
        if unpacked is not None and isinstance(hdu, fits.CompImageHDU):
            packed = getattr(hdu, "_bintable", None)
            packed = header if packed is None else packed.header
        elif header.get("ZIMAGE"):
            found.append(_Image(index, str(hdu.name), int(hdu.ver), header, (0, 0), None, header))
            continue
        elif not isinstance(hdu, (fits.PrimaryHDU, fits.ImageHDU)):
            continue
        naxis = int(header.get("NAXIS", 0))
        shape = tuple(int(header[f"NAXIS{axis}"]) for axis in range(naxis, 0, -1))
        if naxis < 2:
            continue
        if math.prod(shape) == 0:
            raise unreadable(path, "FITS", "no pixels")
        start = int(hdu.fileinfo()["datLoc"]) if packed is None else None
        found.append(_Image(index, str(hdu.name or ""), int(hdu.ver or 1), header, shape, start, packed))
    return found


def _chosen(path: Path, images: list[_Image], selection: Selection) -> list[_Image]:
    """Return the images that are frames of one field: the only one, those of one name, or those that are asked for."""
    if not images:
        raise unreadable(path, "FITS", "no image in it")
    listed = ", ".join(f"{image.index} {image.name or '(no name)'},{image.version}" for image in images[:12])
    if selection.extension is not None:
        name, _, version = selection.extension.partition(",")
        wanted = [
            image
            for image in images
            if (name.isdecimal() and image.index == int(name))
            or (image.name.upper() == name.upper() and version.strip() in ("", str(image.version)))
        ]
        if not wanted:
            raise unreadable_choice(path, f"no image extension '{selection.extension[:30]}', but {listed}", "choose one of these")
        images = wanted
    elif len({image.name.upper() for image in images}) > 1:
        example = next((image.name for image in images if image.name not in ("", "PRIMARY")), str(images[0].index))
        raise unreadable_choice(path, f"images of several kinds: {listed}", f"choose one: {path.name}#extension={example}")
    if len({image.shape for image in images}) > 1:
        raise ShapeMismatch(f"{path} holds images of unequal shape: {listed}", "one shape", f"choose one: {path.name}#extension=1")
    return images


def _layout(images: list[_Image]) -> Layout:
    shape, header = images[0].shape, images[0].header
    letters = "".join(_axis(str(header.get(f"CTYPE{axis}", ""))) for axis in range(len(shape), 2, -1))
    sizes = shape[:-2]
    return Layout(letters, sizes) if len(images) == 1 else Layout("Q" + letters, (len(images), *sizes))


def _axis(kind: str) -> str:
    text = kind.strip().upper()
    return next((letter for start, letter in _AXIS_KINDS.items() if text.startswith(start)), _AXIS_NAMES.get(text, "Q"))


def _stream(source: Path | bytes) -> Path | io.BytesIO:
    return io.BytesIO(source) if isinstance(source, bytes) else source


def _source(path: Path) -> Path | bytes:
    """Return what astropy is to open: of a .gz file the bytes, since only a read to the end finds it cut off."""
    if path.suffix.lower() != ".gz":
        return path
    with gzip.open(path) as stream:
        content = stream.read(_LARGEST_BYTES + 1)
    if len(content) > _LARGEST_BYTES:
        raise unreadable(path, "FITS", f"it unfolds to more than {_LARGEST_BYTES} bytes")
    return content
