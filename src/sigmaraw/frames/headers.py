"""What the headers of a series state: exposure, and the settings that darks and flats must share. Only headers are read.

OME: Plane ExposureTime with ExposureTimeUnit (s where none is given), DetectorSettings. Micro-Manager: its own keys. FITS: EXPTIME or
EXPOSURE in seconds, the convention of both keywords, or in the unit that the comment states.
"""

from __future__ import annotations

import logging
import math
import re
import warnings
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sigmaraw.frames.decoding import DECODING_ERRORS
from sigmaraw.frames.fits import FitsReader
from sigmaraw.frames.fits_keys import header_settings
from sigmaraw.frames.installed import suffix_of
from sigmaraw.frames.selection import split
from sigmaraw.frames.tiff import TiffReader
from sigmaraw.frames.tiff_tags import cfa_of, text_tag
from sigmaraw.frames.units import milliseconds_of, parse_time, unit_of_comment
from sigmaraw.frames.zarr import is_zarr, ome_text

_LARGEST_XML = 1 << 26
_EXPOSURE_KEYS = {"EXPTIME": 1e3, "EXPOSURE": 1e3, "EXP_TIME": 1e3, "ITIME": 1e3, "EXPOINUS": 1e-3, "EXPOS_MS": 1.0}
_MICRO_MANAGER = 51123
# Of Micro-Manager's keys, those after the device's name that change what a pixel's value means.
_DEVICE_KEY = re.compile(
    r"(?:^|[- _])(gain|binning|readout ?mode|readoutrate|pixelreadoutrate|bit ?depth|offset|em ?gain|multipliergain|conversiongain)$",
    re.IGNORECASE,
)
_OME_SETTINGS = ("Gain", "Offset", "Binning", "ReadOutRate", "AmplificationGain")
_OME_DETECTOR = ("Model", "SerialNumber", "Manufacturer")


@dataclass(frozen=True)
class Stated:
    """What one file's header says.

    Parameters
    ----------
    times_ms : list of float
        Exposure of each plane, ms; one entry where one header speaks of all. Empty where the file states none that is understood.
    settings : mapping of str to str
        Values of the keys that darks and flats must share, by the file's key.
    unknown : str or None
        An exposure whose unit is not understood, as the file has it.
    """

    times_ms: list[float] = field(default_factory=list)
    settings: Mapping[str, str] = field(default_factory=dict)
    unknown: str | None = None


def stated(path: Path) -> Stated:
    """Return what the header of a file states.

    Parameters
    ----------
    path : Path
        A frame file or Zarr folder, with what of it is asked for after a #.

    Returns
    -------
    Stated
        Nothing where the header is damaged: the file is refused when its pixels are read.
    """
    file, selection = split(path)
    if is_zarr(file):
        return _of_ome(ome_text(file))
    if suffix_of(file) in TiffReader.suffixes:
        return _of_tiff(file)
    if suffix_of(file) in FitsReader.suffixes:
        return _of_fits(file, selection.extension)
    return Stated()


def _of_tiff(path: Path) -> Stated:
    import tifffile

    logger = tifffile.logger()
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with tifffile.TiffFile(path, _multifile=False) as tif:
            text = tif.ome_metadata if tif.is_ome else None
            page = tif.pages.first
            found = _of_ome(text if text is not None and len(text) <= _LARGEST_XML else "")
            manager = _of_micro_manager(page.tags.valueof(_MICRO_MANAGER))
            settings = {**_tags(page), **manager.settings, **found.settings}
            return Stated(found.times_ms or manager.times_ms, settings, found.unknown or manager.unknown)
    except DECODING_ERRORS:
        return Stated()
    finally:
        logger.setLevel(level)


def _tags(page: Any) -> dict[str, str]:
    found = {
        "Model": text_tag(page, "Model"),
        "CameraSerialNumber": text_tag(page, "CameraSerialNumber"),
        "CFA pattern": cfa_of(page),
        "Orientation": None if page.tags.valueof("Orientation") in (None, 1) else str(int(page.tags.valueof("Orientation"))),
    }
    return {name: value for name, value in found.items() if value is not None}


def _of_micro_manager(value: Any) -> Stated:
    if not isinstance(value, dict):
        return Stated()
    settings, times, unknown = {}, [], None
    for key, entry in value.items():
        text = entry.get("PropVal") if isinstance(entry, dict) else entry
        if not isinstance(text, (str, int, float)) or isinstance(text, bool):
            continue
        if str(key) == "Exposure-ms":
            time = parse_time(str(text), 1.0)
            times, unknown = ([], f"Exposure-ms '{str(text)[:40]}'") if time is None else ([time], None)
        elif _DEVICE_KEY.search(str(key)):
            settings[str(key)[:60]] = str(text)[:60]
    return Stated(times, settings, unknown)


def elements(text: str) -> Iterator[ElementTree.Element]:
    """Yield the elements of an XML text as far as it can be read; a text with a document type is not read at all.

    Parameters
    ----------
    text : str
        OME-XML: character references such as ``&#181;`` are read as XML says.
    """
    if not text or "<!DOCTYPE" in text or "<!ENTITY" in text:
        return
    parser: ElementTree.XMLPullParser[ElementTree.Element] = ElementTree.XMLPullParser(["end"])
    try:
        parser.feed(re.sub(r"^\s*<\?xml[^>]*\?>", "", text))
        events: Iterator[Any] = parser.read_events()
        for _, element in events:
            yield element
    except (ElementTree.ParseError, ValueError):
        return


def _of_ome(text: str) -> Stated:
    times: list[float] = []
    settings: dict[str, str] = {}
    unknown, silent = None, False
    for element in elements(text):
        name = element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
        if name == "Plane":
            time, unit = element.get("ExposureTime"), element.get("ExposureTimeUnit", "s")
            factor = milliseconds_of(unit)
            if time is None:
                silent = True
                continue
            value = None if factor is None else parse_time(time, factor)
            unknown = unknown or (f"ExposureTime '{time[:40]}' in '{unit[:40]}'" if value is None else None)
            times += [] if value is None else [value]
        elif name in ("DetectorSettings", "Detector"):
            wanted = _OME_SETTINGS if name == "DetectorSettings" else _OME_DETECTOR
            settings |= {f"{name} {key}": str(element.get(key))[:60] for key in wanted if element.get(key)}
    return Stated([] if silent or unknown else times, settings, unknown)


def _of_fits(path: Path, extension: str | None) -> Stated:
    """Exposure and settings of the first image's header, and of the primary one that stands before it."""
    from astropy.io import fits as astropy_fits

    try:
        with warnings.catch_warnings(), astropy_fits.open(path, memmap=False, lazy_load_hdus=True) as hdus:
            warnings.simplefilter("ignore")
            headers = [hdus[0].header]
            if hdus[0].header.get("NAXIS", 0) < 2:
                headers += [hdu.header for hdu in hdus[1:4] if hdu.header.get("NAXIS", 0) >= 2][:1]
            del extension
            found = [_exposure(header) for header in headers]
            settings: dict[str, str] = {}
            for header in headers:
                settings |= header_settings(header)
    except (*DECODING_ERRORS, astropy_fits.VerifyError):
        return Stated()
    spoken = next((one for one in found if one.times_ms or one.unknown), Stated())
    return Stated(spoken.times_ms, settings, spoken.unknown)


def _exposure(header: Any) -> Stated:
    for key, conventional in _EXPOSURE_KEYS.items():
        value = header.get(key)
        if not isinstance(value, (int, float, str)) or isinstance(value, bool):
            continue
        comment = str(header.comments[key])
        if isinstance(value, str):
            # A text is understood with a unit in it; a bare number in quotes is as good as one without.
            time = parse_time(value, unit_of_comment(comment, conventional))
            if time is None and not re.search(r"\d", value):
                continue
        else:
            factor = unit_of_comment(comment, conventional)
            time = None if factor is None or not math.isfinite(value) or value < 0 else float(value) * factor
        if time is None:
            return Stated(unknown=f"{key} = {str(value)[:40]} / {comment[:60]}")
        return Stated([time])
    return Stated()
