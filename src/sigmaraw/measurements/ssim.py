"""Structural similarity of a prediction and a reference image."""

from __future__ import annotations

from typing import Any

from sigmaraw.contracts import LabelledImage, Measure, Measurement, Parameter
from sigmaraw.errors import ShapeMismatch
from sigmaraw.measurements.reference_image import REFERENCE, compared, described

_WINDOW = 7  # px, of scikit-image's uniform window


class Ssim(Measure):
    """Mean structural similarity (Wang 2004) of the predicted map, or else of the raw frame, with `ssim.reference`.

    By scikit-image, in uniform windows of 7 px, in volumes 7 × 7 × 7. The range of values is stated (`ssim.range`), or the reference's.
    """

    name = "ssim"
    parameters = (
        REFERENCE,
        Parameter("range", float, None, minimum=1e-12, help="range of values, in their unit; default: the reference's maximum − minimum"),
    )
    rows = (Measurement("ssim", "1", "SSIM", "mean structural similarity to the reference image, undefined where that is constant"),)
    per_class = False

    def __call__(self, labelled: LabelledImage) -> dict[str, float]:
        """Return the mean SSIM. Raises ShapeMismatch for an image smaller than a window."""
        from skimage.metrics import structural_similarity

        one, other = compared(labelled, self.settings["reference"])
        if min(one.shape) < _WINDOW:
            raise ShapeMismatch(f"measure=ssim of an image {one.shape}", f"at least {_WINDOW} px along each axis", "leave ssim out")
        span = self.settings["range"] or float(other.max() - other.min())
        return {"ssim": float(structural_similarity(one, other, win_size=_WINDOW, data_range=span)) if span > 0 else float("nan")}

    def config(self) -> dict[str, Any]:
        """Return the settings with the reference's SHA-256."""
        return described(super().config())
