"""A threshold for each pixel from its surroundings, for nuclei in uneven light."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Parameter
from sigmaraw.errors import InvalidOption
from sigmaraw.pipelines.classical.base import ClassicalPipeline, by_plane, keys
from sigmaraw.pipelines.found import Found, of_labels, of_mask


class LocalThresholdPipeline(ClassicalPipeline):
    """Pixels above the Gaussian mean of their surroundings; holes filled, objects chosen by area and solidity.

    Planes of a volume are segmented one by one. This is algorithm 2 of Pankova.
    """

    name = "local"
    parameters = keys(
        20,
        Parameter("block", int, 111, minimum=3, unit="px", help="side of the surroundings, odd"),
        Parameter("offset", float, 0.0, unit="DN", help="the threshold lies so much below the mean of the surroundings"),
        Parameter("max_size", int, None, minimum=1, unit="px", help="objects of more pixels are left out"),
        Parameter(
            "solidity", float, 0.8, minimum=0.0, maximum=1.0, unit="1", help="of objects; those that fill less of their hull are left out"
        ),
    )

    def __init__(self, spec: str = "local", **settings: object) -> None:
        super().__init__(spec, **settings)
        check_odd("block", self.settings["block"])

    def _segmented(self, image: NDArray[np.integer]) -> NDArray[np.bool_]:
        from scipy.ndimage import binary_fill_holes

        return by_plane(
            lambda plane: binary_fill_holes(plane > local_means(plane, self.settings["block"]) - self.settings["offset"]), image
        )

    def _found(self, image: NDArray[np.integer]) -> Found:
        return self._chosen(of_mask(self._mask(image), self.settings["min_size"], self.settings["connectivity"]), image)

    def _chosen(self, found: Found, image: NDArray[np.integer]) -> Found:
        from sigmaraw.contracts import LabelledImage
        from sigmaraw.measurements.solidity import Solidity

        sizes = np.bincount(found.labels.ravel(), minlength=found.count + 1)
        keep = sizes <= (self.settings["max_size"] or found.labels.size)
        if self.settings["solidity"] > 0 and found.count:
            keep[1:] &= Solidity().of_objects(LabelledImage(image, found.labels, found.count))["solidity"] >= self.settings["solidity"]
        return of_labels(found.labels, 0, keep)


def local_means(plane: NDArray[np.integer], block: int) -> NDArray[np.float64]:
    """Return the Gaussian mean of the surroundings of each pixel, DN: of standard deviation (block − 1)/6."""
    from skimage.filters import threshold_local

    means: NDArray[np.float64] = threshold_local(plane.astype(np.float64), block_size=block, method="gaussian", offset=0)
    return means


def check_odd(name: str, value: int) -> None:
    """Refuse a side that is even. Raises InvalidOption."""
    if value % 2 == 0:
        raise InvalidOption(f"{name}={value}", "an odd number of pixels", f"write {name}={value + 1}")
