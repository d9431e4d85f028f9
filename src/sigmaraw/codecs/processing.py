"""What processing steps share: they change pixels and code nothing, so that alone they store the container's own bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.calls import versions
from sigmaraw.codecs.rounding import to_pixels
from sigmaraw.contracts import CodecContract, Map, Parameter


class Processing(Map):
    """A map whose inverse is nothing: what the step makes of a frame is what a model is given, rounded to whole DN and clipped.

    A family gives `name`, `parameters` and `processed`. Alone in a chain its ratio is 1; a coder behind it codes its result.
    """

    name: str
    parameters: tuple[Parameter, ...]
    contract = CodecContract(("uint8", "uint16"), lossless=False, guarantee="none: a processing step", processing=True)

    def processed(self, frame: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return the frame (y, x) or frames (…, y, x) after the step, DN, before rounding."""
        raise NotImplementedError

    def forward(self, frame: NDArray[np.integer]) -> tuple[NDArray[np.integer], bytes]:
        """Return the processed frame in its own dtype; no side data."""
        return to_pixels(self.name, self.processed(frame), frame.dtype), b""

    def inverse(self, mapped: NDArray[np.integer], side: bytes, dtype: np.dtype[Any]) -> NDArray[np.integer]:
        """Return what `forward` gave: a processing step is not undone."""
        return mapped.astype(dtype, copy=False)

    @staticmethod
    def build() -> dict[str, str]:
        """Return the versions that a self-test's result belongs to."""
        import scipy

        return {"scipy": scipy.__version__}

    def details(self) -> dict[str, Any]:
        """Return that nothing is coded here, and library versions."""
        return {"kind": "processing step", "libraries": {**versions(()), **self.build()}}
