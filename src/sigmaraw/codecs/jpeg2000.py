"""JPEG 2000 (OpenJPEG): a wavelet codec with continuous rate control."""

from __future__ import annotations

import dataclasses
import struct
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.bits import containers, require_bits
from sigmaraw.codecs.calls import guarded
from sigmaraw.codecs.search import Knob
from sigmaraw.codecs.targets import TARGET_PARAMETERS, TargetCoder
from sigmaraw.contracts import CodecContract, Encoded, Parameter
from sigmaraw.errors import CodecFailed

_SIZE = struct.Struct(">8s4I")  # SOC, SIZ and its first two fields; then width, height and their offsets
_LEVEL = (20.0, 140.0)  # dB; below, the stream is all header; above, only the transform's rounding error is left


class Jpeg2000(TargetCoder):
    """JPEG 2000 code stream, 9/7 transform, or the reversible 5/3 with lossless=true.

    The knob `level` is the library's own: a PSNR in dB against 2^bits − 1, from which it sets the truncation of the code
    blocks: whole coding passes of 64 × 64 blocks, so sizes come in steps, of up to 5 % at 256² pixels and 1.2 % at 512².
    It is met on large frames and missed on tiny ones; `psnr=` measures what was reached. `ratio=` is by search.
    Frames are coded one by one: the library would read a stack as one image of many components.

    Reference: ISO/IEC 15444-1; SCIENCE 5.
    """

    name = "jpeg2000"
    parameters = (
        *TARGET_PARAMETERS,
        Parameter("level", float, minimum=_LEVEL[0], maximum=_LEVEL[1], unit="dB", help="quality setting, against 2^bits - 1"),
        Parameter("bits", int, minimum=2, maximum=16, unit="bit", help="significant bits; values that need more are refused"),
    )
    contract = CodecContract(("uint8", "uint16"), lossless=False, knob="level", knob_direction=1)
    libraries = ("openjpeg",)
    probes = (("level=40", "level=80"), ("bits=12,level=80",), ("lossless=true",))
    axis = Knob("level", *_LEVEL, scale="linear", integer=False, direction=1, step=3.0, resolution=0.02)

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.contract = dataclasses.replace(
            type(self).contract,
            dtypes=containers(settings["bits"]),
            lossless=self.lossless,
            guarantee="exact" if self.lossless else "none",
            max_error=0 if self.lossless else None,
        )

    def encode_at(self, frame: NDArray[np.integer], value: float) -> bytes:
        """Return the code stream at `level` = value, dB."""
        return self._encode(frame, level=value, reversible=False)

    def encode_lossless(self, frame: NDArray[np.integer]) -> bytes:
        """Return the reversible code stream: level 0 alone is not lossless."""
        return self._encode(frame, level=0, reversible=True)

    def decode_payload(self, payload: bytes) -> Any:
        """Return the decoded frame."""
        with guarded(self.name, "decode"):
            return imagecodecs.jpeg2k_decode(payload, numthreads=1)

    def decode(self, encoded: Encoded, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[np.integer]:
        """Return the frame. Raises CodecFailed for a broken stream; one that claims another size costs no time or memory."""
        head = encoded.payload[: _SIZE.size]
        if len(head) < _SIZE.size or _SIZE.unpack(head)[1:] != (shape[1], shape[0], 0, 0):
            raise CodecFailed("a jpeg2000 code stream of another size", f"{shape[1]} by {shape[0]} pixels", "encode the frame again")
        return super().decode(encoded, shape, dtype)

    def _encode(self, frame: NDArray[np.integer], **options: Any) -> bytes:
        bits = require_bits(self.name, frame, self.settings["bits"])
        with guarded(self.name, "encode"):
            return bytes(imagecodecs.jpeg2k_encode(frame, codecformat="j2k", bitspersample=bits, numthreads=1, **options))
