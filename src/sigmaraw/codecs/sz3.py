"""SZ3: prediction by interpolation and a quantiser with a bound on every pixel's error."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.bounded import Bounded
from sigmaraw.codecs.knobs import DIMS
from sigmaraw.codecs.rounding import HALF, to_reals


class Sz3(Bounded):
    """SZ3 with an absolute bound, through float64: |decoded − raw| ≤ maxerr.

    The library takes reals alone. Its streams do not say their shape; the decoder is told.

    Reference: Liang et al. 2023, "SZ3: a modular framework for composing prediction-based error-bounded lossy compressors".
    """

    name = "sz3"
    parameters = (*Bounded.parameters, DIMS)
    libraries = ("sz3",)

    def stream(self, frame: NDArray[np.integer], bound: int) -> bytes:
        """Return the library's code stream for |error| ≤ bound, DN."""
        return bytes(imagecodecs.sz3_encode(to_reals(frame), mode="abs", abs=bound + HALF))

    def reals(self, stream: bytes, shape: tuple[int, ...]) -> NDArray[Any]:
        """Return what the library decodes, before rounding."""
        return imagecodecs.sz3_decode(stream, shape, np.float64)
