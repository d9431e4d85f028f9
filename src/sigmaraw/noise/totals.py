"""Independent pixels and totals: what brighter-fatter replicas understate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Diagnostic

if TYPE_CHECKING:
    from sigmaraw.noise.model import NoiseModel

TOLERATED = 0.01  # of the spread of a total: a tenth of what a single-frame mode's own error is


def totals_check(model: NoiseModel, image_dn: NDArray[np.float64]) -> tuple[Diagnostic, ...]:
    """Return by how much the spread of the image's total is understated; nothing for cameras whose pixels are independent.

        1 − √(ΣV_drawn/ΣV),  V = K(m − o) + K²σ_r² + 1/12

    Charge that one pixel loses its neighbours gain, so totals keep the variance of Poisson counts, while pixels drawn one by one with the
    smaller variance V_drawn do not. Sums over objects of many pixels lack as much, single pixels nothing.

    image_dn : (…, y, x), DN. Reference: SCIENCE 3, models.
    """
    if model.transfer is None or not model.transfer.conserves_charge:
        return ()
    drawn = model.variance(image_dn)
    signal = np.maximum(image_dn - model.offset_dn, 0.0)
    straight = drawn + np.asarray(model.gain_dn_per_e) * signal * (1 - model.transfer.relative_variance(signal))
    missing = float(1 - np.sqrt(drawn.sum() / straight.sum()))
    text = (
        f"replicas understate the spread of totals by {missing:.1%} ({TOLERATED:.0%} tolerated): brighter-fatter pixels share charge with "
        "their neighbours and are drawn independently"
    )
    definition = "1 - sqrt(sum of drawn variances / sum of Poisson variances) over the image"
    return (Diagnostic("brighter_fatter_totals", missing, 0.0, TOLERATED, definition, text, ("mean", "intensity", "")),)
