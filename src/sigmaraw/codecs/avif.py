"""AVIF (libavif, AV1 still pictures): 8, 10 and 12 bit, monochrome."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.bits import containers, require_bits
from sigmaraw.codecs.calls import guarded
from sigmaraw.codecs.search import Knob
from sigmaraw.codecs.targets import TARGET_PARAMETERS, TargetCoder, promised
from sigmaraw.contracts import CodecContract, Parameter


class Avif(TargetCoder):
    """AVIF, one monochrome plane, at a quality from 0 to 99, or exact with lossless=true; 8, 10 or 12 bit.

    The library codes a grey array exactly whatever quality is asked, in silence. So a lossy frame is given as three equal
    colours with the pixel format "400", which makes it one plane again and obeys the quality. uint16 is taken only with `bits`
    written: values above 2^bits − 1 would be clipped without a word. 16 bit does not exist in the format.

    Reference: AV1 Image File Format; formula 5 (grey ignores the level).
    """

    name = "avif"
    parameters = (
        Parameter("quality", int, minimum=0, maximum=99, unit="1", help="the library's quality; 100 would leave one plane"),
        *TARGET_PARAMETERS,
        Parameter("bits", int, choices=(8, 10, 12), unit="bit", help="bit depth; uint16 needs bits=10 or bits=12"),
        Parameter("speed", int, 6, minimum=0, maximum=10, unit="1", help="the library's speed; 0 is slowest and smallest"),
    )
    contract = CodecContract(("uint8", "uint16"), lossless=False, knob="quality", knob_direction=1, max_side=16384)
    libraries = ("libavif",)
    probes = (
        ("speed=9,quality=30", "speed=9,quality=90"),
        ("speed=9,bits=12,quality=30", "speed=9,bits=12,quality=90"),
        ("speed=9,lossless=true",),
        ("speed=9,bits=10,lossless=true",),
    )
    axis = Knob("quality", 0, 99, scale="linear", integer=True, direction=1, step=10, resolution=0.5)

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.bits: int = settings["bits"] or 8
        self.contract = promised(type(self).contract, lossless=self.lossless, dtypes=containers(self.bits))

    @property
    def example(self) -> str:
        """A setting that works, for messages."""
        return "quality=80,bits=12"

    def encode_at(self, frame: NDArray[np.integer], value: float) -> bytes:
        """Return the code stream at quality = value."""
        planes = np.ascontiguousarray(np.broadcast_to(frame[..., None], (*frame.shape, 3)))
        return self._encode(frame, planes, level=int(value), pixelformat="yuv400")

    def encode_lossless(self, frame: NDArray[np.integer]) -> bytes:
        """Return the exact code stream."""
        return self._encode(frame, frame)

    def decode_payload(self, payload: bytes) -> Any:
        """Return the decoded frame."""
        with guarded(self.name, "decode"):
            return imagecodecs.avif_decode(payload, numthreads=1)

    def _encode(self, frame: NDArray[np.integer], array: NDArray[np.integer], **options: Any) -> bytes:
        bits = require_bits(self.name, frame, self.bits)
        with guarded(self.name, "encode"):
            return bytes(imagecodecs.avif_encode(array, bitspersample=bits, speed=self.settings["speed"], numthreads=1, **options))
