"""Means over images, or over specimens, with limits: Student's t over units, widened for skewed values."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from sigmaraw.statistics.evidence import ALPHA, Evidence, Part, RowLimits, share_reach
from sigmaraw.statistics.measure import effective_dofs
from sigmaraw.statistics.spread import Floats


@dataclass(frozen=True)
class MeanPart:
    """A mean over units with its limits at a one-sided level, in the values' unit; arrays (study,) where many studies were given."""

    value: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class MeanBounds:
    """Means over units with their limits: |mean shift|, |mean ln ρ|, mean RMS²; of one study, or arrays (study,) of many."""

    shift: Floats
    shift_low: Floats
    shift_high: Floats
    spread_low: Floats
    spread_high: Floats
    square_low: Floats
    square_high: Floats

    def inside(self, limits: RowLimits) -> NDArray[np.bool_]:
        """Return whether all three means lie inside."""
        k, edge, square = float(np.max(limits.k)), float(np.max(np.log(limits.spread))), float(np.max(limits.rms)) ** 2
        return np.asarray((self.shift_high <= k) & (self.spread_high < edge * (1.0 - 1e-9)) & (self.square_high <= square))

    def beyond(self, limits: RowLimits) -> NDArray[np.bool_]:
        """Return whether one of the three means lies beyond."""
        k, edge, square = float(np.max(limits.k)), float(np.max(np.log(limits.spread))), float(np.max(limits.rms)) ** 2
        return np.asarray((self.shift_low > k) | (self.spread_low > edge) | (self.square_low > square))


def mean_bounds(
    evidence: Evidence, alpha: float = ALPHA, *, groups: NDArray[np.intp] | None = None, images: int | None = None
) -> MeanBounds:
    """Return the means over units with their limits of one-sided level α.

    Parameters
    ----------
    evidence : Evidence, (image,)
        Of one study, or of many studies of `images` each, one after another.
    alpha : float, default ALPHA
        One-sided level of each limit, a bare number.
    groups : ndarray of int, (image,), optional
        The specimen of each image of one study.
    images : int, optional
        Images of each of many studies.

    Returns
    -------
    MeanBounds
        Means and limits, in the unit of the values.
    """

    def units(values: Floats) -> Floats:
        return by_unit(values, groups) if images is None else values.reshape(-1, images)

    shift, ratio = mean_over_units(units(evidence.shift), alpha), mean_over_units(units(evidence.ln_ratio), alpha, guarded=False)
    square = mean_over_units(units(evidence.square), alpha)
    unseen = _unseen_changes(evidence, alpha, images)
    u = evidence.u_relative.reshape(-1, images or len(evidence))
    z = float(special.ndtri(1.0 - alpha)) * np.sqrt(np.mean(u**2, axis=-1)).reshape(np.shape(shift.value))
    size, spread = np.abs(shift.value), np.abs(ratio.value)
    reach = np.hypot(ratio.high - ratio.value, unseen["spread"])
    with np.errstate(invalid="ignore", over="ignore"):
        return MeanBounds(
            shift.value,
            np.maximum(size - np.hypot(shift.value - shift.low, size * -np.expm1(-z)), 0.0),
            size + np.hypot(np.maximum(shift.high - shift.value, unseen["shift"]), size * np.expm1(z)),
            spread - reach,
            spread + reach,
            square.value - np.hypot(square.value - square.low, square.value * -np.expm1(-2.0 * z)),
            square.value + np.hypot(np.maximum(square.high - square.value, unseen["rms"]), square.value * np.expm1(2.0 * z)),
        )


def _unseen_changes(evidence: Evidence, alpha: float, images: int | None) -> dict[Part, Floats]:
    """Return what rare changes that no image's replicas showed may add to the means of |D|, ln ρ and D².

    They do not scatter over images where none was seen, so no t tells of them: their share has Clopper–Pearson limits over the replicas of
    all images together.
    """
    j = images or len(evidence)
    rare = evidence.rare.reshape(-1, j)
    count = rare.sum(axis=-1)

    def mean(values: Floats) -> Floats:
        with np.errstate(invalid="ignore"):
            return np.where(rare, values.reshape(-1, j), 0.0).sum(axis=-1) / np.maximum(count, 1)

    events = mean(evidence.events) * count
    above = share_reach(events, evidence.n * np.maximum(count, 1.0), alpha)[1] * count / j
    shift, variance, square = (
        np.where(count > 0, above * mean(part), 0.0) for part in (evidence.event_shift, evidence.event_variance, evidence.event_square)
    )
    found: dict[Part, Floats] = {"shift": shift, "spread": 0.5 * np.log1p(variance), "rms": square}
    return {part: value if images else value[0] for part, value in found.items()}


def mean_over_units(values: Floats, alpha: float = ALPHA, *, guarded: bool = True) -> MeanPart:
    """Return the mean over units with its lower and upper limit of one-sided level α.

    Student's t with n − 1 dof; guarded, the wider of it and t(d/2)·√(Σψ² + c·max ψ²), ψ = (x − x̄)/√(n(n − 1)), d the effective dof of
    Σψ²: the mean of few skewed values looks too certain until the large one comes (n = 10, exponential: t errs in 13 %, this in 5 %).
    c = n − 3 up to 3: with three units one dof is guard enough (t errs in 17 %, this in 7 %).

    Parameters
    ----------
    values : ndarray, float64, (unit,) or (study, unit)
        One value per image or specimen, any unit.
    alpha : float
        One-sided level, 1.
    guarded : bool
        Widen for skewed units; values on a logarithmic scale need it less.

    Returns
    -------
    MeanPart
        Mean and limits, in the unit of the values.

    Examples
    --------
    >>> part = mean_over_units(np.array([1.0, 2.0, 3.0]), guarded=False)
    >>> float(part.value), round(float(part.high), 4)
    (2.0, 3.6859)
    """
    with np.errstate(invalid="ignore"):  # a spread that vanished is −∞ in ln ρ: the mean is then undefined, and nothing is shown
        n, centre = values.shape[-1], values.mean(axis=-1)
    if n < 2:
        return MeanPart(centre, np.full_like(centre, -math.inf), np.full_like(centre, math.inf))
    with np.errstate(invalid="ignore"):
        psi = (values - centre[..., None]) / math.sqrt(n * (n - 1))
        squares = psi**2
        reach = float(special.stdtrit(n - 1.0, 1.0 - alpha)) * np.sqrt(squares.sum(axis=-1))
        if guarded:
            freedom = np.maximum(0.5 * effective_dofs(psi, n - 1.0), 1.0)
            wide = np.sqrt(squares.sum(axis=-1) + min(max(n - 3.0, 0.0), 3.0) * squares.max(axis=-1))
            reach = np.maximum(reach, special.stdtrit(freedom, 1.0 - alpha) * wide)
    return MeanPart(centre, centre - reach, centre + reach)


def by_unit(values: Floats, groups: np.ndarray | None) -> Floats:
    """Return the mean of each specimen's images; images themselves where no specimen is named.

    Parameters
    ----------
    values : ndarray, float64
        (image,).
    groups : ndarray of int, optional
        The number of each image's specimen, from 0.
    """
    if groups is None:
        return values
    return np.bincount(groups, weights=values) / np.bincount(groups)
