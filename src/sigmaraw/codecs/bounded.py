"""What the error-bounded families share: one knob, the largest error of a pixel in whole DN, which they promise."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.calls import checked, guarded, seal, unseal
from sigmaraw.codecs.rounding import to_pixels
from sigmaraw.codecs.search import Knob
from sigmaraw.codecs.targets import TARGET_PARAMETERS, TargetCoder
from sigmaraw.contracts import CodecContract, Encoded, Parameter
from sigmaraw.errors import UnsupportedArray


class Bounded(TargetCoder):
    """A coder with |decoded − raw| ≤ maxerr for every pixel; maxerr=0 (or lossless=true) is exact.

    A family gives `name`, `libraries`, `stream` and `reals`, and with `DIMS` among its parameters takes volumes (z, y, x).
    The stream is sealed by a CRC-32 (4 bytes, counted), since these libraries read beyond a truncated one.
    """

    parameters: tuple[Parameter, ...] = (
        Parameter("maxerr", int, minimum=0, maximum=32767, unit="DN", help="largest error of a pixel; 0 is exact"),
        *TARGET_PARAMETERS,
    )
    contract = CodecContract(("uint8", "uint16"), lossless=False, knob="maxerr", knob_direction=-1, guarantee="max |error| <= maxerr")
    probes: ClassVar[tuple[tuple[str, ...], ...]] = (("maxerr=20", "maxerr=3", "maxerr=0"),)
    axis: ClassVar[Knob] = Knob("maxerr", 0, 32767, scale="log", integer=True, direction=-1, step=0.7, resolution=1e-6, tops={"uint8": 127})

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        bound = 0 if self.lossless else settings["maxerr"]
        if bound is not None:
            words = "exact" if bound == 0 else f"max |error| <= {bound} DN"
            self.contract = dataclasses.replace(type(self).contract, lossless=bound == 0, guarantee=words, max_error=bound)
        if settings.get("dims") == 3:
            self.contract = dataclasses.replace(self.contract, axes="stack")

    @property
    def example(self) -> str:
        """A setting that works, for messages."""
        return "maxerr=4"

    # --- what a family gives ---
    def stream(self, frame: NDArray[np.integer], bound: int) -> bytes:
        """Return the library's code stream for |error| ≤ bound, DN."""
        raise NotImplementedError

    def reals(self, stream: bytes, shape: tuple[int, ...]) -> NDArray[Any]:
        """Return what the library decodes, before rounding."""
        raise NotImplementedError

    # --- the coder ---
    def encode_at(self, frame: NDArray[np.integer], value: float) -> bytes:
        """Return the sealed code stream at maxerr = value. Raises UnsupportedArray when it is more than half the range."""
        largest = int(np.iinfo(frame.dtype).max) // 2
        if value > largest:
            found = f"{frame.dtype} given to '{self.name}' with maxerr={value:g}"
            raise UnsupportedArray(found, f"maxerr up to {largest}", "give a smaller maxerr")
        with guarded(self.name, "encode"):
            return seal(self.stream(frame.reshape(_shape(frame.shape)), int(value)))

    def encode_lossless(self, frame: NDArray[np.integer]) -> bytes:
        """Return the exact code stream."""
        return self.encode_at(frame, 0)

    def decode(self, encoded: Encoded, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[np.integer]:
        """Return the frame. Raises CodecFailed when the code stream is broken or another frame's."""
        stream = unseal(self.name, encoded.payload)
        with guarded(self.name, "decode"):
            values = self.reals(stream, _shape(shape))
            if tuple(values.shape) == _shape(shape):
                values = values.reshape(shape)
        return checked(self.name, to_pixels(self.name, values, np.dtype(dtype)), shape, dtype)


def _shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape that the library sees: a volume of one slice is a frame [m: sperr ends the process on it]."""
    return tuple(shape[1:]) if len(shape) == 3 and shape[0] == 1 else tuple(shape)
