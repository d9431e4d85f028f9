"""A camera whose every property is known, for demonstrations, tests and coverage studies.

Its acquisition is plain NumPy in float64 and shares nothing with the replica sampler, so that each can judge the other.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sigmaraw.camera import LinearSensor
from sigmaraw.errors import InvalidOption, ShapeMismatch

if TYPE_CHECKING:
    from sigmaraw.camera import CameraProfile

# Each fixed pattern has its own stream, so that adding or removing one leaves the others as they were.
_OFFSET_STREAM, _GAIN_STREAM, _READ_STREAM, _RESPONSE_STREAM = range(4)


@dataclass(frozen=True)
class VirtualCamera(LinearSensor):
    """A linear sensor with fixed pattern, heavy-tailed read noise, dark current, full well and an analogue-digital converter.

    DN = clip(round(o + K·(min(n, w) + r)), 0, 2^bits − 1), n ~ Poisson(p·m + I·t), r ~ N(0, σ_r)

    with m the scene's mean photoelectrons, p the pixel's relative photo response, I dark current, t exposure, w full well.

    Parameters
    ----------
    shape : tuple of int, optional
        (y, x), px.
    gain : float, default 0.46
        K, DN/e-.
    read_noise_e : float, default 1.6
        σ_r, e-, rms over pixels.
    offset_dn : float, default 100.0
        Dark level at zero exposure, DN.
    bits : int, default 12
        1 to 16; up to 8 bits frames are uint8, else uint16.
    prnu_percent : float, default 0.5
        Standard deviation over pixels of the photo response p, %. It multiplies the light, not the converter: `gain_map` does not contain
        it, hence neither does a gain from temporal variance.
    dsnu_e : float, default 0.5
        Standard deviation of its fixed pattern over pixels, e-.
    dark_current_e_per_s : float, default 0.5
        I, e-/s.
    read_noise_tail : float, default 0.3
        Standard deviation of the logarithm of σ_r over pixels (log-normal: 0 is uniform, 0.5 a heavy tail).
    full_well_e : float, optional
        w, e-; None: the converter saturates first.
    gain_spread : float, default 0
        Standard deviation of the gain over pixels, % (0: one converter for all pixels).
    seed : int, default 0
        Seed of the fixed pattern.
    brighter_fatter : float, default 0.0
        a ≤ 0, 1/e-: a pixel that holds more charge than its neighbours loses some to them. Its variance is then (e^{2aλ} − 1)/(2a) e-² at
        rate λ, neighbours covary, and the total keeps all charge; the frame is taken to wrap around.
    break_e : float, optional
        Electrons from which a pixel is read through a second, noisier amplifier of the same DN per electron; None: there is one amplifier.
    noise_above_e : float, default 0
        Noise that the second amplifier adds, e-.

    References
    ----------
    EMVA 1288 r4.0, linear camera model; formula 3.
    """

    shape: tuple[int, int] = (256, 256)
    gain: float = 0.46
    read_noise_e: float = 1.6
    dark_current_e_per_s: float = 0.5
    read_noise_tail: float = 0.3
    full_well_e: float | None = None
    gain_spread: float = 0.0
    seed: int = 0
    brighter_fatter: float = 0.0
    break_e: float | None = None
    noise_above_e: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_from_zero("read_noise_tail", "gain_spread", "noise_above_e")
        if not -1e-3 <= self.brighter_fatter <= 0:
            raise InvalidOption(f"brighter_fatter={self.brighter_fatter}", "1/e- from -0.001 to 0", "correct brighter_fatter")
        if self.break_e is not None and not self.break_e > 0:
            raise InvalidOption(f"break_e={self.break_e}", "electrons above 0, or None", "correct break_e")
        if self.full_well_e is not None and not self.full_well_e > 0:
            raise InvalidOption(f"full_well_e={self.full_well_e}", "electrons above 0, or None", "correct full_well_e")

    # --- truth --------------------------------------------------------------------------------------------------------
    @property
    def dtype(self) -> np.dtype[np.unsignedinteger]:
        """uint8 up to 8 bits, else uint16."""
        return np.dtype(np.uint8 if self.bits <= 8 else np.uint16)

    @property
    def saturation_e(self) -> float:
        """Electrons at which the full well or the converter ends, whichever is first; the fixed pattern left out."""
        converter = (self.full_scale - self.offset_dn) / self.gain
        return converter if self.full_well_e is None else min(converter, self.full_well_e)

    def _pattern(self, stream: int) -> NDArray[np.float64]:
        return np.random.default_rng([self.seed, stream]).standard_normal(self.shape)

    @functools.cached_property
    def gain_map(self) -> NDArray[np.float64]:
        """K of each pixel, (y, x), DN/e-."""
        return _frozen(self.gain * np.maximum(1 + self.gain_spread / 100 * self._pattern(_GAIN_STREAM), 0.05))

    @functools.cached_property
    def offset_map_dn(self) -> NDArray[np.float64]:
        """Dark level of each pixel at zero exposure, (y, x), DN: o + K·DSNU."""
        return _frozen(self.offset_dn + self.gain * self.dsnu_e * self._pattern(_OFFSET_STREAM))

    @functools.cached_property
    def read_noise_map_e(self) -> NDArray[np.float64]:
        """σ_r of each pixel, (y, x), e-: log-normal with root mean square `read_noise_e` in the limit of many pixels.

        For ln σ ~ N(μ, s²), E[σ²] = exp(2μ + 2s²), so μ = ln σ_r − s².
        """
        if self.read_noise_tail == 0 or self.read_noise_e == 0:
            return _frozen(np.full(self.shape, float(self.read_noise_e)))
        s = self.read_noise_tail
        return _frozen(np.exp(math.log(self.read_noise_e) - s * s + s * self._pattern(_READ_STREAM)))

    @functools.cached_property
    def response_map(self) -> NDArray[np.float64]:
        """Relative photo response p of each pixel, (y, x), mean 1 in the limit of many pixels; PRNU lives here."""
        return _frozen(np.maximum(1 + self.prnu_percent / 100 * self._pattern(_RESPONSE_STREAM), 0.0))

    @property
    def read_noise_rms_e(self) -> float:
        """Root mean square over the pixels that this camera really has, e-."""
        return float(np.sqrt(np.mean(self.read_noise_map_e**2)))

    def dark_map_dn(self, exposure_s: float = 0.0) -> NDArray[np.float64]:
        """Mean dark level of each pixel at an exposure, (y, x), DN, before rounding and clipping: o + K·I·t."""
        return self.offset_map_dn + self.gain_map * self.dark_current_e_per_s * exposure_s

    def mean_dn(self, mean_photoelectrons: ArrayLike, exposure_s: float = 0.0) -> NDArray[np.float64]:
        """Mean of each pixel, (y, x), DN, before full well, rounding and clipping."""
        return self.offset_map_dn + self.gain_map * self._rate(mean_photoelectrons, exposure_s)

    def variance_dn2(self, mean_photoelectrons: ArrayLike, exposure_s: float = 0.0) -> NDArray[np.float64]:
        """Temporal variance of each pixel, (y, x), DN²: K²·(rate + σ_r²) + 1/12; full well and clipping left out.

        With brighter-fatter, (e^{2a·rate} − 1)/(2a) stands for the rate; above the break, σ_r² has the second amplifier's added. A
        rate within a few √rate of the break has a mixture of the two, which is left out.
        """
        rate = self._rate(mean_photoelectrons, exposure_s)
        noise = self.read_noise_map_e**2
        if self.break_e is not None:
            noise = noise + np.where(rate > self.break_e, self.noise_above_e**2, 0.0)
        return self.gain_map**2 * (rate * self._kept_variance(rate) + noise) + 1 / 12

    def _kept_variance(self, rate: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share of a Poisson count's variance that stays in the pixel: (e^{2aλ} − 1)/(2aλ)."""
        z = 2 * self.brighter_fatter * rate
        return np.where(z < -1e-9, np.expm1(z) / np.where(z == 0, 1.0, z), 1.0)

    def _repelled(self, electrons: NDArray[np.float64], rate: NDArray[np.float64]) -> NDArray[np.float64]:
        """Let excess charge flow between neighbours: d_i − Σ_j b_ij(d_i − d_j), b from 20b² − 8b + 1 = kept variance."""
        share = (8 - np.sqrt(64 - 80 * (1 - self._kept_variance(rate)))) / 40
        excess, moved = electrons - rate, electrons.copy()
        for axis in (0, 1):
            flow = 0.5 * (share + np.roll(share, 1, axis)) * (excess - np.roll(excess, 1, axis))
            moved += np.roll(flow, -1, axis) - flow
        return moved

    # --- frames -------------------------------------------------------------------------------------------------------
    def _rate(self, mean_photoelectrons: ArrayLike, exposure_s: float) -> NDArray[np.float64]:
        mean = np.asarray(mean_photoelectrons, dtype=np.float64)
        if mean.shape not in ((), tuple(self.shape)):
            raise ShapeMismatch(f"a scene of shape {mean.shape}", f"{tuple(self.shape)} as the camera, or one number", "match them")
        if not np.all(np.isfinite(mean)) or np.any(mean < 0):
            raise InvalidOption("mean photoelectrons below 0 or not finite", "numbers from 0", "correct the scene")
        if not (math.isfinite(exposure_s) and exposure_s >= 0):
            raise InvalidOption(f"exposure_s={exposure_s}", "seconds from 0", "correct the exposure")
        return self.response_map * mean + self.dark_current_e_per_s * exposure_s

    def acquire(
        self, mean_photoelectrons: ArrayLike, n: int, seed: int | Sequence[int], *, exposure_s: float = 0.0
    ) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """Take n independent frames of one static scene.

        Parameters
        ----------
        mean_photoelectrons : array-like
            (y, x) or one number, e-; what this exposure collects where the photo response is 1.
        n : int
            Number of frames.
        seed : int or sequence of int
            Seed of the noise; frame i does not depend on n.
        exposure_s : float, default 0.0
            Exposure, s; it acts on the dark current alone.

        Returns
        -------
        ndarray of uint8 or uint16
            (n, y, x), DN.

        Raises
        ------
        ShapeMismatch, InvalidOption
            A scene of another shape, or a value out of its domain.
        """
        rate = self._rate(mean_photoelectrons, exposure_s)
        if n < 1:
            raise InvalidOption(f"n={n}", "at least 1 frame", "correct n")
        random = np.random.default_rng(seed)
        frames = np.empty((n, *self.shape), self.dtype)
        for frame in frames:
            electrons = random.poisson(rate).astype(np.float64)
            if self.full_well_e is not None:
                electrons = np.minimum(electrons, self.full_well_e)
            if self.brighter_fatter:
                electrons = self._repelled(electrons, rate)
            read = random.normal(0.0, self.read_noise_map_e)
            if self.break_e is not None:
                read += np.where(electrons > self.break_e, random.normal(0.0, self.noise_above_e, self.shape), 0.0)
            signal = self.offset_map_dn + self.gain_map * (electrons + read)
            frame[...] = np.clip(np.rint(signal), 0, self.full_scale).astype(self.dtype)
        return frames

    def truth_profile(self) -> CameraProfile:
        """Return the profile that stated values give: gain, offset, read noise (rms over pixels), bits; no maps."""
        from sigmaraw.camera import CameraProfile

        return CameraProfile.from_values(gain=self.gain, offset=self.offset_dn, read_noise=self.read_noise_rms_e, bits=self.bits)


def _frozen(array: NDArray[np.float64]) -> NDArray[np.float64]:
    array.flags.writeable = False
    return array
