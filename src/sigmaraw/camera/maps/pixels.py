"""Maps of pixels, each value drawn towards the mean by the share of its error.

Offset: temporal mean of the shortest dark. Read variance and gain are shrunk by the linear Bayes rule
    shrunk = centre + B·(pixel − centre),   B = τ²/(τ² + u²),
with τ² the variance between pixels and u² the squared error of the pixel: few frames give a flat map, many give the values of the pixels
values, and the mean (so the rms noise) stays. Gain of a pixel: least squares through the origin of variance − dark variance on
mean − offset, the noisy one being the response. Reference: formula 3.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from sigmaraw.camera.fitting.dark import QUANTISATION_DN2
from sigmaraw.camera.maps.classes import near_ceiling
from sigmaraw.camera.maps.nonuniformity import Pattern, pattern
from sigmaraw.camera.measuring.lines import LineNoise
from sigmaraw.camera.measuring.workers import strips, workers, zeros

Map = NDArray[np.float64]
RESPONSE_LIMITS = (0.5, 1.5)  # of the 5 × 5 px neighbourhood's mean: outside, a pixel is dead or hot
UNLIT = 0.02  # of the sensor's median response: a pixel below it sees no light
_LOG_RARE = math.log(1e-9)  # a pixel that never changes is called stuck only where chance cannot do it
DARK_LIMIT = 0.5  # of full scale: a pixel whose dark level is above it has no range left


@dataclass(frozen=True)
class DarkPixels:
    """Maps of a dark level.

    Parameters
    ----------
    offset : ndarray of float64
        (y, x), mean of each pixel, DN.
    offset_var : ndarray of float64
        (y, x), squared standard error of the mean, DN²; NaN where not given.
    variance : ndarray of float64
        (y, x), temporal variance, DN², drawn towards the mean of all pixels.
    variance_error : ndarray of float64
        (y, x), squared standard error of the variance, DN⁴; NaN where not given.
    raw_variance : ndarray of float64
        (y, x), temporal variance as measured, DN².
    frames : int
        Number of frames; 0 where not given.
    lines : LineNoise
        Temporal noise of rows and of columns of the same frames.
    """

    offset: Map
    offset_var: Map
    variance: Map
    variance_error: Map
    raw_variance: Map
    frames: int
    lines: LineNoise

    @cached_property
    def pattern(self) -> Pattern:
        """The fixed pattern of the dark level, by part."""
        return self.pattern_without(np.zeros(self.offset.shape, dtype=bool))

    def pattern_without(self, defects: NDArray[np.bool_]) -> Pattern:
        """Return the fixed pattern of the dark level, by part, of the pixels that are no defects."""
        offset, variance = without(defects, self.offset, self.raw_variance)
        return pattern(offset, np.maximum(variance, 0.0), self.frames, self.lines)


def shrink_variance(variance: Map, frames: int) -> tuple[Map, Map]:
    """Return the map of temporal variances shrunk to its mean, and the variance of each entry.

    For Gaussian frames Var(s²) = 2σ⁴/(L−1), and 2·mean(s⁴)/(L+1) estimates its mean over pixels without bias; what the map
    varies beyond that is real.

    Parameters
    ----------
    variance : ndarray of float64
        (y, x), temporal variance of each pixel, DN².
    frames : int
        Number of frames.
    """
    centre = float(variance.mean())
    spread = float(variance.var())
    within = 2.0 * float((variance * variance).mean()) / (frames + 1)
    trust = max(spread - within, 0.0) / spread if spread > 0 else 0.0
    shrunk = centre + trust * (variance - centre)
    # Posterior variance: what trust leaves of the error of a pixel, and the error of the centre that all share.
    return shrunk, trust * 2.0 * shrunk**2 / (frames - 1) + within / variance.size


def dark_pixels(mean: Map, variance: Map, frames: int, lines: LineNoise) -> DarkPixels:
    """Return the dark maps from per-pixel moments over `frames` frames, and the pattern they show.

    Parameters
    ----------
    mean : ndarray of float64
        (y, x), temporal mean of each pixel, DN.
    variance : ndarray of float64
        (y, x), temporal variance of each pixel, DN².
    frames : int
        Number of frames.
    lines : LineNoise
        Temporal noise of rows and of columns of the same frames.
    """
    shrunk, error = shrink_variance(variance, frames)
    return DarkPixels(mean, shrunk / frames, shrunk, error, variance, frames, lines)


def dark_pixels_from_maps(offset: Map, noise_dn: Map) -> DarkPixels:
    """Return given maps as they are; their error is not stated.

    Parameters
    ----------
    offset : ndarray of float64
        (y, x), dark level of each pixel, DN.
    noise_dn : ndarray of float64
        (y, x), temporal noise of each pixel, DN rms.
    """
    unknown = np.full(offset.shape, np.nan)
    return DarkPixels(offset, unknown, noise_dn**2, unknown, noise_dn**2, 0, LineNoise(0.0, 0.0))


@dataclass(frozen=True)
class FlatPixels:
    """Maps of a flat level.

    Parameters
    ----------
    mean : ndarray of float64
        (y, x), mean of each pixel, DN.
    variance : ndarray of float64
        (y, x), temporal variance of each pixel, DN².
    frames : int
        Number of frames.
    level_variance : float
        Variance of the level, DN².
    straighten : float
        Factor that brings the variance above dark onto the straight line of small signals.
    still : ndarray of bool or None
        (y, x), whether the pixel gave one value throughout.
    signal : float or None
        Mean of the level above dark, DN; None takes that of the maps, which are then of the whole sensor.
    """

    mean: Map
    variance: Map
    frames: int
    level_variance: float
    straighten: float = 1.0
    still: NDArray[np.bool_] | None = None
    signal: float | None = None


class GainPixels:
    """Sums for every pixel's gain and response, one level at a time, so that a whole series never lies in memory.

    Parameters
    ----------
    shape : tuple of (int, int)
        (y, x), px.
    top_dn : float
        Code at which the converter stops, DN.
    """

    def __init__(self, shape: tuple[int, int], top_dn: float = math.inf) -> None:
        self.top_dn, self.clipped = top_dn, np.zeros(shape, dtype=bool)  # at the highest code, in a fitted level
        self._xy, self._xx, self._dark_error, self._response = (zeros(shape, np.float64) for _ in range(4))
        self._signal = 0.0
        self._still = np.ones(shape, dtype=bool)
        self._log_chance = 0.0  # of a working pixel giving one value throughout

    def add(self, dark: DarkPixels, flats: Iterable[FlatPixels]) -> None:
        """Add the flat levels that one dark level serves.

        Parameters
        ----------
        dark : DarkPixels
            Pixels of the dark level that serves these flats.
        flats : iterable of FlatPixels
            Pixels of the flat levels, one after the other.
        """
        self._add_scalars(self._add_rows(slice(None), dark, flats))

    def add_kept(self, dark: DarkPixels, flats: Callable[[slice], Iterable[FlatPixels]]) -> None:
        """Add the flat levels that one dark level serves, strip by strip on several threads; flats(rows) gives some rows of each.

        Parameters
        ----------
        dark : DarkPixels
            Pixels of the dark level that serves these flats.
        flats : callable
            Given some rows, yields these rows of the flat levels.
        """
        parts = strips((self._xx.shape[0], self._xx.shape[1]))
        found: list[list[tuple[float, float]]] = [[] for _ in parts]

        def task(part: int) -> None:
            found[part] = self._add_rows(parts[part], dark, flats(parts[part]))

        with workers() as crew:
            crew.run([partial(task, part) for part in range(len(parts))])
        self._add_scalars(found[0])

    def _add_scalars(self, levels: Iterable[tuple[float, float]]) -> None:
        for signal, log_chance in levels:
            self._signal += signal * signal
            self._log_chance += log_chance

    def _add_rows(self, rows: slice, dark: DarkPixels, flats: Iterable[FlatPixels]) -> list[tuple[float, float]]:
        """Add some rows; return signal and log of the chance to stand still of each level."""
        weighted = np.zeros_like(self._xx[rows])
        scalars = []
        for flat in flats:
            weight = (flat.frames - 1) / (2.0 * flat.level_variance**2)  # 1/Var(s²) at the level's variance, equal for all pixels
            x = flat.mean - dark.offset[rows]
            signal = float(x.mean()) if flat.signal is None else flat.signal
            self._response[rows] += signal * x
            above = flat.variance - dark.variance[rows]
            above *= x
            above *= weight * flat.straighten
            self._xy[rows] += above
            weighted += weight * x
            x *= x
            x *= weight
            self._xx[rows] += x
            self._still[rows] &= flat.variance == 0 if flat.still is None else flat.still
            self.clipped[rows] |= near_ceiling(flat.mean, flat.level_variance, self.top_dn)
            scalars.append((signal, (flat.frames - 1) * min(0.0, -0.5 * math.log(4.0 * math.pi * flat.level_variance))))
        # One dark level's error enters all flats that it serves with the same sign.
        self._dark_error[rows] += weighted**2 * np.nan_to_num(dark.variance_error[rows])
        return scalars

    def result(self, gain: float, gain_se: float, prnu_fraction: float) -> tuple[Map, Map]:
        """Return gain_map, shrunk to `gain`, and its standard error (DN/e⁻): √(B·u² + SE²(K)), the first part that of the pixel.

        Parameters
        ----------
        gain : float
            K of all pixels, DN/e-.
        gain_se : float
            Its standard error, DN/e-.
        prnu_fraction : float
            PRNU, 1.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            single = self._xy / self._xx
            error = np.sqrt(self._xx + self._dark_error) / self._xx
        spread = gain * prnu_fraction
        trust = spread**2 / (spread**2 + error**2) if spread > 0 else np.zeros_like(error)
        trust = np.nan_to_num(trust)
        good = np.isfinite(single) & np.isfinite(error)
        shrunk = np.where(good, gain + trust * (np.where(good, single, gain) - gain), gain)
        # A gain at or below zero is a defect, not a camera; the mask says where.
        return np.where(shrunk > 0.1 * gain, shrunk, gain), np.sqrt(trust * np.where(good, error, gain) ** 2 + gain_se**2)

    def defects(self, offset: Map, full_scale: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return where a pixel is dead (never changes, or responds less than half as its neighbours), and where it is hot beyond use.

        That is a response of more than 1.5 times the neighbours', or a dark level above half of full scale. Neighbours are the median of
        5 × 5 px wherever a defect may be near, so that a defect makes no neighbour one. A pixel without light (overscan, masked columns) is
        dead and never hot.

        Parameters
        ----------
        offset : ndarray of float64
            (y, x), dark level of each pixel, DN.
        full_scale : int
            Largest code, DN.
        """
        response = self._response / self._signal
        around = _around(response)
        low, high = RESPONSE_LIMITS
        stuck = self._still if self._log_chance < _LOG_RARE else np.zeros_like(self._still)
        unlit = np.abs(response) < UNLIT * float(np.median(response))
        dead = stuck | unlit | (response < low * around)
        return dead, ((response > high * around) & ~dead) | (offset > DARK_LIMIT * full_scale)


def _around(response: Map) -> Map:
    """Return the response about each pixel: the mean of 5 × 5 px, and their median where a pixel near by may be a defect."""
    from scipy.ndimage import binary_dilation, median_filter, uniform_filter

    around: Map = uniform_filter(response, size=5, mode="reflect")
    low, high = RESPONSE_LIMITS
    # Half of the way to the limits: one pixel moves the mean of 25 by a 25th of what it is off.
    odd = np.abs(response - around) > 0.5 * min(1.0 - low, high - 1.0) * np.abs(around)
    if not odd.any():
        return around
    near = binary_dilation(odd, np.ones((5, 5), dtype=bool))
    if np.count_nonzero(near) > 0.1 * near.size:
        found: Map = median_filter(response, size=5, mode="reflect")
        return np.where(near, found, around)
    padded = np.pad(response, 2, mode="symmetric")
    y, x = np.nonzero(near)
    window = np.stack([padded[y + dy, x + dx] for dy in range(5) for dx in range(5)])
    around[near] = np.median(window, axis=0)
    return around


def without(mask: NDArray[np.bool_], *maps: Map) -> tuple[Map, ...]:
    """Return maps without defective pixels: rows and columns that hold more defects than not are left out, others filled in.

    A pixel that is filled in takes what its row and column say of it, so that it adds nothing to the pattern of pixels.

    Parameters
    ----------
    mask : ndarray of bool
        (y, x), True where a pixel is defective.
    *maps : ndarray
        (y, x) each.
    """
    if not mask.any():
        return maps
    rows, columns = mask.mean(axis=1) <= 0.5, mask.mean(axis=0) <= 0.5
    if min(np.count_nonzero(rows), np.count_nonzero(columns)) < 2:
        return maps
    bad = mask[np.ix_(rows, columns)]
    found = []
    for values in maps:
        part = values[np.ix_(rows, columns)]
        good = np.ma.masked_array(part, bad)
        row, column = good.mean(axis=1).filled(good.mean()), good.mean(axis=0).filled(good.mean())
        found.append(np.where(bad, row[:, None] + column[None, :] - float(good.mean()), part))
    return tuple(found)


def read_noise_pixels(dark: DarkPixels, gain_map: Map) -> tuple[Map, Map]:
    """Return read_noise_map = √(σ²_y.dark − 1/12)/K of each pixel and its standard error, e⁻.

    Parameters
    ----------
    dark : DarkPixels
        Pixels of the shortest dark level.
    gain_map : ndarray of float64
        (y, x), K of each pixel, DN/e-.
    """
    square = np.maximum(dark.variance - QUANTISATION_DN2, 0.0)
    root = np.sqrt(square)
    error = np.sqrt(dark.variance_error)
    with np.errstate(divide="ignore", invalid="ignore"):
        se = np.where(square > error, error / (2.0 * root), np.sqrt(error))
    return root / gain_map, se / gain_map
