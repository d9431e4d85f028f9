"""Total and mean of the whole frame: measurements that are linear in every pixel, whose spread is known in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Measurement
from sigmaraw.extras import version
from sigmaraw.pipelines.base import ImagePipeline
from sigmaraw.pipelines.inputs import one_frame


class IntensityPipeline(ImagePipeline):
    """Sum and mean of all pixels of the raw frame, offset included.

    I_tot = Σx, I_mean = I_tot/N; hence σ_raw(I_tot) = √ΣV and σ_raw(I_mean) = √ΣV/N.
    """

    name = "intensity"
    measurements = (
        Measurement("total_intensity", "DN", "I_tot", "sum of all pixels of the raw frame", kind="mean", studied=True),
        Measurement("mean_intensity", "DN", "I_mean", "mean of all pixels of the raw frame", kind="mean", studied=True),
    )

    def config(self) -> dict[str, Any]:
        """Return name, specification and versions (JSON values)."""
        return {"name": self.name, "spec": self.spec, "versions": {"numpy": version("numpy")}}

    def measure(self, image: NDArray[np.integer]) -> dict[str, float]:
        """Return sum and mean of all pixels, DN. image: (y, x) or (z, y, x)."""
        total = int(image.sum(dtype=np.int64))
        return {"total_intensity": float(total), "mean_intensity": total / image.size}

    def gradient(self, image: NDArray[np.integer]) -> dict[str, NDArray[np.floating]]:
        """Return ∂I_tot/∂x = 1 and ∂I_mean/∂x = 1/N, of the image's shape."""
        shape = one_frame(image).shape
        return {
            "total_intensity": np.broadcast_to(1.0, shape),
            "mean_intensity": np.broadcast_to(1.0 / image.size, shape),
        }
