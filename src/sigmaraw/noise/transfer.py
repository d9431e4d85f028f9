"""Bent transfer curves: variance relative to a straight line, and the stabilising transform.

With x = m − o the signal in DN, z = x/K in e⁻, K the pixel's gain and K̄ the sensor's: V(m) = K·x·v(x) + K²σ_r² + 1/12, where
v = 1 is the straight camera. Stabilised values are ∫ dz/√(z·v + c) with c = 3/8 + σ_r², so that v = 1 gives 2√(z + c).

References: formula 3; P. Astier et al., A&A 629, A36 (2019), eq. 16.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
# The numbers of a bent curve in a profile, each NaN where another curve was chosen.
CURVE = ("brighter_fatter", "brighter_fatter_se", "gain_break", "gain_above_break", "gain_above_break_se", "intercept_above_break")


class TransferCurve(Protocol):
    """How a sensor's variance departs from a straight line."""

    conserves_charge: bool

    def relative_variance(self, signal_dn: Any) -> Array:
        """Return v, 1 at and below zero signal.

        Parameters
        ----------
        signal_dn : array_like
            Signal x, (…, y, x), DN.
        """
        ...

    def relative_slope(self, signal_dn: Any) -> Array:
        """Return d(x·v)/dx, 1 at and below zero signal: the curve's slope over the slope of the straight line.

        Parameters
        ----------
        signal_dn : array_like
            Signal x, DN.
        """
        ...

    def relative_uncertainty(self, signal_dn: Any) -> Array:
        """Return the relative standard uncertainty of x·v from the curve's parameters, without that of K."""
        ...

    def stabilise(self, signal_e: Any, gain: Any, c: Any) -> Array:
        """Return ∫ dz/√(z·v + c), 2√(z + c) at small z and 0 below −c.

        Parameters
        ----------
        signal_e : array_like
            Signal z, e⁻.
        gain : array_like
            The pixel's gain K, DN/e⁻.
        c : array_like
            Constant 3/8 + σ_r², e⁻².
        """
        ...

    def unstabilise(self, stabilised: Any, gain: Any, c: Any) -> Array:
        """Return the signal z, e⁻, of stabilised values, the inverse of `stabilise`."""
        ...


@dataclass(frozen=True)
class BrighterFatter:
    """The brighter-fatter curve, v = (e^{tx} − 1)/(tx), t = 2a/K̄: a pixel loses variance, which covariance with its neighbours gains.

    Parameters
    ----------
    gain : float
        The sensor's gain K̄, DN/e⁻.
    coefficient : float
        Brighter-fatter coefficient a < 0, 1/e⁻.
    u_coefficient : float, default 0.0
        Standard uncertainty of a, 1/e⁻.
    """

    gain: float
    coefficient: float
    u_coefficient: float = 0.0
    conserves_charge = True

    def relative_variance(self, signal_dn: Any) -> Array:
        """Return v; see `TransferCurve`."""
        exponent = 2 * self.coefficient / self.gain * np.maximum(signal_dn, 0.0)
        small = np.abs(exponent) < 1e-8
        return np.asarray(np.where(small, 1 + exponent / 2, np.expm1(exponent) / np.where(small, 1.0, exponent)))

    def relative_slope(self, signal_dn: Any) -> Array:
        """Return e^{tx}."""
        return np.asarray(np.exp(2 * self.coefficient / self.gain * np.maximum(signal_dn, 0.0)))

    def relative_uncertainty(self, signal_dn: Any) -> Array:
        """Return u(a)·z, since ∂ln(x·v)/∂a = z to first order."""
        return np.asarray(np.maximum(signal_dn, 0.0) / self.gain * self.u_coefficient)

    def stabilise(self, signal_e: Any, gain: Any, c: Any) -> Array:
        """Return 2·artanh√(1 − q/β)/√(bβ), q = e^{−bz}, β = 1 + bc, b = 2|a|K/K̄."""
        b = self._rate(gain)
        beta = 1 + b * c
        share = np.maximum((b * c - np.expm1(-b * np.asarray(signal_e, dtype=np.float64))) / beta, 0.0)
        return np.asarray(2 * np.arctanh(np.sqrt(share)) / np.sqrt(b * beta))

    def unstabilise(self, stabilised: Any, gain: Any, c: Any) -> Array:
        """Return z = −ln(β(1 − tanh²(y√(bβ)/2)))/b."""
        b = self._rate(gain)
        root = np.tanh(np.asarray(stabilised, dtype=np.float64) * np.sqrt(b * (1 + b * c)) / 2)
        return np.asarray(-(np.log1p(b * c) + np.log1p(-(root**2))) / b)

    def _rate(self, gain: Any) -> Any:
        return -2 * self.coefficient * np.asarray(gain) / self.gain


@dataclass(frozen=True)
class Piecewise:
    """A gain that changes at one level, as in dual gain: K̄·x·v = K̄·x up to the break, c₂ + K₂·x above it.

    Parameters
    ----------
    gain : float
        The sensor's gain K̄, DN/e⁻.
    break_dn : float
        Signal x of the break, DN.
    gain_above : float
        Slope K₂ above the break, DN/e⁻.
    intercept_above : float
        Intercept c₂ of the line above the break, DN².
    u_gain_above : float, default 0.0
        Standard uncertainty of K₂, DN/e⁻.
    """

    gain: float
    break_dn: float
    gain_above: float
    intercept_above: float
    u_gain_above: float = 0.0
    conserves_charge = False

    def relative_variance(self, signal_dn: Any) -> Array:
        """Return v; see `TransferCurve`."""
        x = np.asarray(signal_dn, dtype=np.float64)
        above = x > self.break_dn
        safe = np.where(above, x, 1.0)
        return np.where(above, (self.intercept_above + self.gain_above * safe) / (self.gain * safe), 1.0)

    def relative_slope(self, signal_dn: Any) -> Array:
        """Return K₂/K̄ above the break, else 1."""
        return np.where(np.asarray(signal_dn) > self.break_dn, self.gain_above / self.gain, 1.0)

    def relative_uncertainty(self, signal_dn: Any) -> Array:
        """Return u(K₂)/K₂ above the break in place of that of K, which the caller adds; 0 below."""
        above = np.asarray(signal_dn) > self.break_dn
        return np.where(above, self.u_gain_above / abs(self.gain_above) if self.gain_above else 0.0, 0.0)

    def stabilise(self, signal_e: Any, gain: Any, c: Any) -> Array:
        """Return 2√(z + c) below, and above it 2√(z_b + c) + 2(z − z_b)/(√W(z) + √W(z_b)), W = c₂/(K̄K) + c + (K₂/K̄)z."""
        z = np.asarray(signal_e, dtype=np.float64)
        at, start, first, slope = self._above(gain, c)
        further = np.maximum(z - at, 0.0)
        low = 2 * np.sqrt(np.maximum(z + c, 0.0))
        return np.where(z <= at, low, start + 2 * further / (np.sqrt(first**2 + slope * further) + first))

    def unstabilise(self, stabilised: Any, gain: Any, c: Any) -> Array:
        """Return the z of these values."""
        y = np.asarray(stabilised, dtype=np.float64)
        at, start, first, slope = self._above(gain, c)
        half = np.maximum(y - start, 0.0) / 2
        return np.where(y <= start, (y / 2) ** 2 - c, at + 2 * first * half + slope * half**2)

    def _above(self, gain: Any, c: Any) -> tuple[Any, Any, Any, float]:
        """Return z_b, the stabilised value there, √W(z_b) and the slope K₂/K̄."""
        slope = self.gain_above / self.gain
        at = self.break_dn / np.asarray(gain)
        first = np.sqrt(np.maximum(self.intercept_above / (self.gain * np.asarray(gain)) + c + slope * at, 1e-12))
        return at, 2 * np.sqrt(at + c), first, slope


def curve_of(gain: float, values: dict[str, float]) -> TransferCurve | None:
    """Return the curve of a profile's numbers (NaN: not determined); None for a straight camera.

    Parameters
    ----------
    values : dict of str to float
        The profile's numbers, by the names of `CURVE`.
    """

    def value_of(name: str) -> float | None:
        value = values.get(name, math.nan)
        return value if math.isfinite(value) else None

    a = value_of("brighter_fatter")
    if a is not None and a < 0:
        return BrighterFatter(gain, a, value_of("brighter_fatter_se") or 0.0)
    at, above, intercept = value_of("gain_break"), value_of("gain_above_break"), value_of("intercept_above_break")
    if at is not None and above is not None and intercept is not None:
        return Piecewise(gain, at, above, intercept, value_of("gain_above_break_se") or 0.0)
    return None
