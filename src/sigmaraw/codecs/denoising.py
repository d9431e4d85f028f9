"""A denoiser that knows the camera's noise, as a processing step."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw import registry
from sigmaraw.codecs.bits import containers, require_bits
from sigmaraw.codecs.camera_keys import CAMERA_KEYS, camera_values, described
from sigmaraw.codecs.processing import Processing
from sigmaraw.contracts import CodecContract, Denoiser, Parameter

if TYPE_CHECKING:
    from sigmaraw.noise import NoiseModel


class Denoising(Processing):
    """Any registered denoiser ("sigmaraw.denoisers"; nlm and dct are built in), after variance stabilisation and back without bias.

    It is the estimate of the noise-free frame that mode `bootstrap` draws from (`sigmaraw.noise.denoise`). The camera's noise is known
    to the denoiser: a camera is needed, or the keys gain, offset and read_noise.

    Reference: SCIENCE 1; M. Mäkitalo, A. Foi 2013 (the inverse); Buades et al. 2011 (nlm).
    """

    name = "denoise"
    parameters = (
        Parameter("method", str, "nlm", help="the denoiser's registered name"),
        *CAMERA_KEYS,
        Parameter("bits", int, minimum=1, maximum=16, unit="bit", help="bit depth; the camera's, else the container's"),
    )
    needs_camera = True
    probes = (("nlm,gain=0.5,offset=100,read_noise=1.6",),)

    def __init__(
        self,
        *,
        noise_model: NoiseModel | None = None,
        method: str = "nlm",
        gain: float | None = None,
        offset: float | None = None,
        read_noise: float | None = None,
        bits: int | None = None,
    ) -> None:
        given = {"gain": gain, "offset": offset, "read_noise": read_noise}
        self.values, self.bits = camera_values(self.name, noise_model, given, bits)
        self.denoiser: Denoiser = registry.load(registry.DENOISERS, method)()
        self.contract = CodecContract(containers(self.bits), lossless=False, guarantee="none: a processing step", processing=True)

    def processed(self, frame: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return the estimate of the noise-free frame, DN. Raises UnsupportedArray for pixels beyond the bit depth."""
        from sigmaraw.noise import NoiseModel
        from sigmaraw.noise.denoise import estimate

        bits = require_bits(self.name, frame, self.bits)
        model = NoiseModel(self.values["gain"], self.values["offset"], self.values["read_noise"], bits)
        return estimate(frame, model, self.denoiser)

    @staticmethod
    def build() -> dict[str, str]:
        """Return the versions that a self-test's result belongs to."""
        return {**Processing.build(), "scikit-image": version("scikit-image")}

    def details(self) -> dict[str, Any]:
        """Return that nothing is coded here, library versions, and the camera's values in use (the means of maps)."""
        return {**super().details(), **described(self.values), "bits": self.bits}
