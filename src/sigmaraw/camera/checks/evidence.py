"""What the checks of a series rest on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sigmaraw.camera.fitting.curves import CurveFit
from sigmaraw.camera.fitting.transfer import GainFit, TransferData
from sigmaraw.camera.measuring.evidence import LevelEvidence

_SHUFFLED, _SHUFFLED_SIGNAL = 5.0, 0.003  # standard errors of a difference, or the lamp's limit, that a frame is away from its level
CHANCE = 1e-3  # of a false alarm, per check and series, whatever parts the sensor has


@dataclass(frozen=True)
class DeadPixels:
    """Pixels that do not respond to light.

    Parameters
    ----------
    count : int
        Of them.
    rows, columns : int
        Whole rows and columns of them.
    at_floor : float
        Share of the dark values that are of such pixels and stand at the lowest code, %.
    """

    count: int
    rows: int
    columns: int
    at_floor: float


@dataclass(frozen=True)
class SeriesEvidence:
    """What the checks of a series rest on.

    Parameters
    ----------
    data : TransferData
        Flat and dark levels.
    fit : GainFit
        The straight-line fit of the gain.
    dark : tuple of LevelEvidence
        Evidence of each dark level, in the order of `data`.
    flat : tuple of LevelEvidence
        Evidence of each flat level, in the order of `data`.
    light : ndarray of float64 or None
        (level,), relative light of each flat; None where it is not stated.
    upper_dn : float
        Saturation above the dark level, DN.
    full_scale : int
        Largest code of the bit depth, DN.
    chance : float
        Probability of a false alarm of each check. Of a sensor in taps each tap has its share, since the worst tap decides
        (Bonferroni).
    curve : CurveFit or None
        The chosen transfer curve.
    plain_faults : dict of str to float
        BIC of faults of the frames that a bent curve can absorb.
    dead : DeadPixels
        Pixels without response.
    """

    data: TransferData
    fit: GainFit
    dark: tuple[LevelEvidence, ...]
    flat: tuple[LevelEvidence, ...]
    light: NDArray[np.float64] | None
    upper_dn: float
    full_scale: int
    chance: float = CHANCE
    curve: CurveFit | None = None
    plain_faults: Mapping[str, float] = field(default_factory=dict)
    dead: DeadPixels = DeadPixels(0, 0, 0, 0.0)

    def used(self) -> list[int]:
        """Indices of the flat levels in the gain fit."""
        return [int(index) for index in np.flatnonzero(self.fit.used)]

    @cached_property
    def shuffled(self) -> tuple[NDArray[np.bool_], ...]:
        """Frames of each flat level that lie at another level's mean: far from their level, four times nearer to a frame of another."""
        means = [level.frame_means for level in self.data.flats]
        found = []
        for index, of_level in enumerate(means):
            others = np.concatenate([one for place, one in enumerate(means) if place != index] or [np.empty(0)])
            noise = _SHUFFLED * max(math.sqrt(2.0 * self.flat[index].mean_noise), _SHUFFLED_SIGNAL * abs(self.data.x[index]))
            nearest = distance_to_nearest(of_level)
            found.append((nearest > noise) & (distance_to_nearest(of_level, others) < nearest / 4.0))
        return tuple(found)


def distance_to_nearest(values: NDArray[np.float64], others: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Return how far each value is from the nearest of the others, or of its own kind but itself; ∞ where there is none.

    By sorting: a level may hold thousands of frames, whose differences from each other would be millions.

    Parameters
    ----------
    values : ndarray of float64
        (value,).
    others : ndarray of float64, optional
        (other,); those of `values` where it is left out.
    """
    ordered = np.concatenate([[-np.inf], np.sort(values if others is None else others), [np.inf]])
    if others is None:
        gaps = np.diff(ordered)
        place = np.argsort(np.argsort(values, kind="stable"), kind="stable")
        return np.asarray(np.minimum(gaps[place], gaps[place + 1]))
    after = np.searchsorted(ordered[1:-1], values) + 1
    return np.asarray(np.minimum(values - ordered[after - 1], ordered[after] - values))


def chance_of(chi2: float, dof: float) -> float:
    """Return the probability that χ² of `dof` degrees of freedom is at least `chi2`.

    Parameters
    ----------
    chi2 : float
        Observed χ².
    dof : float
        Degrees of freedom.

    Returns
    -------
    float
        Between 0 and 1.
    """
    from scipy.special import gammaincc

    return float(gammaincc(0.5 * dof, 0.5 * chi2))
