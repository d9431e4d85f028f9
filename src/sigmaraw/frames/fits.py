"""FITS by astropy: the first image extension of a file, plain or gzip-compressed; tile-compressed images are tables and not taken."""

from __future__ import annotations

import contextlib
import gzip
import io
import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.frames.decoding import Decoded, Opened, decoding, read_exactly, unreadable

SUFFIXES = (".fits", ".fit", ".fts", ".fits.gz", ".fit.gz", ".fts.gz")
# FITS has no keyword for the converter's depth; these are the ones that acquisition software writes.
_BITS_KEYS = ("BITDEPTH", "ADCBITS", "SIGBITS")
_LARGEST_BYTES = 1 << 32
_PLAIN = {(8, 0): "u1", (16, 32768): ">u2"}  # (BITPIX, BZERO) of what is read as it stands, and the type that stands there
_NAMES = {
    "camera": ("INSTRUME", "CAMERA", "CAM_ID", "DETECTOR"),
    "serial": ("CAM_SN", "SERIALNO", "CAMSN", "DETSN"),
    "mode": ("READMODE", "READOUTM", "RUN_MODE"),
}


def read_fits(path: Path) -> Decoded:
    """Return the planes (plane, y, x) of the first HDU that has an image.

    BZERO = 32768 with BITPIX = 16 is FITS's way to write uint16 and is undone exactly; any BSCALE other than 1 makes floats,
    which the caller refuses.

    Raises
    ------
    UnreadableFile
        Not FITS, cut off, or without an image.
    """
    with _first_image(path) as hdu:
        header = hdu.header.copy()
        data = hdu.data
        if data is None or data.size == 0 or data.ndim < 2:
            raise unreadable(path, "FITS", "no pixels")
        return Decoded(np.array(data.reshape(-1, *data.shape[-2:]), order="C"), "astropy", _bits(header), _metadata(header))


def open_fits(path: Path) -> Opened | None:
    """Return the planes of the first image to be read a few at a time, refused as `read_fits` does.

    None where the file is compressed, or holds neither uint8 nor uint16 as FITS writes them (BITPIX 8; BITPIX 16 and BZERO 32768).
    """
    if path.suffix.lower() == ".gz":
        return None
    with _first_image(path) as hdu:
        header, start = hdu.header.copy(), int(hdu.fileinfo()["datLoc"])
        bitpix, zero, scale = header["BITPIX"], header.get("BZERO", 0), header.get("BSCALE", 1)
        if scale != 1 or (bitpix, zero) not in _PLAIN:
            return None
        shape = tuple(int(header[f"NAXIS{axis}"]) for axis in range(header["NAXIS"], 0, -1))
    frame = math.prod(shape[-2:])
    stored = np.dtype(_PLAIN[bitpix, zero])
    if math.prod(shape) == 0:
        raise unreadable(path, "FITS", "no pixels")
    if start + math.prod(shape) * stored.itemsize > path.stat().st_size:
        raise unreadable(path, "FITS", "image data cut off")

    def read(first: int, out: NDArray[Any]) -> None:
        read_exactly(path, "FITS", start + first * frame * stored.itemsize, stored, out)
        if bitpix == 16:
            out ^= np.uint16(1 << 15)  # signed with 32768 taken off, as FITS writes uint16

    dtype = np.dtype(np.uint8 if bitpix == 8 else np.uint16)
    return Opened((math.prod(shape[:-2]), shape[-2], shape[-1]), dtype, read, _bits(header), _metadata(header))


@contextlib.contextmanager
def _first_image(path: Path) -> Iterator[Any]:
    """Yield the first HDU that has an image, its data not yet read; refuse what is damaged."""
    from astropy.io import fits
    from astropy.utils.exceptions import AstropyUserWarning

    try:
        with decoding(path, "FITS"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Of a file that is cut off astropy only warns.
            warnings.filterwarnings("error", message=".*(truncated|Error validating header)", category=AstropyUserWarning)
            with fits.open(_source(path), memmap=False, uint=True, disable_image_compression=True) as hdus:
                for hdu in hdus:
                    if isinstance(hdu, (fits.PrimaryHDU, fits.ImageHDU)) and hdu.header.get("NAXIS", 0) >= 2:
                        yield hdu
                        return
                raise unreadable(path, "FITS", "no image in it")
    except (fits.VerifyError, AstropyUserWarning) as error:
        raise unreadable(path, "FITS", error) from error


def _source(path: Path) -> Path | io.BytesIO:
    """Return what astropy is to open: of a .gz file the bytes, since only a read to the end finds it cut off."""
    if path.suffix.lower() != ".gz":
        return path
    with gzip.open(path) as stream:
        content = stream.read(_LARGEST_BYTES + 1)
    if len(content) > _LARGEST_BYTES:
        raise unreadable(path, "FITS", f"it unfolds to more than {_LARGEST_BYTES} bytes")
    return io.BytesIO(content)


def _bits(header: Any) -> int | None:
    for key in _BITS_KEYS:
        value = header.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return None


def _metadata(header: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, keys in _NAMES.items():
        for key in keys:
            value = header.get(key)
            if isinstance(value, (str, int)) and str(value).strip():
                found[name] = str(value).strip()[:120]
                break
    return found
