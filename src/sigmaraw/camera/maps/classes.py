"""Classes of pixels: normal, hot, RTS (random telegraph signal), dead, clipped, correlated.

RTS pixels jump between two levels. Their positive kurtosis vanishes near a duty of 0.2, so both moments are asked for suspects:
    JB = L/6·(skewness² + excess kurtosis²/4) > 6   (Jarque and Bera 1980), which one pixel in twenty of normal noise exceeds at any noise.
A second reading takes histograms of the suspects alone. Split at a code into shares p and 1 − p with the variance s_w² within the parts,
against s² of the whole (both with 1/12 for rounding, in units of the bins), the likelihood of two states exceeds that of one by
    G = L·ln(s²/s_w²) − 2L·H(p),   H(p) = −p·ln p − (1−p)·ln(1−p)
(M. J. Symons, Biometrics 37, 35 (1981): normal parts of equal variance, every frame given to one). RTS: the best split has G > 25, five
frames and 1.25 % of them in the rarer state, and levels at least 4 standard deviations apart.
Correlated: temporal noise goes with that of neighbours, as of a pixel that the camera fills in from them. The others compare levels.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.camera.measuring.framesums import Frames
from sigmaraw.camera.measuring.onepass import Map, PixelSums
from sigmaraw.camera.values import NotDetermined
from sigmaraw.netcdf import Arrays

SUSPICIOUS = 6.0  # JB
RTS_GAIN = 25.0  # G
RTS_JUMP = 4.0  # standard deviations within a state
RTS_FRAMES = 100  # dark frames, below which neither RTS nor correlation is told from chance
_RARER_FRAMES, _RARER_SHARE = 5, 0.0125
_LINK = 5.5  # standard errors of a correlation
_BINS = 64
_REACH = 6.0  # standard deviations of a pixel to either side that the bins cover
MOST_SUSPECTS = 1 << 19  # 64 MiB of histograms
_STRIP = 128
_HOT_SPREADS, _HOT_NOISES = 6.0, 5.0
_CLIPPED_NOISES = 2.0  # a level as near to the end of the scale has 2 % of its values there


class PixelClass(IntEnum):
    """Values of `pixel_class_map`. A pixel of several classes has the first of dead, hot, clipped, rts, correlated."""

    NORMAL = 0
    HOT = 1
    RTS = 2
    DEAD = 3
    CLIPPED = 4
    CORRELATED = 5


MEANINGS = {
    PixelClass.NORMAL: "none of the others",
    PixelClass.HOT: "dark level far above its surroundings, or response above 1.5 times theirs",
    PixelClass.RTS: "jumps between two levels in the dark",
    PixelClass.DEAD: "never changes, or responds less than half as its surroundings",
    PixelClass.CLIPPED: "within two standard deviations of the lowest code in the dark, or of the highest in a fitted level",
    PixelClass.CORRELATED: "temporal noise goes with that of neighbours",
}
NEEDS_FRAMES = (PixelClass.RTS, PixelClass.CORRELATED)


def flag_attributes(missing: NotDetermined | None) -> dict[str, Any]:
    """Return the CF attributes of `pixel_class_map`.

    Parameters
    ----------
    missing : NotDetermined or None
        Why RTS and correlated pixels were not looked for; None where they were.
    """
    meanings = " ".join(kind.name.lower() for kind in PixelClass)
    found: dict[str, Any] = {"flag_values": np.array(list(PixelClass), dtype=np.int8), "flag_meanings": meanings}
    return found if missing is None else {**found, "not_determined": str(missing)}


def class_table(dataset: Arrays) -> list[dict[str, Any]]:
    """Return name, count, fraction, definition and reason of each class as JSON values; empty for profiles without the map.

    The count is None, and `not_determined` the reason, where the series did not allow to look for the class.

    Parameters
    ----------
    dataset : Arrays
        A camera dataset.
    """
    if "pixel_class_map" not in dataset.variables:
        return []
    column = dataset["pixel_class_map"]
    counts = np.bincount(column.values.reshape(-1), minlength=len(PixelClass))
    rows = []
    for kind in PixelClass:
        missing = column.attrs.get("not_determined") if kind in NEEDS_FRAMES else None
        count = None if missing is not None else int(counts[kind])
        fraction = None if count is None else count / column.size
        rows.append(
            {"name": kind.name.lower(), "count": count, "fraction": fraction, "definition": MEANINGS[kind], "not_determined": missing}
        )
    return rows


@dataclass(frozen=True)
class Suspects:
    """Pixels of a dark level that are looked at a second time, and pixels whose noise goes with their neighbours'.

    Parameters
    ----------
    where : ndarray of int
        (suspect,), flat index of the pixel.
    low : ndarray of int32
        (suspect,), start of the first bin, DN.
    width : ndarray of int32
        (suspect,), width of all bins, DN.
    correlated : ndarray of bool
        (y, x), pixels whose noise goes with a neighbour's.
    dropped : int
        Suspects beyond `MOST_SUSPECTS`, which were not looked at.
    """

    where: NDArray[np.intp]
    low: NDArray[np.int32]
    width: NDArray[np.int32]
    correlated: NDArray[np.bool_]
    dropped: int


def find_suspects(sums: PixelSums) -> Suspects | None:
    """Return the suspects of a dark level, given its sums with shapes; None where it has too few frames.

    Parameters
    ----------
    sums : PixelSums
        Sums over the frames of a level.
    """
    if sums.frames < RTS_FRAMES:
        return None
    oddity = np.empty(sums.shape, np.float32)
    right, below = np.empty(sums.shape, np.float32), np.empty(sums.shape, np.float32)
    for start in range(0, sums.shape[0], _STRIP):
        rows = slice(start, min(start + _STRIP, sums.shape[0]))
        skew, kurtosis, right[rows], below[rows] = sums.shape_statistics(rows)
        oddity[rows] = sums.frames / 6.0 * (skew**2 + 0.25 * kurtosis**2)
    flat = oddity.reshape(-1)
    where = np.flatnonzero(flat > SUSPICIOUS)
    dropped = max(0, len(where) - MOST_SUSPECTS)
    if dropped:
        where = np.sort(where[np.argpartition(flat[where], dropped)[dropped:]])
    mean, variance = sums.mean().reshape(-1)[where], sums.variance().reshape(-1)[where]
    width = np.maximum(1, np.ceil(2.0 * _REACH * np.sqrt(variance) / _BINS)).astype(np.int32)
    low = np.rint(mean).astype(np.int32) - width * (_BINS // 2)
    return Suspects(where, low, width, _correlated(right, below, sums.frames), dropped)


def _correlated(right: NDArray[np.float32], below: NDArray[np.float32], frames: int) -> NDArray[np.bool_]:
    """Pixels linked to two neighbours or more, and pairs linked to each other only, beyond what the sensor's median pair is."""
    limit = _LINK / np.sqrt(frames - 3.0)
    links = np.zeros(right.shape, np.int8)
    joined = []
    for product, first, second in (
        (right, np.s_[:, :-1], np.s_[:, 1:]),
        (below, np.s_[:-1, :], np.s_[1:, :]),
    ):
        with np.errstate(divide="ignore"):
            z = np.arctanh(np.clip(product[first], -1.0, 1.0))
        on = np.abs(z - np.median(z)) > limit if z.size else np.zeros(z.shape, bool)
        links[first] += on
        links[second] += on
        joined.append((on, first, second))
    found = links > 1
    for on, first, second in joined:
        pair = on & (links[first] == 1) & (links[second] == 1)
        found[first] |= pair
        found[second] |= pair
    return found


def telegraph(suspects: Suspects, chunks: Iterable[Frames], means: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which suspects jump between two levels.

    Parameters
    ----------
    suspects : Suspects
        Pixels to look at.
    chunks : iterable of ndarray of uint8 or uint16
        The level's frames once more, (frame, y, x), DN.
    means : ndarray of float64
        (frame,), mean of each frame, DN: what all pixels share is subtracted.
    """
    counts = np.zeros((len(suspects.where), _BINS), np.uint32 if len(means) > 65535 else np.uint16)
    order = np.arange(len(suspects.where))
    change = np.rint(means - means[0] - np.mean(means - means[0])).astype(np.int32)
    done = 0
    for frames in chunks:
        for frame in frames:
            value = frame.reshape(-1)[suspects.where].astype(np.int32) - change[done]
            counts[order, np.clip((value - suspects.low) // suspects.width, 0, _BINS - 1)] += 1
            done += 1
    found = np.zeros(len(order), dtype=bool)
    for start in range(0, len(order), 1 << 14):
        part = slice(start, start + (1 << 14))
        gain, jump, rarer = two_states(counts[part].astype(np.float64))
        found[part] = (gain > RTS_GAIN) & (jump >= RTS_JUMP) & (rarer >= max(_RARER_FRAMES, _RARER_SHARE * len(means)))
    return found


def two_states(counts: Map) -> tuple[Map, Map, Map]:
    """Return the best split of each histogram into two states.

    Parameters
    ----------
    counts : ndarray of float64
        (pixel, bin), histogram of each pixel.

    Returns
    -------
    tuple of (ndarray of float64, ndarray of float64, ndarray of float64)
        Gain of likelihood; jump, in standard deviations within a state; frames in the rarer state.
    """
    code = np.arange(counts.shape[1], dtype=np.float64)
    total = counts.sum(axis=1, keepdims=True)
    left, first, second = counts.cumsum(axis=1), (counts * code).cumsum(axis=1), (counts * code**2).cumsum(axis=1)
    whole = second[:, -1:] / total - (first[:, -1:] / total) ** 2 + 1.0 / 12.0
    left, below, square = left[:, :-1], first[:, :-1], second[:, -1:]
    right, above = total - left, first[:, -1:] - below
    split = (left > 0) & (right > 0)
    n, m = np.where(split, left, 1.0), np.where(split, right, 1.0)
    within = np.maximum(square - below**2 / n - above**2 / m, 0.0) / total + 1.0 / 12.0
    entropy = -(n / total * np.log(n / total) + m / total * np.log(m / total))
    gain = np.where(split, total * np.log(whole / within) - 2.0 * total * entropy, -np.inf)
    best, row = gain.argmax(axis=1), np.arange(len(counts))
    jump = (above / m - below / n)[row, best] / np.sqrt(within[row, best])
    return gain[row, best], np.where(np.isfinite(gain[row, best]), jump, 0.0), np.minimum(left, right)[row, best]


def outstanding(offset: Map, noise_dn: float) -> NDArray[np.bool_]:
    """Return which pixels stand out of the dark level of 15 × 15 px around them.

    That is by 6 robust standard deviations of the pattern, and by 5 of the noise of a frame.

    Parameters
    ----------
    offset : ndarray of float64
        (y, x), dark level of each pixel, DN.
    noise_dn : float
        Dark noise of one frame, DN rms.
    """
    from scipy.ndimage import uniform_filter

    centre = np.median(offset)
    spread = 1.4826 * float(np.median(np.abs(offset - centre)))
    tame = np.clip(offset, centre - 3.0 * spread, centre + 3.0 * spread)
    difference = offset - uniform_filter(tame, size=15, mode="reflect")
    spread = 1.4826 * float(np.median(np.abs(difference - np.median(difference))))
    return np.asarray(difference > max(_HOT_SPREADS * spread, _HOT_NOISES * noise_dn))


def near_floor(offset: Map, variance: Map) -> NDArray[np.bool_]:
    """Return which pixels' dark level (DN) lies within two standard deviations of the pixel, √variance, of 0 DN.

    Parameters
    ----------
    offset : ndarray of float64
        (y, x), dark level of each pixel, DN.
    variance : ndarray of float64
        (y, x), temporal variance of each pixel, DN².
    """
    return np.asarray(offset <= _CLIPPED_NOISES * np.sqrt(variance))


def near_ceiling(mean: Map, level_variance: float, top_dn: float) -> NDArray[np.bool_]:
    """Return which pixels of a flat level lie within two standard deviations of the highest code.

    Parameters
    ----------
    mean : ndarray of float64
        (y, x), mean of a flat level, DN.
    level_variance : float
        Variance of the level, DN².
    top_dn : float
        Code at which the converter stops, DN.
    """
    return np.asarray(mean + _CLIPPED_NOISES * np.sqrt(level_variance) >= top_dn)


def class_map(marks: dict[PixelClass, NDArray[np.bool_]]) -> NDArray[np.int8]:
    """Return the class of each pixel, the first that applies in the order dead, hot, clipped, rts, correlated.

    Parameters
    ----------
    marks : dict of PixelClass to ndarray of bool
        (y, x) booleans by class.
    """
    order = (PixelClass.CORRELATED, PixelClass.RTS, PixelClass.CLIPPED, PixelClass.HOT, PixelClass.DEAD)
    found = np.zeros(next(iter(marks.values())).shape, np.int8)
    for name in order:
        if name in marks:
            found[marks[name]] = name
    return found
