"""JPEG-LS (CharLS): lossless, or with a bound on every pixel's error."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.calls import guarded
from sigmaraw.codecs.lossless import jpegls_bytes, jpegls_frame
from sigmaraw.codecs.search import Knob
from sigmaraw.codecs.targets import TARGET_PARAMETERS, TargetCoder
from sigmaraw.contracts import CodecContract, Parameter
from sigmaraw.errors import UnsupportedArray


class JpegLs(TargetCoder):
    """JPEG-LS: |decoded − raw| ≤ near, for every pixel; near=0 (the default) is exact.

    The format allows near up to 127 for 8-bit and 255 for 16-bit data. Sizes come in steps, one for each whole `near`.

    Reference: ISO/IEC 14495-1.
    """

    name = "jpegls"
    parameters = (
        Parameter("near", int, minimum=0, maximum=255, unit="DN", help="largest error of a pixel; 0 is exact"),
        *TARGET_PARAMETERS,
    )
    contract = CodecContract(("uint8", "uint16"), lossless=False, knob="near", knob_direction=-1, guarantee="max |error| <= near")
    libraries = ("charls",)
    probes = (("near=7", "near=1", "near=0"),)
    axis = Knob("near", 0, 255, scale="log", integer=True, direction=-1, step=0.7, resolution=1e-6, tops={"uint8": 127})

    def __init__(self, **settings: Any) -> None:
        if settings.get("near") is None and not settings.get("lossless"):
            settings["near"] = 0
        super().__init__(**settings)
        near = 0 if self.lossless else settings["near"]
        if near is not None:
            exact = near == 0
            self.contract = dataclasses.replace(
                type(self).contract, lossless=exact, guarantee="exact" if exact else f"max |error| <= {near} DN", max_error=near
            )

    def encode_at(self, frame: NDArray[np.integer], value: float) -> bytes:
        """Return the code stream at near = value. Raises UnsupportedArray when it is too large for the dtype."""
        largest = self._largest(frame.dtype)
        if value > largest:
            raise UnsupportedArray(f"{frame.dtype} given to 'jpegls' with near={value:g}", f"near up to {largest}", "give a smaller near")
        with guarded(self.name, "encode"):
            return jpegls_bytes(frame, int(value))

    def encode_lossless(self, frame: NDArray[np.integer]) -> bytes:
        """Return the exact code stream."""
        return self.encode_at(frame, 0)

    def decode_payload(self, payload: bytes) -> Any:
        """Return the decoded frame."""
        with guarded(self.name, "decode"):
            return jpegls_frame(payload)

    @staticmethod
    def _largest(dtype: np.dtype[Any]) -> int:
        return 127 if dtype == np.uint8 else 255
