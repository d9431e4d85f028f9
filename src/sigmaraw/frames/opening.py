"""Whatever names an image, as its pixels: a path, RawFrames or an array."""

from __future__ import annotations

import os
from typing import Any

from sigmaraw.frames.reading import read_frames
from sigmaraw.frames.types import RawFrames


def opened(raw: Any) -> Any:
    """Return the RawFrames of a path; anything else as it is. Raises as `read_frames`."""
    return read_frames(raw) if isinstance(raw, str | os.PathLike) else raw


def pixels(raw: Any) -> Any:
    """Return the pixels of a path or of RawFrames, one frame (y, x) or a stack (frame, y, x); an array as it is.

    Raises as `read_frames`.
    """
    raw = opened(raw)
    if not isinstance(raw, RawFrames):
        return raw
    return raw.data[0] if len(raw) == 1 else raw.data
