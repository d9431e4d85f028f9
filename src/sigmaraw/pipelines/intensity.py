"""Total and mean of the whole frame: measurements that are linear in every pixel, whose spread is known in closed form."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Measurement, Parameter
from sigmaraw.pipelines.door import many_frames, one_frame


class IntensityPipeline:
    """Sum and mean of all pixels of the raw frame, offset included.

    I_tot = Σx, I_mean = I_tot/N; hence σ_raw(I_tot) = √ΣV and σ_raw(I_mean) = √ΣV/N.
    """

    name = "intensity"
    parameters: tuple[Parameter, ...] = ()
    measurements = (
        Measurement("total_intensity", "DN", "I_tot", "sum of all pixels of the raw frame", kind="mean", studied=True),
        Measurement("mean_intensity", "DN", "I_mean", "mean of all pixels of the raw frame", kind="mean", studied=True),
    )

    def __init__(self, spec: str = "intensity") -> None:
        self.spec = spec

    def config(self) -> dict[str, Any]:
        """Return name, specification and versions (JSON values)."""
        return {"name": self.name, "spec": self.spec, "versions": {"numpy": version("numpy")}}

    def __call__(self, raw: Any) -> dict[str, float]:
        """Return the measurements of one frame (y, x) or volume (z, y, x), uint8 or uint16, DN.

        Raises
        ------
        NotIntegerData, ColourImage, ShapeMismatch
        """
        return _measure(one_frame(raw))

    def batch(self, images: NDArray[np.integer]) -> dict[str, NDArray[np.float64]]:
        """Return per measurement a float64 array (image). Raises as `__call__`."""
        rows = [_measure(image) for image in many_frames(images)]
        return {m.name: np.array([row[m.name] for row in rows], dtype=np.float64) for m in self.measurements}

    def gradient(self, image: NDArray[np.integer]) -> dict[str, NDArray[np.floating]]:
        """Return ∂I_tot/∂x = 1 and ∂I_mean/∂x = 1/N, of the image's shape."""
        shape = one_frame(image).shape
        return {
            "total_intensity": np.broadcast_to(1.0, shape),
            "mean_intensity": np.broadcast_to(1.0 / image.size, shape),
        }


def _measure(image: NDArray[np.integer]) -> dict[str, float]:
    total = int(image.sum(dtype=np.uint64))
    return {"total_intensity": float(total), "mean_intensity": total / image.size}
