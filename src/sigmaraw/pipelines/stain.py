"""From a predicted stain (an in-silico label) to a mask of its objects, and to measurements of the stain inside them.

Reference: paper 002, algorithm 2: local threshold → fill holes → objects by area and by solidity.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import LabelledImage, Measurement, Parameter
from sigmaraw.measurements.solidity import Solidity
from sigmaraw.pipelines.classical.base import above_otsu, by_plane
from sigmaraw.pipelines.classical.local_threshold import local_means
from sigmaraw.pipelines.found import of_labels, of_mask

SEGMENT = Parameter(
    "segment",
    str,
    "otsu",
    choices=("otsu", "local", "fixed"),
    help="threshold of a predicted stain: Otsu's, a local mean's, or the key",
)
BLOCK = Parameter("block", int, 111, minimum=3, unit="px", help="with segment=local: side of the neighbourhood, odd")
SOLIDITY = Parameter(
    "solidity", float, 0.0, minimum=0.0, maximum=1.0, unit="1", help="objects that fill less of their convex hull are left out of a stain"
)
STAIN_MEASUREMENTS = (
    Measurement("count", "1", "N", "number of objects in the predicted stain", discrete=True),
    Measurement("area", "px", "A", "pixels inside these objects"),
    Measurement("total_intensity", "1", "I_tot", "sum of the predicted stain inside these objects, in the unit of the training targets"),
    Measurement("mean_intensity", "1", "I_mean", "mean of the predicted stain inside these objects, undefined where there are none"),
)


def segmented(stain: NDArray[np.floating], method: str, threshold: float, block: int, solidity: float) -> NDArray[np.bool_]:
    """Return the mask of a stain (y, x) or (z, y, x), holes filled.

    Parameters
    ----------
    stain : ndarray of float
        The predicted stain. A constant one has no objects.
    method : {"otsu", "local", "fixed"}
        Which threshold.
    threshold : float
        With "fixed", in the unit of the stain.
    block : int
        With "local", side of the neighbourhood whose Gaussian mean is the threshold, px, made odd. Pixels must exceed Otsu's threshold of
        the whole stain too: a local mean alone finds objects in an empty background.
    solidity : float
        Least share of the convex hull that an object fills, 1.
    """
    from scipy import ndimage

    values = np.asarray(stain, dtype=np.float64)
    if method == "fixed":
        mask = values > threshold
    else:
        mask = above_otsu(values)
        if method == "local":
            mask &= values > by_plane(lambda plane: local_means(plane, block | 1), values)
    filled: NDArray[np.bool_] = ndimage.binary_fill_holes(mask)
    return _solid(filled, solidity) if solidity > 0 else filled


def _solid(mask: NDArray[np.bool_], least: float) -> NDArray[np.bool_]:
    found = of_mask(mask, 0, 8)
    solidity = Solidity().of_objects(LabelledImage(found.labels, found.labels, found.count))["solidity"]
    solid = ~(solidity < least)  # what has no hull, as a plane in a volume, is left in
    return of_labels(found.labels, 0, np.concatenate([[False], solid])).labels != 0
