"""A codec family outside sigmaraw: the lowest bit planes are dropped, the others packed plane by plane."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import CodecContract, Coder, Encoded, Knob, Parameter
from sigmaraw.errors import CodecFailed

__all__ = ["BitPlanes"]


class BitPlanes(Coder):
    """Drop the `drop` lowest bit planes, |decoded − raw| ≤ 2^drop/2 DN; deflate the others, each plane by itself.

    drop=0 is exact. A pixel comes back as the middle of the values that share its upper bits: y = x ≫ drop, x̂ = (y ≪ drop) + ⌊2^drop/2⌋.
    """

    name = "bitplanes"
    parameters = (Parameter("drop", int, 2, minimum=0, maximum=7, unit="bit", help="bit planes to drop"),)
    contract = CodecContract(
        ("uint8", "uint16"),
        lossless=False,
        knob="drop",
        knob_direction=-1,
        guarantee="max |error| <= 2^drop/2",
        # The knob's range is all that it takes to be given ratio=, bpp=, psnr=, maxerr= and rz= in drop's place.
        axis=Knob("drop", 0, 7, scale="linear", integer=True, direction=-1, step=2, resolution=0.5),
    )
    probes = (("drop=4", "drop=1", "drop=0"),)  # for sigmaraw's self-test: from coarse to fine

    def __init__(self, *, drop: int = 2) -> None:
        self.drop = drop
        bound = (1 << drop) // 2
        words = "exact" if drop == 0 else f"max |error| <= {bound} DN"
        self.contract = CodecContract(
            ("uint8", "uint16"), lossless=drop == 0, knob="drop", knob_direction=-1, guarantee=words, max_error=bound
        )

    def encode(self, frame: NDArray[np.integer]) -> Encoded:
        """Return the code stream. frame: (y, x), DN. Everything that the decoder needs is in it: that is what is counted."""
        shifts = range(self.drop, 8 * frame.dtype.itemsize)
        planes = b"".join(np.packbits((frame >> shift) & 1).tobytes() for shift in shifts)
        return Encoded(zlib.compress(planes, 9))

    def decode(self, encoded: Encoded, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[np.integer]:
        """Return the frame. Raises CodecFailed when the code stream is broken: nothing else may leave a codec."""
        size = int(np.prod(shape))
        shifts = range(self.drop, 8 * np.dtype(dtype).itemsize)
        plane_bytes = -(-size // 8)
        try:
            planes = zlib.decompress(encoded.payload)
        except zlib.error as error:
            raise CodecFailed(f"bitplanes could not decode ({error})", "a whole code stream", "encode the frame again") from error
        if len(planes) != plane_bytes * len(shifts):
            raise CodecFailed(f"bitplanes of {len(planes)} bytes", f"{plane_bytes * len(shifts)}", "encode the frame again")
        frame = np.full(size, (1 << self.drop) // 2, dtype)
        for index, shift in enumerate(shifts):
            plane = np.frombuffer(planes, np.uint8, plane_bytes, index * plane_bytes)
            frame |= np.unpackbits(plane, count=size).astype(dtype) << np.dtype(dtype).type(shift)
        return frame.reshape(shape)

    def details(self) -> dict[str, Any]:
        """Return what a record needs beside the settings."""
        return {"libraries": {"zlib": zlib.ZLIB_RUNTIME_VERSION}}

    @staticmethod
    def build() -> dict[str, str]:
        """Return the versions that a self-test's result belongs to."""
        return {"zlib": zlib.ZLIB_RUNTIME_VERSION}
