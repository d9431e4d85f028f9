"""JPEG 2000 (OpenJPEG): a wavelet codec with continuous rate control."""

from __future__ import annotations

import dataclasses
import io
import math
import struct
from typing import Any

import imagecodecs
import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import Image, features

from sigmaraw.codecs.bits import containers, require_bits
from sigmaraw.codecs.calls import guarded, versions
from sigmaraw.codecs.search import Knob
from sigmaraw.codecs.targets import TARGET_PARAMETERS, TargetCoder
from sigmaraw.contracts import CodecContract, Encoded, Parameter
from sigmaraw.errors import CodecFailed

_SIZE = struct.Struct(">8s4I")  # SOC, SIZ and its first two fields; then width, height and their offsets
_BLOCK = 64  # the format's usual code block, and the only one that imagecodecs makes; others are made through Pillow
_LEVEL = (10.0, 140.0)  # dB; below, the stream is all header; above, only the transform's rounding error is left


class Jpeg2000(TargetCoder):
    """JPEG 2000 code stream, 9/7 transform, or the reversible 5/3 with lossless=true.

    The knob `level` is the library's own: a PSNR in dB against 2^bits − 1, from which it sets the truncation of the code
    blocks by whole coding passes. So sizes come in steps: with code blocks of 64 × 64 up to 5 % at 256² pixels and 1.2 % at 512².
    Where a target is missed for that reason, `block`=32 is tried, then 16, and reported: steps are 4 and 16 times finer, for 3 %
    and 9 % more bytes at the same PSNR [m, 256²]. On frames under 64 pixels a side it stays 64: there the library loses constant
    frames in small blocks [m: 1 × 17 black pixels came back as 128].
    Frames are coded one by one: the library would read a stack as one image of many components.

    Reference: ISO/IEC 15444-1; formula 5.
    """

    name = "jpeg2000"
    parameters = (
        *TARGET_PARAMETERS,
        Parameter("level", float, minimum=_LEVEL[0], maximum=_LEVEL[1], unit="dB", help="quality setting, against 2^bits - 1"),
        Parameter("bits", int, minimum=2, maximum=16, unit="bit", help="significant bits; values that need more are refused"),
        Parameter(
            "block",
            int,
            _BLOCK,
            choices=(16, 32, _BLOCK),
            unit="px",
            help="side of the lossy code blocks, on frames of 64 px a side and more",
        ),
    )
    contract = CodecContract(("uint8", "uint16"), lossless=False, knob="level", knob_direction=1, finer=({"block": 32}, {"block": 16}))
    libraries = ("openjpeg",)
    probes = (("level=40", "level=80"), ("bits=12,level=80",), ("block=16,level=80",), ("lossless=true",))
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
        if self.settings["block"] != _BLOCK and min(frame.shape) >= _BLOCK:
            return self._encode_in_small_blocks(frame, value)
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

    def details(self) -> dict[str, Any]:
        """Return library versions, Pillow's too where it makes the code stream, and the setting in use."""
        details = super().details()
        if self.settings["block"] != _BLOCK:
            by_pillow = {"pillow": PIL.__version__, "pillow.openjpeg": str(features.version("jpg_2000"))}
            details["libraries"] = {**details["libraries"], **by_pillow}
        return details

    @staticmethod
    def build() -> dict[str, str]:
        """Return the versions that a self-test's result belongs to."""
        return {**versions(("openjpeg",)), "pillow": PIL.__version__, "pillow.openjpeg": str(features.version("jpg_2000"))}

    def _encode_in_small_blocks(self, frame: NDArray[np.integer], level: float) -> bytes:
        """Return the code stream with code blocks of `block`²: the same library, with the same level, as Pillow drives it."""
        bits, side, stream = require_bits(self.name, frame, self.settings["bits"]), self.settings["block"], io.BytesIO()
        container = 8 * frame.itemsize  # Pillow codes in the container's depth, against whose peak its level is
        shift = 20 * math.log10(((1 << container) - 1) / ((1 << bits) - 1))
        options = {"irreversible": True, "quality_mode": "dB", "quality_layers": [level + shift], "codeblock_size": (side, side)}
        try:
            with guarded(self.name, "encode"):
                Image.fromarray(frame).save(stream, "JPEG2000", no_jp2=True, **options)
        except OSError as error:
            found = f"jpeg2000 could not encode the frame ({' '.join(str(error).split())[:120]})"
            raise CodecFailed(found, "a frame that the library takes", "choose another setting or codec") from error
        return stream.getvalue()

    def _encode(self, frame: NDArray[np.integer], **options: Any) -> bytes:
        bits = require_bits(self.name, frame, self.settings["bits"])
        with guarded(self.name, "encode"):
            return bytes(imagecodecs.jpeg2k_encode(frame, codecformat="j2k", bitspersample=bits, numthreads=1, **options))
