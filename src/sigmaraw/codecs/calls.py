"""The wall between this package and the codec libraries: their exceptions, versions, and the check of results."""

from __future__ import annotations

import functools
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import CodecFamily
from sigmaraw.errors import CodecFailed

# What imagecodecs raises: each library's own error is a RuntimeError; wrong arguments and broken headers give the others.
_LIBRARY_ERRORS = (RuntimeError, ValueError, TypeError, IndexError, OverflowError, MemoryError)


_SEAL = struct.Struct("<I")


def seal(stream: bytes) -> bytes:
    """Return a code stream with its CRC-32 (4 bytes, counted) behind it, for libraries that crash on a broken one."""
    return stream + _SEAL.pack(zlib.crc32(stream))


def unseal(name: str, payload: bytes) -> bytes:
    """Return the code stream that `seal` sealed. Raises CodecFailed when a bit of it has changed."""
    stream, mark = payload[: -_SEAL.size], payload[-_SEAL.size :]
    if len(mark) != _SEAL.size or _SEAL.pack(zlib.crc32(stream)) != mark:
        raise CodecFailed(f"a {name} code stream of {len(payload)} bytes with a wrong check sum", "a whole code stream", "encode it again")
    return stream


@contextmanager
def guarded(name: str, action: str) -> Iterator[None]:
    """Turn a codec library's exception inside the block into CodecFailed, in one line.

    name : the codec family. action : "encode" or "decode".
    """
    try:
        yield
    except _LIBRARY_ERRORS as error:
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        remedy = "choose another setting or codec" if action == "encode" else "encode the frame again"
        raise CodecFailed(f"{name} could not {action} the frame ({reason})", "a whole code stream", remedy) from error


def checked(name: str, decoded: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[np.integer]:
    """Return `decoded` when it has the shape and dtype that were coded. Raises CodecFailed otherwise."""
    if not isinstance(decoded, np.ndarray) or decoded.shape != tuple(shape) or decoded.dtype != dtype:
        found = f"{decoded.dtype} of shape {decoded.shape}" if isinstance(decoded, np.ndarray) else type(decoded).__name__
        raise CodecFailed(f"{name} decoded to {found}", f"{np.dtype(dtype)} of shape {tuple(shape)}", "report this codec's fault")
    return decoded


@functools.cache  # it loads every library that imagecodecs has
def _versions() -> dict[str, str]:
    return dict(imagecodecs.version(dict))


def library_versions(family: CodecFamily) -> dict[str, str]:
    """Return the versions that a family's results belong to: its `build`, or imagecodecs' and those of its `libraries`."""
    return dict(family.build()) or versions(family.libraries)


def versions(libraries: tuple[str, ...]) -> dict[str, str]:
    """Return the versions of imagecodecs and of the named libraries in it, for instance ("openjpeg",)."""
    installed = _versions()
    return {name: installed.get(name, "unknown") for name in ("imagecodecs", *libraries)}
