"""The noise of MRI magnitude images: Rician, of one stated σ."""

from __future__ import annotations

import hashlib
import math
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeGuard

import numpy as np
from numpy.typing import NDArray

from sigmaraw import registry
from sigmaraw.contracts import Diagnostic, Parameter, ReplicaBase, ReplicaMode
from sigmaraw.errors import InvalidOption, NotIntegerData
from sigmaraw.noise import rice
from sigmaraw.noise.model import QUANTISATION_VARIANCE, U_STATED, NoiseModel
from sigmaraw.quantities import TABLE
from sigmaraw.record.camera import RICIAN, CameraRow, ScalarRow

if TYPE_CHECKING:
    from sigmaraw.noise.blocks import Drawn

NAME = "rician"
"""First word of the specification that stands in place of a camera: ``rician:sigma=12.5,se=0.2``."""
PARAMETERS = (
    Parameter("sigma", float, required=True, minimum=0.0, unit="DN", help="standard deviation of the noise in either channel"),
    Parameter("se", float, None, minimum=0.0, unit="DN", help="its standard error; where none is stated u of σ_raw is at least 0.1"),
)
MASKED = "masked_background"
"""Name of the check that the background was not set to 0; where it fails σ_raw is overstated."""
_CHANCE = 4.0  # standard errors by which the share of zeros may exceed what noise makes
_FEW_ZEROS = 1e-3  # share of pixels


@dataclass(frozen=True, eq=False)
class RicianNoise(NoiseModel):
    """Magnitude images: DN = clip(round(√((A + n₁)² + n₂²)), 0, hi), n₁, n₂ ~ N(0, σ), with A ≥ 0 the amplitude without noise.

    E[DN²] = A² + 2σ²: the mean m of a pixel lies above its amplitude, by √(π/2)·σ where there is no signal. A level m of this class is
    that mean, as everywhere; A follows from it by Rice's law, so that replicas have the image's bias and not twice it. Make one with
    `stated`.

    References
    ----------
    formula 1.1; H. Gudbjartsson, S. Patz, Magn. Reson. Med. 34, 910–914 (1995).

    Examples
    --------
    >>> noise = RicianNoise.stated(10.0, se_dn=0.2, bits=12)
    >>> round(float(noise.variance(1000.0)), 1), round(float(noise.variance(12.5)), 1)
    (100.0, 43.0)
    """

    of_sensor: ClassVar[bool] = False

    @classmethod
    def stated(cls, sigma_dn: float, *, se_dn: float | None = None, bits: int = 16) -> RicianNoise:
        """Return Rician noise of a stated σ.

        Parameters
        ----------
        sigma_dn : float
            σ, DN, standard deviation of the noise in the real and in the imaginary channel; above 0.
        se_dn : float, optional
            Its standard error, DN. Without one u(σ_raw) is 0.1 at least.
        bits : int, default 16
            Bit depth of the images, 1 to 16.

        Returns
        -------
        RicianNoise
            For images of any shape.

        Raises
        ------
        InvalidOption
            σ or its standard error is out of its domain.
        """
        if not (math.isfinite(sigma_dn) and sigma_dn > 0):
            raise InvalidOption(f"Rician noise with sigma {sigma_dn:g} DN", "a finite number above 0", "state the noise of the images")
        if se_dn is not None and not (math.isfinite(se_dn) and se_dn >= 0):
            raise InvalidOption(f"Rician noise with se {se_dn:g} DN", "a finite number from 0", "correct it, or leave it out")
        u_least, u_sigma = (U_STATED, 0.0) if se_dn is None else (0.0, float(se_dn))
        return cls(gain_dn_per_e=1.0, offset_dn=0.0, read_noise_e=float(sigma_dn), bits=bits, u_read_noise=u_sigma, u_least=u_least)

    @property
    def sigma_dn(self) -> float:
        """σ, DN, of the real and of the imaginary channel."""
        return float(self.read_noise_e)

    def of_image(self, bits: int, shift: int = 0) -> RicianNoise:
        """Return the same noise for an image of this bit depth.

        Parameters
        ----------
        bits : int
            Bit depth of the image.
        shift : int, default 0
            What was added to its values, DN.

        Raises
        ------
        NotIntegerData
            Values were shifted: a magnitude is not negative.
        """
        if shift:
            raise NotIntegerData(
                f"an image stored with an offset of {-shift} DN as a magnitude image",
                "magnitudes, whose stored value without signal is 0",
                "give the magnitude as the scanner stored it, or use --camera none",
            )
        return replace(self, bits=bits, hi_dn=(1 << bits) - 1)

    # --- what stands for a camera profile in a study ------------------------------------------------------------------
    @property
    def header_settings(self) -> dict[str, str]:
        """Nothing: no header says which noise an image has."""
        return {}

    def digest(self) -> str:
        """Return the SHA-256 of σ and what else decides how images vary."""
        return self.fingerprint().hex()

    def row(self) -> CameraRow:
        """Return the record's `camera`: that there is none, and the stated σ."""
        quantity = TABLE["rician_sigma"]
        error = None if self.u_least else self.u_read_noise
        sigma = ScalarRow(value=self.sigma_dn, se=error, unit=quantity.unit, symbol=quantity.symbol, definition=quantity.definition)
        notes = (
            "Rician noise of one σ in the whole image: a single coil, or coils combined with their phases. Root-sum-of-squares images of "
            "several coils, and accelerated ones whose noise differs from place to place, are not of this kind",
            "the uncertainty of the replica mode (u_mode) was measured on simulated cameras' frames, not on magnitude images",
        )
        return CameraRow(
            calibrated=False, source=RICIAN, bits=self.bits, valid_range_dn=(0, self.hi_dn), scalars={"rician_sigma": sigma}, notes=notes
        )

    # --- noise --------------------------------------------------------------------------------------------------------
    def fingerprint(self) -> bytes:
        """Return the SHA-256 of every value that decides how images vary."""
        return hashlib.sha256(b"rician" + super().fingerprint()).digest()

    def variance(self, level_dn: Any) -> NDArray[np.float64]:
        """Return V(m) = σ²·g(m/σ) + 1/12, DN²: (2 − π/2)σ² without signal, σ² where the signal is strong.

        Parameters
        ----------
        level_dn : array_like
            Means m of magnitudes, (…, y, x) or a number, DN.
        """
        return np.asarray(self.sigma_dn**2 * rice.variance_at(np.asarray(level_dn) / self.sigma_dn) + QUANTISATION_VARIANCE)

    def amplitude(self, level_dn: Any) -> NDArray[np.float64]:
        """Return A, DN, of means m of magnitudes, (…, y, x), DN; 0 where m is at most √(π/2)·σ."""
        return self.sigma_dn * rice.amplitude_at(np.asarray(level_dn) / self.sigma_dn)

    def stabilise(self, level_dn: Any) -> NDArray[np.float64]:
        """Return ∫dm/√V(m), values whose noise has a standard deviation near 1; parameters as in `variance`."""
        return self._stabiliser.of(np.asarray(level_dn) / self.sigma_dn)

    def unstabilise(self, stabilised: Any) -> NDArray[np.float64]:
        """Return the magnitude, DN, that `stabilise` takes to these values."""
        return self.sigma_dn * self._stabiliser.inverse(stabilised)

    def straightened(self, stabilised: Any) -> NDArray[np.float64]:
        """Return the values as they are: the law has one form for all σ."""
        return np.asarray(stabilised, dtype=np.float64)

    def level_of_mean(self, stabilised: Any) -> NDArray[np.float64]:
        """Return the mean m of magnitudes, DN, whose stabilised values have this mean."""
        return self.sigma_dn * self._stabiliser.mean_at(stabilised)

    def with_one_read_noise(self) -> RicianNoise:
        """Return the same noise: σ is one number."""
        return self

    @property
    def _stabiliser(self) -> rice.Stabiliser:
        return rice.Stabiliser(QUANTISATION_VARIANCE / self.sigma_dn**2)

    def relative_spread_uncertainty(self, image_dn: Any) -> float:
        """Return u of √V from u(σ), a bare number: u(σ)/σ, which it is in air and in strong signals, and less between; `u_least` at least.

        Parameters
        ----------
        image_dn : array_like
            Image (…, y, x), DN; not used, since σ is one number.
        """
        return max(self.u_read_noise / self.sigma_dn, self.u_least)

    def diagnostics(self, image_dn: Any) -> tuple[Diagnostic, ...]:
        """Return a failed check where more pixels are exactly 0 than noise makes so: their background was cut out.

        P(DN = 0) = 1 − exp(−1/(8σ²)) without signal, and less with it.

        Parameters
        ----------
        image_dn : array_like
            Image (…, y, x), DN.
        """
        image = np.asarray(image_dn)
        share = float(np.mean(image == 0))
        expected = -math.expm1(-0.125 / self.sigma_dn**2)
        limit = expected + _CHANCE * math.sqrt(expected / image.size) + _FEW_ZEROS
        if share <= limit:
            return ()
        text = (
            f"{share:.1%} of the pixels are 0, and Rician noise makes at most {limit:.1%} so: the background was set to 0, and replicas "
            "have noise there. Give the image before it was masked"
        )
        return (Diagnostic(MASKED, share, 0.0, limit, "share of pixels that are 0", text),)

    def check_mode(self, mode: ReplicaMode) -> None:
        """Refuse modes that draw normal noise of their own. Raises InvalidOption."""
        if mode.draws_noise and (mode.extrapolation is not None or mode.needs_repeats):
            raise InvalidOption(
                f"mode {mode.name} with Rician noise",
                "bootstrap, around-raw or repeats",
                "choose one of these: it draws normal noise",
            )

    def sampler(self, base: ReplicaBase, part: slice, key: Any, first_pixel: int) -> Drawn:
        """Return what draws the magnitudes of a part of the image; parameters as in `NoiseModel.sampler`."""
        from sigmaraw.noise.rician_sampler import RicianSampler

        amplitude = self.amplitude(base.level_dn[part])
        return RicianSampler(amplitude, self.sigma_dn, key, first_pixel, hi=self.hi_dn, dtype=self.dtype)


def is_rician(camera: Any) -> TypeGuard[str | os.PathLike[str] | RicianNoise]:
    """Return whether what stands in place of a camera states Rician noise: a specification, or the object."""
    if isinstance(camera, RicianNoise):
        return True
    return isinstance(camera, str | os.PathLike) and os.fspath(camera).partition(":")[0] == NAME


def rician_of(camera: str | os.PathLike[str] | RicianNoise) -> RicianNoise:
    """Return the noise that a specification states, for images of 16 bits.

    Parameters
    ----------
    camera : str, path or RicianNoise
        ``rician:sigma=12.5,se=0.2``, both DN; or the noise itself.

    Raises
    ------
    InvalidSpec, InvalidOption
        The specification is not of this form, or a number is out of its domain.

    Examples
    --------
    >>> rician_of("rician:sigma=12.5,se=0.2").sigma_dn
    12.5
    """
    if isinstance(camera, RicianNoise):
        return camera
    settings = registry.typed(registry.parse_step(os.fspath(camera)), PARAMETERS)
    return RicianNoise.stated(settings["sigma"], se_dn=settings["se"])
