"""The image with which a prediction is compared."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import LabelledImage, Parameter
from sigmaraw.errors import ShapeMismatch
from sigmaraw.files import sha256_of_file

REFERENCE = Parameter("reference", str, required=True, file=True, help="file of the image to compare with, of the image's shape")


def compared(labelled: LabelledImage, path: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what the model predicts (without a map of its own, the raw frame) and the reference, float64.

    Raises
    ------
    ShapeMismatch
        The reference has another shape.
    """
    reference = _read(path, labelled.image.ndim)
    if reference.shape != labelled.image.shape:
        raise ShapeMismatch(f"{path} of shape {reference.shape}", f"the image's {labelled.image.shape}", "give the reference of this image")
    shown = labelled.image if labelled.prediction is None else labelled.prediction
    return shown.astype(np.float64), reference


@functools.lru_cache(maxsize=4)
def _read(path: str, ndim: int) -> NDArray[np.float64]:
    """Return the only frame (y, x), or volume (z, y, x), of a file, float64. Raises as `read_frames`, and ShapeMismatch."""
    from sigmaraw.frames import read_frames

    frames = read_frames(path, volume=ndim == 3)
    if len(frames) != 1:
        raise ShapeMismatch(f"{path} holds {len(frames)} frames", "one reference image", "give a file with one")
    return frames.data[0].astype(np.float64)


def described(settings: dict[str, Any]) -> dict[str, Any]:
    """Return settings with the SHA-256 of the reference."""
    return {**settings, "reference_sha256": sha256_of_file(settings["reference"])}
