"""What every pipeline takes: integer camera data as it is, everything else is refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import ColourImage, InvalidOption, NotIntegerData, ShapeMismatch
from sigmaraw.frames.opening import opened
from sigmaraw.frames.types import RawFrames


def one_frame(raw: Any) -> NDArray[np.integer]:
    """Return one frame (y, x) or volume (z, y, x), uint8, uint16 or int16, DN, from an array, or from a file or RawFrames that hold one.

    Raises
    ------
    NotIntegerData, ColourImage, ShapeMismatch
    """
    raw = opened(raw)
    if isinstance(raw, RawFrames):
        if len(raw) != 1:
            raise ShapeMismatch(f"{len(raw)} frames", "one frame", "give one of them, or all of them to batch(frames.data)")
        raw = raw.data[0]
    array = _integers(raw)
    if array.ndim not in (2, 3):
        raise ShapeMismatch(f"an array of shape {array.shape}", "one frame (y, x) or one volume (z, y, x)", "give many images to batch()")
    return array


def many_frames(images: Any) -> NDArray[np.integer]:
    """Return images (image, y, x) or (image, z, y, x), uint8, uint16 or int16, DN.

    Raises
    ------
    NotIntegerData, ColourImage, ShapeMismatch
    """
    images = opened(images)
    array = _integers(images.data if isinstance(images, RawFrames) else images)
    check_many(array.dtype, array.shape)
    return array


def check_many(dtype: Any, shape: tuple[int, ...]) -> None:
    """Refuse images that are not (image, y, x) or (image, z, y, x) of such integers. Raises as `many_frames`."""
    _check_integers(np.dtype(dtype), shape)
    if len(shape) not in (3, 4):
        raise ShapeMismatch(f"an array of shape {shape}", "images (image, y, x) or (image, z, y, x)", "add the image axis")


def _integers(array: Any) -> NDArray[np.integer]:
    if not isinstance(array, np.ndarray):
        raise InvalidOption(f"a {type(array).__name__}", "a NumPy array, RawFrames or a path", "convert it")
    _check_integers(array.dtype, array.shape)
    # Contiguous and in native byte order: sums of floats must not depend on how the caller had laid it out.
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))


def _check_integers(dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    if (dtype.kind != "u" or dtype.itemsize > 2) and dtype.newbyteorder("=") != np.int16:  # int16 are CT's and MRI's
        raise NotIntegerData(f"an image of {dtype}", "uint8 or uint16, DN (int16 of CT and MRI)", "give the camera's own integers")
    if 0 in shape:
        raise ShapeMismatch(f"an empty array of shape {shape}", "at least one pixel", "check how it was cut out")
    if len(shape) >= 3 and shape[-1] in (3, 4) and min(shape[-3:-1]) > 4:
        raise ColourImage(f"an array of shape {shape}", "one grey value per pixel", "choose one colour channel")
