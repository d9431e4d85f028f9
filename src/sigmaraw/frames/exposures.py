"""Exposure times that image files state themselves: OME metadata, FITS headers. Only headers are read.

OME: Plane ExposureTime with ExposureTimeUnit (s where none is given). FITS: EXPTIME or EXPOSURE in seconds, the convention of both
keywords, or in milliseconds where the comment says (ms).
"""

from __future__ import annotations

import logging
import math
import re
import warnings
from collections.abc import Iterable
from pathlib import Path

from sigmaraw.errors import InvalidSeries
from sigmaraw.frames import fits, tiff
from sigmaraw.frames.decoding import DECODING_ERRORS
from sigmaraw.frames.reading import suffix_of
from sigmaraw.frames.zarr import is_zarr, ome_text

_AGREE = 0.01  # of one level's files: what a shutter's own log scatters
_TO_MS = {"s": 1e3, "ms": 1.0, "µs": 1e-3, "μs": 1e-3, "us": 1e-3, "ns": 1e-6, "ps": 1e-9, "min": 6e4, "h": 3.6e6}
_PLANE = re.compile(r"<(?:[A-Za-z_][\w.-]*:)?Plane\s([^<>]*)>")
_ATTRIBUTE = re.compile(r'\b(ExposureTime|ExposureTimeUnit)\s*=\s*"([^"<>]{1,40})"')
_FITS_KEYS = ("EXPTIME", "EXPOSURE")
_LARGEST_XML = 1 << 26


def stated_exposure_ms(paths: Iterable[Path], name: str) -> float | None:
    """Return the exposure, ms, that all files of one level state, None where one of them states none.

    Raises
    ------
    InvalidSeries
        Exposures that differ by more than 1 %, of an unknown unit, or no times at all.
    """
    found: list[float] = []
    for path in paths:
        times = _of_file(path)
        if not times:
            return None
        found += times
    if not found:
        return None
    if max(found) - min(found) > _AGREE * max(found):
        raise InvalidSeries(
            f"the files of {name} state exposures from {min(found):g} to {max(found):g} ms",
            "one exposure a level",
            "give each exposure a file or folder of its own, or say in frames.csv what they are",
        )
    return math.fsum(found) / len(found)


def _of_file(path: Path) -> list[float]:
    if is_zarr(path):
        return _ome(ome_text(path), path)
    if suffix_of(path) in tiff.SUFFIXES:
        return _ome(_tiff_ome(path), path)
    if suffix_of(path) in fits.SUFFIXES:
        return _fits(path)
    return []


def _time(text: str, factor: float, path: Path) -> float:
    try:
        value = float(text) * factor
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise InvalidSeries(f"{path} states the exposure '{text[:40]}'", "a time from 0", "say in frames.csv what it is")
    return value


def _ome(text: str, path: Path) -> list[float]:
    times = []
    for plane in _PLANE.findall(text):
        stated = dict(_ATTRIBUTE.findall(plane))
        if "ExposureTime" not in stated:
            return []
        unit = stated.get("ExposureTimeUnit", "s")
        if unit not in _TO_MS:
            raise InvalidSeries(f"{path} states its exposure in '{unit}'", f"one of {', '.join(_TO_MS)}", "say in frames.csv what it is")
        times.append(_time(stated["ExposureTime"], _TO_MS[unit], path))
    return times


def _tiff_ome(path: Path) -> str:
    """OME-XML of a TIFF, "" where there is none; a damaged file is refused later, when its pixels are read."""
    import tifffile

    logger = tifffile.logger()
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with tifffile.TiffFile(path, _multifile=False) as tif:
            text = tif.ome_metadata if tif.is_ome else None
    except DECODING_ERRORS:
        return ""
    finally:
        logger.setLevel(level)
    return text if text is not None and len(text) <= _LARGEST_XML else ""


def _fits(path: Path) -> list[float]:
    from astropy.io import fits as astropy_fits

    try:
        with warnings.catch_warnings(), astropy_fits.open(path, memmap=False, lazy_load_hdus=True) as hdus:
            warnings.simplefilter("ignore")
            header = hdus[0].header
            for key in _FITS_KEYS:
                value = header.get(key)
                if isinstance(value, (int, float)) and not isinstance(value, bool):
                    milli = re.search(r"[\[(]ms[\])]|millisec", str(header.comments[key]), re.IGNORECASE) is not None
                    return [_time(repr(value), 1.0 if milli else 1e3, path)]
    except (*DECODING_ERRORS, astropy_fits.VerifyError):
        return []
    return []
