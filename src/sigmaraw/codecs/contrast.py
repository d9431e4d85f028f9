"""Another contrast: every pixel times a constant, as a processing step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.grades import BITS, SEVERITY, Regrading
from sigmaraw.contracts import Parameter

if TYPE_CHECKING:
    from sigmaraw.noise import NoiseModel


class Contrast(Regrading):
    """x̂ = gain·x, clipped at full scale; the camera's offset is a part of x.

    Severities −5 to 5 of the reference are gains 3.5, 3, 2.5, 2, 1.5, 1, 0.9, 0.8, 0.7, 0.5 and 0.3.

    Reference: H. Pankova, AI-based fluorescent labeling for cell line development, Düsseldorf 2022, eq. 45 and table 9.
    """

    name = "contrast"
    value_name = "gain"
    levels = (3.5, 3.0, 2.5, 2.0, 1.5, 1.0, 0.9, 0.8, 0.7, 0.5, 0.3)
    parameters = (
        Parameter("gain", float, None, minimum=0, maximum=1000, unit="1", help="by what every pixel is multiplied"),
        SEVERITY,
        BITS,
    )
    probes = (("severity=5",), ("severity=-5",), ("gain=1",))

    def __init__(
        self, *, gain: float | None = None, severity: int | None = None, bits: int | None = None, noise_model: NoiseModel | None = None
    ) -> None:
        super().__init__(value=gain, severity=severity, bits=bits, noise_model=noise_model)

    def regraded(self, levels: NDArray[np.float64], full: int) -> NDArray[np.float64]:
        """Return gain·x, DN."""
        return levels * self.value
