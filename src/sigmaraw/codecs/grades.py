"""What steps share that change grey levels: arithmetic wide enough, and clipping at the camera's full scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.bits import require_bits
from sigmaraw.codecs.processing import Processing
from sigmaraw.codecs.rounding import to_pixels
from sigmaraw.contracts import CodecContract, Parameter
from sigmaraw.errors import InvalidSpec

if TYPE_CHECKING:
    from sigmaraw.noise import NoiseModel

SEVERITY = Parameter("severity", int, None, minimum=-5, maximum=5, unit="1", help="-5 to 5 as in the reference, 0 changes nothing")
BITS = Parameter(
    "bits", int, minimum=1, maximum=16, unit="bit", help="bit depth, at whose full scale is clipped; the camera's, else the container's"
)


class Regrading(Processing):
    """A step that maps each grey level to another; rounded to whole DN and clipped to 0 … 2^bits − 1, so that nothing wraps around.

    A family gives `name`, `parameters`, `value_name`, `levels` (of severities −5 to 5) and `regraded`.
    """

    value_name: str
    levels: tuple[float, ...]
    takes_camera = True
    contract = CodecContract(("uint8", "uint16"), lossless=False, guarantee="none: a processing step", processing=True, regrades=True)

    def __init__(self, *, value: float | None, severity: int | None, bits: int | None, noise_model: NoiseModel | None) -> None:
        if (value is None) == (severity is None):
            raise InvalidSpec(
                f"'{self.name}' with {'both' if severity is not None else 'neither'} of {self.value_name} and severity",
                "one of the two",
                f"write {self.name}:{self.value_name}=… or {self.name}:severity=…",
            )
        self.severity = severity
        self.value = float(value) if value is not None else self.levels[(severity or 0) + 5]
        self.bits = bits if bits is not None or noise_model is None else noise_model.bits

    def regraded(self, levels: NDArray[np.float64], full: int) -> NDArray[np.float64]:
        """Return the new grey levels, DN, before rounding; `full` is the full scale, DN."""
        raise NotImplementedError

    def processed(self, frame: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return the frame(s) with new grey levels, DN, before rounding."""
        return self.regraded(frame.astype(np.float64), self._full(frame))

    def forward(self, frame: NDArray[np.integer]) -> tuple[NDArray[np.integer], bytes]:
        """Return the frame with new grey levels, clipped at full scale. Raises UnsupportedArray for pixels beyond the bit depth."""
        full = self._full(frame)
        return to_pixels(self.name, self.regraded(frame.astype(np.float64), full), frame.dtype, full), b""

    def _full(self, frame: NDArray[np.integer]) -> int:
        return (1 << require_bits(self.name, frame, self.bits)) - 1

    def details(self) -> dict[str, Any]:
        """Return that nothing is coded here, and the bit depth whose full scale clips."""
        return {**super().details(), "bits": self.bits}
