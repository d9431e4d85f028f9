"""Dark behaviour: dark noise, read noise at zero exposure, dark current.

σ_d = √(σ²_y.dark − 1/12)/K, rms over all pixels, noisy ones included: the variance is averaged over pixels, never its median.
Reference: EMVA 1288 r4.0, dark noise and dark current; formula 3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sigmaraw.camera.fitting.transfer import GainFit, TransferData
from sigmaraw.camera.values import Estimate, NotDetermined, square_root

QUANTISATION_DN2 = 1.0 / 12.0
HIDDEN_BELOW_DN2 = 0.24  # below this the converter's steps hide the noise (EMVA 1288 r4.0)
HIDDEN_LIMIT_DN = 0.40


@dataclass(frozen=True)
class DarkResult:
    """Noise in e⁻ and dark currents in e⁻/s; `noise_limit_e` is the upper limit where quantisation hides the noise, else None.

    Parameters
    ----------
    dark_noise : Estimate
        σ_d at the shortest exposure, e-.
    read_noise : Estimate
        σ_r, e-.
    dark_current : Estimate
        From the mean, e-/s.
    dark_current_from_variance : Estimate
        From the variance, e-/s.
    noise_limit_e : float or None
        Upper limit of a noise that rounding hides, e-; None where it does not.
    notes : tuple of str
        Sentences for the profile.
    """

    dark_noise: Estimate
    read_noise: Estimate
    dark_current: Estimate
    dark_current_from_variance: Estimate
    noise_limit_e: float | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Line:
    """A weighted straight line through (exposure, value): intercept and slope as sums b·value and s·value."""

    intercept: NDArray[np.float64]
    slope: NDArray[np.float64]


def _line(exposure_s: NDArray[np.float64], variance: NDArray[np.float64]) -> _Line:
    design = np.stack([np.ones_like(exposure_s), exposure_s])
    weighted = design / variance
    solution = np.linalg.solve(weighted @ design.T, weighted)
    return _Line(solution[0], solution[1])


def noise_in_electrons(variance: float, variance_var: float, gain: Estimate, covariance: float, hidden: bool) -> Estimate:
    """Return √(σ²_y − 1/12)/K with its standard error.

    u² = u²(q)/(4qK²) + q·u²(K)/K⁴ − cov(K, q)/K³ with q = σ²_y − 1/12. Where rounding hides the noise the value is one
    of a uniform law up to 0.40/K, and u = 0.40/(K√12) at least.

    Parameters
    ----------
    variance : float
        σ²_y, DN².
    variance_var : float
        Its squared standard error, DN⁴.
    gain : Estimate
        System gain K, DN/e-, with its standard error.
    covariance : float
        Of K and σ²_y.
    hidden : bool
        Whether rounding hides the noise.
    """
    root = square_root(variance - QUANTISATION_DN2, math.sqrt(variance_var))
    value = root.value / gain.value
    square = (root.se / gain.value) ** 2 + (value * gain.se / gain.value) ** 2 - covariance / gain.value**3
    se = math.sqrt(max(square, 0.0))
    return Estimate(value, max(se, HIDDEN_LIMIT_DN / gain.value / math.sqrt(12.0)) if hidden else se)


def dark_result(data: TransferData, exposures_ms: list[float | None], fit: GainFit) -> DarkResult:
    """Return dark noise at the shortest exposure, read noise extrapolated to zero (≥ 3 exposures), dark currents (≥ 2).

    Parameters
    ----------
    data : TransferData
        Levels; the dark ones in order of exposure.
    exposures_ms : list of float or None
        Exposure of each dark level, ms; None where not stated.
    fit : GainFit
        The gain fit.
    """
    darks, gain = data.darks, fit.weighted
    variance = np.array([level.variance for level in darks])
    error = np.array([level.variance_var for level in darks])
    # K is a sum a·(σ²_l − σ²_dark(l)): its covariance with each dark variance follows from the coefficients.
    shared = np.array([-fit.coefficients[data.dark_index == index].sum() for index in range(len(darks))]) * error
    hidden = bool(variance[0] < HIDDEN_BELOW_DN2)
    limit = HIDDEN_LIMIT_DN / gain.value if hidden else None
    notes = []
    if hidden:
        notes.append(
            f"dark variance {variance[0]:.3f} DN2 is below {HIDDEN_BELOW_DN2} DN2: quantisation hides the noise, upper limit {limit:.3g} e-"
        )
    dark_noise = noise_in_electrons(variance[0], error[0], gain, shared[0], hidden)
    stated = len(darks) >= 2 and all(value is not None for value in exposures_ms)
    if not stated:
        absent = Estimate.missing(NotDetermined.NEEDS_DARK_EXPOSURES)
        return DarkResult(dark_noise, dark_noise, absent, absent, limit, tuple(notes))
    seconds = np.array([float(value or 0.0) for value in exposures_ms]) / 1e3
    read_noise = dark_noise
    line = _line(seconds, error)
    if len(darks) >= 3:
        at_zero = float(line.intercept @ variance)
        read_noise = noise_in_electrons(at_zero, float(line.intercept**2 @ error), gain, float(line.intercept @ shared), hidden)
    by_mean = _slope(seconds, np.array([level.mean for level in darks]), np.array([level.mean_var for level in darks]))
    by_variance = _slope(seconds, variance, error)
    return DarkResult(
        dark_noise,
        read_noise,
        _ratio(by_mean, gain, 1),
        _ratio(by_variance, gain, 2),
        limit,
        tuple(notes),
    )


def _slope(seconds: NDArray[np.float64], values: NDArray[np.float64], error: NDArray[np.float64]) -> Estimate:
    """Slope with its SE, enlarged by √(χ²/dof) where the points scatter more than their errors say (Birge)."""
    line = _line(seconds, error)
    slope, intercept = float(line.slope @ values), float(line.intercept @ values)
    se = math.sqrt(float(line.slope**2 @ error))
    if len(values) > 2:
        chi2 = float(((values - intercept - slope * seconds) ** 2 / error).sum()) / (len(values) - 2)
        se *= math.sqrt(max(chi2, 1.0))
    return Estimate(slope, se)


def _ratio(slope: Estimate, gain: Estimate, power: int) -> Estimate:
    """slope/K^power with first-order error."""
    value = slope.value / gain.value**power
    return Estimate(value, math.hypot(slope.se / gain.value**power, power * value * gain.se / gain.value))
