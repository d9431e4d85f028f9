"""SPERR: a wavelet codec whose outliers are corrected, with a bound on every pixel's error."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.bounded import Bounded
from sigmaraw.codecs.knobs import DIMS
from sigmaraw.codecs.rounding import HALF, to_reals


class Sperr(Bounded):
    """SPERR with a point-wise bound, through float64: |decoded − raw| ≤ maxerr.

    The library takes reals alone; through float32 a bound of half a DN was broken on noise.

    Reference: Li, Lindstrom, Clyne 2023, "Lossy scientific data compression with SPERR"; formula 5.
    """

    name = "sperr"
    parameters = (*Bounded.parameters, DIMS)
    libraries = ("sperr",)

    def stream(self, frame: NDArray[np.integer], bound: int) -> bytes:
        """Return the library's code stream for |error| ≤ bound, DN."""
        return bytes(imagecodecs.sperr_encode(to_reals(frame), bound + HALF, "pwe", numthreads=1))

    def reals(self, stream: bytes, shape: tuple[int, ...]) -> NDArray[Any]:
        """Return what the library decodes, before rounding."""
        return imagecodecs.sperr_decode(stream, numthreads=1)
