"""LERC: blocks quantised by a step of twice the tolerated error."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.bounded import Bounded
from sigmaraw.contracts import Parameter


class Lerc(Bounded):
    """LERC: |decoded − raw| ≤ maxerr. The library takes uint8 and uint16 as they are, and keeps the bound: no cast is needed.

    `compression` packs the blob once more: the library's extension, not the format's.

    Reference: Esri, LERC 4.0 specification.
    """

    name = "lerc"
    parameters = (
        *Bounded.parameters,
        Parameter("compression", str, "none", choices=("none", "zstd", "deflate"), help="what packs the blob once more"),
    )
    libraries = ("lerc",)

    def stream(self, frame: NDArray[np.integer], bound: int) -> bytes:
        """Return the library's code stream for |error| ≤ bound, DN."""
        packing = self.settings["compression"]
        return bytes(imagecodecs.lerc_encode(frame, bound, compression=None if packing == "none" else packing))

    def reals(self, stream: bytes, shape: tuple[int, ...]) -> NDArray[Any]:
        """Return what the library decodes: integers."""
        return imagecodecs.lerc_decode(stream)
