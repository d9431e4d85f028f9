"""What the format readers share: the decoded planes of one file, and the refusals that all of them make."""

from __future__ import annotations

import contextlib
import importlib
import lzma
import os
import re
import struct
import tokenize
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw import extras
from sigmaraw.errors import ColourImage, InputNotFound, LossyImage, NotIntegerData, SigmarawError, UnreadableFile

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


@contextlib.contextmanager
def decoding_by(package: str, path: Path, kind: str) -> Iterator[None]:
    """Do as `decoding`, and turn the exceptions that a library defines itself into UnreadableFile too."""
    try:
        with decoding(path, kind):
            yield
    except Exception as error:
        if type(error).__module__.partition(".")[0] != package:
            raise
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
        remedy = "save the camera's integers unconverted"
        if planes.dtype.kind == "i":
            remedy += "; CT, MRI and other signed images are studied without a camera (--camera none)"
        raise NotIntegerData(f"{path} holds {planes.dtype.name} pixels", "uint8 or uint16", remedy)
    return planes.astype(planes.dtype.newbyteorder("="), copy=False)


def natural_key(name: str | os.PathLike[str]) -> tuple[tuple[int, int, str], ...]:
    """Sort key in which frame_2 comes before frame_10, since pairs are taken from neighbours in time."""
    parts = re.split(r"(\d+)", Path(name).as_posix())
    return tuple((1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts if part)


_ALWAYS_ALLOWED = 1 << 28
_LARGEST_EXPANSION = 2000


def require_plausible(path: Path, kind: str, announced: int, stored: int) -> None:
    """Refuse a header that announces far more pixels than the file can hold, before memory is taken for them.

    Raises
    ------
    UnreadableFile
        More than 256 MiB, and more than 2000 times what is stored.
    """
    if announced < 0 or announced > max(_ALWAYS_ALLOWED, _LARGEST_EXPANSION * stored):
        raise unreadable(path, kind, f"{announced} bytes of pixels announced in a file of {stored}")


def library(path: Path, module: str, extra: str) -> Any:
    """Return an optional library that reads a format.

    Raises
    ------
    MissingExtra
        It is not installed; the message has the one line that installs it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise extras.missing(str(path), extra, module.partition(".")[0]) from error


def lossy_image(path: Path, what: str) -> LossyImage:
    """Return the refusal of pixels that lossy compression has changed already."""
    return LossyImage(
        f"{path} holds {what}",
        "the camera's or scanner's own integers, losslessly stored",
        f"record or export the raw frames; if this is meant, write {path.name}#lossy=accept",
    )


def choose_image(path: Path, kind: str, names: Sequence[str], asked: str | None) -> int:
    """Return the number of the image that is asked for in a file of several; of a file of one, that one.

    Parameters
    ----------
    path : Path
        For messages.
    kind : str
        What the file calls its images, in the plural, such as "scenes".
    names : sequence of str
        The name of each.
    asked : str or None
        As the selection says.

    Raises
    ------
    UnreadableFile
        Several images of which none is asked for, or none of that number.
    """
    if not names:
        raise unreadable(path, kind, "no image in it")
    if asked is None:
        if len(names) == 1:
            return 0
        listed = ", ".join(f"{index} ({' '.join(str(name).split())[:30]})" for index, name in enumerate(names[:8]))
        raise unreadable_choice(path, f"{len(names)} {kind}: {listed}", f"choose one: {path.name}#image=0, or --series 0")
    if not asked.isdecimal() or int(asked) >= len(names):
        raise unreadable_choice(path, f"no image '{asked[:20]}'", f"choose one from 0 to {len(names) - 1}")
    return int(asked)
