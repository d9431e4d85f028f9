"""The keys by which a codec takes a camera's values itself, and the refusal when it has neither them nor a camera."""

from __future__ import annotations

from collections.abc import Mapping

from sigmaraw.contracts import Parameter
from sigmaraw.errors import InvalidSpec

CAMERA_KEYS = (
    Parameter("gain", float, minimum=1e-6, unit="DN/e-", help="system gain K; the camera's unless given"),
    Parameter("offset", float, unit="DN", help="dark level; the camera's unless given"),
    Parameter("read_noise", float, minimum=0, unit="e-", help="temporal dark noise; the camera's unless given"),
)


def require_camera(family: str, noise_model: object | None, given: Mapping[str, float | None]) -> None:
    """Raise InvalidSpec when there is no camera and a key of CAMERA_KEYS is missing too."""
    missing = [key for key, value in given.items() if value is None]
    if noise_model is None and missing:
        raise InvalidSpec(
            f"'{family}' without a camera and without {', '.join(missing)}",
            "a camera, or the keys gain, offset and read_noise",
            f"pass camera=, or write {family}:gain=0.46,offset=100,read_noise=1.6",
        )
