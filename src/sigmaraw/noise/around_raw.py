"""Mode `around-raw`: noise drawn around the raw frame itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import ReplicaBase, ReplicaMode
from sigmaraw.noise.coverage import measured_u_mode

if TYPE_CHECKING:
    from sigmaraw.contracts import CameraNoise, Measurement, ReplicaRequest


class AroundRaw(ReplicaMode):
    """Replicas around the raw frame x, without an estimate of the noise-free one.

    ::

        e = (x − o)/K,  e⁺ = max(e, 0),  R = clip(round(x + K(Poisson(e⁺) − e⁺ + r)), lo, hi),  r ~ N(0, σ_r)

    Their mean is x, not μ, also where x lies below the offset; a pipeline that is not linear in x
    counts the noise of x twice. Only the ends of the converter's range clip, as in the camera: where the offset is within a few σ of
    DN 0 the mean shifts, as that of the camera's frames does.

    References
    ----------
    formula 1, replica modes.
    """

    name = "around-raw"

    def base(self, frame: NDArray[np.integer], noise_model: CameraNoise, request: ReplicaRequest) -> ReplicaBase:
        """Return x, around which the camera's whole noise is drawn; parameters as in `ReplicaMode.base`."""
        return ReplicaBase(frame)

    def u_mode(self, measurement: Measurement) -> tuple[float, str]:
        """Return the relative standard uncertainty of σ_raw, as measured by kind of measurement."""
        return measured_u_mode(self.name, measurement)
