"""What the format readers share: the decoded planes of one file, and the refusals that all of them make."""

from __future__ import annotations

import contextlib
import lzma
import os
import re
import struct
import tokenize
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import ColourImage, InputNotFound, NotIntegerData, SigmarawError, UnreadableFile

# What decoders raise on damaged or hostile files. Programming errors such as NameError stay visible.
DECODING_ERRORS = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    ArithmeticError,
    MemoryError,
    RuntimeError,  # imagecodecs' errors derive from it
    AssertionError,  # tifffile's own checks
    SyntaxError,  # NumPy parses .npy headers as literals
    tokenize.TokenError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
)


_READERS = min(os.cpu_count() or 1, 4)  # threads that copy one file from the system's cache; of a disk they ask no more
_PIECE_BYTES = 1 << 22
MAPPED_FROM = 1 << 28
"""Bytes from which pixels that lie in the file as they are in memory are mapped, so that a stack may be larger than memory."""


def mappable(nbytes: int) -> bool:
    """Return whether so many bytes of pixels are mapped rather than read."""
    return nbytes >= MAPPED_FROM


@dataclass(frozen=True)
class Layout:
    """What a file says of its planes.

    Parameters
    ----------
    letters : str
        One letter an axis before y and x: T time, C channel, Z depth, Q not said, others as their format has them.
    sizes : tuple of int
        Length of each of these axes.
    plain : bool
        Whether Z only says that the planes are a stack.
    """

    letters: str
    sizes: tuple[int, ...]
    plain: bool = False


@dataclass(frozen=True)
class Decoded:
    """One file's pixels as stored.

    Parameters
    ----------
    planes : ndarray
        (plane, y, x), any dtype, DN.
    reader : str
        The library that decoded them.
    bits : int or None
        Bit depth that the file states.
    metadata : mapping of str to object
        Camera, serial number, mode and CFA pattern, those that the file states.
    layout : Layout or None
        Axes of the planes; None means that nothing is said.
    inverted : bool
        Whether the file stores full scale less the value (WhiteIsZero).
    """

    planes: NDArray[Any]
    reader: str
    bits: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    layout: Layout | None = None
    inverted: bool = False


@dataclass(frozen=True)
class Opened:
    """One file's planes, not yet read.

    Parameters
    ----------
    shape : tuple of (int, int, int)
        (plane, y, x).
    dtype : dtype
        Any, as stored.
    read : callable
        read(start, out) fills out (n, y, x) with the planes from `start` on.
    bits : int, optional
        Bit depth that the file states.
    metadata : mapping of str to object, optional
        What the reader found beside the pixels.
    close : callable, optional
        Frees what reading holds.
    layout : Layout, optional
        What the planes are, where the file says it.
    inverted : bool, default False
        Whether small values are bright.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    read: Callable[[int, NDArray[Any]], None]
    bits: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    close: Callable[[], None] = lambda: None
    layout: Layout | None = None
    inverted: bool = False


def read_exactly(path: Path, kind: str, offset: int, dtype: np.dtype[Any], out: NDArray[Any]) -> None:
    """Fill `out` (C-contiguous, native byte order) with the values of `dtype` that stand at `offset` of a file.

    Raises
    ------
    UnreadableFile
        The file ends before.
    """
    view = memoryview(out).cast("B")  # type: ignore[arg-type]  # arrays have the buffer protocol
    pieces = range(0, len(view), max(_PIECE_BYTES, -(-len(view) // _READERS)))
    with decoding(path, kind):
        if len(pieces) == 1:
            _fill(path, kind, offset, view)
        elif pieces:
            with ThreadPoolExecutor(len(pieces)) as pool:
                for _ in pool.map(lambda at: _fill(path, kind, offset + at, view[at : at + pieces.step]), pieces):
                    pass
    if not dtype.isnative:
        out.byteswap(inplace=True)


def _fill(path: Path, kind: str, offset: int, view: memoryview) -> None:
    with path.open("rb", buffering=0) as stream:
        stream.seek(offset)
        while len(view):
            done = stream.readinto(view)
            if not done:
                raise unreadable(path, kind, "image data cut off")
            view = view[done:]


def require_file(path: Path) -> None:
    """Raise InputNotFound when `path` is not there, UnreadableFile when it is no ordinary file or empty."""
    if not path.exists():
        raise InputNotFound(f"{path} does not exist", "an image file or a folder of frames", "check the name")
    if not path.is_file():
        raise UnreadableFile(f"{path} is not an ordinary file", "an image file", "give a TIFF, .npy or FITS file")
    if path.stat().st_size == 0:
        raise UnreadableFile(f"{path} is empty (0 bytes)", "an image file", "copy or record it again")


def unreadable(path: Path, kind: str, reason: object) -> UnreadableFile:
    """Return the refusal for a damaged file, the decoder's reason shortened to one line."""
    text = " ".join(str(reason).split())[:160] or type(reason).__name__
    return UnreadableFile(f"{path} cannot be read as {kind} ({text})", f"a whole {kind} file", "copy or record it again")


def unreadable_choice(path: Path, found: str, remedy: str) -> UnreadableFile:
    """Return the refusal for a file of several images, or without the one that was asked for."""
    return UnreadableFile(f"{path} holds {found}", "one image", remedy)


@contextlib.contextmanager
def decoding(path: Path, kind: str) -> Iterator[None]:
    """Turn a decoder's exceptions into UnreadableFile; the project's own refusals pass through."""
    try:
        yield
    except SigmarawError:  # some are a ValueError or OSError too
        raise
    except DECODING_ERRORS as error:
        raise unreadable(path, kind, error) from error


def require_grey(path: Path, samples: int) -> None:
    """Raise ColourImage when a pixel has more than one sample."""
    if samples > 1:
        raise ColourImage(
            f"{path} has {samples} colour samples per pixel", "one grey value per pixel", "export the raw, undemosaiced frames"
        )


def camera_integers(path: Path, planes: NDArray[Any]) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Return `planes` as native-endian uint8 or uint16, value for value.

    Raises
    ------
    NotIntegerData
        Any other dtype; nothing is rounded, scaled or wrapped.
    """
    if planes.dtype.kind != "u" or planes.dtype.itemsize > 2:
        raise NotIntegerData(f"{path} holds {planes.dtype.name} pixels", "uint8 or uint16", "save the camera's integers unconverted")
    return planes.astype(planes.dtype.newbyteorder("="), copy=False)


def natural_key(name: str | os.PathLike[str]) -> tuple[tuple[int, int, str], ...]:
    """Sort key in which frame_2 comes before frame_10, since pairs are taken from neighbours in time."""
    parts = re.split(r"(\d+)", Path(name).as_posix())
    return tuple((1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts if part)
