"""JPEG XR (jxrlib): a lapped transform for 8 and 16 bit."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.calls import checked, guarded, seal, unseal
from sigmaraw.codecs.search import Knob
from sigmaraw.codecs.targets import TARGET_PARAMETERS, TargetCoder, promised
from sigmaraw.contracts import CodecContract, Encoded, Parameter

_NARROWEST = 32  # pixels; below two macroblocks of 16, the library refuses a strong 8-bit setting


class JpegXr(TargetCoder):
    """JPEG XR at a quality from 1 to 99.9 % of the library's scale, or exact with lossless=true.

    The scale differs between 8 and 16 bit. Lossy frames narrower than 32 pixels are widened by their last column, and cut back.
    The library crashes on broken streams, so a CRC-32 (4 bytes, counted) goes behind each.

    Reference: ITU-T T.832.
    """

    name = "jpegxr"
    parameters = (
        Parameter("quality", float, minimum=1, maximum=99.9, unit="%", help="the library's quality; 100 would be lossless"),
        *TARGET_PARAMETERS,
    )
    contract = CodecContract(("uint8", "uint16"), lossless=False, knob="quality", knob_direction=1)
    libraries = ("jxrlib",)
    probes = (("quality=30", "quality=90"), ("lossless=true",))
    axis = Knob("quality", 1, 99.9, scale="linear", integer=False, direction=1, step=10, resolution=0.02)

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.contract = promised(type(self).contract, lossless=self.lossless)

    @property
    def example(self) -> str:
        """A setting that works, for messages."""
        return "quality=80"

    def encode_at(self, frame: NDArray[np.integer], value: float) -> bytes:
        """Return the code stream at quality = value, %."""
        missing = max(_NARROWEST - frame.shape[1], 0)
        wide = np.pad(frame, ((0, 0), (0, missing)), mode="edge") if missing else frame
        with guarded(self.name, "encode"):
            return seal(bytes(imagecodecs.jpegxr_encode(wide, value / 100)))

    def encode_lossless(self, frame: NDArray[np.integer]) -> bytes:
        """Return the exact code stream."""
        with guarded(self.name, "encode"):
            return seal(bytes(imagecodecs.jpegxr_encode(frame)))

    def decode_payload(self, payload: bytes) -> Any:
        """Return what the library decodes, a widened frame still wide."""
        payload = unseal(self.name, payload)
        with guarded(self.name, "decode"):
            return imagecodecs.jpegxr_decode(payload)

    def decode(self, encoded: Encoded, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[np.integer]:
        """Return the frame. Raises CodecFailed when the code stream is broken or another frame's."""
        width = shape[1] if self.lossless else max(shape[1], _NARROWEST)
        return checked(self.name, self.decode_payload(encoded.payload), (shape[0], width), dtype)[:, : shape[1]]
