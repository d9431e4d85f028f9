"""Rice's law in units of σ: the magnitude M = √((A + n₁)² + n₂²) of a complex signal A with normal noise, n ~ N(0, 1) each.

    E[M²] = A² + 2,  t = E[M] = √(π/2)·L(−A²/2),  g = Var M = 2 + A² − t²

L is Laguerre's function of order ½. A mean t below √(π/2), which a few noisy pixels may have, stands for A = 0.

References: S. O. Rice, Bell Syst. Tech. J. 24, 46–156 (1945); C. G. Koay, P. J. Basser, J. Magn. Reson. 179, 317–322 (2006).
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

RAYLEIGH_MEAN = math.sqrt(math.pi / 2)
"""E[M]/σ without signal."""
RAYLEIGH_VARIANCE = 2 - math.pi / 2
"""Var M/σ² without signal."""
_TOP = 40.0  # amplitude in σ from which the expansion in 1/A serves: its error is 1e-6 there
_NODES = 4000
_STEP, _REACH = 0.02, 9.0  # of the integral over M, σ


def mean_of(amplitude: Any) -> NDArray[np.float64]:
    """Return E[M]/σ of amplitudes A/σ, any shape."""
    half = np.square(np.asarray(amplitude, dtype=np.float64)) / 4
    return np.asarray(RAYLEIGH_MEAN * ((1 + 2 * half) * special.i0e(half) + 2 * half * special.i1e(half)))


@functools.cache
def _table() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return amplitudes, closer where they are small, with their means t and variances g."""
    amplitude = _TOP * np.linspace(0.0, 1.0, _NODES) ** 1.5
    mean = mean_of(amplitude)
    return amplitude, mean, 2 + amplitude**2 - mean**2


def variance_at(mean: Any) -> NDArray[np.float64]:
    """Return g = Var M/σ² of means t = E[M]/σ, any shape; below √(π/2) that of no signal."""
    t = np.asarray(mean, dtype=np.float64)
    _, known, variance = _table()
    return np.where(t < known[-1], np.interp(t, known, variance), 1 - 0.5 / np.square(np.maximum(t, 1.0)))


def amplitude_at(mean: Any) -> NDArray[np.float64]:
    """Return A/σ of means t = E[M]/σ, any shape: √max(t² + g − 2, 0), the bias of the magnitude taken away."""
    t = np.maximum(np.asarray(mean, dtype=np.float64), RAYLEIGH_MEAN)
    return np.sqrt(np.maximum(np.square(t) + variance_at(t) - 2, 0.0))


@dataclass(frozen=True)
class Stabiliser:
    """The transform y(t) = ∫dt/√(g + q) that gives magnitudes noise of standard deviation 1, and its unbiased inverse.

    Parameters
    ----------
    rounding : float
        q, the variance of rounding in units of σ², a bare number.
    """

    rounding: float

    def of(self, magnitude: Any) -> NDArray[np.float64]:
        """Return y of magnitudes M/σ, any shape; straight below √(π/2) and above 40 σ."""
        t, y, _ = _stabilised(self.rounding)
        return _through(np.asarray(magnitude, dtype=np.float64), t, y, self._slopes)

    def inverse(self, stabilised: Any) -> NDArray[np.float64]:
        """Return M/σ of y, any shape; for a mean of stabilised values it is biased."""
        t, y, _ = _stabilised(self.rounding)
        low, high = self._slopes
        return _through(np.asarray(stabilised, dtype=np.float64), y, t, (1 / low, 1 / high))

    def mean_at(self, stabilised: Any) -> NDArray[np.float64]:
        """Return t = E[M]/σ of the magnitudes whose y have this mean, any shape: the exact unbiased inverse, from a table.

        Reference: A. Foi, ISBI 2011, 1809–1814.
        """
        t, _, expected = _stabilised(self.rounding)
        low, high = self._slopes
        return _through(np.asarray(stabilised, dtype=np.float64), expected, t, (1 / low, 1 / high))

    @property
    def _slopes(self) -> tuple[float, float]:
        return (RAYLEIGH_VARIANCE + self.rounding) ** -0.5, (1 + self.rounding) ** -0.5


@functools.lru_cache(maxsize=16)
def _stabilised(rounding: float) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return means t with y(t) and E[y(M)]; y(√(π/2)) is √(π/2)/√(g + q)."""
    amplitude, t, variance = _table()
    rate = 1 / np.sqrt(variance + rounding)
    y = t[0] * rate[0] + np.concatenate([[0.0], np.cumsum(np.diff(t) * (rate[1:] + rate[:-1]) / 2)])
    slopes = float(rate[0]), (1 + rounding) ** -0.5
    few = np.linspace(0, len(t) - 1, 200).astype(int)
    expected = np.array([_expectation(a, t, y, slopes) for a in amplitude[few]])
    return t, y, y + np.interp(t, t[few], expected - y[few])


def _expectation(amplitude: float, t: NDArray[np.float64], y: NDArray[np.float64], slopes: tuple[float, float]) -> float:
    """Return E[y(M)] by the sum over M of Rice's density, which vanishes at both ends."""
    magnitude = np.arange(max(amplitude - _REACH, 0.0) + _STEP / 2, amplitude + _REACH, _STEP)
    density = magnitude * np.exp(-np.square(magnitude - amplitude) / 2) * special.i0e(magnitude * amplitude)
    return float(np.sum(density * _through(magnitude, t, y, slopes)) / np.sum(density))


def _through(
    x: NDArray[np.float64], known: NDArray[np.float64], values: NDArray[np.float64], slopes: tuple[float, float]
) -> NDArray[np.float64]:
    """Return values interpolated at x, continued as straight lines of these slopes below and above what is known."""
    inside = np.interp(x, known, values)
    return np.asarray(inside + slopes[0] * np.minimum(x - known[0], 0.0) + slopes[1] * np.maximum(x - known[-1], 0.0))
