"""A scale of levels on which the camera's noise has standard deviation 1 everywhere, for quantisers that count steps of noise.

With z = (x − o)/K the signal in e⁻, c = 3/8 + σ_r² and T the variance-stabilising transform of the camera's transfer curve:

    y = T(z) where z + c ≥ 1,  y = T(1 − c) + (z + c − 1) below

For a straight curve T = 2√(z + c), so that y = 2√s from s = z + c = 1 on and 1 + s below: defined and invertible for signals of any sign.
Beyond the level to which a bent curve was calibrated y goes on as a straight line, in units of the noise there.

Reference: formula 5, the noise-aware quantiser.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sigmaraw.noise.model import NoiseModel
    from sigmaraw.noise.transfer import TransferCurve


@dataclass(frozen=True)
class UnitScale:
    """The scale of one camera.

    Parameters
    ----------
    noise_model : NoiseModel
        The camera; where it has maps, levels are (y, x) or broadcast against them.
    """

    noise_model: NoiseModel

    def steps(self, level_dn: Any) -> NDArray[np.float64]:
        """Return y, in standard deviations of the noise.

        Parameters
        ----------
        level_dn : array_like
            Levels x, DN.
        """
        camera, c = self.noise_model, self._constant
        signal = (level_dn - camera.offset_dn) / camera.gain_dn_per_e
        shifted = np.asarray(signal + c, dtype=np.float64)
        if camera.curve is None:
            return np.where(shifted >= 1, 2 * np.sqrt(np.maximum(shifted, 1)), 1 + shifted)
        curve, gain = camera.curve, camera.gain_dn_per_e
        low, high = self._ends()
        inside = curve.stabilise(np.clip(signal, low, high), gain, c)
        beyond = np.maximum(signal - high, 0.0) / self._noise_e(curve, high)
        return np.asarray(inside + beyond + np.minimum(shifted - 1, 0.0))

    def level_dn(self, steps: NDArray[np.floating], variance: float = 0.0) -> NDArray[np.float64]:
        """Return the level of y in DN, neither rounded nor clipped.

        Parameters
        ----------
        steps : ndarray
            Values y, in standard deviations of the noise.
        variance : float
            Variance of an unbiased error of y; its mean shift, variance·W′(z)/4 e⁻ with W = z·v + c, is subtracted.
        """
        camera, c = self.noise_model, self._constant
        gain, correction = camera.gain_dn_per_e, variance / 4
        if camera.curve is None:
            signal = np.where(steps >= 2, steps * steps / 4 - correction, steps - 1) - c
            return np.asarray(camera.offset_dn + gain * signal)
        curve = camera.curve
        low, high = self._ends()
        first, last = (curve.stabilise(end, gain, c) for end in (low, high))
        inside = curve.unstabilise(np.clip(steps, first, last), gain, c)
        signal = np.where(steps >= first, inside - correction * curve.relative_slope(gain * inside), low + (steps - first))
        beyond = high + (steps - last) * self._noise_e(curve, high)
        return camera.to_dn(np.where(steps > last, beyond, signal))

    @property
    def _constant(self) -> Any:
        """c, e⁻²."""
        return 0.375 + np.square(self.noise_model.read_noise_e)

    def _ends(self) -> tuple[Any, Any]:
        """Return the signals, e⁻, between which a bent curve is followed."""
        camera = self.noise_model
        top_dn = float(camera.hi_dn) if camera.highest_dn is None else min(camera.highest_dn, float(camera.hi_dn))
        low = 1 - self._constant
        return low, np.maximum(camera.to_electrons(top_dn), low)

    def _noise_e(self, curve: TransferCurve, signal_e: Any) -> NDArray[np.float64]:
        """Return √W, e⁻, the noise of a signal with the transform's constant for the electronics."""
        gain = self.noise_model.gain_dn_per_e
        return np.sqrt(np.maximum(signal_e, 0.0) * curve.relative_variance(gain * signal_e) + self._constant)
