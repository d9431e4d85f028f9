"""The camera that a codec needs: the one that was given, with the values that the specification states in place of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Parameter
from sigmaraw.errors import InvalidSpec, UnsupportedArray

if TYPE_CHECKING:
    from sigmaraw.noise import NoiseModel

CAMERA_KEYS = (
    Parameter("gain", float, minimum=1e-6, unit="DN/e-", help="system gain K of a straight camera; the camera's own curve unless given"),
    Parameter("offset", float, unit="DN", help="dark level; the camera's unless given"),
    Parameter("read_noise", float, minimum=0, unit="e-", help="temporal dark noise; the camera's unless given"),
)
_FIELDS = {"gain": "gain_dn_per_e", "offset": "offset_dn", "read_noise": "read_noise_e"}
_ANY_BITS = 16  # where neither key nor camera says it


def camera_model(
    family: str, noise_model: NoiseModel | None, given: Mapping[str, float | None], bits: int | None
) -> tuple[NoiseModel, int | None]:
    """Return the noise model that a codec works with.

    A stated gain is that of a straight camera: the calibrated transfer curve belongs to the calibrated gain, and goes with it.

    Parameters
    ----------
    family : str
        The codec family's name, for the refusal.
    noise_model : NoiseModel or None
        The camera, where there is one.
    given : mapping of str to float or None
        The values of CAMERA_KEYS; what is None is the camera's.
    bits : int or None
        Bit depth that the specification states; None takes the camera's.

    Returns
    -------
    noise_model : NoiseModel
        The camera with the stated values in it.
    bits : int or None
        Bit depth, None where neither key nor camera says it.

    Raises
    ------
    InvalidSpec
        There is no camera, and a key is missing too.
    """
    from sigmaraw.noise import NoiseModel

    missing = [key for key, value in given.items() if value is None]
    if noise_model is None:
        if missing:
            raise InvalidSpec(
                f"'{family}' without a camera and without {', '.join(missing)}",
                "a camera, or the keys gain, offset and read_noise",
                f"pass camera=, or write {family}:gain=0.46,offset=100,read_noise=1.6",
            )
        gain, offset, read_noise = (_number(given[key]) for key in _FIELDS)
        return NoiseModel(gain, offset, read_noise, bits or _ANY_BITS), bits
    stated: dict[str, Any] = {_FIELDS[key]: _number(value) for key, value in given.items() if value is not None}
    if "gain_dn_per_e" in stated:
        stated |= {"curve": None, "highest_dn": None}
    if bits is not None:
        stated |= {"bits": bits, "hi_dn": min(noise_model.hi_dn, (1 << bits) - 1)}
    return dataclasses.replace(noise_model, **stated), noise_model.bits if bits is None else bits


def require_fit(name: str, frame: NDArray[np.integer], noise_model: NoiseModel) -> None:
    """Refuse frames (…, y, x) that the camera's maps do not fit. Raises UnsupportedArray."""
    if noise_model.shape is not None and noise_model.shape != frame.shape[-2:]:
        raise UnsupportedArray(
            f"a frame of shape {frame.shape} given to '{name}' with camera maps of shape {noise_model.shape}",
            "frames of the maps' shape",
            "pass a camera cut to the frame, or its scalars",
        )


def described(noise_model: NoiseModel) -> dict[str, Any]:
    """Return what a codec reports of its camera, as JSON: of maps their mean, and that there are some; of a bent curve its values."""
    values = {key: float(np.mean(getattr(noise_model, field))) for key, field in _FIELDS.items()}
    return {**values, "maps": noise_model.shape is not None, **curve_described(noise_model)}


def curve_described(noise_model: NoiseModel) -> dict[str, Any]:
    """Return what a codec reports of a bent transfer curve, as JSON; nothing of a straight one."""
    curve: Any = noise_model.curve
    return {} if curve is None else {"transfer_curve": {"kind": type(curve).__name__, **dataclasses.asdict(curve)}}


def _number(value: float | None) -> float:
    """Return a value that is known to be stated."""
    assert value is not None
    return float(value)
