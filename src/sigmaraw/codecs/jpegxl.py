"""JPEG XL (libjxl): perceptual lossy coding, and a strong lossless mode."""

from __future__ import annotations

import dataclasses
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.bits import containers, require_bits
from sigmaraw.codecs.calls import guarded, versions
from sigmaraw.codecs.search import Knob
from sigmaraw.codecs.targets import TARGET_PARAMETERS, TargetCoder
from sigmaraw.contracts import CodecContract, Parameter


def _finest(version: str) -> float:
    """Return the least distance that a version of libjxl tells from smaller ones: it codes anything below as that [m: 0.11, 0.12]."""
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    return 0.05 if numbers >= (0, 12) else 0.01


_DISTANCE = (_finest(versions(("libjxl",))["libjxl"]), 25.0)


class JpegXl(TargetCoder):
    """JPEG XL at a perceptual `distance`, or exact with lossless=true.

    The distance is relative to full scale, 2^bits − 1: 12-bit data coded as 16 bit needs a far smaller one. Distance 0
    is not lossless in every version of the library, so it is not offered.
    Small distances come in steps (6 % of the bytes near 0.06), and libjxl has a least one: 0.01, from its version 0.12 on 0.05, which
    for 12-bit data in 16 bit is a ratio of 6. Stating `bits` keeps the distance large and the steps small.

    Reference: ISO/IEC 18181; formula 5.
    """

    name = "jpegxl"
    parameters = (
        Parameter("distance", float, minimum=_DISTANCE[0], maximum=_DISTANCE[1], unit="1", help="1 is 'visually lossless'"),
        *TARGET_PARAMETERS,
        Parameter("effort", int, 7, minimum=1, maximum=9, unit="1", help="the library's effort"),
        Parameter("bits", int, minimum=2, maximum=16, unit="bit", help="significant bits; values that need more are refused"),
    )
    contract = CodecContract(("uint8", "uint16"), lossless=False, knob="distance", knob_direction=-1)
    libraries = ("libjxl",)
    probes = (
        ("effort=3,distance=5", "effort=3,distance=0.1", f"effort=3,distance={_DISTANCE[0]}"),
        ("effort=3,bits=12,distance=0.1",),
        ("effort=3,lossless=true",),
    )
    axis = Knob("distance", *_DISTANCE, scale="log", integer=False, direction=-1, step=0.7, resolution=2e-3)

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.contract = dataclasses.replace(
            type(self).contract,
            dtypes=containers(settings["bits"]),
            lossless=self.lossless,
            guarantee="exact" if self.lossless else "none",
            max_error=0 if self.lossless else None,
        )

    @property
    def example(self) -> str:
        """A setting that works, for messages."""
        return "distance=1"

    def encode_at(self, frame: NDArray[np.integer], value: float) -> bytes:
        """Return the code stream at distance = value."""
        return self._encode(frame, distance=value, lossless=False)

    def encode_lossless(self, frame: NDArray[np.integer]) -> bytes:
        """Return the exact code stream."""
        return self._encode(frame, lossless=True)

    def decode_payload(self, payload: bytes) -> Any:
        """Return the decoded frame."""
        with guarded(self.name, "decode"):
            return imagecodecs.jpegxl_decode(payload, numthreads=1)

    def _encode(self, frame: NDArray[np.integer], **options: Any) -> bytes:
        bits = require_bits(self.name, frame, self.settings["bits"])
        with guarded(self.name, "encode"):
            return bytes(
                imagecodecs.jpegxl_encode(
                    frame, effort=self.settings["effort"], bitspersample=bits, usecontainer=False, numthreads=1, **options
                )
            )
