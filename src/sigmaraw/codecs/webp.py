"""WebP (libwebp): 8-bit images of the web, grey carried as three equal colours."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.calls import guarded
from sigmaraw.codecs.search import Knob
from sigmaraw.codecs.targets import TARGET_PARAMETERS, TargetCoder, promised
from sigmaraw.contracts import CodecContract, Parameter
from sigmaraw.errors import CodecFailed


class WebP(TargetCoder):
    """WebP of 8-bit frames at a quality from 0 to 100, or exact with lossless=true.

    The format has no grey: the frame is repeated as red, green and blue, and green is read back. Lossy WebP stores luma in 16…235,
    so that at most 220 of 256 levels survive even at quality 100: it is never exact.

    Reference: RFC 9649.
    """

    name = "webp"
    parameters = (
        Parameter("quality", float, minimum=0, maximum=100, unit="1", help="the library's quality"),
        *TARGET_PARAMETERS,
        Parameter("method", int, 4, minimum=0, maximum=6, unit="1", help="the library's effort"),
    )
    contract = CodecContract(("uint8",), lossless=False, knob="quality", knob_direction=1, max_side=16383)
    libraries = ("libwebp",)
    probes = (("quality=30", "quality=95"), ("lossless=true",))
    axis = Knob("quality", 0, 100, scale="linear", integer=False, direction=1, step=10, resolution=0.1)

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.contract = promised(type(self).contract, lossless=self.lossless)

    @property
    def example(self) -> str:
        """A setting that works, for messages."""
        return "quality=90"

    def encode_at(self, frame: NDArray[np.integer], value: float) -> bytes:
        """Return the code stream at quality = value."""
        return self._encode(frame, level=value, lossless=False)

    def encode_lossless(self, frame: NDArray[np.integer]) -> bytes:
        """Return the exact code stream."""
        return self._encode(frame, lossless=True)

    def decode_payload(self, payload: bytes) -> Any:
        """Return the green plane."""
        with guarded(self.name, "decode"):
            decoded = imagecodecs.webp_decode(payload, hasalpha=False)
        if decoded.ndim != 3 or decoded.shape[-1] != 3:
            raise CodecFailed(f"webp decoded to shape {decoded.shape}", "three planes", "encode the frame again")
        return np.ascontiguousarray(decoded[..., 1])

    def _encode(self, frame: NDArray[np.integer], **options: Any) -> bytes:
        planes = np.ascontiguousarray(np.broadcast_to(frame[..., None], (*frame.shape, 3)))
        with guarded(self.name, "encode"):
            return bytes(imagecodecs.webp_encode(planes, method=self.settings["method"], numthreads=1, **options))
