"""The classical pipeline for vesicles: flat field, deconvolution, difference of Gaussians, threshold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Parameter
from sigmaraw.pipelines.classical.base import ClassicalPipeline, above_otsu, by_plane, keys


class CipPipeline(ClassicalPipeline):
    """Small bright objects by classical image processing: each plane is divided by its light, deconvolved and filtered.

    Light: a Gaussian blur of `flat`. Deconvolution: Richardson–Lucy with a Gaussian point spread function of `psf`. Then the difference
    of Gaussians of `small` and `large`, and Otsu's threshold of it, times `factor`. The steps are those of García Santa Cruz (003), which
    gives no values; these are ours.
    """

    name = "cip"
    parameters = keys(
        4,
        Parameter("flat", float, 50.0, minimum=0.0, unit="px", help="standard deviation of the blur that stands for the light; 0: none"),
        Parameter("psf", float, 1.5, minimum=0.1, maximum=20.0, unit="px", help="standard deviation of the point spread function"),
        Parameter("iterations", int, 10, minimum=0, maximum=1000, unit="1", help="of Richardson and Lucy's deconvolution; 0: none"),
        Parameter("small", float, 1.0, minimum=0.1, unit="px", help="standard deviation of the narrow Gaussian"),
        Parameter("large", float, 4.0, minimum=0.1, unit="px", help="standard deviation of the wide Gaussian"),
        Parameter("factor", float, 1.0, minimum=0.0, unit="1", help="the threshold over Otsu's"),
    )

    def _segmented(self, image: NDArray[np.integer]) -> NDArray[np.bool_]:
        from skimage.filters import threshold_otsu

        response = by_plane(self._response, image.astype(np.float64))
        if response.min() == response.max():
            return above_otsu(response)
        mask: NDArray[np.bool_] = response > self.settings["factor"] * threshold_otsu(response)
        return mask

    def _response(self, plane: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the difference of Gaussians of a plane in even light, deconvolved."""
        from scipy import ndimage
        from skimage.restoration import richardson_lucy

        keys_ = self.settings
        if keys_["flat"] > 0:
            light = ndimage.gaussian_filter(plane, keys_["flat"])
            plane = plane * (light.mean() / np.maximum(light, 1e-9))
        if keys_["iterations"] > 0:
            top = max(plane.max(), 1e-9)
            reach = int(np.ceil(3 * keys_["psf"]))
            y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
            psf = np.exp(-(x**2 + y**2) / (2 * keys_["psf"] ** 2))
            padded = np.pad(plane / top, reach, mode="reflect" if min(plane.shape) > reach else "edge")
            sharp = richardson_lucy(padded, psf / psf.sum(), num_iter=keys_["iterations"], clip=False)
            plane = sharp[reach:-reach, reach:-reach] * top
        small, large = (ndimage.gaussian_filter(plane, keys_[name]) for name in ("small", "large"))
        found: NDArray[np.float64] = small - large
        return found
