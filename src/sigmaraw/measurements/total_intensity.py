"""Total intensity inside objects."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import LabelledImage, Measure, Measurement


class TotalIntensity(Measure):
    """Sum of the raw frame inside objects, offset included."""

    name = "total_intensity"
    rows = (Measurement("total_intensity", "DN", "I_tot", "sum of the raw frame inside the objects"),)

    def __call__(self, labelled: LabelledImage) -> dict[str, float]:
        """Return I_tot, DN."""
        return {"total_intensity": float(labelled.totals.sum())}

    def of_objects(self, labelled: LabelledImage) -> dict[str, NDArray[np.float64]]:
        """Return the sum inside each object, DN."""
        return {"total_intensity": labelled.totals}
