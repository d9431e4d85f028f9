"""A denoiser that knows the camera's noise, as a processing step."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.bits import containers, require_bits
from sigmaraw.codecs.camera_keys import CAMERA_KEYS, camera_model, described, require_fit
from sigmaraw.codecs.processing import Processing
from sigmaraw.contracts import CodecContract, Denoiser, Parameter
from sigmaraw.extras import version
from sigmaraw.noise.bootstrap import DEFAULT_DENOISER
from sigmaraw.noise.denoise import denoiser_of, estimate

if TYPE_CHECKING:
    from sigmaraw.noise import NoiseModel


class Denoising(Processing):
    """Any registered denoiser ("sigmaraw.denoisers"; dct and nlm are built in), after variance stabilisation and back without bias.

    It is the estimate of the noise-free frame that mode `bootstrap` draws around (`sigmaraw.noise.denoise`), by default with the same
    denoiser. The denoiser knows the camera's noise: a camera is needed, or the keys gain, offset and read_noise.

    Reference: formula 1; M. Mäkitalo, A. Foi 2013 (the inverse); Buades et al. 2011 (nlm).
    """

    name = "denoise"
    parameters = (
        Parameter("method", str, DEFAULT_DENOISER, help="a registered denoiser, or package.module:function"),
        *CAMERA_KEYS,
        Parameter("bits", int, minimum=1, maximum=16, unit="bit", help="bit depth; the camera's, else the container's"),
    )
    needs_camera = True
    probes = (tuple(f"{method},gain=0.5,offset=100,read_noise=1.6" for method in ("nlm", "dct")),)

    def __init__(
        self,
        *,
        noise_model: NoiseModel | None = None,
        method: str = DEFAULT_DENOISER,
        gain: float | None = None,
        offset: float | None = None,
        read_noise: float | None = None,
        bits: int | None = None,
    ) -> None:
        given = {"gain": gain, "offset": offset, "read_noise": read_noise}
        self.noise_model, self.bits = camera_model(self.name, noise_model, given, bits)
        self.denoiser: Denoiser = denoiser_of(method)
        self.contract = CodecContract(containers(self.bits), lossless=False, guarantee="none: a processing step", processing=True)

    def processed(self, frame: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return the estimate of the noise-free frame, DN.

        Raises UnsupportedArray for pixels beyond the bit depth, or a camera whose maps do not fit.
        """
        bits = require_bits(self.name, frame, self.bits)
        require_fit(self.name, frame, self.noise_model)
        camera = self.noise_model if self.bits is not None else dataclasses.replace(self.noise_model, bits=bits, hi_dn=(1 << bits) - 1)
        return estimate(frame, camera, self.denoiser)

    @staticmethod
    def build() -> dict[str, str]:
        """Return the versions that a self-test's result belongs to."""
        return {**Processing.build(), "scikit-image": version("scikit-image")}

    def details(self) -> dict[str, Any]:
        """Return that nothing is coded here, library versions, and the camera's values in use (the means of maps)."""
        return {**super().details(), **described(self.noise_model), "bits": self.bits}
