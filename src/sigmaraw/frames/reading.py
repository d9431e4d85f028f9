"""One file, or a folder of single frames, into RawFrames."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from sigmaraw.errors import BitDepthMismatch, InputNotFound, InvalidOption, ShapeMismatch, UnreadableFile
from sigmaraw.files import sha256_of_file
from sigmaraw.frames import fits, npy, tiff, zarr
from sigmaraw.frames.decoding import Decoded, camera_integers, natural_key, require_file
from sigmaraw.frames.types import RawFrames, SourceFile

_READERS: dict[str, Callable[[Path], Decoded]] = {
    **dict.fromkeys(tiff.SUFFIXES, tiff.read_tiff),
    **dict.fromkeys(npy.SUFFIXES, npy.read_npy),
    **dict.fromkeys(fits.SUFFIXES, fits.read_fits),
    **dict.fromkeys(zarr.SUFFIXES, zarr.read_zarr),
}
# Files that people keep beside frames; anything else that is no frame is refused rather than passed over.
COMPANIONS = (".txt", ".md", ".csv", ".json", ".xml", ".yaml", ".yml", ".sha256", ".log")


def suffix_of(path: Path) -> str:
    """Return the lower-case suffix that chooses the reader, with .gz kept on what it wraps."""
    name = path.name.lower()
    return "".join(Path(name).suffixes[-2:]) if name.endswith(".gz") else Path(name).suffix


def is_frame_file(path: Path) -> bool:
    """Return whether a reader takes the path: a file by its name, or a Zarr folder."""
    return suffix_of(path) in _READERS and path.is_dir() == zarr.is_zarr(path)


def decode(path: Path) -> Decoded:
    """Return one file's planes as stored, whatever their dtype.

    Raises
    ------
    InputNotFound, UnreadableFile
        Missing, empty, damaged, or of a suffix that no reader takes.
    """
    if not zarr.is_zarr(path):
        require_file(path)
    reader = _READERS.get(suffix_of(path))
    if reader is None:
        known = ", ".join(sorted(_READERS))
        raise UnreadableFile(
            f"{path} has the suffix '{suffix_of(path)}'", f"one of {known}", "export the frames as TIFF, .npy, FITS or Zarr"
        )
    return reader(path)


def frame_files(folder: Path) -> list[Path]:
    """Return the frame files directly in `folder`, in natural order.

    Raises
    ------
    UnreadableFile
        A file that is neither a frame nor a known companion: nothing is left out in silence.
    """
    found = []
    for path in sorted(folder.iterdir(), key=lambda path: natural_key(path.name)):
        if path.name.startswith(".") or path.name == "Thumbs.db":
            continue
        if is_frame_file(path):
            found.append(path)
        elif path.is_dir():
            raise UnreadableFile(f"{folder} holds a folder, {path.name}", "single frames only", "give each exposure its own folder")
        elif path.suffix.lower() not in COMPANIONS:
            raise UnreadableFile(f"{path} is not a frame that can be read", "TIFF, .npy or FITS files only", "convert or remove it")
    return found


def read_frames(path: str | os.PathLike[str], *, bits: int | None = None, volume: bool = False) -> RawFrames:
    """Read camera frames from one file or from a folder of single frames.

    Parameters
    ----------
    path : str or path-like
        TIFF, OME-TIFF, .npy, FITS (also .gz) file, Zarr or OME-Zarr folder, or a folder of them taken in natural order of their names.
    bits : int, optional
        Bit depth of the camera, 1 to 16; None takes it from metadata, else from the container.
    volume : bool, default False
        Pages are z: data is (1, z, y, x) instead of (frame, y, x).

    Returns
    -------
    RawFrames
        uint8 or uint16, DN, exactly the stored values, with the SHA-256 of every file.

    Raises
    ------
    InputNotFound, UnreadableFile
        Nothing there, or nothing that a reader takes.
    NotIntegerData, ColourImage
        Floats, signed integers, or several colour samples a pixel.
    ShapeMismatch
        Frames of unequal shape or dtype.
    BitDepthMismatch, InvalidOption
        A pixel beyond the bit depth, or a bit depth out of range.

    Examples
    --------
    >>> import sigmaraw as sr
    >>> frames = sr.read_frames("raw", bits=12)
    >>> frames.data.shape, frames.data.dtype.name
    ((6, 64, 64), 'uint16')
    """
    path = Path(path)
    if not path.exists():
        raise InputNotFound(f"{path} does not exist", "an image file or a folder of frames", "check the name")
    if not path.is_dir() or zarr.is_zarr(path):
        return assemble([path], bits=bits, volume=volume)
    paths = frame_files(path)
    if not paths:
        raise InputNotFound(f"{path} holds no frames", "TIFF, .npy or FITS files", "check the folder")
    return assemble(paths, bits=bits, volume=volume)


def assemble(paths: Iterable[Path], *, bits: int | None, volume: bool = False) -> RawFrames:
    """Read files that belong together, in the order given, into one RawFrames; arguments and refusals as `read_frames`."""
    check_bits(bits)
    stacks, sources, stated = [], [], []
    metadata: dict[str, object] = {}
    for path in paths:
        decoded = decode(path)
        stacks.append(framed(path, camera_integers(path, decoded.planes), volume))
        sources.append(SourceFile(str(path), sha256_of_file(path), decoded.reader))
        stated.append(decoded.bits)
        metadata = {**decoded.metadata, **metadata}
        if stacks[-1].shape[1:] != stacks[0].shape[1:] or stacks[-1].dtype != stacks[0].dtype:
            shapes = [f"{'x'.join(map(str, stack.shape[1:]))} {stack.dtype.name}" for stack in (stacks[0], stacks[-1])]
            raise ShapeMismatch(f"{path} has frames of {shapes[1]}, {sources[0].path} of {shapes[0]}", "one shape", "separate them")
    data = stacks[0] if len(stacks) == 1 else np.concatenate(stacks, axis=1 if volume and stacks[0].ndim == 4 else 0)
    native = np.dtype(data.dtype.name)  # whatever byte order the file had
    data = data.astype(native, copy=False).view(native)
    depth, source = bit_depth(sources[0].path, data.dtype, int(data.max()), bits, stated)
    return RawFrames(data, depth, source, tuple(sources), metadata)


def framed(path: Path, planes: np.ndarray, volume: bool) -> np.ndarray:
    """Return the planes with the frame axis first. Raises ShapeMismatch for a 4-D stack that is not read as a volume."""
    if planes.ndim == 4 and not volume:
        raise ShapeMismatch(
            f"{path} is four-dimensional {planes.shape}", "(frame, y, x)", "read it as a volume, or save frames (frame, y, x)"
        )
    return planes[np.newaxis] if volume and planes.ndim == 3 else planes


def check_bits(bits: int | None) -> None:
    """Raise InvalidOption unless `bits` is None or a whole number from 1 to 16."""
    if bits is not None and (isinstance(bits, bool) or not isinstance(bits, (int, np.integer)) or not 1 <= bits <= 16):
        raise InvalidOption(f"bits={bits}", "a whole number from 1 to 16", "give the camera's bit depth")


def bit_depth(
    name: str, dtype: np.dtype[Any], top: int, bits: int | None, stated: Sequence[int | None]
) -> tuple[int, Literal["stated", "metadata", "container"]]:
    """Return the bit depth and where it is from.

    Parameters
    ----------
    name : str
        Of the file, for messages.
    top : int
        Largest value, DN.
    bits : int or None
        As the user stated.
    stated : sequence of int or None
        As each file states.

    Raises
    ------
    BitDepthMismatch
        A pixel does not fit in it.
    """
    container = 8 * dtype.itemsize
    known = [value for value in stated if value is not None]
    source: Literal["stated", "metadata", "container"]
    if bits is not None:
        depth, source = int(bits), "stated"
    elif known:
        depth, source = max(known), "metadata"
    else:
        return container, "container"
    if depth > container:
        raise BitDepthMismatch(
            f"{name} has {container}-bit pixels, but {depth} bits are {source}", f"at most {container} bits", "check the bit depth"
        )
    if not 1 <= depth <= 16 or top >= 1 << depth:
        remedy = f"state at least {top.bit_length()} bits" if source == "stated" else "state the camera's bits, which override metadata"
        raise BitDepthMismatch(
            f"{name} holds the value {top}, but {depth} bits are {source}", f"values up to {(1 << min(depth, 16)) - 1}", remedy
        )
    return depth, source
