"""Codecs with a planted fault, to see the hunt find it."""

from __future__ import annotations

import ctypes
from types import SimpleNamespace
from typing import Any

import numpy as np

from sigmaraw.contracts import CodecContract, Coder, Encoded
from sigmaraw.errors import CodecFailed


class Planted(Coder):
    """An exact coder that does harm when the first byte of a stream is not the one it wrote."""

    contract = CodecContract(("uint8",), lossless=True)

    def __init__(self, harm: str) -> None:
        self.harm = harm

    def encode(self, frame: Any) -> Encoded:
        return Encoded(b"P" + frame.tobytes())

    def decode(self, encoded: Encoded, shape: tuple[int, ...], dtype: Any) -> Any:
        if encoded.payload[:1] != b"P":
            if self.harm == "crash":
                ctypes.string_at(0)
            if self.harm == "shape":
                return np.zeros((1, 1), dtype)
            if self.harm == "exception":
                raise KeyError("planted")
        if len(encoded.payload) != 1 + int(np.prod(shape)):
            raise CodecFailed("broken", "whole", "again")
        return np.frombuffer(encoded.payload, dtype, offset=1).reshape(shape)


def make(harm: str, allow_exec: bool = False) -> SimpleNamespace:
    """Return what `codec` would: something with `steps`."""
    return SimpleNamespace(steps=(Planted(harm),))
