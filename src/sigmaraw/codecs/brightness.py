"""Another brightness: a constant added to every pixel, as a processing step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.grades import BITS, SEVERITY, Regrading
from sigmaraw.contracts import Parameter

if TYPE_CHECKING:
    from sigmaraw.noise import NoiseModel


class Brightness(Regrading):
    """x̂ = x + bias, clipped at 0 and at full scale.

    Severities −5 to 5 of the reference are −150, −135, −120, −90, −50, 0, 50, 90, 120, 135 and 150 levels of 8 bit: here that share
    (of 255) of the full scale.

    Reference: H. Pankova, AI-based fluorescent labeling for cell line development, Düsseldorf 2022, eq. 44 and table 9.
    """

    name = "brightness"
    value_name = "bias"
    levels = (-150.0, -135.0, -120.0, -90.0, -50.0, 0.0, 50.0, 90.0, 120.0, 135.0, 150.0)
    parameters = (
        Parameter("bias", float, None, minimum=-65535, maximum=65535, unit="DN", help="what is added to every pixel"),
        SEVERITY,
        BITS,
    )
    probes = (("severity=5",), ("severity=-5",), ("bias=0",))

    def __init__(
        self, *, bias: float | None = None, severity: int | None = None, bits: int | None = None, noise_model: NoiseModel | None = None
    ) -> None:
        super().__init__(value=bias, severity=severity, bits=bits, noise_model=noise_model)

    def regraded(self, levels: NDArray[np.float64], full: int) -> NDArray[np.float64]:
        """Return x + bias, DN."""
        return levels + (self.value if self.severity is None else self.value / 255 * full)
