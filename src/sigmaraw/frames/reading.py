"""One file, or a folder of single frames, into RawFrames."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts.readers import Decoded, Layout
from sigmaraw.errors import BitDepthMismatch, InputNotFound, InvalidOption, LossyImage, NotIntegerData, ShapeMismatch, UnreadableFile
from sigmaraw.files import sha256_of_file
from sigmaraw.frames.axes import arrange
from sigmaraw.frames.decoding import camera_integers, natural_key, require_file
from sigmaraw.frames.installed import by_suffix, reader_of, suffix_of
from sigmaraw.frames.selection import split, with_selection
from sigmaraw.frames.signed import shifted
from sigmaraw.frames.types import RawFrames, SourceFile

Pixels = NDArray[np.uint8] | NDArray[np.uint16]
FORMATS = "TIFF, .npy, FITS, PNG, Zarr or other frames"
_COMMON = (".tif", ".npy", ".fits", ".png", ".zarr", ".czi", ".nd2", ".dcm", ".h5")  # named in a message: all of them are too many to read
_LOSSY_SUFFIXES = (".jpg", ".jpeg", ".webp", ".heic", ".jfif")
# Files that people and programs keep beside frames; anything else that is no frame is refused rather than passed over.
COMPANIONS: tuple[str, ...] = (
    ".txt",
    ".md",
    ".csv",
    ".tsv",
    ".json",
    ".xml",
    ".yaml",
    ".yml",
    ".toml",
    ".log",
    ".ini",
    ".cfg",
    ".pdf",
    ".rtf",
    ".html",
)
COMPANIONS += (
    ".sha256",
    ".sha1",
    ".md5",
    ".index",
    ".dvc",
    ".lnk",
    ".url",
    ".bak",
    ".tmp",
    ".xls",
    ".xlsx",
    ".ods",
    ".doc",
    ".docx",
    ".py",
    ".m",
)
_LITTER = ("thumbs.db", "ehthumbs.db", "@eadir", "__macosx", "$recycle.bin", "system volume information", "#recycle", "lost+found")
_LITTER_STARTS = (".", "@syno", "~$", "icon\r")


def is_litter(path: Path) -> bool:
    """Return whether an operating system or a storage left a file or folder behind, which nobody means as a frame."""
    name = path.name.lower()
    return name.startswith(_LITTER_STARTS) or name in _LITTER


def is_frame_file(path: Path) -> bool:
    """Return whether a reader takes the path: a file, or a folder that is one image or stack."""
    return reader_of(path) is not None


def is_companion(path: Path) -> bool:
    """Return whether a file is of a kind that people keep beside frames."""
    return path.suffix.lower() in COMPANIONS or (not path.suffix and path.name.upper() in ("README", "LICENSE", "NOTES", "CHECKSUMS"))


def decode(path: Path, *, volume: bool = False, pages: bool = False) -> Decoded:
    """Return one file's frames as stored, whatever their dtype: (frame, y, x), as a volume (frame, z, y, x).

    Parameters
    ----------
    path : Path
        A file or Zarr folder, with what of it is asked for after a #.
    volume : bool
        Whether planes along z are read as depth.
    pages : bool
        Whether every plane is a page, whatever its axis.

    Raises
    ------
    InputNotFound, UnreadableFile
        Missing, empty, damaged, or of a suffix that no reader takes.
    ColourImage, ShapeMismatch, InvalidSpec
        Axes that are neither frames nor chosen.
    LossyImage, NotIntegerData
        Pixels that are not the camera's integers.
    """
    file, selection = split(path)
    reader = reader_of(file)
    if not file.is_dir() and ".zarr" not in getattr(reader, "suffixes", ()):
        require_file(file)
    if reader is None:
        raise _no_reader(file)
    found = reader.read(file, selection)
    layout = found.layout or Layout("", ())
    order = arrange(file, layout.letters, layout.sizes, selection, volume=volume, plain=layout.plain, pages=pages)
    planes = found.planes
    if order.size != len(planes) or not (order.reshape(-1) == np.arange(len(planes))).all():
        planes = planes[order.reshape(-1)]
    return replace(found, planes=planes.reshape(*order.shape, *planes.shape[-2:]))


def _no_reader(path: Path) -> UnreadableFile | LossyImage:
    suffix = suffix_of(path)
    known = f"raw frames as {', '.join(_COMMON)}, or one of {len(by_suffix()) - len(_COMMON)} more suffixes (`sigmaraw formats`)"
    if suffix in _LOSSY_SUFFIXES:
        return LossyImage(f"{path} is a lossy format ('{suffix}')", known, "record the camera's own integers")
    return UnreadableFile(f"{path} has the suffix '{suffix}'", known, "export the frames as TIFF, .npy, FITS, PNG or Zarr")


def frame_files(folder: Path) -> list[Path]:
    """Return the frame files directly in `folder`, in natural order.

    Raises
    ------
    UnreadableFile
        A file that is neither a frame nor a known companion: nothing is left out in silence.
    """
    found = []
    for path in sorted(folder.iterdir(), key=lambda path: natural_key(path.name)):
        if is_litter(path):
            continue
        if is_frame_file(path):
            found.append(path)
        elif path.is_dir():
            raise UnreadableFile(f"{folder} holds a folder, {path.name}", "single frames only", "give each exposure its own folder")
        elif not is_companion(path):
            raise UnreadableFile(f"{path} is not a frame that can be read", f"{FORMATS} only", "convert or remove it")
    return found


def read_frames(
    path: str | os.PathLike[str], *, bits: int | None = None, volume: bool = False, pages: bool = False, signed: bool = False
) -> RawFrames:
    """Read camera frames from one file or from a folder of single frames.

    Parameters
    ----------
    path : str or path
        TIFF, OME-TIFF, .npy, FITS (also .gz and .fz), grey PNG or PGM file, Zarr or OME-Zarr folder, with the extras NIfTI, DICOM, ND2,
        CZI, LIF and HDF5 too; or a folder of them, taken in natural order of their names, or of one DICOM series. After a # stands what
        of it is asked for: ``stack.ome.tif#channel=0``, ``#t=2``, ``#z=3``, ``#z=frames``, ``#pages=0-7`` (from 0, the last one
        included), ``two.fits#extension=SCI``, ``two.lif#image=1``, ``#lossy=accept``; after :: the data set of an HDF5 file:
        ``scan.h5::/entry/data``.
    bits : int, optional
        Bit depth of the camera, 1 to 16; by default from metadata, else the container's.
    volume : bool
        Whether planes are z: data is (frame, z, y, x) instead of (frame, y, x).
    pages : bool
        Whether every plane of a file is a page, whatever its axis, so that one can be chosen by its number.
    signed : bool
        Whether images that are no camera's frames are taken: signed integers, stitched or derived ones. `RawFrames.shift` says what was
        added to the file's values so that none is below 0.

    Returns
    -------
    RawFrames
        uint8 or uint16, DN, exactly the camera's values, with the SHA-256 of every file.

    Raises
    ------
    InputNotFound, UnreadableFile, NotIntegerData, LossyImage, ColourImage, ShapeMismatch, BitDepthMismatch, InvalidOption, InvalidSpec
        As the file says.

    Examples
    --------
    >>> import sigmaraw as sr
    >>> frames = sr.read_frames("raw", bits=12)
    >>> frames.data.shape, frames.data.dtype.name
    ((6, 64, 64), 'uint16')
    """
    path = Path(path)
    file, selection = split(path)
    if not file.exists():
        raise InputNotFound(f"{path} does not exist", "an image file or a folder of frames", "check the name")
    if reader_of(file) is not None or not file.is_dir():
        return assemble([path], bits=bits, volume=volume, pages=pages, signed=signed)
    paths = [with_selection(entry, selection.text) for entry in frame_files(file)]
    if not paths:
        raise InputNotFound(f"{path} holds no frames", FORMATS, "check the folder")
    return assemble(paths, bits=bits, volume=volume, pages=pages, signed=signed)


def assemble(paths: Iterable[Path], *, bits: int | None, volume: bool = False, pages: bool = False, signed: bool = False) -> RawFrames:
    """Read files that belong together, in the order given, into one RawFrames; arguments and refusals as `read_frames`."""
    check_bits(bits)
    found = [(path, split(path)[0], decode(path, volume=volume, pages=pages)) for path in paths]
    _require_alike(found)
    shift = 0
    if signed:
        stacks, shift = shifted([file for _, file, _ in found], [decoded for _, _, decoded in found])
    else:
        for _, file, decoded in found:
            refuse_processed(file, decoded)
        stacks = [camera_integers(file, decoded.planes) for _, file, decoded in found]
    for index, (_, file, decoded) in enumerate(found):
        if decoded.inverted:
            stacks[index] = upright(stacks[index], white_level(file, stacks[index].dtype, decoded.bits, bits), file)
    sources = [SourceFile(str(file), sha256_of_file(file), decoded.reader) for _, file, decoded in found]
    stated = [decoded.bits for _, _, decoded in found]
    metadata: dict[str, object] = {}
    for _, _, decoded in found:
        metadata = {**decoded.metadata, **metadata}
    data = stacks[0] if len(stacks) == 1 else np.concatenate(stacks, axis=1 if volume else 0)
    native = np.dtype(data.dtype.name)  # whatever byte order the file had
    data = data.astype(native, copy=False).view(native)
    depth, source = bit_depth(sources[0].path, data.dtype, int(data.max()), bits, stated)
    return RawFrames(cast("Pixels", data), depth, source, tuple(sources), metadata, shift)


def _require_alike(found: Sequence[tuple[Path, Path, Decoded]]) -> None:
    """Refuse files whose frames differ in shape or type. Raises ShapeMismatch."""
    for path, _, decoded in found[1:]:
        planes, first = decoded.planes, found[0][2].planes
        if planes.shape[1:] != first.shape[1:] or planes.dtype.newbyteorder("=") != first.dtype.newbyteorder("="):
            shapes = [f"{'x'.join(map(str, one.shape[1:]))} {one.dtype.name}" for one in (first, planes)]
            raise ShapeMismatch(f"{path} has frames of {shapes[1]}, {found[0][1]} of {shapes[0]}", "one shape", "separate them")


def refuse_processed(path: Path, decoded: Decoded) -> None:
    """Refuse pixels that are no raw frame of a camera, by what the file says of them. Raises NotIntegerData."""
    reason = decoded.processed or (f"values to each of which the file adds {decoded.offset}" if decoded.offset else "")
    if reason:
        raise NotIntegerData(
            f"{path} holds {reason}",
            "a camera's raw frame, since a camera's noise model describes no other image",
            "give the raw frames, or study the image without a camera (--camera none)",
        )


def white_level(path: Path, dtype: np.dtype[Any], stated: int | None, bits: int | None) -> int:
    """Return what a pixel of no light holds in a file of WhiteIsZero, DN: the value from which all are taken off.

    Raises
    ------
    NotIntegerData
        Sixteen bits a sample and no word of the camera's depth: 65535 − value is then hardly meant.
    """
    depth = stated or (8 if dtype.itemsize == 1 else bits)
    if depth is None:
        raise NotIntegerData(
            f"{path} is stored inverted (WhiteIsZero, tag PhotometricInterpretation), and how many bits were inverted is not stated",
            "frames in which larger values mean more light",
            "state the camera's bit depth where it can be given, or export the frames as BlackIsZero",
        )
    return (1 << depth) - 1


def upright(pixels: Pixels, white: int, path: Path) -> Pixels:
    """Return the camera's values of a file of WhiteIsZero, exactly. Raises NotIntegerData where a value is above full scale."""
    if pixels.size and int(pixels.max()) > white:
        raise NotIntegerData(
            f"{path} is stored inverted (WhiteIsZero) with the value {int(pixels.max())}", f"values up to {white}", "check the bit depth"
        )
    turned: Pixels = np.subtract(pixels.dtype.type(white), pixels, dtype=pixels.dtype)
    return turned


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
