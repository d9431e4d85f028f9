"""Quantities that follow from gain, offset, noise and saturation, and the linearity of the response.

Reference: EMVA 1288 r4.0, derived measures and linearity; formula 3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sigmaraw.camera.measuring.moments import LevelMoments
from sigmaraw.camera.values import Estimate, NotDetermined

_LINEARITY_RANGE = (0.05, 0.95)


def capacity(saturation: Estimate, offset: Estimate, gain: Estimate) -> Estimate:
    """Saturation capacity μ_e.sat = (μ_y.sat − μ_y.dark)/K, e⁻.

    Parameters
    ----------
    saturation : Estimate
        μ_y.sat, DN, offset included.
    offset : Estimate
        μ_y.dark, DN.
    gain : Estimate
        System gain K, DN/e-, with its standard error.
    """
    if saturation.reason is not None:
        return Estimate.missing(saturation.reason)
    value = (saturation.value - offset.value) / gain.value
    return Estimate(
        value, math.hypot(math.hypot(saturation.se, 0.0 if math.isnan(offset.se) else offset.se) / gain.value, value * gain.se / gain.value)
    )


def sensitivity_threshold(dark_variance: float, dark_variance_var: float, gain: Estimate) -> Estimate:
    """Signal of SNR 1, μ_e.min = √(σ²_y.dark/K² + ¼) + ½, e⁻.

    Parameters
    ----------
    dark_variance : float
        σ²_y.dark, DN².
    dark_variance_var : float
        Its squared standard error, DN⁴.
    gain : Estimate
        System gain K, DN/e-, with its standard error.
    """
    root = math.sqrt(dark_variance / gain.value**2 + 0.25)
    by_variance = math.sqrt(dark_variance_var) / (2.0 * root * gain.value**2)
    by_gain = dark_variance * gain.se / (root * gain.value**3)
    return Estimate(root + 0.5, math.hypot(by_variance, by_gain))


def dynamic_range(full: Estimate, threshold: Estimate) -> Estimate:
    """DR = μ_e.sat/μ_e.min, 1.

    Parameters
    ----------
    full : Estimate
        Saturation capacity, e-.
    threshold : Estimate
        Absolute sensitivity threshold, e-.
    """
    if full.reason is not None:
        return Estimate.missing(full.reason)
    value = full.value / threshold.value
    return Estimate(value, abs(value) * math.hypot(full.se / full.value, threshold.se / threshold.value))


def snr_max(full: Estimate) -> Estimate:
    """SNR_max = √μ_e.sat, 1.

    Parameters
    ----------
    full : Estimate
        Saturation capacity, e-.
    """
    if full.reason is not None:
        return Estimate.missing(full.reason)
    value = math.sqrt(full.value)
    return Estimate(value, full.se / (2.0 * value))


def linearity_error(
    flats: Sequence[LevelMoments], signal: NDArray[np.float64], light: NDArray[np.float64] | None, upper_dn: float
) -> tuple[Estimate, tuple[float, float]]:
    """Return the mean absolute deviation (%) from the line fitted with weights 1/y over 5–95 % of saturation, and (min, max) in %.

    Parameters
    ----------
    flats : sequence of LevelMoments
        Scalars of the flat levels, (level).
    signal : ndarray of float64
        (level,), μ_y − μ_y.dark, DN.
    light : ndarray of float64 or None
        (level,), exposure, irradiation or photons; None where not stated.
    upper_dn : float
        Saturation, or full scale, above the dark level, DN.
    """
    nothing = Estimate.missing(NotDetermined.NEEDS_EXPOSURES), (math.nan, math.nan)
    if light is None:
        return nothing
    inside = (signal >= _LINEARITY_RANGE[0] * upper_dn) & (signal <= _LINEARITY_RANGE[1] * upper_dn)
    if len(np.unique(light[inside])) < 3:
        return nothing
    y, h = signal[inside], light[inside]
    design = np.stack([np.ones_like(h), h], axis=1) / y[:, None]
    line, *_ = np.linalg.lstsq(design, np.ones_like(y), rcond=None)
    fitted = line[0] + line[1] * h
    deviation = 100.0 * (y - fitted) / fitted
    error = 100.0 * np.sqrt([level.mean_var for level, kept in zip(flats, inside, strict=True) if kept]) / fitted
    se = float(np.sqrt((error**2).sum())) / len(y)
    return Estimate(float(np.abs(deviation).mean()), se), (float(deviation.min()), float(deviation.max()))
