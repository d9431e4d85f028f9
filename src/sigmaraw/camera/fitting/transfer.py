"""Photon transfer: the slope of variance against mean is the system gain.

K = slope through the origin of y = σ²_y − σ²_y.dark against x = μ_y − μ_y.dark, 0–70 % of saturation (EMVA 1288 r4.0, photon
transfer). One dark level is subtracted from many flats, so their y errors are correlated:
    C = diag(Var σ̂²_l + K²·Var μ̂_l) + (Var σ̂²_dark + K²·Var μ̂_dark) · 1·1ᵀ  per dark level.
Unweighted: a = x/(x·x). Weighted: a = C⁻¹x/(xᵀC⁻¹x). Either way K = a·y and SE² = aᵀĈa.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sigmaraw.camera.measuring.moments import LevelMoments, quantisation_var
from sigmaraw.camera.values import Estimate, NotDetermined
from sigmaraw.errors import ImplausibleSeries, TooFewFrames

FIT_RANGE = 0.70
_OUTLIER = 5.0  # formula 3: outlier levels are cut at 5 standard errors
_OUTLIER_SHARE = 0.10  # more than that are not outliers: the curve is bent
_ITERATIONS = 20


class _Columns(NamedTuple):
    """Arrays over the flat levels: of the dark level of each, of its pairs, variance and pixel values; which two have one dark level."""

    dark_variance: NDArray[np.float64]
    excess: NDArray[np.float64]
    pairs: NDArray[np.float64]
    variance_var: NDArray[np.float64]
    values: NDArray[np.float64]
    same_dark: NDArray[np.bool_]


@dataclass(frozen=True)
class TransferData:
    """Flat levels with, for each, the index of the dark level that serves it.

    Parameters
    ----------
    flats : tuple of LevelMoments
        Scalars of the flat levels.
    darks : tuple of LevelMoments
        Scalars of the dark levels.
    dark_index : ndarray of int
        (level,), for each flat the dark level that serves it.
    """

    flats: tuple[LevelMoments, ...]
    darks: tuple[LevelMoments, ...]
    dark_index: NDArray[np.intp]

    @functools.cached_property
    def x(self) -> NDArray[np.float64]:
        """μ_y − μ_y.dark, (level), DN."""
        dark = np.array([level.mean for level in self.darks])
        return np.array([level.mean for level in self.flats]) - dark[self.dark_index]

    @functools.cached_property
    def y(self) -> NDArray[np.float64]:
        """σ²_y − σ²_y.dark, (level), DN²."""
        dark = np.array([level.variance for level in self.darks])
        return np.array([level.variance for level in self.flats]) - dark[self.dark_index]

    def select(self, keep: NDArray[np.bool_]) -> TransferData:
        """Return the levels where `keep` is true.

        Parameters
        ----------
        keep : ndarray of bool
            (level,), which flat levels stay.
        """
        flats = tuple(level for level, kept in zip(self.flats, keep, strict=True) if kept)
        return TransferData(flats, self.darks, self.dark_index[keep])

    def covariance(self, gain: float, *, from_curve: bool, above_dark: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Return the covariance of y, (level, level), DN⁴, at gain K.

        Weights from the measured variances would favour levels that happen to come out low, and pull K down: weights come from the curve.

        Parameters
        ----------
        gain : float
            K, DN/e-.
        from_curve : bool
            Take Var σ̂² from the curve instead of from the measured values.
        above_dark : ndarray of float64 or None
            (level,), the curve, DN²; None takes the straight line K·x.
        """
        of = self._columns
        line = np.maximum(gain * self.x if above_dark is None else above_dark, 0.0) + of.dark_variance
        single = 2.0 * (line**2 + of.excess) / of.pairs + quantisation_var(line) if from_curve else of.variance_var
        single = single + gain**2 * line / of.values
        shared = np.array([level.variance_var + gain**2 * level.mean_var for level in self.darks])
        return np.diag(single) + np.where(of.same_dark, shared[self.dark_index][:, None], 0.0)

    @functools.cached_property
    def _columns(self) -> _Columns:
        """What `covariance` takes of the levels: a fit asks for it a hundred times."""
        return _Columns(
            np.array([level.variance for level in self.darks])[self.dark_index],
            np.array([level.excess for level in self.darks])[self.dark_index],
            np.array([level.n_pairs * (level.n_pixels - 1.0) for level in self.flats]),
            np.array([level.variance_var for level in self.flats]),
            np.array([float(level.n_pixels * level.n_frames) for level in self.flats]),
            self.dark_index[:, None] == self.dark_index[None, :],
        )


@dataclass(frozen=True)
class GainFit:
    """The gain by both fits.

    Parameters
    ----------
    weighted : Estimate
        K of the weighted fit, DN/e-.
    unweighted : Estimate
        K of the unweighted fit, DN/e-.
    chi2 : float
        Reduced χ² of the weighted fit.
    used : ndarray of bool
        (level,), whether the level is in the fit.
    coefficients : ndarray of float64
        (level,), ∂K/∂y of the weighted fit, over all levels.
    notes : tuple of str
        Sentences for the profile.
    """

    weighted: Estimate
    unweighted: Estimate
    chi2: float
    used: NDArray[np.bool_]
    coefficients: NDArray[np.float64]
    notes: tuple[str, ...] = ()


def unweighted_fit(data: TransferData) -> Estimate:
    """Return K by ordinary least squares through the origin, with its SE under the full covariance.

    Parameters
    ----------
    data : TransferData
        Flat levels and the dark levels that serve them.
    """
    x = data.x
    a = x / (x @ x)
    gain = float(a @ data.y)
    return Estimate(gain, math.sqrt(float(a @ data.covariance(gain, from_curve=False) @ a)))


def weighted_fit(data: TransferData, start: float) -> tuple[Estimate, NDArray[np.float64], NDArray[np.float64]]:
    """Return K by generalised least squares, the coefficients ∂K/∂y, and the covariance that gave the weights.

    The weights depend on K only through the shape of the line, so the iteration settles in a few steps.

    Parameters
    ----------
    data : TransferData
        Flat levels and the dark levels that serve them.
    start : float
        K to start from, DN/e-.
    """
    gain, x = start, data.x
    for _ in range(_ITERATIONS):
        weights = data.covariance(gain, from_curve=True)
        towards = np.linalg.solve(weights, x)
        a = towards / (x @ towards)
        previous, gain = gain, float(a @ data.y)
        if gain <= 0 or abs(gain - previous) <= 1e-12 * abs(gain):
            break
    return Estimate(gain, math.sqrt(float(a @ data.covariance(gain, from_curve=False) @ a))), a, weights


def fit_gain(data: TransferData, upper_dn: float) -> GainFit:
    """Return both fits over the levels with 0 < x ≤ 0.7·(saturation − dark).

    Parameters
    ----------
    data : TransferData
        Flat levels and the dark levels that serve them.
    upper_dn : float
        Saturation, or full scale, above the dark level, DN.

    Raises
    ------
    TooFewFrames
        If less than two flat levels lie in the range.
    ImplausibleSeries
        If the slope is not positive.
    """
    used = (data.x > 0) & (data.x <= FIT_RANGE * upper_dn)
    if np.count_nonzero(used) < 2:
        raise TooFewFrames(
            f"only {np.count_nonzero(used)} of {len(used)} flat levels lie above dark and below {FIT_RANGE:.0%} of saturation",
            "at least 2, better 10 or more",
            "take more flat levels between dark and 70 % of saturation",
        )
    notes: list[str] = []
    kept = used.copy()
    while True:
        chosen = data.select(kept)
        start = unweighted_fit(chosen)
        if not start.value > 0:
            raise ImplausibleSeries(
                f"variance does not grow with the mean (slope {start.value:.3g} DN)",
                "a positive slope",
                "check that frames are raw and repeats are separate exposures",
            )
        weighted, a, weights = weighted_fit(chosen, start.value)
        if not weighted.value > 0:
            raise ImplausibleSeries(f"the weighted slope is {weighted.value:.3g} DN", "a positive slope", "check that frames are raw")
        residual = (chosen.y - weighted.value * chosen.x) / np.sqrt(np.diag(weights))
        worst = int(np.argmax(np.abs(residual)))
        if abs(residual[worst]) <= _OUTLIER:
            break
        kept[np.flatnonzero(kept)[worst]] = False
        if np.count_nonzero(used) - np.count_nonzero(kept) > _OUTLIER_SHARE * np.count_nonzero(used):
            return _bent(data, used)
    cut = np.count_nonzero(used) - np.count_nonzero(kept)
    if cut:
        notes.append(
            f"{cut} flat level{'s' if cut > 1 else ''} more than {_OUTLIER:g} standard errors off the line left out of the gain fit"
        )
    return GainFit(weighted, start, _chi2(chosen, weighted.value, weights), kept, _spread(a, kept), tuple(notes))


def _bent(data: TransferData, used: NDArray[np.bool_]) -> GainFit:
    """All levels in range, and a note: when many levels are off the line it is the line that is wrong."""
    chosen = data.select(used)
    start = unweighted_fit(chosen)
    weighted, a, weights = weighted_fit(chosen, start.value)
    chi2 = _chi2(chosen, weighted.value, weights)
    note = f"the photon-transfer curve is not a straight line within its standard errors (reduced chi-square {chi2:.1f})"
    return GainFit(weighted, start, chi2, used, _spread(a, used), (note,))


def _chi2(data: TransferData, gain: float, weights: NDArray[np.float64]) -> float:
    residual = data.y - gain * data.x
    return float(residual @ np.linalg.solve(weights, residual) / (len(residual) - 1))


def _spread(a: NDArray[np.float64], used: NDArray[np.bool_]) -> NDArray[np.float64]:
    full = np.zeros(len(used))
    full[used] = a
    return full


def _spikes(variance: NDArray[np.float64], error: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Levels, in order of the mean, that stand 5 SE above both neighbours in a curve that rises across them and goes on to rise by 5 SE."""
    found = np.zeros(len(variance), dtype=bool)
    for at in range(1, len(variance) - 2):
        before, after = variance[at - 1], variance[at + 1]
        apart = _OUTLIER * math.sqrt(error[at] + max(error[at - 1], error[at + 1]))
        rise = variance[at + 2 :] - after - _OUTLIER * np.sqrt(error[at + 1] + error[at + 2 :])
        found[at] = variance[at] > max(before, after) + apart and after > before and bool((rise > 0).any())
    return found


def saturation_level(flats: tuple[LevelMoments, ...]) -> tuple[Estimate, int | None]:
    """Return the mean at the maximum of the variance curve (DN, offset included) and that level's index.

    The maximum counts only when a brighter level's variance lies significantly below it (5 SE and a tenth); else the sensor was never
    saturated. A level above both its neighbours after which the curve goes on rising is an outlier. SE: the true maximum lies between the
    neighbouring levels, (μ_{i+1} − μ_{i−1})/√12 for a uniform law.

    Parameters
    ----------
    flats : tuple of LevelMoments
        Scalars of the flat levels, (level).

    References
    ----------
    EMVA 1288 r4.0, saturation.
    """
    order = np.argsort([level.mean for level in flats], kind="stable")
    means = np.array([flats[i].mean for i in order])
    variance = np.array([flats[i].variance for i in order])
    error = np.array([flats[i].variance_var for i in order])
    top = int(np.argmax(np.where(_spikes(variance, error), -np.inf, variance)))
    drop = variance[top] - variance[top + 1 :]
    if not np.any((drop > _OUTLIER * np.sqrt(error[top] + error[top + 1 :])) & (drop > 0.1 * variance[top])):
        return Estimate.missing(NotDetermined.NOT_REACHED), None
    spacing = means[min(top + 1, len(means) - 1)] - means[max(top - 1, 0)]
    return Estimate(float(means[top]), float(spacing / math.sqrt(12.0))), int(order[top])
