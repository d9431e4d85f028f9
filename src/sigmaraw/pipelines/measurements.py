"""From a mask and the raw frame under it to named numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Measurement, Parameter
from sigmaraw.measurements import DEFAULT
from sigmaraw.pipelines.found import Found, of_mask

MEASUREMENTS = (
    Measurement("count", "1", "N", "number of connected objects of at least min_size pixels", discrete=True),
    Measurement("area", "px", "A", "pixels inside these objects"),
    Measurement("total_intensity", "DN", "I_tot", "sum of the raw frame inside these objects"),
    Measurement("mean_intensity", "DN", "I_mean", "mean of the raw frame inside these objects, undefined where there are none"),
)
SOFT_MEASUREMENTS = (
    Measurement("soft_area", "px", "A_p", "sum of the foreground map p"),
    Measurement("soft_total_intensity", "DN", "I_p", "sum of the raw frame weighted by the foreground map"),
    Measurement(
        "soft_mean_intensity", "DN", "I_p/A_p", "mean of the raw frame weighted by the foreground map, undefined where it sums to 0"
    ),
)
MEASURE = Parameter(
    "measure",
    str,
    "mask",
    help="names joined by +, such as count+area+length; mask: count, area and intensities of the objects; soft: sums weighted by the "
    "foreground map, which are differentiable",
)
MEASURE_OBJECTS = Parameter("measure", str, DEFAULT, help="names of measurements joined by +; package.module:function may be one")
PIXEL_SIZE = Parameter(
    "pixel_size",
    str,
    None,
    help='in µm: one size for square pixels, or one for each axis, "0.5,0.1,0.1" (z, y, x); image: as its metadata say',
)
CONNECTIVITY = Parameter(
    "connectivity", int, 8, choices=(4, 8), unit="1", help="neighbours that join pixels to one object; in volumes 4 means 6, and 8 means 26"
)
U_MODE = Parameter(
    "u_mode",
    str,
    None,
    choices=("largest", "unet-demo"),
    help="uncertainty that replicas add to sigma_raw: the largest that was measured (default), or as measured for the shipped "
    "network (its own default), which of any other network is your statement",
)
# How the coverage study names what a network's mask, or its map, gives.
NETWORK_KINDS = {
    "count": "network-count",
    "area": "network-area",
    "total_intensity": "network-intensity",
    "mean_intensity": "network-mean-intensity",
    "soft_area": "network-soft-area",
    "soft_total_intensity": "network-soft-intensity",
    "soft_mean_intensity": "network-soft-mean-intensity",
}


def min_size(default: int) -> Parameter:
    """Return the parameter `min_size` with a pipeline's own default."""
    return Parameter("min_size", int, default, minimum=0, unit="px", help="objects of fewer pixels are left out of every measurement")


def measure(raw: NDArray[np.integer], mask: NDArray[np.bool_], smallest_px: int = 0, connectivity: int = 8) -> dict[str, float]:
    """Return count, area (px), total_intensity and mean_intensity (DN) of the objects of a mask.

    I_tot = Σ_inside raw, I_mean = I_tot/A; offset included, since the raw frame is what was measured.

    Parameters
    ----------
    raw : ndarray
        (y, x) or (z, y, x), uint8 or uint16, DN.
    mask : ndarray
        Same shape, bool.
    smallest_px : int
        Objects of fewer pixels are left out.
    connectivity : {8, 4}
        Neighbours that join pixels to one object; in volumes 26 or 6.

    Returns
    -------
    dict of str to float
        By the names of `MEASUREMENTS`.

    Notes
    -----
    formula 6.
    """
    return measured_in(raw, of_mask(mask, smallest_px, connectivity))


def measured_in(raw: NDArray[np.integer], found: Found) -> dict[str, float]:
    """Return the measurements of objects that were found, as `measure` does."""
    inside = found.labels != 0
    return measured(found.count, int(np.count_nonzero(inside)), int(raw[inside].sum(dtype=np.int64)))


def measured(count: int, area: int, total: int) -> dict[str, float]:
    """Return the measurements from the number of objects, their pixels and the sum of the raw frame inside them, DN."""
    return {
        "count": float(count),
        "area": float(area),
        "total_intensity": float(total),
        "mean_intensity": total / area if area else float("nan"),
    }


def soft_measurements(area_px: float, total_dn: float) -> dict[str, float]:
    """Return the soft measurements from A_p = Σp (px) and I_p = Σp·raw (DN), p a network's foreground map."""
    mean = total_dn / area_px if area_px > 0 else float("nan")
    return {"soft_area": area_px, "soft_total_intensity": total_dn, "soft_mean_intensity": mean}
