"""Baseline and extended JPEG (libjpeg-turbo), and its lossless process."""

from __future__ import annotations

import dataclasses
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.bits import containers, require_bits
from sigmaraw.codecs.calls import guarded
from sigmaraw.codecs.search import Knob
from sigmaraw.codecs.targets import TARGET_PARAMETERS, TargetCoder
from sigmaraw.contracts import CodecContract, Parameter
from sigmaraw.errors import CodecFailed, InvalidSpec

_END_OF_IMAGE = b"\xff\xd9"


class Jpeg(TargetCoder):
    """JPEG, 8 × 8 DCT at a quality from 1 to 100, 8 bit; 12 bit where bits=12 is written; lossless=true up to 16 bit.

    uint16 is taken only with `bits` written, and pixels above 2^bits − 1 are refused: the library would clip them in silence.
    16 bit exists in the lossless process alone.

    Reference: ITU-T T.81; formula 5.
    """

    name = "jpeg"
    parameters = (
        Parameter("quality", int, minimum=1, maximum=100, unit="1", help="the library's quality setting"),
        *TARGET_PARAMETERS,
        Parameter("bits", int, choices=(8, 12, 16), unit="bit", help="bit depth; uint16 needs bits=12, or bits=16 with lossless=true"),
    )
    contract = CodecContract(("uint8", "uint16"), lossless=False, knob="quality", knob_direction=1, max_side=65535)
    libraries = ("libjpeg_turbo",)
    probes = (("quality=30", "quality=95"), ("bits=12,quality=30", "bits=12,quality=95"), ("lossless=true",), ("bits=16,lossless=true",))
    axis = Knob("quality", 1, 100, scale="linear", integer=True, direction=1, step=10, resolution=0.5)

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.bits: int = settings["bits"] or 8
        if self.bits == 16 and not self.lossless:
            raise InvalidSpec("'jpeg' with bits=16 and a lossy setting", "bits=8 or bits=12", "add lossless=true, or put to8bit before it")
        self.contract = dataclasses.replace(
            type(self).contract,
            dtypes=containers(self.bits),
            lossless=self.lossless,
            guarantee="exact" if self.lossless else "none",
            max_error=0 if self.lossless else None,
        )

    @property
    def example(self) -> str:
        """A setting that works, for messages."""
        return "quality=90"

    def encode_at(self, frame: NDArray[np.integer], value: float) -> bytes:
        """Return the code stream at quality = value."""
        return self._encode(frame, level=int(value))

    def encode_lossless(self, frame: NDArray[np.integer]) -> bytes:
        """Return the code stream of the lossless process (predictor 1)."""
        return self._encode(frame, lossless=True, predictor=1)

    def decode_payload(self, payload: bytes) -> Any:
        """Return the decoded frame. Raises CodecFailed for a truncated stream, which the library would fill with grey."""
        if payload[-2:] != _END_OF_IMAGE:
            raise CodecFailed(f"jpeg code stream of {len(payload)} bytes without end mark", "a whole code stream", "encode the frame again")
        with guarded(self.name, "decode"):
            return imagecodecs.jpeg8_decode(payload)

    def _encode(self, frame: NDArray[np.integer], **options: Any) -> bytes:
        bits = require_bits(self.name, frame, self.bits)
        with guarded(self.name, "encode"):
            return bytes(imagecodecs.jpeg8_encode(frame, bitspersample=bits, **options))
