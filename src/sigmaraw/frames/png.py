"""Grey PNG of 8 or 16 bits, as machine-vision software and data sets of EMVA 1288 write it."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sigmaraw.contracts.readers import Decoded, Reader, Selection
from sigmaraw.errors import ColourImage, NotIntegerData
from sigmaraw.frames.decoding import decoding, require_plausible, unreadable

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOURS = {2: "RGB", 3: "a palette", 4: "grey and alpha", 6: "RGB and alpha"}
_LARGEST = 1 << 32


class PngReader(Reader):
    """Grey PNG."""

    name = "png"
    formats = "grey PNG of 8 or 16 bits"
    suffixes = (".png",)
    package = "imagecodecs"

    def read(self, path: Path, selection: Selection) -> Decoded:
        """Return the one plane, as `read_png`."""
        return read_png(path, selection)


@dataclass(frozen=True)
class _Header:
    width: int
    height: int
    depth: int
    colour: int
    chunks: dict[bytes, bytes]


def read_png(path: Path, selection: Selection) -> Decoded:
    """Return the one plane of a grey PNG.

    A depth of fewer bits that sBIT states is undone where all values are scaled as PNG says it: shifted, or shifted and repeated below.

    Raises
    ------
    UnreadableFile
        Not a PNG, cut off, damaged, or an animation.
    ColourImage
        Colour, palette or alpha.
    NotIntegerData
        Fewer than 8 bits, a gamma, or a transparent value.
    """
    del selection
    with decoding(path, "PNG"):
        content = path.read_bytes()
        header = _header(path, content)
        _refuse_changed(path, header)
        import imagecodecs

        pixels = np.asarray(imagecodecs.png_decode(content))
        if pixels.shape != (header.height, header.width) or pixels.dtype.itemsize * 8 != header.depth:
            raise unreadable(path, "PNG", f"pixels of shape {pixels.shape}")
        significant = header.chunks.get(b"sBIT", b"")
        bits = significant[0] if len(significant) == 1 else header.depth
        if not 1 <= bits <= header.depth:
            raise unreadable(path, "PNG", f"sBIT of {bits}")
        if bits < header.depth:
            pixels = _unscaled(path, pixels, bits, header.depth)
    return Decoded(pixels[np.newaxis], "imagecodecs", bits if bits < header.depth else None)


def _header(path: Path, content: bytes) -> _Header:
    """Return what the chunks say; every chunk's checksum is right and the last one is there."""
    if not content.startswith(_SIGNATURE):
        raise unreadable(path, "PNG", "another signature")
    at, chunks = len(_SIGNATURE), dict[bytes, bytes]()
    while b"IEND" not in chunks:
        size = int.from_bytes(content[at : at + 4], "big")
        kind, body = content[at + 4 : at + 8], content[at + 8 : at + 8 + size]
        if len(body) < size or zlib.crc32(kind + body).to_bytes(4, "big") != content[at + 8 + size : at + 12 + size]:
            raise unreadable(path, "PNG", "cut off or damaged")
        chunks.setdefault(kind, body if kind != b"IDAT" else b"")
        at += 12 + size
    first = chunks.get(b"IHDR", b"")
    if len(first) != 13 or b"IDAT" not in chunks:
        raise unreadable(path, "PNG", "no image in it")
    header = _Header(int.from_bytes(first[:4], "big"), int.from_bytes(first[4:8], "big"), first[8], first[9], chunks)
    size = header.width * header.height * 2
    if size == 0 or size > _LARGEST:
        raise unreadable(path, "PNG", f"{size} bytes of pixels announced in a file of {len(content)}")
    require_plausible(path, "PNG", size, len(content))
    return header


def _refuse_changed(path: Path, header: _Header) -> None:
    if header.colour != 0:
        raise ColourImage(
            f"{path} holds {_COLOURS.get(header.colour, 'colour')}", "one grey value per pixel", "export the raw frames as grey PNG"
        )
    if header.depth < 8:
        raise NotIntegerData(f"{path} has {header.depth}-bit pixels", "8 or 16 bits", "export the raw frames as 16-bit grey PNG or TIFF")
    gamma = header.chunks.get(b"gAMA")
    if gamma is not None and int.from_bytes(gamma[:4], "big") != 100000:
        raise NotIntegerData(
            f"{path} states a gamma of {int.from_bytes(gamma[:4], 'big') / 1e5:g} (chunk gAMA), so its values may be no measure of light",
            "raw DN without a gamma",
            "export raw frames; where only the chunk is wrong, remove it (pngcrush -rem gAMA)",
        )
    for kind, what in ((b"sRGB", "values of the sRGB curve"), (b"tRNS", "a transparent value"), (b"acTL", "an animation")):
        if kind in header.chunks:
            raise NotIntegerData(f"{path} holds {what} (chunk {kind.decode()})", "raw DN", "export the raw frames as grey PNG or TIFF")


def _unscaled(path: Path, pixels: np.ndarray, bits: int, depth: int) -> np.ndarray:
    """Return the values of `bits` bits that were scaled up to `depth`, exactly."""
    values = pixels >> (depth - bits)
    shifted = values << (depth - bits)
    repeated = shifted | (values >> (2 * bits - depth)) if 2 * bits >= depth else None
    if (pixels == shifted).all() or (repeated is not None and (pixels == repeated).all()):
        return values
    raise NotIntegerData(
        f"{path} states {bits} significant bits (chunk sBIT), but its values are not such values scaled to {depth} bits",
        "values scaled as the PNG standard says",
        "export the raw frames as TIFF",
    )
