"""What tags of a TIFF say of its pixels' values: lossy compression, tone curves, inversion. Undone exactly, or refused by name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sigmaraw.errors import LossyImage, NotIntegerData

# Packing, Deflate, LZW and their like, fax codes of bilevel images, and formats without a lossy form.
_LOSSLESS = {1, 2, 3, 4, 5, 8, 32773, 32946, 34925, 34926, 34933, 50000, 50013}
_LOSSY = {
    6: "old-style JPEG",
    33003: "JPEG 2000",
    33004: "lossy compression 33004",
    33005: "JPEG 2000",
    33006: "lossy compression 33006",
    33007: "JPEG",
    34892: "lossy JPEG of DNG",
    48124: "Jetraw",
}
_JPEG_2000 = 34712
_MEANING = {
    291: "GrayResponseCurve",
    301: "TransferFunction",
    50712: "LinearizationTable",
}
_WHITE_IS_ZERO, _MASK = 0, 4
CFA, _LINEAR_RAW = 32803, 34892


def lossy_compression(tif: Any, page: Any) -> str | None:
    """Return the name of a compression that changes pixels, None where the stored values are the camera's.

    JPEG, JPEG 2000, WebP and LERC have lossless forms: the first strip's code stream says which one it is.

    Parameters
    ----------
    tif : tifffile.TiffFile
        The open file.
    page : tifffile.TiffPage
        The page.

    Returns
    -------
    str or None
        As "JPEG".
    """
    code = int(page.compression)
    if code in _LOSSLESS:
        return None
    if code in _LOSSY:
        return _LOSSY[code]
    start = _first_bytes(tif, page)
    if code == 7:
        return _jpeg(start)
    if code == _JPEG_2000:
        return _jpeg_2000(start)
    if code in (34927, 50001):
        return None if b"VP8L" in start[:64] else "WebP"
    name = getattr(page.compression, "name", "")
    return f"compression {code}{f' ({name})' if name else ''}, which may be lossy"


def _first_bytes(tif: Any, page: Any, count: int = 1 << 12) -> bytes:
    if not len(page.dataoffsets) or not page.dataoffsets[0]:
        return b""
    handle = tif.filehandle
    handle.seek(page.dataoffsets[0])
    found: bytes = handle.read(min(count, page.databytecounts[0]))
    return found


def _jpeg(start: bytes) -> str | None:
    """Return "JPEG" unless the frame header is that of lossless JPEG (SOF3) or of JPEG-LS with near = 0."""
    at = 2
    while start[:2] == b"\xff\xd8" and at + 4 <= len(start) and start[at] == 0xFF:
        marker, length = start[at + 1], int.from_bytes(start[at + 2 : at + 4], "big")
        if marker in (0xC3, 0xC7, 0xCB):
            return None
        if marker == 0xDA:
            # JPEG-LS: the scan header's third byte from its end is NEAR.
            return None if b"\xff\xf7" in start[:at] and start[at + 2 + length - 3] == 0 else "JPEG"
        at += 2 + length
    return "JPEG"


def _jpeg_2000(start: bytes) -> str | None:
    """Return "JPEG 2000" unless the transform is the reversible one; a reversible stream may still be cut off, and is said to be whole."""
    cod = start.find(b"\xff\x52")
    # COD: marker, length, style, progression, layers (2), colour transform, levels, width, height, style, transform.
    return None if 0 <= cod < len(start) - 13 and start[cod + 13] == 1 else "JPEG 2000"


def refuse_changed(path: Path, tif: Any, page: Any, accept_lossy: bool) -> None:
    """Refuse pixels that are not the camera's integers, by the name of the tag that says so.

    Raises
    ------
    LossyImage
        Lossy compression inside the container.
    NotIntegerData
        A tone curve, a mask, dithering, or a calibration of ImageJ that is not that of signed numbers.
    """
    lossy = lossy_compression(tif, page)
    if lossy is not None and not accept_lossy:
        raise LossyImage(
            f"{path} holds {lossy}-coded pixels",
            "the camera's own integers, losslessly stored",
            f"record or export the raw frames; if this is meant, write {path.name}#lossy=accept",
        )
    for tag, name in _MEANING.items():
        if tag in page.tags:
            raise NotIntegerData(
                f"{path} has a {name} tag: its values are not proportional to light as they stand",
                "raw DN",
                "export the frames without the curve",
            )
    if int(page.photometric) == _MASK or int(getattr(page, "subfiletype", 0) or 0) & 4:
        raise NotIntegerData(f"{path} has a page that is a transparency mask", "pages of raw frames", "export the frames alone")
    if page.tags.valueof(263) in (2, 3):
        raise NotIntegerData(f"{path} is dithered (tag Threshholding)", "raw DN", "export the raw frames")


def is_inverted(page: Any) -> bool:
    """Return whether 0 is white: the file stores full scale less the value."""
    return int(page.photometric) == _WHITE_IS_ZERO


def imagej_offset(path: Path, tif: Any) -> int:
    """Return what ImageJ's calibration adds to each stored value: 0, or −32768 for an image of signed 16-bit numbers.

    Raises
    ------
    NotIntegerData
        Any other calibration function: density, other slopes.
    """
    found = tif.imagej_metadata if tif.is_imagej else None
    if not found or "cf" not in found:
        return 0
    zero, slope = found.get("c0", 0), found.get("c1", 1)
    if str(found["cf"]) == "0" and slope == 1 and zero in (0, -32768):
        return int(zero)
    raise NotIntegerData(
        f"{path} has ImageJ's calibration function {found['cf']} (c0={str(zero)[:20]}, c1={str(slope)[:20]}): its values are not raw DN",
        "raw DN",
        "in ImageJ choose Analyze > Calibrate, function None, and save",
    )


def cfa_of(page: Any) -> str | None:
    """Return the colour filter pattern, "not stated" where a page is a mosaic of an unknown one, None where pixels are of one kind."""
    pattern = page.tags.valueof(33422)
    colours = dict(enumerate("RGBCMYW"))
    if isinstance(pattern, (bytes, tuple, list)) and len(pattern) == 4:
        return "".join(colours.get(int(entry), "?") for entry in pattern)
    return "not stated" if int(page.photometric) == CFA else None


def stated_bits(page: Any) -> int | None:
    """Return the depth of an odd BitsPerSample such as 12, None where only the container speaks."""
    bits = page.bitspersample
    return bits if isinstance(bits, int) and 1 < bits < 16 and bits != 8 else None


def text_tag(page: Any, name: str) -> str | None:
    """Return the text of a tag in one line, None where there is none."""
    value = page.tags.valueof(name)
    text = re.sub(r"\s+", " ", value).strip() if isinstance(value, str) else ""
    return text[:120] or None
