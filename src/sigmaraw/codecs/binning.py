"""Binning: square blocks of pixels as one, brought back to the frame's size by repetition."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import CodecContract, Map, Parameter
from sigmaraw.errors import CodecFailed, UnsupportedArray

_SIDE = struct.Struct("<BB")  # rows and columns in the last block, where the size is no multiple


class Binning(Map):
    """Blocks of size × size pixels become one: their mean, rounded to whole DN, or their sum as a camera's adder makes it.

    What is stored, or coded by a coder behind, is the smaller frame: alone, ratio = size². Decoded, every pixel of a block has the
    block's mean in whole DN (a sum divided by its number of pixels), so that shape, dtype and unit are the frame's. Blocks at the
    far edges may hold fewer pixels, which is kept in 2 bytes. A sum above 65535 is refused: nothing is clipped.
    """

    name = "bin"
    parameters = (
        Parameter("size", int, 2, minimum=2, maximum=16, unit="px", help="side of a block"),
        Parameter("how", str, "mean", choices=("mean", "sum"), help="what is stored of a block"),
    )
    contract = CodecContract(("uint8", "uint16"), lossless=False, guarantee="none: a processing step", processing=True)
    probes = (("size=8", "size=2"),)

    def __init__(self, *, size: int = 2, how: str = "mean") -> None:
        self.size, self.how = size, how

    def forward(self, frame: NDArray[np.integer]) -> tuple[NDArray[np.integer], bytes]:
        """Return one value for each block, and how far the last ones are filled. frame: (y, x) or (frame, y, x), DN."""
        height, width = frame.shape[-2:]
        rows = np.add.reduceat(frame.astype(np.int64), np.arange(0, height, self.size), axis=-2)
        sums = np.add.reduceat(rows, np.arange(0, width, self.size), axis=-1)
        side = _SIDE.pack(height % self.size, width % self.size)
        if self.how == "mean":
            return np.rint(sums / self._counts(height, width)).astype(frame.dtype), side
        largest = int(sums.max())
        if largest > np.iinfo(np.uint16).max:
            found = f"a sum of {largest} DN in '{self.name}' with how=sum"
            raise UnsupportedArray(found, "sums up to 65535", "use how=mean")
        return sums.astype(np.uint16), side

    def inverse(self, mapped: NDArray[np.integer], side: bytes, dtype: np.dtype[Any]) -> NDArray[np.integer]:
        """Return the frame of the first size, each block filled with its mean. Raises CodecFailed for side data of another size."""
        if len(side) != _SIDE.size or max(side) >= self.size:
            raise CodecFailed(
                f"side data of {len(side)} bytes that are not of 'bin' with size={self.size}",
                "side data of this codec",
                "code the frame again",
            )
        height, width = ((count - (rest > 0)) * self.size + rest for count, rest in zip(mapped.shape[-2:], _SIDE.unpack(side), strict=True))
        means = mapped if self.how == "mean" else np.rint(mapped / self._counts(height, width))
        spread = means.astype(dtype).repeat(self.size, axis=-2)[..., :height, :]
        return spread.repeat(self.size, axis=-1)[..., :width]

    def details(self) -> dict[str, Any]:
        """Return that nothing is coded here, and how the size comes back."""
        return {"kind": "processing step", "restored": "each pixel of a block has the block's mean"}

    def _counts(self, height: int, width: int) -> NDArray[np.int64]:
        """Return how many pixels each block holds, (y, x)."""
        rows, columns = (np.minimum(self.size, side - np.arange(0, side, self.size)) for side in (height, width))
        return np.outer(rows, columns)
