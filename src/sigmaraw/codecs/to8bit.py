"""The reduction from 16 to 8 bit that precedes 8-bit codecs: harmful by itself, and so an entry of its own."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.bits import require_bits
from sigmaraw.contracts import CodecContract, Map, Parameter
from sigmaraw.errors import CodecFailed, InvalidSpec

_LIMITS = struct.Struct("<HH")


class To8Bit(Map):
    """uint16 → uint8, by one of three methods whose errors differ by a factor of about 6.

    minmax: y = round(255·(x − lo)/(hi − lo)) with lo, hi the frame's extremes; back x̂ = lo + round(y·(hi − lo)/255).
    percentile: the same with lo, hi the frame's `low` and `high` percentiles; what lies beyond is clipped, as the method says.
    shift: y = x >> (bits − 8); back to the middle of each bin. Values of more than `bits` bits are refused.
    minmax and percentile store lo and hi (4 bytes) in each frame; a constant frame maps to 0 and comes back exactly.

    Reference: formula 5 (paper 000: the reduction alone is harmful).
    """

    name = "to8bit"
    parameters = (
        Parameter("method", str, required=True, choices=("minmax", "shift", "percentile"), help="minmax, shift or percentile"),
        Parameter("bits", int, minimum=9, maximum=16, unit="bit", help="bit depth that shift refers to; the container's 16 unless given"),
        Parameter("low", float, minimum=0, maximum=100, unit="%", help="lower percentile; 0.1 unless given"),
        Parameter("high", float, minimum=0, maximum=100, unit="%", help="upper percentile; 99.9 unless given"),
    )
    contract = CodecContract(("uint16",), lossless=False, guarantee="none")
    probes = (("minmax",), ("percentile",), ("shift",), ("shift,bits=12",))

    def __init__(self, *, method: str, bits: int | None = None, low: float | None = None, high: float | None = None) -> None:
        if bits is not None and method != "shift":
            raise InvalidSpec(f"'to8bit' with bits={bits} and {method}", "bits= beside shift", "remove bits=")
        if (low is not None or high is not None) and method != "percentile":
            raise InvalidSpec(f"'to8bit' with low= or high= and {method}", "low= and high= beside percentile", "remove them")
        self.method = method
        self.bits = 16 if bits is None else bits
        self.low = 0.1 if low is None else low
        self.high = 99.9 if high is None else high
        if self.low >= self.high:
            raise InvalidSpec(f"'to8bit' with low={self.low:g} and high={self.high:g}", "low below high", "exchange them")

    def forward(self, frame: NDArray[np.integer]) -> tuple[NDArray[np.uint8], bytes]:
        """Return the 8-bit frame and, for minmax and percentile, lo and hi. frame: (y, x) uint16, DN."""
        if self.method == "shift":
            require_bits(self.name, frame, self.bits)
            return (frame >> (self.bits - 8)).astype(np.uint8), b""
        limits: Any = (frame.min(), frame.max())
        if self.method == "percentile":
            limits = np.percentile(frame, (self.low, self.high), method="nearest")
        lo, hi = (int(limit) for limit in limits)
        side = _LIMITS.pack(lo, hi)
        if lo == hi:
            return np.zeros(frame.shape, np.uint8), side
        scaled = (frame.astype(np.float64) - lo) * (255 / (hi - lo))
        return np.rint(np.clip(scaled, 0, 255)).astype(np.uint8), side

    def inverse(self, mapped: NDArray[np.integer], side: bytes, dtype: np.dtype[Any]) -> NDArray[np.integer]:
        """Return the frame in its first dtype, DN. Raises CodecFailed when the side data are not `forward`'s."""
        if self.method == "shift":
            step = self.bits - 8
            return ((mapped.astype(np.uint32) << step) + (1 << step) // 2).astype(dtype)
        if len(side) != _LIMITS.size:
            raise CodecFailed(f"to8bit side data of {len(side)} bytes", f"{_LIMITS.size} bytes", "encode the frame again")
        lo, hi = _LIMITS.unpack(side)
        return (lo + np.rint(mapped.astype(np.float64) * ((hi - lo) / 255))).astype(dtype)

    def details(self) -> dict[str, Any]:
        """Return the settings in use for this method."""
        if self.method == "shift":
            return {"bits": self.bits}
        return {"low": self.low, "high": self.high} if self.method == "percentile" else {}
