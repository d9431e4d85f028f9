"""Mean intensity inside objects."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import LabelledImage, Measure, Measurement


class MeanIntensity(Measure):
    """Mean of the raw frame over all pixels inside objects, offset included."""

    name = "mean_intensity"
    rows = (Measurement("mean_intensity", "DN", "I_mean", "mean of the raw frame inside the objects, undefined where there are none"),)

    def __call__(self, labelled: LabelledImage) -> dict[str, float]:
        """Return I_mean, DN, NaN without objects."""
        pixels = int(labelled.sizes.sum())
        return {"mean_intensity": int(labelled.totals.sum()) / pixels if pixels else float("nan")}

    def of_objects(self, labelled: LabelledImage) -> dict[str, NDArray[np.float64]]:
        """Return the mean inside each object, DN."""
        return {"mean_intensity": labelled.totals / np.maximum(labelled.sizes, 1)}
