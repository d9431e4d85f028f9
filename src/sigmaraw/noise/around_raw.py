"""Mode `around-raw`: noise drawn around the raw frame itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import ReplicaMode
from sigmaraw.errors import InvalidOption

if TYPE_CHECKING:
    from sigmaraw.contracts import Measurement
    from sigmaraw.noise.model import NoiseModel

# Measured σ_est/σ_true of this construction, by what is measured (SCIENCE 1, replica modes): a word of the measurement's name, a
# phrase that its definition must have, range, label. The first row that fits is taken; what is not listed gets the widest range.
_COVERAGE = (
    ("count", "", 0.9, 1.4, "count"),
    ("area", "otsu", 1.0, 1.0, "area by Otsu's threshold"),
    ("area", "", 1.0, 1.5, "area by a threshold"),
    ("texture", "", 1.28, 1.28, "texture"),
    ("mean", "mean of all pixels", 1.0, 1.0, "mean of the frame"),
)
_WIDEST = (0.9, 1.5)
_PRINTED = 0.05  # the table gives one decimal: "1.0" means within this


class AroundRaw(ReplicaMode):
    """Replicas around the raw frame x, without a guess of the noise-free one:

        e = (x − o)/K,  e⁺ = max(e, 0),  R = clip(round(x + K(Poisson(e⁺) − e⁺ + r)), lo, hi),  r ~ N(0, σ_r)

    Their mean is x, not μ, also where x lies below the offset; the noise that x already has is counted twice by any feature that
    is not linear in x. Only the converter's own ends clip, as in the camera: a sensor whose offset is within a few σ of DN 0
    shifts the mean there, as its frames do.

    Reference: SCIENCE 1, replica modes.
    """

    name = "around-raw"
    needs_repeats = False

    def blocks(
        self, frame: NDArray[np.integer], model: NoiseModel | None, *, n: int, start: int, group: int, seed: int, batch: int | None
    ) -> Iterator[NDArray[np.integer]]:
        """Yield replicas `start` … `start + n − 1` of `frame`, (y, x) or (z, y, x), in blocks (replica, …) of its dtype, DN.

        Raises
        ------
        InvalidOption : no camera; seed, n, start, group or batch out of its domain.
        NotIntegerData, BitDepthMismatch, ProfileMismatch : the frame is not of this camera.
        """
        from sigmaraw.noise.blocks import sample_blocks  # JAX is loaded when something is drawn, not before

        if model is None:
            raise InvalidOption(f"mode '{self.name}' without a camera", "a camera profile", "give one with --camera")
        model.check_image(frame)
        rate = np.maximum(model.to_electrons(frame), 0.0)
        return sample_blocks(model, frame, rate, n=n, start=start, group=group, seed=seed, batch=batch, domain=self.name, image=frame)

    def u_mode(self, measurement: Measurement) -> tuple[float, str]:
        """Return the relative standard uncertainty of σ_raw due to this construction, and where it comes from.

        The measured range of σ_est/σ_true is taken as a uniform distribution about 1 whose half-width a reaches the end that is
        further from 1: u = a/√3 (JCGM 100 (2008) 4.3.7). Single printed values get the half-width of their last digit.
        """
        words, definition = re.split(r"\W|_", measurement.name.lower()), measurement.definition.lower()
        rows = ((low, high, label) for word, phrase, low, high, label in _COVERAGE if word in words and phrase in definition)
        low, high, label = next(rows, (*_WIDEST, "a measurement that is not in the table: widest range"))
        half_width = max(abs(low - 1), abs(high - 1), _PRINTED)
        measured = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        return half_width / 3**0.5, f"{self.name}, {label}: measured σ_est/σ_true {measured}, uniform about 1 (SCIENCE 1)"
