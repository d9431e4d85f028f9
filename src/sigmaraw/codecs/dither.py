"""Uniform numbers from pixel position and an image's nonce: what encoder and decoder can both compute, and nobody stores.

The i-th number of stream s is the SplitMix64 output for counter 2i + s, started at the nonce:

    z = nonce + (2i + s + 1)·γ;  z = (z ⊕ z≫30)·a;  z = (z ⊕ z≫27)·b;  z = z ⊕ z≫31   (mod 2⁶⁴)

and the uniform is its upper 53 bits, plus one half, over 2⁵³: never 0 nor 1, and symmetric about ½.
Reference: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014 (mixer "variant 13" of D. Stafford).
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

_GAMMA = np.uint64(0x9E3779B97F4A7C15)  # 2⁶⁴ over the golden ratio, odd
_FACTOR_A = np.uint64(0xBF58476D1CE4E5B9)
_FACTOR_B = np.uint64(0x94D049BB133111EB)

DITHER, ROUNDING = 0, 1  # the two streams


def nonce_of(frame: NDArray[np.integer]) -> int:
    """Return 64 bits of SHA-256 over a frame's dtype, shape and pixels: another frame, another dither."""
    digest = hashlib.sha256(f"{frame.dtype.name} {frame.shape}".encode())
    digest.update(np.ascontiguousarray(frame, frame.dtype.newbyteorder("<")).tobytes())
    return int.from_bytes(digest.digest()[:8], "little")


def uniform(shape: tuple[int, ...], nonce: int, stream: int) -> NDArray[np.float64]:
    """Return independent uniforms in (0, 1), float64, one for each pixel. stream: DITHER or ROUNDING."""
    size = int(np.prod(shape))
    values = np.empty(size)
    z, shifted = np.empty(min(size, _CHUNK), np.uint64), np.empty(min(size, _CHUNK), np.uint64)
    with np.errstate(over="ignore"):  # arithmetic modulo 2⁶⁴ is meant
        for first in range(0, size, _CHUNK):
            count = min(_CHUNK, size - first)
            start = np.uint64(nonce) + (np.uint64(first) * np.uint64(2) + np.uint64(stream + 1)) * _GAMMA
            _mixed(np.add(_STEPS[:count], start, out=z[:count]), shifted[:count], values[first : first + count])
    return values.reshape(shape)


def _mixed(z: NDArray[np.uint64], shifted: NDArray[np.uint64], values: NDArray[np.float64]) -> None:
    """Write to `values` the uniforms of some counters z, which are overwritten; `shifted` is room for as many."""
    for turn, factor in ((30, _FACTOR_A), (27, _FACTOR_B), (31, None)):
        np.right_shift(z, np.uint64(turn), out=shifted)
        np.bitwise_xor(z, shifted, out=z)
        if factor is not None:
            np.multiply(z, factor, out=z)
    np.right_shift(z, np.uint64(11), out=z)
    np.copyto(values, z, casting="unsafe")
    np.add(values, 0.5, out=values)
    np.multiply(values, 2.0**-53, out=values)


_CHUNK = 1 << 15  # pixels mixed at a time: their words stay in the cache, and threads do not queue for Python's lock at every call
_STEPS = np.arange(_CHUNK, dtype=np.uint64) * np.uint64(2) * _GAMMA
