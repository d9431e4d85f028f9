"""Signed whole numbers, as CT and MRI have them, as the unsigned ones that codecs take: shifted, exactly, by a number that is kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts.readers import Decoded
from sigmaraw.errors import NotIntegerData

SMALLEST_SHIFT = 1024
"""The least shift of signed values: Hounsfield units of air are −1000, and CT stores them with 1024 added."""
_LARGEST = 65535


def shifted(paths: Sequence[Path], decoded: Sequence[Decoded]) -> tuple[list[NDArray[np.uint8] | NDArray[np.uint16]], int]:
    """Return the planes of files that belong together as unsigned integers, and what was added to the files' values.

    Where all files store unsigned integers of 8 or 16 bits with one offset, these are taken as they stand. Else the shift is 0 where no
    value is negative, or half the range of the bit depth that the files state, or the smallest power of two from 1024 that leaves no
    value below 0.

    Parameters
    ----------
    paths : sequence of Path
        The files, for messages.
    decoded : sequence of Decoded
        What their readers gave.

    Returns
    -------
    list of ndarray
        uint8 or uint16, the files' values plus the shift.
    int
        The shift, DN.

    Raises
    ------
    NotIntegerData
        Floats, or whole numbers that span more than 16 bits.

    Examples
    --------
    >>> stacks, shift = shifted([Path("ct.nii")], [Decoded(np.array([[[-1000, 40]]], np.int16), "nibabel")])
    >>> stacks[0].tolist(), shift
    ([[[24, 1064]]], 1024)
    """
    for path, one in zip(paths, decoded, strict=True):
        if one.planes.dtype.kind not in "ui":
            raise not_integers(path, one.planes.dtype)
    offsets = {one.offset for one in decoded}
    if len(offsets) == 1 and all(one.planes.dtype.kind == "u" and one.planes.dtype.itemsize <= 2 for one in decoded):
        return [one.planes.astype(one.planes.dtype.newbyteorder("="), copy=False) for one in decoded], -offsets.pop()
    low = min(int(one.planes.min()) + one.offset for one in decoded)
    high = max(int(one.planes.max()) + one.offset for one in decoded)
    stated = {one.bits for one in decoded if one.planes.dtype.kind == "i"}
    half = 1 << (next(iter(stated)) or 1) - 1 if len(stated) == 1 and None not in stated else 0
    shift = 0 if low >= 0 else half if half >= max(-low, 2) else max(SMALLEST_SHIFT, 1 << (-low - 1).bit_length())
    if high + shift > _LARGEST:
        raise NotIntegerData(f"{paths[0]} holds values from {low} to {high}", "whole numbers of 16 bits", "export the stored integers")
    return [(one.planes.astype(np.int64) + (one.offset + shift)).astype(np.uint16) for one in decoded], shift


def not_integers(path: Path, dtype: np.dtype[np.generic]) -> NotIntegerData:
    """Return the refusal of floats and of other numbers that are no integers."""
    return NotIntegerData(
        f"{path} holds {dtype.name} pixels",
        "whole numbers of at most 16 bits: scaled or interpolated values are no raw data, and codecs take integers",
        "export the integers that the scanner or camera stored",
    )
