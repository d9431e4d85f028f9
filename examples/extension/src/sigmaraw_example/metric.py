"""A metric of images: how well the decoded image follows the raw one."""

import numpy as np

from sigmaraw.contracts import Metric
from sigmaraw.errors import ShapeMismatch


class Correlation(Metric):
    """Pearson's correlation of the pixels; undefined where an image is constant."""

    name = "correlation"
    unit = "1"
    definition = "Pearson's correlation of raw and decoded pixels"

    def __call__(self, reference, test):
        if reference.shape != test.shape:
            raise ShapeMismatch(f"images of shapes {reference.shape} and {test.shape}", "one shape", "compare one frame")
        first, second = (image.astype(np.float64) - image.mean() for image in (reference, test))
        power = np.sqrt((first**2).sum() * (second**2).sum())
        return float((first * second).sum() / power) if power > 0 else float("nan")
