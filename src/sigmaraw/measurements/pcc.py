"""Pearson's correlation of a prediction with a reference image."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigmaraw.contracts import LabelledImage, Measure, Measurement
from sigmaraw.measurements.reference_image import REFERENCE, compared, described


class Pcc(Measure):
    """Pearson's correlation coefficient of the predicted map, or else of the raw frame, with `pcc.reference`.

    r = Σab/√(Σa²Σb²), a and b centred.
    """

    name = "pcc"
    parameters = (REFERENCE,)
    rows = (Measurement("pcc", "1", "r", "Pearson's correlation with the reference image, undefined where one of them is constant"),)
    per_class = False

    def __call__(self, labelled: LabelledImage) -> dict[str, float]:
        """Return r, NaN where one of both is constant."""
        one, other = compared(labelled, self.settings["reference"])
        one, other = one - one.mean(), other - other.mean()
        scale = np.sqrt((one**2).sum() * (other**2).sum())
        return {"pcc": float((one * other).sum() / scale) if scale > 0 else float("nan")}

    def config(self) -> dict[str, Any]:
        """Return the settings with the reference's SHA-256."""
        return described(super().config())
