"""Whether a frame is as noisy as its camera says: evidence against the noise model, for every replica mode."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sigmaraw.contracts import Diagnostic, ReplicaMode, ReplicaRequest
from sigmaraw.noise.bootstrap import Bootstrap
from sigmaraw.noise.drawing import draw
from sigmaraw.noise.from_profile import noise_model_of_rows
from sigmaraw.noise.sliding_dct import SlidingDct

if TYPE_CHECKING:
    from sigmaraw.noise.model import NoiseModel

STARTS = 4
"""Replicas whose residuals are compared with the frame's: those that the double bootstrap denoises anyway."""
QUIETER, LOUDER = 0.85, 1.18
"""Limits of the residual ratio, by measurement (docs/explanation/evidence.md)."""
ENOUGH_PIXELS = 1 << 20
"""Pixels that are denoised for the residual ratio where the mode has no denoiser: at 2²⁰, u is .0015, and more says nothing more."""
_STEP_PX = 4  # from patch to patch where the mode has no denoiser: a coarser estimate does, since it is the same for frame and replicas
REACH = 3.5
"""Standard errors that a limit keeps from 1 at least: small frames scatter."""
_BLOCK = 6  # px, of a block's side
_DOF = 10.0  # of the energy of a block of 6 × 6 second differences, which are correlated; by simulation of white noise
_FEWEST_BLOCKS = 9
_GAIN_OF_FILTER = 36.0  # Σw² of (1, −2, 1) ⊗ (1, −2, 1)
_AXES = {-2: "row", -1: "column"}
_HOT, _ALONE, _SURROUND = 8.0, 0.25, 5  # √V above the surroundings, excess of a neighbour over that, px of the surroundings' side
_LINES = 16  # px, fewest rows or columns from which line noise is looked for
_LINE_SCATTER = 2.81  # relative SE of (median |d|)² times √lines, by simulation of white noise (32 to 160 lines)
_LINE_LIMIT = 1.25  # variance of line means over what independent pixels give: σ of a frame's mean is understated by its root


def frame_noise_checks(source: NDArray[np.integer], mode: ReplicaMode, noise_model: NoiseModel, seed: int) -> tuple[Diagnostic, ...]:
    """Return the checks of a frame's noise against the camera's.

    frame_noise is the residual variance of the frame over its mean in replicas, each about its denoised estimate:

        rel = s²[(x − m̂(x))/√V] / mean s²[(R − m̂(R))/√V]

    What the denoiser keeps of the noise, and takes of the structure, is in both and cancels. A mode without a denoiser is given
    `bootstrap`'s, with a sixteenth of its patches, for as much of a large frame as `representative_part` takes. With real repeats
    `repeat_noise` says it directly, and only the other checks are returned.

    Parameters
    ----------
    source : ndarray
        What the mode draws from, (y, x), (z, y, x) or (repeat, …), DN.
    mode : ReplicaMode
        The study's mode.
    noise_model : NoiseModel
        The camera.
    seed : int
        Study seed: the replicas are the first of group 0.

    Returns
    -------
    tuple of Diagnostic
        frame_noise, local_noise, row_noise and column_noise, each where the frame allows it, and hot_pixels where there are any.
    """
    if mode.needs_repeats:
        return (*local_noise(source[0], noise_model), *_line_noise_of_repeats(source, noise_model), *hot_pixels(source[0], noise_model))
    if isinstance(mode, Bootstrap):
        judge, part, local = mode, source, noise_model
    else:
        judge, (part, local) = Bootstrap(SlidingDct(_STEP_PX), 0), representative_part(source, noise_model)
    variances, lines = [], []
    for start in range(STARTS):
        replica = np.asarray(next(draw(judge, part, local, ReplicaRequest(1, seed, start, batch=1))))[0]
        variances.append(_residual_variance(replica, judge, local))
        lines.append([_line_variance(replica, local, axis) for axis in _AXES])
    found = []
    if np.mean(variances) > 0.0:
        pixels = int(np.count_nonzero((part > noise_model.lo_dn) & (part < noise_model.hi_dn)))
        u = math.sqrt(2.0 * (1.0 + 1.0 / STARTS) / max(pixels, 1))
        found.append(frame_noise(_residual_variance(part, judge, local) / float(np.mean(variances)), u))
    expected = np.mean(lines, axis=0)
    return (*found, *local_noise(source, noise_model), *line_noise(part, local, expected, STARTS), *hot_pixels(source, noise_model))


def representative_part(source: NDArray[np.integer], noise_model: NoiseModel) -> tuple[NDArray[np.integer], NoiseModel]:
    """Return planes spread over a volume, or the rows in the middle of a frame: `ENOUGH_PIXELS` at most, but a plane at least.

    Parameters
    ----------
    source : ndarray
        (y, x) or (z, y, x), DN.
    noise_model : NoiseModel
        The camera, for the whole.

    Returns
    -------
    ndarray
        The part; all where that is small.
    NoiseModel
        The camera, for the part.
    """
    count = max(1, ENOUGH_PIXELS // source[0].size)
    if source.size <= ENOUGH_PIXELS or count >= len(source):
        return source, noise_model
    if source.ndim > 2:
        planes = np.linspace(0, len(source) - 1, count + 2).round().astype(int)[1:-1]
        return np.ascontiguousarray(source[planes]), noise_model
    start = (len(source) - count) // 2
    rows = slice(start, start + count)
    return np.ascontiguousarray(source[rows]), noise_model_of_rows(noise_model, source.shape, rows)


def _residual_variance(frame: NDArray[np.integer], judge: Bootstrap, noise_model: NoiseModel) -> float:
    return next(check.value for check in judge.diagnostics(frame, noise_model) if check.name == "residual_variance")


def frame_noise(value: float, u: float) -> Diagnostic:
    """Return the check of a residual ratio with its standard error."""
    low, high = min(QUIETER, 1.0 - REACH * u), max(LOUDER, 1.0 + REACH * u)
    how = "quieter" if value < low else "louder"
    text = f"the frame is {how} than the camera says: its residual variance is {value:.2f} times that of replicas ({low:.2f} to {high:.2f})"
    return Diagnostic("frame_noise", value, low, high, "residual variance of the frame over its mean in replicas", text)


def local_noise(frame: NDArray[np.integer], noise_model: NoiseModel) -> tuple[Diagnostic, ...]:
    """Return the check of a frame's finest detail against V, where it is least: no denoiser, and no premise about structure elsewhere.

        median over blocks of Σh²/(36·Σ V(x̄)),  h = x ∗ (1, −2, 1) ⊗ (1, −2, 1)

    Structure can only raise it. A denoiser that is told too little noise keeps the rest as structure, in frame and replicas alike; this
    sees it.

    Reference: J. Immerkær, Comput. Vis. Image Underst. 64(2), 300–302 (1996).
    """
    ratios = [_block_ratios(page, noise_model) for page in frame.reshape(-1, *frame.shape[-2:])]
    found = np.concatenate(ratios)
    if found.size < _FEWEST_BLOCKS:
        return ()
    value = float(np.median(found)) / (1.0 - 2.0 / (9.0 * _DOF)) ** 3  # the median of χ² over its mean
    high = max(LOUDER, 1.0 + REACH * 1.2533 * math.sqrt(2.0 / (_DOF * found.size)))
    text = f"the frame is louder than the camera says: its finest detail varies {value:.2f} times as much as V (up to {high:.2f})"
    return (Diagnostic("local_noise", value, 0.0, high, "second differences of neighbours squared over 36·V, median of blocks", text),)


def _block_ratios(page: NDArray[np.integer], noise_model: NoiseModel) -> NDArray[np.float64]:
    """Return Σh²/(36·ΣV) of whole blocks without clipped pixels."""
    values = page.astype(np.float64)
    for axis in (0, 1):
        values = np.diff(values, 2, axis=axis)
    if min(values.shape) < _BLOCK:
        return np.empty(0)
    inner = page[1:-1, 1:-1]
    energy = _blocks(values**2)
    variance = np.broadcast_to(noise_model.variance(_spread_means(page)), page.shape)[1:-1, 1:-1]
    open_ = _blocks(((inner <= noise_model.lo_dn) | (inner >= noise_model.hi_dn)).astype(np.float64)) == 0.0
    return np.asarray((energy / (_GAIN_OF_FILTER * _blocks(variance)))[open_])


def _spread_means(page: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return local means: V of a single pixel below the offset knows no less than the dark noise."""
    from scipy.ndimage import uniform_filter

    return np.asarray(uniform_filter(page.astype(np.float64), _BLOCK + 2, mode="reflect"))


def _blocks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return means over whole blocks, (block row, block column)."""
    height, width = (side // _BLOCK for side in values.shape)
    cut = values[: height * _BLOCK, : width * _BLOCK].reshape(height, _BLOCK, width, _BLOCK)
    return np.asarray(cut.mean(axis=(1, 3)))


def line_noise(frame: NDArray[np.integer], noise_model: NoiseModel, expected: NDArray[np.float64], replicas: int) -> tuple[Diagnostic, ...]:
    """Return the checks of noise that whole rows, or whole columns, share: replicas draw pixels independently.

        (median |d|)² over its mean in replicas,  d = (m_{i−1} − 2m_i + m_{i+1})/√(V̄/n),  m the means of n-pixel lines

    Parameters
    ----------
    frame : ndarray
        (y, x) or (z, y, x), DN.
    noise_model : NoiseModel
        The camera.
    expected : ndarray
        (2,), the mean of (median |d|)² in replicas, of rows and of columns.
    replicas : int
        How many replicas that is a mean over.

    Returns
    -------
    tuple of Diagnostic
        row_noise and column_noise, where there are lines enough.
    """
    found = []
    for axis, mean in zip(_AXES, expected, strict=True):
        count = frame.shape[axis] * (frame.size // (frame.shape[-1] * frame.shape[-2]))
        if count >= _LINES and mean > 0.0:
            u = _LINE_SCATTER / math.sqrt(count) * math.sqrt(1.0 + 1.0 / replicas)
            found.append(_line_check(_line_variance(frame, noise_model, axis) / float(mean), u, _AXES[axis]))
    return tuple(found)


def _line_noise_of_repeats(frames: NDArray[np.integer], noise_model: NoiseModel) -> tuple[Diagnostic, ...]:
    """Return the same checks of the difference of the first two repeats, in which a static scene cancels."""
    if len(frames) < 2:
        return ()
    found = []
    for axis, name in _AXES.items():
        difference = (frames[0].astype(np.float64) - frames[1]) / math.sqrt(2.0)
        steps = np.abs(_line_steps(difference, frames[0], noise_model, axis))
        if steps.size >= _LINES:
            value = float(np.median(steps) / 0.6745) ** 2 / 6.0
            found.append(_line_check(value, _LINE_SCATTER / math.sqrt(steps.size), name))
    return tuple(found)


def _line_check(value: float, u: float, name: str) -> Diagnostic:
    high = _LINE_LIMIT * (1.0 + REACH * u)
    text = f"means of {name}s vary {value:.1f} times as much as independent pixels make them (up to {high:.1f}): σ_raw is understated"
    definition = f"second differences of {name} means squared, by the median, over what independent pixels give"
    return Diagnostic(f"{name}_noise", value, 0.0, high, definition, text)


def _line_variance(frame: NDArray[np.integer], noise_model: NoiseModel, axis: int) -> float:
    """Return (median |d|)² of the lines of a frame."""
    return float(np.median(np.abs(_line_steps(frame, frame, noise_model, axis)))) ** 2


def _line_steps(values: NDArray[Any], level_dn: NDArray[np.integer], noise_model: NoiseModel, axis: int) -> NDArray[np.float64]:
    """Return second differences of line means, page by page, in units of √(V̄/n). axis : −2 rows, −1 columns."""
    along = -1 if axis == -2 else -2
    shape, found = values.shape[-2:], []
    for page, level in zip(values.reshape(-1, *shape), level_dn.reshape(-1, *shape), strict=True):
        means = page.mean(axis=along, dtype=np.float64)
        variance = np.broadcast_to(noise_model.variance(level), shape).mean(axis=along)
        found.append(np.diff(means, 2) / np.sqrt(variance[1:-1] / shape[along]) if means.size > 2 else np.zeros(1))
    return np.concatenate(found)


def hot_pixels(frame: NDArray[np.integer], noise_model: NoiseModel) -> tuple[Diagnostic, ...]:
    """Return a failed check where pixels stand alone above their surroundings, as hot ones do and no optical image does; else nothing.

    A pixel counts where it lies 8 √V above b, the median of the 24 around it, and none of its 8 neighbours has a quarter of that excess.
    What is focused by a lens spreads over neighbours; one hot pixel flickers with more than V, and its level is the same in all frames.
    What is no sensor's frame, such as a magnitude image, has none.
    """
    if not noise_model.of_sensor:
        return ()
    count = 0
    for page in frame.reshape(-1, *frame.shape[-2:]):
        if min(page.shape) < _SURROUND:
            continue
        level = page.astype(np.float64) - np.asarray(noise_model.offset_dn)
        around = np.ones((_SURROUND, _SURROUND), dtype=bool)
        around[_SURROUND // 2, _SURROUND // 2] = False
        base = ndimage.median_filter(level, footprint=around, mode="reflect")
        excess, ring = level - base, np.ones((3, 3), dtype=bool)
        ring[1, 1] = False
        beside = ndimage.maximum_filter(excess, footprint=ring, mode="reflect")
        noise = np.sqrt(np.broadcast_to(noise_model.variance(base + np.asarray(noise_model.offset_dn)), page.shape))
        count += int(np.count_nonzero((excess > _HOT * noise) & (beside < _ALONE * excess)))
    if count == 0:
        return ()
    share = count / frame.size
    text = (
        f"{count} pixels ({100 * share:.3g} %) stand alone above their neighbours, as hot pixels do: they vary by more than the camera's "
        "noise model says, and σ_raw of sums and areas is understated"
    )
    return (Diagnostic("hot_pixels", share, 0.0, 0.0, "share of pixels 8 √V above their surroundings that no neighbour follows", text),)
