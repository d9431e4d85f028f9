"""FITS by astropy: the first image extension of a file, plain or gzip-compressed; tile-compressed images are tables and not taken."""

from __future__ import annotations

import gzip
import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from sigmaraw.frames.decoding import Decoded, decoding, unreadable

SUFFIXES = (".fits", ".fit", ".fts", ".fits.gz", ".fit.gz", ".fts.gz")
# FITS has no keyword for the converter's depth; these are the ones that acquisition software writes.
_BITS_KEYS = ("BITDEPTH", "ADCBITS", "SIGBITS")
_LARGEST_BYTES = 1 << 32
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
    UnreadableFile : not FITS, cut off, or without an image.
    """
    from astropy.io import fits
    from astropy.utils.exceptions import AstropyUserWarning

    try:
        with decoding(path, "FITS"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Of a file that is cut off astropy only warns.
            warnings.filterwarnings("error", message=".*(truncated|Error validating header)", category=AstropyUserWarning)
            with fits.open(_source(path), memmap=False, uint=True, disable_image_compression=True) as hdus:
                return _first_image(path, hdus, (fits.PrimaryHDU, fits.ImageHDU))
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


def _first_image(path: Path, hdus: Any, kinds: tuple[Any, ...]) -> Decoded:
    for hdu in hdus:
        if isinstance(hdu, kinds) and hdu.header.get("NAXIS", 0) >= 2:
            header = hdu.header.copy()
            data = hdu.data
            if data is None or data.size == 0 or data.ndim < 2:
                raise unreadable(path, "FITS", "no pixels")
            return Decoded(np.array(data.reshape(-1, *data.shape[-2:]), order="C"), "astropy", _bits(header), _metadata(header))
    raise unreadable(path, "FITS", "no image in it")


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
