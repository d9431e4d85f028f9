"""The check that replicas carry as much noise as the frame: one number for every mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Diagnostic, ReplicaMode, ReplicaRequest
from sigmaraw.noise.drawing import draw

if TYPE_CHECKING:
    from sigmaraw.noise.model import NoiseModel

REPLICAS = 8  # of group 0; from 256 × 256 px on their share of the scatter is below that of the frame


LIMITS = (0.85, 1.15)
# By measurement (docs/explanation/replica-modes.md); areas above a threshold and intensities were not.
_HARMED = ("texture", "count", "network-count", "network-area", "network-dice", "")


def marginal_check(source: NDArray[np.integer], mode: ReplicaMode, noise_model: NoiseModel, seed: int) -> tuple[Diagnostic, ...]:
    """Return the check of `marginal_variance_ratio`; none for an image of one pixel. Parameters as there."""
    value, u = marginal_variance_ratio(source, mode, noise_model, seed)
    if not np.isfinite(value):
        return ()
    return (diagnostic(value, u),)


def diagnostic(value: float, u: float) -> Diagnostic:
    """Return the check of a marginal variance ratio with its standard error."""
    low, high = LIMITS[0] - 3 * u, LIMITS[1] + 3 * u  # few replicas on several levels scatter
    text = f"replicas carry {value:.2f} times the frame's noise ({low:.2f} to {high:.2f} tolerated)"
    definition = "1 + [mean c(R) - c(x)]/mean V(x), c half the mean squared difference of neighbours"
    return Diagnostic("marginal_variance_ratio", value, low, high, definition, text, _HARMED)


def roughness(images: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return per image half the mean squared difference of neighbours along y and x, DN²; it is V where nothing but noise varies.

    Parameters
    ----------
    images : ndarray of int
        Images (image, …, y, x), DN, of at least two pixels along y or x; else the result is NaN.
    """
    squares, pairs = np.zeros(len(images)), 0
    for index, image in enumerate(images):
        pairs = 0
        for page in image.reshape(-1, *image.shape[-2:]):  # page by page: a volume in float64 would take several times its memory
            values = page.astype(np.float64)
            for axis in (0, 1):
                steps = np.diff(values, axis=axis)
                squares[index] += float((steps**2).sum())
                pairs += steps.size
    return squares / (2 * pairs) if pairs else np.full(len(images), np.nan)


def marginal_variance_ratio(source: NDArray[np.integer], mode: ReplicaMode, noise_model: NoiseModel, seed: int = 0) -> tuple[float, float]:
    """Return the ratio of the noise variance of replicas to that of the frame, structure left out, and its standard error.

    ::

        1 + [mean c(R) − c(x)]/mean V(x),  c half the mean squared difference of neighbouring pixels

    Structure is the same in R and x and cancels; noise that the replicas' base keeps, and structure that it lost, does not. The ratio
    is 1 where replicas are like fresh frames, and 2 around a raw frame, whose noise is then counted twice. Where the mode
    extrapolates, the ratio of each level is extrapolated. With repeats, c(x) is their mean. The standard error is over replicas.

    Parameters
    ----------
    source : ndarray of int
        What the mode draws from, (y, x), (z, y, x) or (repeat, …), DN.

    References
    ----------
    formula 1, diagnostics that always print.
    """
    frames = source[:REPLICAS] if mode.needs_repeats else source[np.newaxis]
    rule = mode.extrapolation
    n = rule.replicas(REPLICAS * rule.cluster) if rule else (REPLICAS if mode.draws_noise else min(len(source), REPLICAS))
    batch = None if frames[0].ndim == 2 else 1
    blocks = draw(mode, source, noise_model, ReplicaRequest(n, seed, batch=batch))
    rough = np.concatenate([roughness(np.asarray(block)) for block in blocks])
    pages = (page for frame in frames for page in frame.reshape(-1, *frame.shape[-2:]))
    scale = float(np.mean([noise_model.variance(page).mean() for page in pages]))
    ratio = 1.0 + (rough - roughness(frames).mean()) / scale
    if rule is None:
        return float(ratio.mean()), float(ratio.std(ddof=1) / np.sqrt(ratio.size)) if ratio.size > 1 else 0.0
    bases = rule.arrange(ratio).mean(axis=-1)  # (level, cluster): replicas of a cluster share what scatters
    weights = np.asarray(rule.weights)
    errors = weights**2 * bases.var(axis=1, ddof=1) / bases.shape[1]
    return float(weights @ bases.mean(axis=1)), float(np.sqrt(errors.sum()))
