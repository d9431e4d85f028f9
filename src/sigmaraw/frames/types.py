"""What a reader returns: integers as the camera delivered them, with where they came from."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class SourceFile:
    """One file that was read: path as given, SHA-256 of its bytes (64 hex digits), the reader that took it."""

    path: str
    sha256: str
    reader: str


@dataclass(frozen=True)
class RawFrames:
    """Camera frames as integers in DN, with where they came from.

    No arithmetic is done on them before the noise model or a pipeline's preparation makes floats of them.

    Parameters
    ----------
    data : ndarray of uint8 or uint16
        (frame, y, x) or, for volumes, (frame, z, y, x); DN.
    bits : int
        Bit depth of the data, 1 to 16.
    bits_source : {"stated", "metadata", "container"}
        Who says so: the user, the file, or only the size of its integers.
    files : tuple of SourceFile, optional
        What was read.
    metadata : dict of str to object, optional
        What the reader found beside the pixels.
    shift : int, default 0
        What was added to the values of the file so that none is below 0, DN: not 0 only where signed integers were asked for.

    Examples
    --------
    >>> import sigmaraw as sr
    >>> frames = sr.read_frames("image.tif", bits=12)
    >>> len(frames), frames.frame_shape, frames.full_scale
    (1, (64, 64), 4095)
    """

    data: NDArray[np.uint8] | NDArray[np.uint16]
    bits: int
    bits_source: Literal["stated", "metadata", "container"]
    files: tuple[SourceFile, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    shift: int = 0

    def __repr__(self) -> str:
        sides = " × ".join(map(str, self.frame_shape))
        many = f"{len(self)} frame{'s' * (len(self) != 1)} of {sides} px"
        files = f", from {self.files[0].path}" if self.files else ""
        more = f" and {len(self.files) - 1} more" if len(self.files) > 1 else ""
        return f"<RawFrames: {many}, {self.data.dtype}, {self.bits} bit ({self.bits_source}){files}{more}>"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(repr(self)[1:-1])}</p>"

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """Shape of one frame: (y, x) or (z, y, x)."""
        return tuple(self.data.shape[1:])

    @property
    def full_scale(self) -> int:
        """Largest value that the bit depth allows, DN."""
        return (1 << self.bits) - 1

    def __len__(self) -> int:
        return int(self.data.shape[0])
