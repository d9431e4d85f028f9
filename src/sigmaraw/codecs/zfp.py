"""ZFP: blocks of 4 × 4, or 4 × 4 × 4, in a fixed transform, with a bound on every pixel's error."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.bounded import Bounded
from sigmaraw.codecs.knobs import DIMS
from sigmaraw.codecs.rounding import HALF, to_reals


class Zfp(Bounded):
    """ZFP in its fixed-accuracy mode, through float32: |decoded − raw| ≤ maxerr.

    The library takes no uint16; of int32 it ignores the accuracy, in silence, so pixels are given as float32. It rounds the tolerance
    down to a power of two: sizes come in steps, one for each doubling, and the error stays well inside the bound.

    Reference: Lindstrom 2014, "Fixed-rate compressed floating-point arrays"; formula 5.
    """

    name = "zfp"
    parameters = (*Bounded.parameters, DIMS)
    libraries = ("zfp",)

    def stream(self, frame: NDArray[np.integer], bound: int) -> bytes:
        """Return the library's code stream for |error| ≤ bound, DN."""
        tolerance: Any = bound + HALF  # a real in this mode, whatever the library's type stub says
        return bytes(imagecodecs.zfp_encode(to_reals(frame, np.float32), tolerance, mode="accuracy", numthreads=1))

    def reals(self, stream: bytes, shape: tuple[int, ...]) -> NDArray[Any]:
        """Return what the library decodes, before rounding."""
        return imagecodecs.zfp_decode(stream, numthreads=1)
