"""What a user hands to a study → its images: files, frames or arrays, matched with the camera."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sigmaraw.camera import CameraProfile
from sigmaraw.contracts import Decoded, ReplicaMode
from sigmaraw.errors import BitDepthMismatch, InputNotFound, InvalidOption, NotIntegerData, PredictionFailed, ShapeMismatch, SigmarawError
from sigmaraw.files import sha256_of_file
from sigmaraw.frames import RawFrames, read_frames, refuse_other_settings
from sigmaraw.frames.decoding import require_grey
from sigmaraw.frames.reading import bit_depth
from sigmaraw.frames.signed import shifted
from sigmaraw.noise import NoiseModel, RicianNoise
from sigmaraw.record.design import ImageRow, InputRow
from sigmaraw.study.plan import Plan
from sigmaraw.study.study_image import StudyImage

Camera: TypeAlias = "CameraProfile | RicianNoise | str | os.PathLike[str] | None"
"""The camera, or its netCDF file; Rician noise, or its specification; None or the word none for no camera."""


@dataclass(frozen=True)
class Inputs:
    """Images in order, with the record's `inputs` and `images` rows, the largest bit depth, and the file and frame of each image."""

    images: tuple[StudyImage, ...]
    files: tuple[InputRow, ...]
    rows: tuple[ImageRow, ...]
    bits: int = 16
    sources: tuple[tuple[str | None, int], ...] = ()


def load_inputs(raw: Sequence[Any], camera: CameraProfile | RicianNoise | None, plan: Plan, mode: ReplicaMode) -> Inputs:
    """Return the images of some files, RawFrames or arrays.

    Each frame is one image, except where the mode draws from real repeats: then each input is one image, its first frame is x,
    and its frames are the repeats. Without a camera images may be signed, reconstructed or stitched;
    with Rician noise they are magnitudes, each of its file's bit depth.

    Raises
    ------
    InvalidOption
        Nothing given, or the same image twice.
    ShapeMismatch, BitDepthMismatch, ProfileMismatch
        An image does not fit the camera.
    NotIntegerData, UnreadableFile, InputNotFound, ColourImage
        As `read_frames` does.
    """
    if isinstance(raw, (str, os.PathLike, np.ndarray, RawFrames)):
        raw = [raw]
    if len(raw) == 0:
        raise InvalidOption("no raw image given", "at least one image", "name a TIFF, .npy or FITS file")
    images: list[StudyImage] = []
    files: list[InputRow] = []
    rows: list[ImageRow] = []
    seen: dict[str, str] = {}
    depths: list[int] = []
    sources: list[tuple[str | None, int]] = []
    for position, entry in enumerate(raw):
        frames = as_frames(entry, plan.bits, plan.volume, pages=plan.frame is not None, signed=not isinstance(camera, CameraProfile))
        first = len(files)
        files += _input_rows(frames, "" if isinstance(camera, CameraProfile) else bits_question(frames))
        depths.append(frames.bits)
        if isinstance(camera, CameraProfile):
            with named(name_of(frames, position)):
                _check_fit(frames, camera)
        camera_of_input = camera.of_image(frames.bits, frames.shift) if isinstance(camera, RicianNoise) else camera
        name = name_of(frames, position)
        for index, source in _sources(frames, name, plan, mode):
            file, number = _source_of(frames, index)
            called = f"{file or name} frame {number}"
            frame = np.ascontiguousarray(source[0] if mode.needs_repeats else source)
            digest = pixel_hash(source)
            if digest in seen:
                raise InvalidOption(f"{called} has the same pixels as {seen[digest]}", "each image once", "remove one of the two")
            seen[digest] = called
            noise_model = None
            if camera_of_input is not None:
                with named(called):
                    noise_model = NoiseModel.from_profile(camera_of_input, frame.shape, roi=plan.roi, scalars=plan.scalars)
                    noise_model.check_image(frame)
            images.append(StudyImage(frame, np.ascontiguousarray(source), noise_model, shift=frames.shift, **_spacing(frames)))
            sources.append((file, number))
            row = first + (index if _one_file_a_frame(frames) else 0)
            rows.append(ImageRow(image=len(rows), input=row, frame=number, shape=frame.shape, sha256=digest))
    return Inputs(tuple(images), tuple(files), tuple(rows), max(depths), tuple(sources))


def name_of(frames: RawFrames, position: int) -> str:
    """Return what messages call an input: its first file, or its place among the arrays."""
    return frames.files[0].path if frames.files else f"array {position}"


@contextlib.contextmanager
def named(image: str) -> Iterator[None]:
    """Begin the message of a refusal with the image that it is about; with many images nobody could tell which one it is."""
    try:
        yield
    except SigmarawError as error:
        if image not in error.found and not isinstance(error, PredictionFailed):  # that one names image and file by itself
            error.found = f"{image}: {error.found}"
        raise


def _one_file_a_frame(frames: RawFrames) -> bool:
    """Return whether the frames are those of a folder in which each file holds one."""
    return len(frames.files) == len(frames) > 1


def _source_of(frames: RawFrames, index: int) -> tuple[str | None, int]:
    """Return the file, or the folder of a volume's planes, and the frame in it from which an image is; None of an array."""
    if not frames.files:
        return None, index
    if len(frames.files) == 1:
        return frames.files[0].path, index
    if _one_file_a_frame(frames):
        return frames.files[index].path, 0
    return str(Path(frames.files[0].path).parent), index


def _spacing(frames: RawFrames) -> dict[str, Any]:
    """Return the size of a pixel as fields of a StudyImage, where the file states it."""
    sides = frames.metadata.get("spacing", ())
    return {"spacing": tuple(sides), "spacing_unit": str(frames.metadata.get("spacing_unit", "px"))} if sides else {}


def _check_fit(frames: RawFrames, camera: CameraProfile) -> None:
    """Refuse images of other settings or of another bit depth than the camera's."""
    refuse_other_settings((file.path for file in frames.files), camera.header_settings, "the camera profile")
    if frames.bits_source != "container" and frames.bits != camera.bits:
        raise BitDepthMismatch(
            f"an image of {frames.bits} bits", f"the camera's {camera.bits} bits", "use the profile of the camera that took it"
        )


def bits_question(frames: RawFrames) -> str:
    """Return a question where only the container says 16 bits and all values fit into 10, 12 or 14; "" where there is nothing to ask."""
    if frames.bits_source != "container" or frames.data.dtype != np.uint16:
        return ""
    top = int(frames.data.max())
    fitting = next((bits for bits in (10, 12, 14) if top < 1 << bits), None)
    return "" if fitting is None or top < 256 else f"all values ≤ {(1 << fitting) - 1}: --bits {fitting}?"


def _sources(frames: RawFrames, name: str, plan: Plan, mode: ReplicaMode) -> list[tuple[int, NDArray[np.integer]]]:
    """Return what is drawn from, with the number of its first frame: each frame, or with real repeats the stack."""
    if mode.needs_repeats:
        if plan.frame is not None:
            raise InvalidOption(f"--frame {plan.frame} with mode {plan.mode}", "all frames: they are the repeats", "leave --frame out")
        return [(0, frames.data)]
    if plan.frame is None:
        return list(enumerate(frames.data))
    if not 0 <= plan.frame < len(frames):
        raise InvalidOption(f"frame {plan.frame} of {name}, which has {len(frames)}", f"0 to {len(frames) - 1}", "correct --frame")
    return [(plan.frame, frames.data[plan.frame])]


def as_frames(entry: Any, bits: int | None, volume: bool, *, pages: bool = False, signed: bool = False) -> RawFrames:
    """Return RawFrames of a path, RawFrames or an integer array: (y, x), or (frame, y, x), or with `volume` (z, y, x).

    Parameters
    ----------
    pages : bool, default False
        Whether every plane of a file is a page, of which one is chosen by its number.
    signed : bool, default False
        Whether signed integers and processed images are taken.
    """
    if isinstance(entry, RawFrames):
        return entry
    if isinstance(entry, (str, os.PathLike)):
        return read_frames(entry, bits=bits, volume=volume, pages=pages, signed=signed)
    data, shift = np.asarray(entry), 0
    data = data.astype(data.dtype.newbyteorder("="), copy=False)  # FITS arrays are big-endian
    if signed and data.dtype.kind == "i" and data.size:
        (data,), shift = shifted([Path("the array")], [Decoded(data, "array")])
    if data.dtype not in (np.uint8, np.uint16):
        raise NotIntegerData(f"an image of {data.dtype}", "uint8 or uint16, as the camera delivered it", "pass the unconverted frame")
    if data.ndim == 2 or (volume and data.ndim == 3):
        data = data[np.newaxis]
    elif data.ndim >= 3 and data.shape[-1] in (3, 4) and min(data.shape[-3:-1]) > 4:  # as of .npy files
        require_grey(Path("the array"), data.shape[-1])
    if data.ndim not in (3, 4) or 0 in data.shape:
        raise ShapeMismatch(f"an image of shape {np.shape(entry)}", "(y, x), (frame, y, x) or a volume", "pass one grey image or a stack")
    depth, source = bit_depth("the array", data.dtype, int(data.max()), bits, ())
    return RawFrames(data, depth, source, shift=shift)


def pixel_hash(image: NDArray[np.integer]) -> str:
    """Return the SHA-256 over dtype, shape and pixels (little-endian)."""
    digest = hashlib.sha256(f"{image.dtype.name}{image.shape}".encode())
    digest.update(np.ascontiguousarray(image, dtype=image.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()


def _input_rows(frames: RawFrames, note: str = "") -> list[InputRow]:
    # of one type each: fields of InputRow
    common: dict[str, Any] = {"shape": frames.data.shape, "dtype": str(frames.data.dtype), "shift": frames.shift, "note": note}
    if not frames.files:
        return [InputRow(sha256=pixel_hash(frames.data), role="raw", reader="array", **common)]
    return [
        InputRow(path=str(Path(file.path).absolute()), sha256=file.sha256, role="raw", reader=file.reader, **common)
        for file in frames.files
    ]


def file_row(path: str | Path, role: str, reader: str) -> InputRow:
    """Return the `inputs` row of a file that is not an image. Raises InputNotFound."""
    if not Path(path).is_file():
        raise InputNotFound(f"{path} does not exist", "a file", "check the path")
    return InputRow(path=str(Path(path).absolute()), sha256=sha256_of_file(path), role=role, reader=reader)
