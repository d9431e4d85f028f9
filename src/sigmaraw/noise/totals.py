"""The check of totals over pixels, whose spread brighter-fatter replicas understate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Diagnostic

if TYPE_CHECKING:
    from sigmaraw.noise.model import NoiseModel

TOLERATED = 0.01  # of the spread of a total: a tenth of the error of a single-frame mode


def totals_check(noise_model: NoiseModel, image_dn: NDArray[Any]) -> tuple[Diagnostic, ...]:
    """Return by how much the spread of the image's total is understated; nothing for cameras whose pixels are independent.

        1 − √(ΣV_drawn/ΣV),  V = K(m − o) + K²σ_r² + 1/12

    Neighbours gain the charge that a pixel loses, so totals keep the variance of Poisson counts, while pixels drawn one by one with the
    smaller variance V_drawn do not. Sums over objects of many pixels are understated as much, single pixels not at all.

    Parameters
    ----------
    noise_model : NoiseModel
        The camera.
    image_dn : ndarray
        Image (…, y, x), DN.

    References
    ----------
    formula 3.
    """
    if noise_model.curve is None or not noise_model.curve.conserves_charge:
        return ()
    drawn = lost = 0.0
    for page in image_dn.reshape(-1, *image_dn.shape[-2:]):  # a volume in float64 would take several times its memory
        signal = np.maximum(page.astype(np.float64) - noise_model.offset_dn, 0.0)
        drawn += float(noise_model.variance(page).sum())
        lost += float((np.asarray(noise_model.gain_dn_per_e) * signal * (1 - noise_model.curve.relative_variance(signal))).sum())
    missing = 1 - math.sqrt(drawn / (drawn + lost))
    text = (
        f"replicas understate the spread of totals by {missing:.1%} ({TOLERATED:.0%} tolerated): brighter-fatter pixels share charge with "
        "their neighbours and are drawn independently"
    )
    definition = "1 - sqrt(sum of drawn variances / sum of Poisson variances) over the image"
    return (Diagnostic("brighter_fatter_totals", missing, 0.0, TOLERATED, definition, text, ("mean", "intensity", "")),)
