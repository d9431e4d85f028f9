"""What keys of a FITS header say of its pixels' values: undone exactly, or refused by name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from sigmaraw.errors import LossyImage, NotIntegerData

# FITS has no keyword for the converter's depth; these are the ones that acquisition software writes.
_BITS_KEYS = ("BITDEPTH", "ADCBITS", "SIGBITS")
_NAMES = {
    "camera": ("INSTRUME", "CAMERA", "CAM_ID", "DETECTOR"),
    "serial": ("CAM_SN", "SERIALNO", "CAMSN", "DETSN"),
    "mode": ("READMODE", "READOUTM", "RUN_MODE"),
    "cfa": ("BAYERPAT", "BAYRPAT", "CFAPAT", "COLORTYP"),
}
_DN = {"", "adu", "adus", "dn", "dns", "count", "counts", "ct", "cts", "digital number", "digital numbers", "raw", "pixel value", "lsb"}
# Of frames that were averaged or added: how many went into one.
_COMBINED = ("NCOMBINE", "STACKCNT", "SNAPSHOT", "NSTACK", "COADDS", "NUMFRAME", "NAVERAGE", "FRAMEAVG")


def refuse_changed(path: Path, header: Any, packed: Any | None, data: Any | None, accept_lossy: bool) -> None:
    """Refuse an image whose header says that its numbers are not the camera's, by the key that says so.

    Parameters
    ----------
    path : Path
        For messages.
    header : astropy.io.fits.Header
        Of the image.
    packed : astropy.io.fits.Header or None
        Of the table that holds a tile-compressed image.
    data : ndarray or None
        The pixels, where they are read; undefined ones are looked for among them.
    accept_lossy : bool
        Whether compression with loss is accepted.

    Raises
    ------
    LossyImage, NotIntegerData
        As the header says.
    """
    if packed is not None:
        _refuse_lossy(path, packed, accept_lossy)
    scale = header.get("BSCALE", 1)
    if scale != 1:
        raise NotIntegerData(f"{path} scales its pixels by BSCALE={scale}", "the camera's integers", "save them unscaled (BSCALE = 1)")
    unit = str(header.get("BUNIT", "")).strip()
    if unit.lower().rstrip(".") not in _DN:
        raise NotIntegerData(f"{path} holds pixels in BUNIT='{unit[:30]}'", "raw DN (adu, counts)", "give the frames before conversion")
    done = str(header.get("CALSTAT", "")).strip().upper()
    if set(done) & set("BDFM"):
        what = "bias, dark or flat corrected, or combined"
        raise NotIntegerData(f"{path} says CALSTAT='{done[:10]}': it is {what}", "raw frames", "give the frames before processing")
    for key in _COMBINED:
        count = header.get(key)
        if isinstance(count, (int, float)) and not isinstance(count, bool) and count > 1:
            raise NotIntegerData(
                f"{path} says {key}={count:g}: it is made of several exposures", "single raw frames", "give the single exposures"
            )
    blank = header.get("BLANK")
    if data is not None and isinstance(blank, int):
        undefined = int(np.count_nonzero(~np.isfinite(data) if data.dtype.kind == "f" else data == blank + int(header.get("BZERO", 0))))
        if undefined:
            raise NotIntegerData(f"{path} holds {undefined} undefined pixels (BLANK={blank})", "a value in every pixel", "crop the frames")


def _refuse_lossy(path: Path, packed: Any, accept_lossy: bool) -> None:
    kind = str(packed.get("ZCMPTYPE", "")).upper()
    values = {str(packed.get(f"ZNAME{n}", "")).upper(): packed.get(f"ZVAL{n}", 0) for n in range(1, 10)}
    lossy = None
    if kind.startswith("HCOMPRESS") and float(values.get("SCALE", 0) or 0) > 1:
        lossy = f"HCOMPRESS with scale {values['SCALE']}"
    elif int(packed.get("ZBITPIX", 8)) < 0 and str(packed.get("ZQUANTIZ", "NONE")).upper() != "NONE":
        lossy = f"{kind} of quantised floats"
    if lossy is not None and not accept_lossy:
        raise LossyImage(
            f"{path} is compressed by {lossy}",
            "lossless compression of integers",
            f"give the raw frames, or write {path.name}#lossy=accept",
        )


def bits_of(header: Any) -> int | None:
    """Return the bit depth that the header states, None where it states none."""
    for key in _BITS_KEYS:
        value = header.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return None


def metadata_of(header: Any) -> dict[str, Any]:
    """Return camera, serial number, mode and colour filter pattern, those that the header states."""
    found: dict[str, Any] = {}
    for name, keys in _NAMES.items():
        for key in keys:
            value = header.get(key)
            text = re.sub(r"\s+", " ", str(value)).strip() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
            if text and not (name == "cfa" and text.upper() in ("NONE", "MONO", "MONOCHROME", "NO", "FALSE")):
                found[name] = text[:120]
                break
    return found


_SETTINGS = [
    "GAIN",
    "EGAIN",
    "CAMGAIN",
    "GAINMODE",
    "GAINSET",
    "HIGHGAIN",
    "EMGAIN",
    "EM_GAIN",
    "EMGAINR",
    "PREAMP",
    "PREAMPGA",
    "AMPGAIN",
    "OFFSET",
    "BLKLEVEL",
    "BLACKLEV",
    "BLACKLVL",
    "PEDESTAL",
    "XBINNING",
    "YBINNING",
    "BINNING",
    "BINX",
    "BINY",
    "BIN_X",
    "BIN_Y",
    "CCDSUM",
    "CCDBIN1",
    "CCDBIN2",
    "CCDXBIN",
    "CCDYBIN",
    "HBIN",
    "VBIN",
    "READMODE",
    "READOUTM",
    "RUN_MODE",
    "RDMODE",
    "READOUT",
    "RDSPEED",
    "READSPD",
    "SPEED",
    "USBLIMIT",
    "BITDEPTH",
    "ADCBITS",
    "SIGBITS",
    "INSTRUME",
    "CAMERA",
    "CAM_ID",
    "DETECTOR",
    "CAM_SN",
    "SERIALNO",
    "CAMSN",
    "DETSN",
    "ROI_X",
    "ROI_Y",
    "ROI_WDTH",
    "ROI_HGHT",
    "XORGSUBF",
    "YORGSUBF",
    "SUBARRAY",
    "AMPNAME",
    "CCDNAME",
    "BAYERPAT",
    "BAYRPAT",
    "CFAPAT",
    "COLORTYP",
    "XBAYROFF",
    "YBAYROFF",
    "ROWORDER",
    "FLIPSTAT",
]
_TEMPERATURES = ["CCD-TEMP", "CCD_TEMP", "CCDTEMP", "DET-TEMP", "DETTEMP", "SENSTEMP", "SET-TEMP", "SET_TEMP"]


def header_settings(header: Any) -> dict[str, str]:
    """Return the keys that darks, flats and images must share, as text: numbers in their shortest form."""
    found = {}
    for key in (*_SETTINGS, *_TEMPERATURES):
        value = header.get(key)
        if isinstance(value, bool):
            found[key] = str(value)
        elif isinstance(value, (int, float)):
            found[key] = f"{value:.10g}"
        elif isinstance(value, str) and value.strip():
            found[key] = re.sub(r"\s+", " ", value).strip()[:60]
    return found


def is_temperature(key: str) -> bool:
    """Return whether a key states a sensor's temperature, °C, which is never twice the same."""
    return key in _TEMPERATURES
