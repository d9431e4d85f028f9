"""A rough global threshold, and a local one inside what it leaves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Parameter
from sigmaraw.pipelines.classical.base import ClassicalPipeline, by_plane, keys
from sigmaraw.pipelines.classical.local_threshold import check_odd, local_means


class TwoStepPipeline(ClassicalPipeline):
    """Pixels above the mean of the image, and among these above the Gaussian mean of their surroundings; filled, opened, blurred.

    Pixels below the mean of the image are set to 0, signed ones to the least of the plane, before the second step. Opening and blur are
    3 × 3. Planes of a volume are segmented one by one. This is algorithm 4 of Pankova, for the endoplasmic reticulum.
    """

    name = "two-step"
    parameters = keys(20, Parameter("block", int, 181, minimum=3, unit="px", help="side of the surroundings in the second step, odd"))

    def __init__(self, spec: str = "two-step", **settings: object) -> None:
        super().__init__(spec, **settings)
        check_odd("block", self.settings["block"])

    def _segmented(self, image: NDArray[np.integer]) -> NDArray[np.bool_]:
        return by_plane(self._plane, image)

    def _plane(self, plane: NDArray[np.integer]) -> NDArray[np.bool_]:
        from scipy import ndimage

        rough = plane > plane.mean()
        dark = 0 if plane.dtype.kind == "u" else plane.min()  # of signed pixels, 0 is not the darkest
        kept = np.where(rough, plane, dark)
        mask = rough & (kept > local_means(kept, self.settings["block"]))
        opened = ndimage.binary_opening(ndimage.binary_fill_holes(mask), np.ones((3, 3)))
        kernel = np.array([1.0, 2.0, 1.0]) / 4  # a 3 × 3 Gaussian blur, axis by axis
        blurred = ndimage.convolve1d(ndimage.convolve1d(opened.astype(np.float64), kernel, axis=0), kernel, axis=1)
        found: NDArray[np.bool_] = blurred > 0.5
        return found
