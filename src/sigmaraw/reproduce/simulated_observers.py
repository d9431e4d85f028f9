"""Observers who outline vessels in an image, simulated: each draws where the grey level is half-way, a little off, and overlooks some.

What they draw depends on the image that they see, so that a codec changes it. One reading has one set of errors, whatever the image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sigmaraw.statistics.observers import inter_observer, intra_observer

_SIGMA_PX = (0.4, 0.7, 0.7)  # what the eye averages over
_WAVE_PX = 2.5  # over which an outline wanders
_SMALLEST_PX = 4  # no smaller section is outlined
_CELL_PX = 8
_STEPS = 7
_MISSES_OF_SECOND = 0.25  # the second observer overlooks more, so that two observers differ in distance too, as in 001

Masks = NDArray[np.bool_]


@dataclass(frozen=True)
class Observer:
    """A simulated observer.

    Parameters
    ----------
    name : str
        Decides his errors, with the seed.
    level : float
        Share of the way from tissue to vessel at which he draws the outline, 1.
    wobble : float
        Standard deviation of that share along outlines, 1.
    misses : float
        Probability that he overlooks a section of 4 px; it falls e-fold every 20 px.
    """

    name: str
    level: float = 0.5
    wobble: float = 0.1
    misses: float = 0.08


@dataclass(frozen=True)
class Greys:
    """Levels of tissue and vessel, DN, between which observers judge."""

    tissue: float
    vessel: float


def greys_of(raw: NDArray[np.integer]) -> Greys:
    """Return the medians below and above Otsu's threshold."""
    from skimage.filters import threshold_otsu

    level = threshold_otsu(raw)
    return Greys(float(np.median(raw[raw <= level])), float(np.median(raw[raw > level])))


def outlined(volume: NDArray[np.integer], greys: Greys, observer: Observer, reading: int, seed: int) -> Masks:
    """Return what an observer marks in one reading, (z, y, x)."""
    from scipy.ndimage import gaussian_filter, label

    random = np.random.default_rng([seed, 0x0B5E, reading, *observer.name.encode()])
    share = (gaussian_filter(volume.astype(np.float64), _SIGMA_PX) - greys.tissue) / (greys.vessel - greys.tissue)
    wave = gaussian_filter(random.standard_normal(volume.shape), (0, _WAVE_PX, _WAVE_PX))
    chance = random.random((len(volume), *(-(-size // _CELL_PX) for size in volume.shape[1:])))
    found = share > observer.level + observer.wobble * wave / wave.std()
    for plane, lots in zip(found, chance, strict=True):
        labels, count = label(plane)
        if count:
            plane &= _seen(labels, count, lots, observer.misses)[labels]
    return found


def _seen(labels: NDArray[np.integer], count: int, lots: NDArray[np.float64], misses: float) -> NDArray[np.bool_]:
    """Return by label whether a section is outlined; the lot is that of the place where it begins."""
    areas = np.bincount(labels.ravel(), minlength=count + 1)
    first = np.zeros(count + 1, np.int64)
    places = np.flatnonzero(labels)
    first[labels.ravel()[places[::-1]]] = places[::-1]  # the last one written is the first in order
    y, x = np.unravel_index(first, labels.shape)
    seen = (areas >= _SMALLEST_PX) & (lots[y // _CELL_PX, x // _CELL_PX] >= misses * np.exp(-(areas - _SMALLEST_PX) / 20))
    seen[0] = False
    return np.asarray(seen)


def tuned(raw: NDArray[np.integer], greys: Greys, intra: float, inter: float, seed: int) -> tuple[Observer, Observer]:
    """Return two observers whose agreement on the raw volume is as wanted, found by bisection on readings that nothing else uses.

    Parameters
    ----------
    intra, inter : float
        Mean Jaccard index over valid slices, within the first observer and between the two.
    """
    trial = seed + 2**32

    def within(wobble: float) -> float:
        one = Observer("one", wobble=wobble)
        return intra_observer(outlined(raw, greys, one, 0, trial), outlined(raw, greys, one, 1, trial)).mean

    one = Observer("one", wobble=_bisected(within, intra, 0.01, 0.4))
    first = tuple(outlined(raw, greys, one, reading, trial) for reading in (0, 1))

    def between(shift: float) -> float:
        other = replace(one, name="two", level=one.level + shift, misses=_MISSES_OF_SECOND)
        second = tuple(outlined(raw, greys, other, reading, trial) for reading in (0, 1))
        return inter_observer((first[0], first[1]), (second[0], second[1])).mean

    return one, replace(one, name="two", level=one.level + _bisected(between, inter, 0.0, 0.35), misses=_MISSES_OF_SECOND)


def _bisected(value: Callable[[float], float], wanted: float, low: float, high: float) -> float:
    """Return where a falling function has the wanted value; NaN, where no slice is valid, counts as too low."""
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if value(middle) > wanted else (low, middle)
    return (low + high) / 2
