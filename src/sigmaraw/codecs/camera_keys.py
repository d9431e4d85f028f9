"""The camera's values that a codec needs: from keys of its own, else from the camera, and the refusal when it has neither."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Parameter
from sigmaraw.errors import InvalidSpec

if TYPE_CHECKING:
    from sigmaraw.noise import NoiseModel

Value = float | NDArray[np.float64]  # one for all pixels, or one for each, (y, x)

CAMERA_KEYS = (
    Parameter("gain", float, minimum=1e-6, unit="DN/e-", help="system gain K; the camera's unless given"),
    Parameter("offset", float, unit="DN", help="dark level; the camera's unless given"),
    Parameter("read_noise", float, minimum=0, unit="e-", help="temporal dark noise; the camera's unless given"),
)
_OF_THE_MODEL = {"gain": "gain_dn_per_e", "offset": "offset_dn", "read_noise": "read_noise_e"}


def camera_values(
    family: str, noise_model: NoiseModel | None, given: Mapping[str, float | None], bits: int | None
) -> tuple[dict[str, Value], int | None]:
    """Return the values of CAMERA_KEYS, float or a map (y, x) float64, and the bit depth, None where neither key nor camera says it.

    given : the keys' values; what is None is the camera's.

    Raises
    ------
    InvalidSpec : there is no camera, and a key is missing too.
    """
    missing = [key for key, value in given.items() if value is None]
    if noise_model is None and missing:
        raise InvalidSpec(
            f"'{family}' without a camera and without {', '.join(missing)}",
            "a camera, or the keys gain, offset and read_noise",
            f"pass camera=, or write {family}:gain=0.46,offset=100,read_noise=1.6",
        )
    values = {key: _value(getattr(noise_model, _OF_THE_MODEL[key]) if value is None else value) for key, value in given.items()}
    return values, noise_model.bits if bits is None and noise_model is not None else bits


def described(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a codec reports of these values, as JSON: of maps their mean, and that there are some."""
    means = {key: float(np.mean(value)) for key, value in values.items()}
    return {**means, "maps": any(np.ndim(value) > 0 for value in values.values())}


def _value(value: Any) -> Value:
    array = np.asarray(value, dtype=np.float64)
    return array if array.ndim else float(array)
