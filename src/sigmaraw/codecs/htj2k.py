"""High-throughput JPEG 2000 (OpenJPH): the wavelets of JPEG 2000 with a faster block coder, set by a quantiser step."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.bits import containers, require_bits
from sigmaraw.codecs.calls import guarded, seal, unseal
from sigmaraw.codecs.rounding import to_pixels
from sigmaraw.codecs.search import Knob
from sigmaraw.codecs.targets import TARGET_PARAMETERS, TargetCoder, promised
from sigmaraw.contracts import CodecContract, Parameter
from sigmaraw.errors import InvalidSpec, UnsupportedArray

_FULL_SCALE = 65536.0  # the library's step is a share of the container's range, and lossy frames always go in a 16-bit one
_HEADROOM_BITS = 15


class Htj2k(TargetCoder):
    """HTJ2K code stream, 9/7 transform at a quantiser `step` in DN, or the reversible 5/3 with lossless=true.

    The library lets overshoot wrap around: a saturated pixel of the full container comes back as black [m: at 16 bit and
    step 0.07 DN, 112 of 4096 pixels]. So lossy uint16 takes `bits` up to 15, lossy uint8 is coded in a 16-bit container, and the
    overshoot is clipped on this side. Steps under about 0.7 DN change nothing more.
    Of a broken stream the library returns whatever was in memory, so a CRC-32 (4 bytes, counted) goes behind each.

    Reference: ISO/IEC 15444-15; formula 5 (the library controls a step, not a rate).
    """

    name = "htj2k"
    parameters = (
        Parameter("step", float, minimum=0.5, maximum=32768, unit="DN", help="quantiser step of the wavelet coefficients"),
        *TARGET_PARAMETERS,
        Parameter("bits", int, minimum=2, maximum=16, unit="bit", help="significant bits; lossy uint16 needs it, up to 15"),
    )
    contract = CodecContract(("uint8", "uint16"), lossless=False, knob="step", knob_direction=-1)
    libraries = ("openjph",)
    probes = (("bits=15,step=2000", "bits=15,step=8"), ("bits=8,step=16", "bits=8,step=2"), ("lossless=true",))
    axis = Knob("step", 0.5, 32768, scale="log", integer=False, direction=-1, step=0.7, resolution=2e-3)

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        bits = settings["bits"]
        if not self.lossless and bits is not None and bits > _HEADROOM_BITS:
            raise InvalidSpec(
                f"'htj2k' with bits={bits} and a lossy setting",
                f"bits up to {_HEADROOM_BITS}: the library wraps values that overshoot",
                "add lossless=true, or take jpeg2000",
            )
        dtypes = containers(bits) if self.lossless or bits is not None else ("uint8",)
        self.contract = promised(type(self).contract, lossless=self.lossless, dtypes=dtypes)

    @property
    def example(self) -> str:
        """A setting that works, for messages."""
        return "step=16,bits=12"

    def encode_at(self, frame: NDArray[np.integer], value: float) -> bytes:
        """Return the code stream at step = value, DN."""
        if require_bits(self.name, frame, self.settings["bits"]) > _HEADROOM_BITS:
            raise UnsupportedArray("uint16 given to lossy 'htj2k' without bits", "bits up to 15", "state the data's bit depth with bits=")
        with guarded(self.name, "encode"):
            return seal(bytes(imagecodecs.htj2k_encode(frame.astype(np.uint16, copy=False), value / _FULL_SCALE, reversible=False)))

    def encode_lossless(self, frame: NDArray[np.integer]) -> bytes:
        """Return the reversible code stream."""
        require_bits(self.name, frame, self.settings["bits"])
        with guarded(self.name, "encode"):
            return seal(bytes(imagecodecs.htj2k_encode(frame, reversible=True)))

    def decode_payload(self, payload: bytes) -> Any:
        """Return the decoded frame; where lossy, clipped to the bit depth and back in the container that holds it."""
        payload = unseal(self.name, payload)
        with guarded(self.name, "decode"):
            decoded = imagecodecs.htj2k_decode(payload)
        if self.lossless:
            return decoded
        bits = self.settings["bits"] or 8
        return to_pixels(self.name, decoded, np.dtype(containers(bits)[0]), (1 << bits) - 1)
