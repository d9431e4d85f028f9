"""Each object's σ_raw, ε and ε̂, from what was measured on it in the replicas in which it was found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sigmaraw.statistics.spread import Floats, c4


@dataclass(frozen=True)
class ObjectScores:
    """Scores of many objects, NaN where too few replicas show one; all (object,).

    Parameters
    ----------
    sigma : Floats
        σ_raw in the measurement's unit.
    n_raw : ndarray of int
        Raw replicas in which the object was found.
    epsilon, epsilon_hat, u : Floats
        ε, ε̂ and the standard uncertainty of ε̂ from the number of replicas, in σ_raw.
    n : ndarray of int
        Replicas in which the object was found both before and after the codec.
    """

    sigma: Floats
    n_raw: NDArray[np.int64]
    epsilon: Floats
    epsilon_hat: Floats
    u: Floats
    n: NDArray[np.int64]


def object_scores(chi_raw: Floats, chi_codec: Floats, raw: Floats, group: int, decoded: Floats, spread_factor: float = 1.0) -> ObjectScores:
    """Return the scores of each object for one codec and measurement.

    s² pools the variance within groups, ν = Σ(n_g − 1), σ_raw = s/c₄(ν); ε = (χ_c − χ_raw)/σ_raw; ε̂ = mean(D)/σ_raw over the replicas that
    show the object before and after the codec, u² = s_D²/(n s²) + ε̂²/(2ν). With σ_raw = 0, ε and ε̂ are 0 where nothing changed.

    Parameters
    ----------
    chi_raw, chi_codec : Floats
        (object,) on the image itself and on the decoded image, NaN where the object was not found.
    raw : Floats
        (group, replica, object), NaN where it was not found.
    group : int
        Group of the codec's replicas.
    decoded : Floats
        (replica, object) after the codec.
    spread_factor : float
        Ratio of σ_raw to the spread of the replicas.
    """
    found = np.isfinite(raw)
    per_group = found.sum(axis=1)
    means = np.divide(np.nansum(raw, axis=1), per_group, out=np.zeros(per_group.shape), where=per_group > 0)
    squares = np.nansum((raw - means[:, None]) ** 2, axis=(0, 1))
    dof = np.maximum(per_group - 1, 0).sum(axis=0)
    s = np.sqrt(np.divide(squares, dof, out=np.full(len(chi_raw), np.nan), where=dof > 0)) * spread_factor
    sigma = s / c4(np.where(dof > 0, dof, np.nan))
    shifts = decoded - raw[group]
    n = np.isfinite(shifts).sum(axis=0)
    mean = np.divide(np.nansum(shifts, axis=0), n, out=np.full(len(chi_raw), np.nan), where=n > 0)
    spread = np.sqrt(np.divide(np.nansum((shifts - mean) ** 2, axis=0), n - 1, out=np.full(len(chi_raw), np.nan), where=n > 1))
    epsilon_hat = _over(mean, sigma)
    with np.errstate(divide="ignore", invalid="ignore"):
        u = np.sqrt((spread / s) ** 2 / n + epsilon_hat**2 / (2 * dof))
    u[(sigma == 0) & (mean == 0)] = 0.0
    return ObjectScores(sigma, found.sum(axis=(0, 1)), _over(chi_codec - chi_raw, sigma), epsilon_hat, u, n)


def _over(value: Floats, sigma: Floats) -> Floats:
    """Return value/σ, 0 where both are 0, NaN where only σ is."""
    ratio = np.divide(value, sigma, out=np.full(len(value), np.nan), where=sigma > 0)
    return np.where((sigma == 0) & (value == 0), 0.0, ratio)
