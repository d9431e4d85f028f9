"""Is what a denoiser took away noise? Unit variance and whiteness of its residuals."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Diagnostic
from sigmaraw.noise.model import NoiseModel

# By measurement (docs/explanation/replica-modes.md): variances were .855 to .885 where textures were right, .76 to .79 where their
# centre was 11 σ off, and correlations within ±.022 everywhere.
VARIANCE = (0.83, 1.10)
CORRELATION = 0.05
# An estimate that keeps noise, unlike one that lacks structure, was wrong for textures and for nothing else that was measured.
_KEPT_NOISE_HARMS = ("texture", "")


def residual_checks(frame: NDArray[np.integer], level_dn: NDArray[np.float64], model: NoiseModel) -> tuple[Diagnostic, ...]:
    """Return variance and lag-1 autocorrelation along y and x of r = (x − m̂)/√V(m̂), saturated pixels left out.

    Where m̂ = μ they are 1 and 0. A denoiser that keeps noise gives less than 1, one that removes structure gives more than 1
    and positive correlation.

    Parameters
    ----------
    frame : x, (…, y, x), DN. level_dn : m̂, same shape, DN.

    Reference: SCIENCE 1, replica modes, `bootstrap`.
    """
    residual = (frame - level_dn) / np.sqrt(model.variance(level_dn))
    open_ = (frame > model.lo_dn) & (frame < model.hi_dn)  # a clipped pixel's residual says nothing of the noise
    if np.count_nonzero(open_) < 2:
        open_ = np.ones_like(open_)
    residual = np.where(open_, residual - residual[open_].mean(), 0.0)
    variance = float((residual**2).sum() / np.count_nonzero(open_))
    rows = [_variance(variance)]
    for axis, name in ((-2, "y"), (-1, "x")):
        rows.append(_correlation(_lag_one(residual, open_, axis), name))
    return tuple(rows)


def _lag_one(residual: NDArray[np.float64], open_: NDArray[np.bool_], axis: int) -> float:
    """Return the lag-1 autocorrelation along an axis over pairs of unclipped pixels; 0 where nothing varies."""
    first, second = (np.take(residual, range(*span), axis) for span in ((0, residual.shape[axis] - 1), (1, residual.shape[axis])))
    pairs = np.take(open_, range(residual.shape[axis] - 1), axis) & np.take(open_, range(1, residual.shape[axis]), axis)
    scale = float((residual**2).sum() / np.count_nonzero(open_))
    return float((first * second)[pairs].mean()) / scale if scale > 0 and pairs.any() else 0.0


def _variance(value: float) -> Diagnostic:
    low, high = VARIANCE
    why = "the estimate keeps part of the noise" if value < low else "the estimate lacks structure, or the camera's noise is understated"
    text = f"residuals of the denoised estimate have variance {value:.2f} (1 expected, {low:g} to {high:g} tolerated): {why}"
    kinds = _KEPT_NOISE_HARMS if value < low else ()
    return Diagnostic("residual_variance", value, low, high, "variance of (x - m)/sqrt(V(m)), m the denoised estimate", text, kinds)


def _correlation(value: float, axis: str) -> Diagnostic:
    text = f"residuals of the denoised estimate are correlated along {axis} ({value:+.3f} at lag 1, ±{CORRELATION:g} tolerated)"
    definition = f"lag-1 autocorrelation along {axis} of (x - m)/sqrt(V(m)), m the denoised estimate"
    return Diagnostic(f"residual_correlation_{axis}", value, -CORRELATION, CORRELATION, definition, text)
