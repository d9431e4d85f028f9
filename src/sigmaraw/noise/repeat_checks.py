"""The checks that repeated frames show one static scene: their noise against the camera's, and drift between them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import CameraNoise, Diagnostic

NOISE = (0.9, 1.1)  # 5 % in σ_raw, of the order of what a calibration leaves
DRIFT = 1.1  # pixels: 5 % in σ_raw
FEWEST = 3
_CHANCE = 3.3  # one-sided normal quantile of 0.05 %
# Kinds that see a drift of the whole frame; no other pixel's share of it is visible.
_SUMS = (
    "mean", "intensity", "mean-intensity", "network-intensity", "network-mean-intensity", "network-soft-intensity",
    "network-soft-mean-intensity", "",
)  # fmt: skip


def repeat_checks(frames: NDArray[np.integer], noise_model: CameraNoise | None) -> tuple[Diagnostic, ...]:
    """Return three checks of n ≥ 3 repeats of a static scene; of two only the first.

    repeat_noise: Σ½(x_{i+1} − x_i)²/Σ V(x̄) of neighbours in time, so that slow drift does not enter; 1 where the camera's values hold.
    repeat_drift: Σ s²/Σ½(x_{i+1} − x_i)², s² the variance of a pixel over all repeats; more than 1 where the scene, lamp or stage moved.
    frame_drift: η = Σ(m_{i+1} − m_i)²/Σ(m_i − m̄)² of the frames' means m, 2 ± √(4(n − 2)/(n² − 1)) where they are independent,
    below that where they drift. A drift too small to be seen in one pixel can dominate the spread of a frame's mean.

    Pixels that touch the converter's ends in any repeat are left out. Without a camera there is no V, and only the drifts are looked for.

    Parameters
    ----------
    frames : ndarray of int
        The repeats (repeat, …, y, x), DN.

    References
    ----------
    formula 3 (pair differences); J. von Neumann, Ann. Math. Stat. 12, 367–395 (1941).
    """
    n = len(frames)
    if n < 2:
        return ()
    if noise_model is None:
        clipped = frames == np.iinfo(frames.dtype).max
    else:
        clipped = (frames >= noise_model.hi_dn) | ((frames <= noise_model.lo_dn) & (np.asarray(noise_model.offset_dn) > noise_model.lo_dn))
    open_ = ~clipped.any(axis=0)
    if not open_.any():
        return ()
    mean, total, steps = _moments(frames)
    found = [] if noise_model is None else [_against_camera(mean, steps, open_, noise_model)]
    if n >= FEWEST and steps[open_].any():
        means = np.array([frame[open_].mean() for frame in frames])
        spread = float(((means - means.mean()) ** 2).sum())
        drift = float(total[open_].sum() / steps[open_].sum())
        found += [_drift(drift), _frame_drift(float((np.diff(means) ** 2).sum()) / spread if spread > 0.0 else 2.0, n)]
    return tuple(found)


def _against_camera(
    mean: NDArray[np.float64], steps: NDArray[np.float64], open_: NDArray[np.bool_], noise_model: CameraNoise
) -> Diagnostic:
    """Return whether neighbours in time vary as the camera's noise does."""
    from scipy.ndimage import uniform_filter

    # V of a local mean: where single pixels of the mean lie below the offset, V knows no less than the dark noise.
    size = (1,) * (mean.ndim - 2) + (5, 5)
    sums, counts = (uniform_filter(part, size=size, mode="reflect") for part in (np.where(open_, mean, 0.0), open_.astype(np.float64)))
    local = np.where(open_, sums / np.maximum(counts, 1e-9), mean)
    noise = float(steps[open_].sum() / noise_model.variance(local)[open_].sum())
    scatter = float(steps[open_].std() / (steps[open_].mean() or 1.0) / math.sqrt(np.count_nonzero(open_)))
    return _noise(noise, scatter)


def diagnostic(name: str, value: float, n: int) -> Diagnostic:
    """Return the check of this name on a value measured with n repeats of very many pixels; names as in `repeat_checks`.

    Raises
    ------
    KeyError
        No check of repeats has this name.
    """
    return {"repeat_noise": _noise(value, 0.0), "repeat_drift": _drift(value), "frame_drift": _frame_drift(value, n)}[name]


def _moments(frames: NDArray[np.integer]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return per pixel the mean, the variance over all repeats and half the mean squared step to the next, frame by frame."""
    n = len(frames)
    mean = frames.mean(axis=0, dtype=np.float64)
    total, steps = np.zeros(mean.shape), np.zeros(mean.shape)
    for index in range(n):
        total += (frames[index] - mean) ** 2
        if index:
            steps += (frames[index].astype(np.float64) - frames[index - 1]) ** 2
    return mean, total / (n - 1), steps / (2 * (n - 1))


def _noise(value: float, u: float) -> Diagnostic:
    low, high = NOISE[0] - 3 * u, NOISE[1] + 3 * u
    text = f"successive repeats differ by {value:.2f} times the camera's noise variance ({low:.2f} to {high:.2f} tolerated)"
    definition = "variance between successive repeats over V, mean over pixels"
    return Diagnostic("repeat_noise", value, low, high, definition, text)


def _drift(value: float) -> Diagnostic:
    text = f"repeats drift: pixels vary {value:.2f} times as much over all repeats as between successive ones (at most {DRIFT:g} tolerated)"
    definition = "variance over all repeats divided by that between successive ones, mean over pixels"
    return Diagnostic("repeat_drift", value, 0.0, DRIFT, definition, text)


def _frame_drift(value: float, n: int) -> Diagnostic:
    low = max(0.0, 2.0 - _CHANCE * math.sqrt(4 * (n - 2) / (n * n - 1)))
    text = f"the mean level of the frames drifts (von Neumann ratio {value:.2f}; 2 expected, at least {low:.2f} tolerated)"
    definition = "squared steps between the means of successive repeats, divided by the squared deviations of these means from their mean"
    return Diagnostic("frame_drift", value, low, 4.0, definition, text, _SUMS)
