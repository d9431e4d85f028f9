"""Bit depths that a specification states: checked against the pixels, never applied by clipping."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import UnsupportedArray


def containers(bits: int | None) -> tuple[str, ...]:
    """Return the dtypes that hold data of a stated bit depth, as cameras deliver it: uint8 up to 8 bits, uint16 above."""
    if bits is None:
        return ("uint8", "uint16")
    return ("uint8",) if bits <= 8 else ("uint16",)


def require_bits(name: str, frame: NDArray[np.integer], bits: int | None) -> int:
    """Return the bit depth to code with: `bits`, or the container's.

    Raises UnsupportedArray when a pixel needs more bits than stated, or `bits` is more than the container's.
    """
    container = 8 * frame.dtype.itemsize
    if bits is None:
        return container
    if bits > container:
        raise UnsupportedArray(f"'{name}' with bits={bits} on {frame.dtype}", f"bits up to {container}", "give the data's bit depth")
    top = int(frame.max())
    if top >> bits:
        raise UnsupportedArray(
            f"a pixel of {top} DN in '{name}' with bits={bits}",
            f"values up to {(1 << bits) - 1}",
            "give the data's depth",
        )
    return bits
