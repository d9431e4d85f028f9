"""Exact coding: the control of every study. What comes out is what went in."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.calls import checked, guarded, seal, unseal, versions
from sigmaraw.codecs.knobs import DIMS
from sigmaraw.contracts import CodecContract, Coder, Encoded, Parameter
from sigmaraw.errors import InvalidSpec

_LIBRARIES = {
    "zstd": ("zstd", "bitshuffle"),
    "deflate": ("libdeflate",),
    "png": ("libpng",),
    "jpegxl": ("libjxl",),
    "jpegls": ("charls",),
    "blosc2": ("c-blosc2",),
    "rice": ("ricecomp",),
    "pcodec": ("pcodec",),
    "tiff": ("libtiff",),
    "htj2k": ("openjph",),
    "brotli": ("brotli",),
    "lzma": ("liblzma",),
}


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


def jpegls_frame(payload: bytes) -> Any:
    """Return what CharLS decodes. Raises ValueError for a truncated stream, on which the library spends seconds."""
    if payload[-2:] != b"\xff\xd9":
        raise ValueError(f"{len(payload)} bytes without end mark")
    return imagecodecs.jpegls_decode(payload)


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
        if method == "jpegls":
            return jpegls_bytes(frame)
        return _MORE[method][0](frame)


def decode_exact(method: str, payload: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[np.integer]:
    """Return the frame that `encode_exact` coded. Raises CodecFailed when the code stream is broken."""
    with guarded(method, "decode"):
        if method == "zstd":
            return unpack_zstd(payload, shape, dtype)
        if method == "deflate":
            size = int(np.prod(shape)) * dtype.itemsize
            pixels = imagecodecs.deflate_decode(payload, out=size)
            return np.frombuffer(pixels, dtype.newbyteorder("<")).astype(dtype).reshape(shape)
        if method in _MORE:
            return _MORE[method][1](payload, shape, dtype)
        decoders: dict[str, Callable[[bytes], Any]] = {
            "png": imagecodecs.png_decode,
            "jpegxl": imagecodecs.jpegxl_decode,
            "jpegls": jpegls_frame,
        }
        return decoders[method](payload)


def _pixels(frame: NDArray[np.integer]) -> bytes:
    return np.ascontiguousarray(frame, frame.dtype.newbyteorder("<")).tobytes()


def _frame(pixels: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[np.integer]:
    return np.frombuffer(pixels, dtype.newbyteorder("<")).astype(dtype).reshape(shape)


def _size(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    return int(np.prod(shape)) * dtype.itemsize


# blosc2 cannot decode what it made of nothing but zeros, unless their number is a multiple of 8 [m: 2587 of 2998 sizes]: so
# that a dark frame never looks like that, these bytes go behind every one.
_LAST = b"\x01\x02"

_Encode = Callable[[NDArray[np.integer]], bytes]
_Decode = Callable[[bytes, tuple[int, ...], np.dtype[Any]], Any]

# Pairs of one line each. rice, pcodec and htj2k do not check a broken stream, so they are sealed by a CRC-32; deflate in a TIFF strip goes
# with the horizontal predictor; brotli and lzma see the bare pixels.
_MORE: dict[str, tuple[_Encode, _Decode]] = {
    "blosc2": (
        lambda frame: bytes(
            imagecodecs.blosc2_encode(
                _pixels(frame) + _LAST, 9, compressor="zstd", shuffle="bitshuffle", typesize=frame.itemsize, numthreads=1
            )
        ),
        lambda payload, shape, dtype: _frame(
            imagecodecs.blosc2_decode(payload, numthreads=1, out=_size(shape, dtype) + len(_LAST))[: -len(_LAST)], shape, dtype
        ),
    ),
    "rice": (
        lambda frame: seal(bytes(imagecodecs.rcomp_encode(frame))),
        lambda payload, shape, dtype: imagecodecs.rcomp_decode(unseal("rice", payload), shape, dtype),
    ),
    "pcodec": (
        lambda frame: seal(bytes(imagecodecs.pcodec_encode(frame, 8))),
        lambda payload, shape, dtype: imagecodecs.pcodec_decode(unseal("pcodec", payload), shape, dtype),
    ),
    "tiff": (
        lambda frame: bytes(imagecodecs.tiff_encode(frame, compression="deflate", level=9, predictor=True)),
        lambda payload, shape, dtype: imagecodecs.tiff_decode(payload),
    ),
    "htj2k": (
        lambda frame: seal(bytes(imagecodecs.htj2k_encode(frame, reversible=True))),
        lambda payload, shape, dtype: imagecodecs.htj2k_decode(unseal("htj2k", payload)),
    ),
    "brotli": (
        lambda frame: bytes(imagecodecs.brotli_encode(_pixels(frame), 11)),
        lambda payload, shape, dtype: _frame(imagecodecs.brotli_decode(payload, out=_size(shape, dtype)), shape, dtype),
    ),
    "lzma": (
        lambda frame: bytes(imagecodecs.lzma_encode(_pixels(frame), 6)),
        lambda payload, shape, dtype: _frame(imagecodecs.lzma_decode(payload, out=_size(shape, dtype)), shape, dtype),
    ),
}

METHODS = tuple(_LIBRARIES)
_OF_ANY_SHAPE = ("zstd", "deflate", "blosc2", "rice", "pcodec", "brotli", "lzma")  # the others would read slices as rows or colours


def libraries_of(method: str) -> tuple[str, ...]:
    """Return the names of the libraries behind `method`, as imagecodecs lists them."""
    return _LIBRARIES[method]


class Lossless(Coder):
    """Exact coding by one of many methods; the default, zstd, has no limit of size or bit depth.

    Reference: formula 2.9 ("identical"); the formats' own documents (RFC 8878, RFC 1951, PNG, ISO/IEC 18181, 14495-1).
    """

    name = "lossless"
    parameters = (Parameter("method", str, "zstd", choices=METHODS, help="zstd and blosc2 bit-shuffle 16-bit pixels"), DIMS)
    contract = CodecContract(("uint8", "uint16"), lossless=True, guarantee="exact", max_error=0)
    libraries = tuple(library for libraries in _LIBRARIES.values() for library in libraries)
    probes: ClassVar[dict[str, tuple[tuple[str, ...], ...]]] = {
        method: ((method,), (f"{method},dims=3",)) if method in _OF_ANY_SHAPE else ((method,),) for method in METHODS
    }

    def __init__(self, *, method: str = "zstd", dims: int = 2) -> None:
        if dims == 3 and method not in _OF_ANY_SHAPE:
            expected = f"one of {', '.join(_OF_ANY_SHAPE)}: the other formats read slices as rows or colours"
            raise InvalidSpec(f"'lossless' with method={method} and dims=3", expected, "leave dims=3 out")
        self.method = method
        self.contract = dataclasses.replace(type(self).contract, axes="stack" if dims == 3 else "frame")

    def encode(self, frame: NDArray[np.integer]) -> Encoded:
        """Return the exact code stream."""
        return Encoded(encode_exact(self.method, frame))

    def decode(self, encoded: Encoded, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[np.integer]:
        """Return the frame as it was. Raises CodecFailed when the code stream is broken."""
        return checked(self.name, decode_exact(self.method, encoded.payload, tuple(shape), np.dtype(dtype)), shape, np.dtype(dtype))

    def details(self) -> dict[str, Any]:
        """Return library versions."""
        return {"libraries": versions(libraries_of(self.method))}
