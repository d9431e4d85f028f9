"""Mode `mean-n`: noise drawn around the mean of a few real repeats."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Diagnostic, ReplicaBase, ReplicaMode
from sigmaraw.noise.coverage import measured_u_mode
from sigmaraw.noise.model import QUANTISATION_VARIANCE
from sigmaraw.noise.repeat_checks import repeat_checks
from sigmaraw.noise.repeats import check_repeats

if TYPE_CHECKING:
    from sigmaraw.contracts import CameraNoise, Measurement, ReplicaRequest


class MeanN(ReplicaMode):
    """Replicas around the mean x̄ of n repeats of a static scene, with the noise that averaging has removed.

    ::

        R = clip(round(x̄ + √(V(x̄)(1 − 1/n) − 1/12)·z), lo, hi),  z ~ N(0, 1)

    x̄ keeps V/n of the noise, so that x̄ and R together vary by V, as frames do; given x̄, replicas vary by V(1 − 1/n), which
    `spread_factor` corrects. The 1/12 DN² that V holds for the converter's rounding is not drawn, since rounding adds it.
    The noise is normal: it lacks the skewness that a frame's noise has at a few electrons.

    References
    ----------
    formula 1, replica modes.
    """

    name = "mean-n"
    needs_repeats = True
    minimum_repeats = 2  # of one frame 1 − 1/n leaves nothing to draw

    def base(self, frame: NDArray[np.integer], noise_model: CameraNoise, request: ReplicaRequest) -> ReplicaBase:
        """Return x̄ and the noise that averaging has removed; parameters as in `ReplicaMode.base`."""
        mean = frame.mean(axis=0, dtype=np.float64)
        drawn = np.maximum(noise_model.variance(mean) * (1 - 1 / len(frame)) - QUANTISATION_VARIANCE, 0.0)  # DN²
        no_photons = np.zeros_like(mean)  # all noise is in the normal term
        return ReplicaBase(mean, no_photons, np.sqrt(drawn) / noise_model.gain_dn_per_e)

    def diagnostics(self, frame: NDArray[np.integer], noise_model: CameraNoise) -> tuple[Diagnostic, ...]:
        """Return whether the repeats vary as the camera's noise does, and whether they drift."""
        return repeat_checks(frame, noise_model)

    def u_mode(self, measurement: Measurement) -> tuple[float, str]:
        """Return the relative standard uncertainty of σ_raw, as measured by kind of measurement."""
        return measured_u_mode(self.name, measurement)

    def spread_factor(self, frame: NDArray[np.integer]) -> float:
        """Return √(n/(n − 1)) for n repeats, the first axis of `frame`. Raises InsufficientRepeats, ShapeMismatch."""
        repeats = check_repeats(frame, self.minimum_repeats)
        return math.sqrt(repeats / (repeats - 1))
