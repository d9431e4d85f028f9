"""Intensity above background inside objects."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import LabelledImage, Measure, Measurement, Parameter


class AboveBackground(Measure):
    """Sum over objects of the raw frame minus the background.

    I_b = Σ_inside (x − b), b the median of all pixels outside objects, or `above_background.level`.
    """

    name = "above_background"
    parameters = (Parameter("level", float, None, unit="DN", help="the background; default: the median of all pixels outside objects"),)
    rows = (
        Measurement(
            "above_background", "DN", "I_b", "sum of the raw frame minus the background inside the objects, undefined without background"
        ),
    )

    def __call__(self, labelled: LabelledImage) -> dict[str, float]:
        """Return I_b, DN, NaN where no pixel is outside and no level is stated."""
        return {"above_background": float(labelled.totals.sum() - self._level(labelled) * labelled.sizes.sum())}

    def of_objects(self, labelled: LabelledImage) -> dict[str, NDArray[np.float64]]:
        """Return I_b of each object, DN."""
        return {"above_background": labelled.totals - self._level(labelled) * labelled.sizes}

    def _level(self, labelled: LabelledImage) -> float:
        stated = self.settings["level"]
        if stated is not None:
            return float(stated)
        outside = labelled.image[labelled.labels == 0]
        return float(np.median(outside)) if outside.size else float("nan")
