"""What a user hands to a study → its images: files, frames or arrays, matched with the camera."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.camera import CameraProfile
from sigmaraw.contracts import ReplicaMode
from sigmaraw.errors import BitDepthMismatch, InputNotFound, InvalidOption, NotIntegerData, ShapeMismatch
from sigmaraw.files import sha256_of_file
from sigmaraw.frames import RawFrames, read_frames, refuse_other_settings
from sigmaraw.noise import NoiseModel
from sigmaraw.record.design import ImageRow, InputRow
from sigmaraw.study.plan import Plan
from sigmaraw.study.work import StudyImage


@dataclass(frozen=True)
class Inputs:
    """Images in order, with the record's `inputs` and `images` rows."""

    images: tuple[StudyImage, ...]
    files: tuple[InputRow, ...]
    rows: tuple[ImageRow, ...]


def load_inputs(raw: Sequence[Any], camera: CameraProfile, plan: Plan, mode: ReplicaMode) -> Inputs:
    """Return the images of some files, RawFrames or arrays.

    Each frame is one image, except where the mode draws from real repeats: then each input is one image, its first frame is x,
    and its frames are the repeats.

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
    for position, entry in enumerate(raw):
        frames = as_frames(entry, camera.bits, plan.volume, pages=plan.frame is not None)
        files += _input_rows(frames)
        refuse_other_settings((file.path for file in frames.files), camera.header_settings, "the camera profile")
        if frames.bits_source != "container" and frames.bits != camera.bits:
            raise BitDepthMismatch(
                f"an image of {frames.bits} bits", f"the camera's {camera.bits} bits", "use the profile of the camera that took it"
            )
        name = frames.files[0].path if frames.files else f"array {position}"
        for index, source in _sources(frames, name, plan, mode):
            frame = np.ascontiguousarray(source[0] if mode.needs_repeats else source)
            digest = pixel_hash(source)
            if digest in seen:
                raise InvalidOption(
                    f"{name} frame {index} has the same pixels as {seen[digest]}", "each image once", "remove one of the two"
                )
            seen[digest] = f"{name} frame {index}"
            noise_model = NoiseModel.from_profile(camera, frame.shape, roi=plan.roi, scalars=plan.scalars)
            noise_model.check_image(frame)
            images.append(StudyImage(frame, np.ascontiguousarray(source), noise_model))
            rows.append(ImageRow(image=len(rows), input=position, frame=index, shape=frame.shape, sha256=digest))
    return Inputs(tuple(images), tuple(files), tuple(rows))


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


def as_frames(entry: Any, bits: int, volume: bool, *, pages: bool = False) -> RawFrames:
    """Return RawFrames of a path, RawFrames or an integer array: (y, x), or (frame, y, x), or with `volume` (z, y, x).

    Parameters
    ----------
    pages : bool, default False
        Whether every plane of a file is a page, of which one is chosen by its number.
    """
    if isinstance(entry, RawFrames):
        return entry
    if isinstance(entry, (str, os.PathLike)):
        return read_frames(entry, volume=volume, pages=pages)
    data = np.asarray(entry)
    if data.dtype not in (np.uint8, np.uint16):
        raise NotIntegerData(f"an image of {data.dtype}", "uint8 or uint16, as the camera delivered it", "pass the unconverted frame")
    if data.ndim == 2 or (volume and data.ndim == 3):
        data = data[np.newaxis]
    if data.ndim not in (3, 4) or 0 in data.shape:
        raise ShapeMismatch(f"an image of shape {np.shape(entry)}", "(y, x), (frame, y, x) or a volume", "pass one grey image or a stack")
    return RawFrames(data, 8 * data.dtype.itemsize, "container")


def pixel_hash(image: NDArray[np.integer]) -> str:
    """Return the SHA-256 over dtype, shape and pixels (little-endian)."""
    digest = hashlib.sha256(f"{image.dtype.name}{image.shape}".encode())
    digest.update(np.ascontiguousarray(image, dtype=image.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()


def _input_rows(frames: RawFrames) -> list[InputRow]:
    shape, dtype = frames.data.shape, str(frames.data.dtype)
    if not frames.files:
        return [InputRow(sha256=pixel_hash(frames.data), shape=shape, dtype=dtype, role="raw", reader="array")]
    return [
        InputRow(path=str(Path(file.path).absolute()), sha256=file.sha256, shape=shape, dtype=dtype, role="raw", reader=file.reader)
        for file in frames.files
    ]


def file_row(path: str | Path, role: str, reader: str) -> InputRow:
    """Return the `inputs` row of a file that is not an image. Raises InputNotFound."""
    if not Path(path).is_file():
        raise InputNotFound(f"{path} does not exist", "a file", "check the path")
    return InputRow(path=str(Path(path).absolute()), sha256=sha256_of_file(path), role=role, reader=reader)
