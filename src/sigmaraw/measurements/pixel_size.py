"""The size of a pixel as a specification states it."""

from __future__ import annotations

import math
import re

from sigmaraw.errors import InvalidSpec

OF_IMAGE = "image"
"""What a specification says where the pixel size is that of the images' metadata."""


def parse_pixel_size(text: str | None) -> tuple[float, ...] | None:
    """Return the size of a pixel along each axis, µm, from what a specification says.

    Parameters
    ----------
    text : str or None
        One number for square pixels of a frame, or one for each axis: ``0.1``, ``"0.5,0.1,0.1"`` or ``0.5|0.1|0.1`` (z, y, x);
        ``image``, which is not known here.

    Returns
    -------
    tuple of float or None
        Two or three sizes, µm; None where nothing is stated.

    Raises
    ------
    InvalidSpec
        Not one to three numbers above 0.

    Examples
    --------
    >>> parse_pixel_size("0.5|0.1|0.1")
    (0.5, 0.1, 0.1)
    >>> parse_pixel_size("0.1")
    (0.1, 0.1)
    """
    if text is None or text == OF_IMAGE:
        return None
    problem = InvalidSpec(
        f"pixel_size={text}",
        "a size in µm above 0, or one for each axis; or image, for that of its metadata",
        'write it like pixel_size=0.1, or in volumes pixel_size="0.5,0.1,0.1" (z, y, x)',
    )
    try:
        sizes = tuple(float(part) for part in re.split(r"[,|\s]+", text.strip()))
    except ValueError as error:
        raise problem from error
    if not 1 <= len(sizes) <= 3 or not all(0 < size < math.inf for size in sizes):
        raise problem
    return sizes * 2 if len(sizes) == 1 else sizes
