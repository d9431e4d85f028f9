"""Between integers and the reals that some libraries take: out exactly, back by rounding and clipping."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import CodecFailed

HALF = 0.49  # DN: |x̂ − x| ≤ n + 0.49 becomes |rint(x̂) − x| ≤ n, and 0.01 is left for the library's own arithmetic


def to_reals(frame: NDArray[np.integer], kind: type[np.floating] = np.float64) -> NDArray[np.floating]:
    """Return the pixels as float64, or float32, both of which hold every uint16 exactly."""
    return frame.astype(kind)


def to_pixels(name: str, values: NDArray[Any], dtype: np.dtype[Any], top: int | None = None) -> NDArray[np.integer]:
    """Return rint(values), clipped to 0…`top` (the dtype's largest unless given): a decoder's overshoot never wraps around.

    Raises CodecFailed when a value is not finite.
    """
    largest = np.iinfo(dtype).max if top is None else top
    rounded = np.rint(values) if values.dtype.kind == "f" else values
    low, high = rounded.min(), rounded.max()  # of a NaN both are NaN; two passes, where clipping and a mask of finite ones are four
    if not (np.isfinite(low) and np.isfinite(high)):
        raise CodecFailed(f"{name} decoded to values that are not finite", "numbers", "encode the frame again")
    return (np.clip(rounded, 0, largest) if low < 0 or high > largest else rounded).astype(dtype)
