"""Exact coding: the control of every study. What comes out is what went in."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.library import checked, guarded, versions
from sigmaraw.contracts import CodecContract, Encoded, Parameter

_LIBRARIES = {"zstd": ("zstd", "bitshuffle"), "deflate": ("libdeflate",), "png": ("libpng",), "jpegxl": ("libjxl",), "jpegls": ("charls",)}


def pack_zstd(frame: NDArray[np.integer]) -> bytes:
    """Return the pixels (little-endian, row by row) in one zstd frame, two-byte pixels bit-shuffled before.

    One byte a pixel is what zstd's entropy coder counts best: there, shuffling costs a quarter [m, Poisson noise].
    """
    pixels = np.ascontiguousarray(frame, frame.dtype.newbyteorder("<")).tobytes()
    return bytes(imagecodecs.zstd_encode(imagecodecs.bitshuffle_encode(pixels, itemsize=2) if frame.itemsize == 2 else pixels, level=9))


def unpack_zstd(payload: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[np.integer]:
    """Return the frame that `pack_zstd` packed. Raises ValueError when the size does not fit."""
    pixels = imagecodecs.zstd_decode(payload)
    if dtype.itemsize == 2:
        pixels = imagecodecs.bitshuffle_decode(pixels, itemsize=2)
    return np.frombuffer(pixels, dtype.newbyteorder("<")).astype(dtype).reshape(shape)


def jpegls_bytes(frame: NDArray[np.integer], near: int = 0) -> bytes:
    """Return a JPEG-LS code stream; room is given because the library's own buffer is too small for incompressible frames."""
    return bytes(imagecodecs.jpegls_encode(frame, level=near, out=2 * frame.nbytes + 4096))


def jpegxl_bytes(frame: NDArray[np.integer], effort: int) -> bytes:
    """Return a lossless JPEG XL code stream without container boxes."""
    return bytes(imagecodecs.jpegxl_encode(frame, lossless=True, effort=effort, usecontainer=False, numthreads=1))


def encode_exact(method: str, frame: NDArray[np.integer], effort: int = 7) -> bytes:
    """Return the exact code stream of a 2-D uint8 or uint16 frame by `method`, one of `METHODS`; effort is JPEG XL's."""
    with guarded(method, "encode"):
        if method == "zstd":
            return pack_zstd(frame)
        if method == "deflate":
            return bytes(imagecodecs.deflate_encode(np.ascontiguousarray(frame, frame.dtype.newbyteorder("<")).tobytes(), level=9))
        if method == "png":
            room = 2 * frame.nbytes + 16 * frame.shape[0] + 4096  # the library counts no filter byte per row
            return bytes(imagecodecs.png_encode(frame, level=9, out=room))
        if method == "jpegxl":
            return jpegxl_bytes(frame, effort)
        return jpegls_bytes(frame)


def decode_exact(method: str, payload: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[np.integer]:
    """Return the frame that `encode_exact` coded. Raises CodecFailed when the code stream is broken."""
    with guarded(method, "decode"):
        if method == "zstd":
            return unpack_zstd(payload, shape, dtype)
        if method == "deflate":
            size = int(np.prod(shape)) * dtype.itemsize
            pixels = imagecodecs.deflate_decode(payload, out=size)
            return np.frombuffer(pixels, dtype.newbyteorder("<")).astype(dtype).reshape(shape)
        decoder = {"png": imagecodecs.png_decode, "jpegxl": imagecodecs.jpegxl_decode, "jpegls": imagecodecs.jpegls_decode}[method]
        return decoder(payload)


METHODS = tuple(_LIBRARIES)


def libraries_of(method: str) -> tuple[str, ...]:
    """Return the names of the libraries behind `method`, as imagecodecs lists them."""
    return _LIBRARIES[method]


class Lossless:
    """Exact coding by one of five methods; the default, zstd, has no limit of size or bit depth.

    Reference: SCIENCE 2.9 ("identical"); the formats' own documents (RFC 8878, RFC 1951, PNG, ISO/IEC 18181, 14495-1).
    """

    name = "lossless"
    parameters = (Parameter("method", str, "zstd", choices=METHODS, help="zstd (16 bit: bit-shuffled), deflate, png, jpegxl, jpegls"),)
    contract = CodecContract(("uint8", "uint16"), lossless=True, guarantee="exact", max_error=0)
    needs_camera = False

    def __init__(self, *, method: str = "zstd") -> None:
        self.method = method

    def encode(self, frame: NDArray[np.integer], hint: float | None = None) -> Encoded:
        """Return the exact code stream."""
        return Encoded(encode_exact(self.method, frame))

    def decode(self, encoded: Encoded, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[np.integer]:
        """Return the frame as it was. Raises CodecFailed when the code stream is broken."""
        return checked(self.name, decode_exact(self.method, encoded.payload, tuple(shape), np.dtype(dtype)), shape, np.dtype(dtype))

    def details(self) -> dict[str, Any]:
        """Return library versions."""
        return {"libraries": versions(libraries_of(self.method))}
