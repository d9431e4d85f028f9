"""The checks that a denoiser removed noise only: unit variance and whiteness of its residuals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import CameraNoise, Diagnostic

# By measurement (docs/explanation/replica-modes.md): a denoiser keeps some of the noise, its residuals are then negatively correlated,
# and what that does to replicas the marginal variance ratio says. Structure that was taken away shows as more variance and as
# positive correlation.
VARIANCE = (0.65, 1.10)
CORRELATION = (-0.16, 0.05)
# An estimate that keeps noise, unlike one that lacks structure, was wrong for textures and for nothing else that was measured.
_KEPT_NOISE_HARMS = ("texture", "")


def residual_checks(frame: NDArray[np.integer], level_dn: NDArray[np.float64], noise_model: CameraNoise) -> tuple[Diagnostic, ...]:
    """Return variance and lag-1 autocorrelation along y and x of r = (x − m̂)/√V(m̂), saturated pixels left out.

    Where m̂ = μ they are 1 and 0. A denoiser that keeps noise gives less than 1, one that removes structure gives more than 1
    and positive correlation.

    Parameters
    ----------
    frame : ndarray of int
        The raw frame x, (…, y, x), DN.
    level_dn : ndarray of float
        The denoised estimate m̂, the same shape, DN.

    References
    ----------
    formula 1, replica modes, `bootstrap`.
    """
    pages = list(zip(frame.reshape(-1, *frame.shape[-2:]), level_dn.reshape(-1, *frame.shape[-2:]), strict=True))
    every = sum(int(np.count_nonzero(_unclipped(x, noise_model))) for x, _ in pages) < 2  # where all is clipped, all is taken
    counts, sums = 0, 0.0
    for x, level in pages:  # page by page: a volume in float64 would take several times its memory
        residual, open_ = _residual(x, level, noise_model, every)
        counts, sums = counts + int(np.count_nonzero(open_)), sums + float(residual[open_].sum())
    moments = _Moments(0.0, {-2: 0.0, -1: 0.0}, {-2: 0, -1: 0})
    for x, level in pages:
        residual, open_ = _residual(x, level, noise_model, every)
        moments.add(np.where(open_, residual - sums / counts, 0.0), open_)
    variance = moments.square / counts
    rows = [_variance(variance)]
    for axis, name in ((-2, "y"), (-1, "x")):
        defined = variance > 0 and moments.pairs[axis] > 0
        rows.append(_correlation(moments.products[axis] / moments.pairs[axis] / variance if defined else 0.0, name))
    return tuple(rows)


def diagnostic(name: str, value: float) -> Diagnostic:
    """Return the check of this name on a value; names as in `residual_checks`.

    Raises
    ------
    KeyError
        No check of residuals has this name.
    """
    return {
        "residual_variance": _variance(value),
        "residual_correlation_y": _correlation(value, "y"),
        "residual_correlation_x": _correlation(value, "x"),
    }[name]


def _unclipped(frame: NDArray[np.integer], noise_model: CameraNoise) -> NDArray[np.bool_]:
    return np.asarray((frame > noise_model.lo_dn) & (frame < noise_model.hi_dn))  # a clipped pixel's residual says nothing of the noise


def _residual(
    frame: NDArray[np.integer], level_dn: NDArray[np.float64], noise_model: CameraNoise, every: bool
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return r of a page (y, x), and which of its pixels count."""
    residual = (frame - level_dn) / np.sqrt(noise_model.variance(level_dn))
    return residual, np.ones(frame.shape, dtype=bool) if every else _unclipped(frame, noise_model)


@dataclass
class _Moments:
    """Σr² over pixels, and per axis Σ of products of neighbours and how many pairs of unclipped neighbours there are."""

    square: float
    products: dict[int, float]
    pairs: dict[int, int]

    def add(self, residual: NDArray[np.float64], open_: NDArray[np.bool_]) -> None:
        """Take a page of residuals, 0 where they do not count."""
        self.square += float((residual**2).sum())
        for axis in self.pairs:
            last = residual.shape[axis] - 1
            ends = [np.take(open_, span, axis) for span in (range(last), range(1, last + 1))]
            products = np.take(residual, range(last), axis) * np.take(residual, range(1, last + 1), axis)  # 0 where either is clipped
            self.products[axis] += float(products.sum())
            self.pairs[axis] += int(np.count_nonzero(ends[0] & ends[1]))


def _variance(value: float) -> Diagnostic:
    low, high = VARIANCE
    why = "the estimate keeps part of the noise" if value < low else "the estimate lacks structure, or the camera's noise is understated"
    text = f"residuals of the denoised estimate have variance {value:.2f} (1 expected, {low:g} to {high:g} tolerated): {why}"
    kinds = _KEPT_NOISE_HARMS if value < low else ()
    return Diagnostic("residual_variance", value, low, high, "variance of (x - m)/sqrt(V(m)), m the denoised estimate", text, kinds)


def _correlation(value: float, axis: str) -> Diagnostic:
    low, high = CORRELATION
    text = f"residuals of the denoised estimate are correlated along {axis} ({value:+.3f} at lag 1, {low:g} to {high:+g} tolerated)"
    definition = f"lag-1 autocorrelation along {axis} of (x - m)/sqrt(V(m)), m the denoised estimate"
    return Diagnostic(f"residual_correlation_{axis}", value, low, high, definition, text)
