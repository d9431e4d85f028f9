"""AV1 by SVT-AV1 and dav1d through PyAV (extra `video`): single frames, or a stack as a video."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import Any, ClassVar

import av

from sigmaraw.codecs.search import Knob
from sigmaraw.codecs.targets import TARGET_PARAMETERS
from sigmaraw.codecs.video import GOP, VideoCoder, bits_parameter
from sigmaraw.contracts import CodecContract, Parameter

os.environ.setdefault("SVT_LOG", "1")  # errors alone: the library writes a page to stderr for every frame otherwise

_LENGTH = struct.Struct("<I")
# Constant quantiser, for PSNR and not for looks, no filter over time, one thread: the same input, the same bytes.
_COMMON = "rc=0:aq-mode=0:tune=1:enable-tf=0:enable-overlays=0:scd=0:enable-qm=0:enable-variance-boost=0:film-grain=0:lp=1"
_INTRA = "keyint=1"
_RANDOM_ACCESS = "keyint=8:hierarchical-levels=3:pred-struct=2:irefresh-type=2"


class Av1(VideoCoder):
    """AV1 at a constant quantiser index from 1 to 63, or exact with lossless=true; 8 or 10 bit.

    The library has no monochrome and no 12 bit: the frame is the luma of 4:2:0 with flat colour planes, which cost a few bytes.
    uint8 is coded in 8 bit, uint16 in the stated bits=10, or without them through a linear map to 10 bit:

        y = x ≫ 6;  x̂ = 64·y + 32 DN

    recorded with its step, 64 DN, which is seldom below a camera's noise: put `sqrt:…` before av1:bits=10.
    gop=1 codes every frame by itself; gop=8 codes a stack as one video, hierarchical pictures between every eighth frame.
    Packets are stored with their lengths (4 bytes a frame, counted).

    Reference: AV1 Bitstream & Decoding Process Specification.
    """

    name = "av1"
    parameters = (
        Parameter("qp", int, minimum=1, maximum=63, unit="1", help="quantiser index of the library"),
        *TARGET_PARAMETERS,
        bits_parameter((8, 10)),
        GOP,
        Parameter("preset", int, 8, minimum=0, maximum=12, unit="1", help="the library's speed; 0 is slowest and smallest"),
    )
    contract = CodecContract(("uint8", "uint16"), lossless=False, knob="qp", knob_direction=-1, max_side=8192)
    probes = (
        ("qp=50", "qp=10"),
        ("bits=10,qp=50", "bits=10,qp=10"),
        ("bits=10,lossless=true",),
        ("lossless=true",),
        ("gop=8,bits=10,qp=50", "gop=8,bits=10,qp=10"),
        ("gop=8,bits=10,lossless=true",),
    )
    axis = Knob("qp", 1, 63, scale="linear", integer=True, direction=-1, step=8, resolution=0.5)
    formats: ClassVar[dict[int, str]] = {8: "yuv420p", 10: "yuv420p10le"}
    encoder, decoder = "libsvtav1", "libdav1d"

    def options(self, rate: str) -> dict[str, str]:
        """Return the library's options for a rate in the library's words."""
        parts = (_COMMON, _RANDOM_ACCESS if self.settings["gop"] > 1 else _INTRA, rate)
        return {"preset": str(self.settings["preset"]), "svtav1-params": ":".join(part for part in parts if part)}

    @staticmethod
    def joined(packets: list[bytes]) -> bytes:
        """Return the packets, each behind its length."""
        return b"".join(_LENGTH.pack(len(packet)) + packet for packet in packets)

    @staticmethod
    def packets(context: Any, stream: bytes) -> Iterator[Any]:
        """Yield the packets of a code stream. Raises ValueError when a length does not fit."""
        place = 0
        while place < len(stream):
            if len(stream) < place + _LENGTH.size:
                raise ValueError("a length cut short")
            (length,) = _LENGTH.unpack_from(stream, place)
            place += _LENGTH.size
            if not 0 < length <= len(stream) - place:
                raise ValueError("a packet cut short")
            yield av.Packet(stream[place : place + length])
            place += length
