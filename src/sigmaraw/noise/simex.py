"""Mode `simex`: noise drawn around frames with added noise, and the results extrapolated to a frame without noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Extrapolation, Parameter, ReplicaBase, ReplicaMode
from sigmaraw.errors import InvalidOption
from sigmaraw.noise.coverage import measured_u_mode
from sigmaraw.noise.model import QUANTISATION_VARIANCE

if TYPE_CHECKING:
    from sigmaraw.contracts import CameraNoise, Measurement, ReplicaRequest

LEVELS = (1.0, 1.5, 2.0, 3.0)
"""Noise variance of the frame that replicas are drawn around, in units of V; 1 is the raw frame itself."""
CLUSTER = 5
"""Replicas that share one base: their spread about its mean is that of one frame's noise, whatever noise the base has."""


def weights(levels: tuple[float, ...], degree: int) -> tuple[float, ...]:
    """Return w with θ(0) = Σ w_l θ(t_l): the least-squares polynomial of a degree through the levels, at zero noise.

    For levels 1, 1.5, 2, 3: (1, 4/7, 1/7, −5/7) for a line, (36, −8, −27, 10)/11 for a parabola; Σw² is 1.86 and 18.1, the
    ratio of the variance of an extrapolated number to that of one level.
    """
    powers = np.vander(np.asarray(levels), degree + 1, increasing=True)
    return tuple(float(value) for value in np.linalg.pinv(powers)[0])


class Simex(ReplicaMode):
    """Replicas around frames x_t that carry t times the noise, t = 1, 1.5, 2, 3 (simulation extrapolation).

    ::

        x_t = clip(round(x + √((t − 1)V(x) − 1/12)·z)),  R_t = clip(round(x_t + K(Poisson(λ) − λ + r))),  λ = max(x_t − o, 0)/K

    with z ~ N(0, 1), r ~ N(0, σ_r), x_1 = x. Replica i belongs to cluster c = i // 5, whose level is c mod 4; each cluster
    has a different x_t. The results of each level (ln σ_raw, centre, D̄, …) are smooth functions of t; the least-squares parabola
    (or line) gives their value at t = 0, where the base has no noise. No denoiser is needed, but variances are 18.1 times (line:
    1.86 times) those of one level.

    Parameters
    ----------
    order : str
        Degree of the polynomial in the noise variance, "quadratic" or "linear".

    References
    ----------
    formula 1; J. R. Cook, L. A. Stefanski, J. Am. Stat. Assoc. 89, 1314–1328 (1994).
    """

    name = "simex"
    parameters = (Parameter("order", str, "quadratic", choices=("quadratic", "linear"), help="polynomial in the noise variance"),)

    def __init__(self, order: str = "quadratic") -> None:
        if order not in ("quadratic", "linear"):
            raise InvalidOption(f"order '{order}'", "quadratic or linear", "choose one of them")
        self.order = order
        self.extrapolation = Extrapolation(LEVELS, weights(LEVELS, 2 if order == "quadratic" else 1), CLUSTER)

    def base(self, frame: NDArray[np.integer], noise_model: CameraNoise, request: ReplicaRequest) -> ReplicaBase:
        """Return how x_t of a cluster is drawn: as camera data, so that its rounding and clipping are those of a frame.

        Parameters as in `ReplicaMode.base`.
        """
        extra = LEVELS[request.start // CLUSTER % len(LEVELS)] - 1.0
        if extra == 0.0:
            return ReplicaBase(frame)
        drawn = np.maximum(extra * noise_model.variance(frame) - QUANTISATION_VARIANCE, 0.0)  # DN²; rounding adds its twelfth
        no_photons = np.zeros(frame.shape)  # all noise is in the normal term
        noise_e = np.sqrt(drawn) / noise_model.gain_dn_per_e
        return ReplicaBase(frame, no_photons, noise_e, domain=f"{self.name}:base", redrawn=self.name)

    def u_mode(self, measurement: Measurement) -> tuple[float, str]:
        """Return the relative standard uncertainty of σ_raw, as measured by kind of measurement."""
        return measured_u_mode(self.name, measurement)
