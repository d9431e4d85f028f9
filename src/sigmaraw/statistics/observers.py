"""Observers who segment the same slices: how well each agrees with himself and with the other, and whether a codec stays within that.

Paper 001's study: an observer segments the raw data twice; slices on which he agrees with himself (Jaccard index ≥ t) are valid. What
remains between his two segmentations is the intra-observer variability (IaOV), what remains between two observers the inter-observer
variability (IeOV). Pairs of slices that are both empty carry no overlap: they are left out of every mean and counted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidOption, UndefinedStatistic
from sigmaraw.statistics.equality import TukeyContrast, tukey
from sigmaraw.statistics.spread import Floats

THRESHOLD = 0.7
"""Jaccard index from which on a slice counts as segmented coherently (paper 001)."""

Masks = NDArray[Any]
INTRA, INTER = "intra-observer", "inter-observer"
"""Names of the two groups that codecs are held against."""


@dataclass(frozen=True)
class Variability:
    """A mean over valid slices.

    Parameters
    ----------
    values : Floats
        (slice,), NaN where not valid or empty.
    mean : float
        Unit of the values.
    valid : int
        Slices that count.
    both_empty : int
        Valid-looking pairs left out because neither holds anything.
    slices : int
        All.
    """

    values: Floats
    mean: float
    valid: int
    both_empty: int
    slices: int


@dataclass(frozen=True)
class RetainedCurve:
    """Share of slices (%) that stay valid, by threshold on the Jaccard index (1)."""

    thresholds: Floats
    retained_percent: Floats
    slices: int
    both_empty: int


@dataclass(frozen=True)
class CodecMark:
    """What paper 001's rule says of one codec.

    Parameters
    ----------
    jaccard, distance : float
        Means over valid slices (1; px).
    differs_intra, differs_inter : bool
        Tukey's marks on the Jaccard index at family-wise 95 %.
    better_inter : bool
        Both means beat the inter-observer ones.
    accepted : bool
        Better, and different.
    """

    codec: str
    jaccard: float
    distance: float
    differs_intra: bool
    differs_inter: bool
    better_inter: bool
    accepted: bool


def jaccard_by_slice(first: Masks, second: Masks) -> Floats:
    """Return the Jaccard index of each slice; NaN where both are empty.

    Parameters
    ----------
    first, second : ndarray, (slice, y, x)
        Masks: bool, or integers of which 0 is background.

    Returns
    -------
    ndarray of float
        Jaccard indices, (slice,), float64.

    Raises
    ------
    UndefinedStatistic
        Shapes that differ.

    Examples
    --------
    >>> a = np.zeros((2, 4, 4), dtype=bool)
    >>> a[0, 1:3, 1:3] = True
    >>> jaccard_by_slice(a, a).tolist()
    [1.0, nan]
    """
    a, b = np.asarray(first) != 0, np.asarray(second) != 0
    if a.shape != b.shape or a.ndim != 3:
        raise UndefinedStatistic(
            f"masks of shapes {a.shape} and {b.shape}", "two masks (slice, y, x) of one shape", "bring them to one grid"
        )
    both, either = (a & b).sum(axis=(1, 2)), (a | b).sum(axis=(1, 2))
    return np.where(either > 0, both / np.maximum(either, 1), math.nan)


def merge(first: Masks, second: Masks, rule: Literal["intersection", "union"] = "intersection") -> NDArray[np.bool_]:
    """Return one annotation of two by the same observer: what both hold (paper 001), or what either holds.

    Parameters
    ----------
    first, second : ndarray of bool
        Masks (slice, y, x).
    rule : {"intersection", "union"}, default "intersection"
        How the two masks are merged.

    Returns
    -------
    ndarray of bool
        Merged masks, (slice, y, x), bool.
    """
    a, b = np.asarray(first) != 0, np.asarray(second) != 0
    if rule not in ("intersection", "union"):
        raise InvalidOption(f"rule = {rule!r}", "intersection or union", "name one of them")
    return a & b if rule == "intersection" else a | b


def valid_slices(agreement: Floats, threshold: float = THRESHOLD) -> NDArray[np.bool_]:
    """Return which slices an observer segmented coherently: Jaccard index of his two segmentations ≥ t.

    Parameters
    ----------
    agreement : ndarray, float64, (slice,)
        Jaccard index per slice; NaN where both are empty, which is not valid.
    threshold : float
        t, 1.

    Returns
    -------
    ndarray of bool
        Whether each slice counts, (slice,), bool.

    References
    ----------
    Paper 001, eq. 4.
    """
    with np.errstate(invalid="ignore"):
        return np.asarray(agreement >= threshold)


def intra_observer(first: Masks, second: Masks, threshold: float = THRESHOLD) -> Variability:
    """Return the intra-observer variability: mean Jaccard index of two segmentations by one observer, over valid slices.

    Parameters
    ----------
    first, second : ndarray, (slice, y, x)
        Two segmentations by one observer.
    threshold : float
        t, 1.

    Returns
    -------
    Variability
        Mean and values per slice, bare numbers.

    References
    ----------
    Paper 001, eqs. 4 and 5.
    """
    values = jaccard_by_slice(first, second)
    return _over(values, valid_slices(values, threshold))


def inter_observer(
    first: tuple[Masks, Masks],
    second: tuple[Masks, Masks],
    threshold: float = THRESHOLD,
    rule: Literal["intersection", "union"] = "intersection",
) -> Variability:
    """Return the inter-observer variability: mean Jaccard index of two observers' merged annotations, over slices valid for both.

    Parameters
    ----------
    first, second : pair of ndarray, (slice, y, x)
        Each observer's two segmentations.
    threshold : float
        t, 1.
    rule : {"intersection", "union"}
        How an observer's two segmentations become one.

    Returns
    -------
    Variability
        Mean and values per slice, bare numbers.

    References
    ----------
    Paper 001, eq. 6.
    """
    valid = valid_slices(jaccard_by_slice(*first), threshold) & valid_slices(jaccard_by_slice(*second), threshold)
    return _over(jaccard_by_slice(merge(*first, rule), merge(*second, rule)), valid)


def distance_variability(first: Masks, second: Masks, valid: NDArray[np.bool_], distance: Callable[[Masks, Masks], float]) -> Variability:
    """Return a distance per valid slice, and its mean; slices on which it is undefined (one mask empty) are left out and counted.

    Parameters
    ----------
    first, second : ndarray of bool
        Masks (slice, y, x).
    valid : ndarray of bool
        Which slices count, (slice,).
    distance : callable
        Of two masks (y, x), px; NaN where undefined. Paper 001 uses the average Hausdorff distance over all annotated voxels.

    Returns
    -------
    Variability
        `both_empty` counts the valid slices without a value.
    """
    values = np.array([distance(a, b) if use else math.nan for a, b, use in zip(first, second, valid, strict=True)])
    return _over(values, np.asarray(valid))


def retained_curve(agreement: Floats, thresholds: Floats | None = None) -> RetainedCurve:
    """Return the share of slices that stay valid, by threshold: what the choice of t costs (paper 001, figure 10).

    Parameters
    ----------
    agreement : ndarray, float64, (slice,)
        Jaccard index between two segmentations by one observer; NaN where both are empty.
    thresholds : ndarray, float64, optional
        0 to 1 in steps of .05 by default.

    Returns
    -------
    RetainedCurve
        In % of all slices, both-empty ones included, as the paper counts.
    """
    grid = np.linspace(0.0, 1.0, 21) if thresholds is None else np.asarray(thresholds, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        kept = np.array([float((agreement >= t).sum()) for t in grid])
    return RetainedCurve(grid, 100.0 * kept / agreement.size, agreement.size, int(np.isnan(agreement).sum()))


def acceptance(
    codecs: Mapping[str, tuple[Floats, Floats]],
    intra: tuple[Floats, Floats],
    inter: tuple[Floats, Floats],
    alpha: float = 0.05,
) -> tuple[list[CodecMark], list[TukeyContrast], str]:
    """Return paper 001's acceptance of each codec: better than the inter-observer variability in both scores, and different from it.

    Tukey's test over all groups of Jaccard indices gives the marks. A group that does not differ from the inter-observer one is rejected:
    "does not differ" is no evidence of sameness, and none of being better.

    Parameters
    ----------
    codecs : mapping of str to pair of ndarray, float64, (slice,)
        Jaccard index (1) and average Hausdorff distance (px) per valid slice; NaN values are left out.
    intra, inter : pair of ndarray
        The same scores of two segmentations by one observer, and of two observers.
    alpha : float
        Family-wise error, 1.

    Returns
    -------
    list of CodecMark
        The mark of each codec.
    list of TukeyContrast
        The pairwise differences of the test.
    str
        The design that decided the test.

    Raises
    ------
    UndefinedStatistic
        A group has less than two values.

    References
    ----------
    Paper 001, "Statistical analysis"; formula 2.7.
    """
    groups = {INTRA: _finite(intra[0]), INTER: _finite(inter[0])}
    groups |= {name: _finite(scores[0]) for name, scores in codecs.items()}
    rows, design = tukey(groups, alpha=alpha)
    marks = {frozenset((row.group1, row.group2)): row.reject for row in rows}
    limit_jaccard, limit_distance = float(np.mean(groups[INTER])), float(np.mean(_finite(inter[1])))
    found = []
    for name, (_, distances) in codecs.items():
        jaccard, distance = float(np.mean(groups[name])), float(np.mean(_finite(distances)))
        differs_inter = marks[frozenset((name, INTER))]
        better = jaccard > limit_jaccard and distance < limit_distance
        differs_intra = marks[frozenset((name, INTRA))]
        found.append(CodecMark(name, jaccard, distance, differs_intra, differs_inter, better, better and differs_inter))
    return found, rows, design


def _finite(values: Floats) -> Floats:
    values = np.asarray(values, dtype=np.float64)
    return values[np.isfinite(values)]


def _over(values: Floats, valid: NDArray[np.bool_]) -> Variability:
    """Return the mean over valid slices that have a value; the others are counted."""
    used = valid & np.isfinite(values)
    kept = np.where(used, values, math.nan)
    mean = float(values[used].mean()) if used.any() else math.nan
    return Variability(kept, mean, int(used.sum()), int(np.isnan(values).sum()), values.size)
