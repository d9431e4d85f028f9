"""Resampling: the frame at fewer pixels, brought back to its size by interpolation."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.rounding import to_pixels
from sigmaraw.contracts import CodecContract, Map, Parameter
from sigmaraw.errors import CodecFailed
from sigmaraw.extras import version

_SIDE = struct.Struct("<II")  # rows and columns of the frame


class Resampling(Map):
    """A frame of L pixels along an axis becomes one of L/factor, smoothed first so that nothing aliases, and comes back by splines.

    What is stored, or coded by a coder behind, is the smaller frame in whole DN: alone, ratio = factor². factor=1 changes nothing.

    Reference: skimage.transform.resize (anti-aliasing by a Gaussian of σ = (factor − 1)/2 px; edges repeated).
    """

    name = "resample"
    parameters = (
        Parameter("factor", float, 2.0, minimum=1, maximum=16, unit="1", help="old pixels for one new pixel, along each axis"),
        Parameter("order", int, 1, choices=(0, 1, 2, 3), unit="1", help="of the splines: 0 nearest, 1 linear, 3 cubic"),
    )
    contract = CodecContract(("uint8", "uint16"), lossless=False, guarantee="none: a processing step", processing=True)
    probes = (("factor=4", "factor=1.5"), ("factor=3,order=3",))

    def __init__(self, *, factor: float = 2.0, order: int = 1) -> None:
        self.factor, self.order = factor, order

    def forward(self, frame: NDArray[np.integer]) -> tuple[NDArray[np.integer], bytes]:
        """Return the smaller frame, and 8 bytes with the size. frame: (y, x) or (frame, y, x), DN."""
        height, width = frame.shape[-2:]
        return self._resized(frame, self._smaller((height, width)), frame.dtype), _SIDE.pack(height, width)

    def inverse(self, mapped: NDArray[np.integer], side: bytes, dtype: np.dtype[Any]) -> NDArray[np.integer]:
        """Return the frame at its size. Raises CodecFailed for side data of another step."""
        size = _SIDE.unpack(side) if len(side) == _SIDE.size else (0, 0)
        if min(size) < 1 or self._smaller(size) != tuple(mapped.shape[-2:]):
            raise CodecFailed(f"side data of {len(side)} bytes that are not of '{self.name}'", "side data of this codec", "code it again")
        return self._resized(mapped, size, dtype)

    def _smaller(self, size: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(max(1, round(length / self.factor)) for length in size)

    def _resized(self, frame: NDArray[np.integer], size: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[np.integer]:
        """Return frame(s) (…, y, x) at another size, in whole DN; as they are where the size is the same."""
        from skimage.transform import resize

        if tuple(frame.shape[-2:]) == tuple(size):
            return frame.astype(dtype, copy=False)
        pages = frame.reshape(-1, *frame.shape[-2:]).astype(np.float64)
        less = size[0] < frame.shape[-2] or size[1] < frame.shape[-1]
        # mode "edge": a reflection of a frame of one pixel is not defined.
        made = [resize(page, size, order=self.order, mode="edge", anti_aliasing=less, preserve_range=True) for page in pages]
        return to_pixels(self.name, np.stack(made).reshape(*frame.shape[:-2], *size), dtype)

    @staticmethod
    def build() -> dict[str, str]:
        """Return the versions that a self-test's result belongs to."""
        return {"scikit-image": version("scikit-image")}

    def details(self) -> dict[str, Any]:
        """Return that nothing is coded here, and how the size comes back."""
        return {"kind": "processing step", "restored": f"splines of order {self.order}", "libraries": self.build()}
