"""The threshold half way between the means of what it separates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Parameter
from sigmaraw.pipelines.classical.base import ClassicalPipeline, keys


class IterativeMeanPipeline(ClassicalPipeline):
    """Pixels above the threshold that lies half way between the mean of those above it and the mean of those below it.

    From T = mean of the image, T ← (μ₁ + μ₂)/2 until it moves by less than `tolerance`.

    Reference: R. C. Gonzalez and R. E. Woods, Digital Image Processing; algorithm 3 of Pankova.
    """

    name = "iterative-mean"
    parameters = keys(0, Parameter("tolerance", float, 0.5, minimum=1e-6, unit="DN", help="the threshold is final when it moves by less"))

    def _segmented(self, image: NDArray[np.integer]) -> NDArray[np.bool_]:
        mask: NDArray[np.bool_] = image > self.threshold(image)
        return mask

    def threshold(self, image: NDArray[np.integer]) -> float:
        """Return the threshold of an image that is not constant, DN."""
        # One count for each grey value: the loop then does not touch the pixels.
        low = min(int(image.min()), 0)
        counts = np.bincount((image.astype(np.int64) - low).ravel())
        levels = np.arange(len(counts)) + low
        now = float((counts * levels).sum() / counts.sum())
        while True:
            above = levels > now
            means = [float((counts[part] * levels[part]).sum() / max(counts[part].sum(), 1)) for part in (above, ~above)]
            before, now = now, sum(means) / 2
            if abs(now - before) < self.settings["tolerance"]:
                return now
