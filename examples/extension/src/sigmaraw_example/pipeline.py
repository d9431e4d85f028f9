"""A pipeline: bright spots are counted, and their brightness is averaged."""

import numpy as np
from scipy import ndimage

from sigmaraw.contracts import Measurement, Parameter
from sigmaraw.pipelines import ImagePipeline


class Spots(ImagePipeline):
    """Local maxima of the smoothed image that stand out from its median."""

    name = "spots"
    parameters = (
        Parameter("sigma", float, 1.5, minimum=0, unit="px", help="standard deviation of the Gaussian that smooths"),
        Parameter("above", float, 50.0, minimum=0, unit="DN", help="least height above the median"),
    )
    measurements = (
        Measurement("spots", "1", "N", "local maxima above the threshold", discrete=True, kind="count"),
        Measurement("brightness", "DN", "B", "mean height of these maxima, undefined where there are none"),
    )

    def measure(self, image):
        smooth = ndimage.gaussian_filter(image.astype(np.float64), self.settings["sigma"])
        height = smooth - np.median(smooth)
        top = (smooth == ndimage.maximum_filter(smooth, 5)) & (height > self.settings["above"])
        return {"spots": float(top.sum()), "brightness": float(height[top].mean()) if top.any() else float("nan")}
