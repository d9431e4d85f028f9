"""Tests of equality between independent groups: Kolmogorov–Smirnov, Tukey HSD and Games–Howell."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.polynomial import chebyshev

from sigmaraw.errors import UndefinedStatistic
from sigmaraw.record.words import Reason
from sigmaraw.statistics.spread import Floats, centred
from sigmaraw.statistics.studentized_range import range_quantile, range_sf, range_sf_by_table

EQUAL_VARIANCE_ALPHA = 0.05
"""Size of the Brown–Forsythe test that chooses Games–Howell."""


@dataclass(frozen=True)
class TestResult:
    """A test statistic with its p-value and the method."""

    __test__ = False  # the name is not a test to collect

    statistic: float
    p: float
    method: str


@dataclass(frozen=True)
class TukeyContrast:
    """One pair of groups: mean of group2 − mean of group1 with its simultaneous interval, the measurement's unit.

    With raw as group1 the difference is what the codec adds.

    `reason` is set where numbers are missing (NaN) or are the limit of vanishing variance.
    """

    group1: str
    group2: str
    mean_difference: float
    low: float
    high: float
    p_adjusted: float
    reject: bool
    reason: Reason | None = None


def ks_test(a: Floats, b: Floats, *, discrete: bool) -> TestResult:
    """Return the two-sided two-sample Kolmogorov–Smirnov test, D = max |F_a − F_b|.

    Continuous data without ties: `scipy.stats.ks_2samp`. Discrete data, or ties: the permutation distribution given the
    pooled values, summed exactly (no random draws, so no seed).

    Parameters
    ----------
    a, b : Floats
        Independent samples of one measurement, (replica,), float64.
    discrete : bool
        Whether predictions take isolated values, as counts do.

    Raises
    ------
    UndefinedStatistic
        A sample is empty, or values are not finite.

    References
    ----------
    formula 2.8; ties after Schröer and Trenkler, Comput. Stat. Data Anal. 20, 185 (1995).
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.size == 0 or b.size == 0 or not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise UndefinedStatistic(
            "an empty sample or predictions that are not finite", "two samples of finite numbers", "look at the replicas"
        )
    pooled = np.sort(np.concatenate([a, b]))
    if not discrete and (pooled[1:] > pooled[:-1]).all():
        from scipy import stats  # half a second to import

        with warnings.catch_warnings():  # SciPy says so where it takes the asymptotic p: for a p too small for the exact sum
            warnings.filterwarnings("ignore", message="ks_2samp: Exact calculation unsuccessful", category=RuntimeWarning)
            result = stats.ks_2samp(a, b)
        return TestResult(float(result.statistic), float(result.pvalue), "Kolmogorov-Smirnov")
    ends = np.append(np.flatnonzero(pooled[1:] > pooled[:-1]), pooled.size - 1)  # last index of each block of equal values
    below_a = np.searchsorted(np.sort(a), pooled[ends], side="right")
    gap = int(np.abs(below_a * b.size - (ends + 1 - below_a) * a.size).max())
    p = 1.0 if gap == 0 else _permutation_p(a.size, b.size, ends + 1, gap)
    return TestResult(gap / (a.size * b.size), p, "permutation Kolmogorov-Smirnov, exact given the ties")


def _permutation_p(n: int, m: int, checks: np.ndarray, gap: int) -> float:
    """Return P(max |i m − j n| ≥ gap at the checks) when all orders of n a's and m b's are equally likely.

    i and j count the a's and b's among the first i + j pooled values. State probabilities walk over i + j; those that reach the
    gap are absorbed, so a small p is a sum of small numbers and not a difference from 1.
    """
    check = np.zeros(n + m + 1, dtype=bool)
    check[checks] = True
    i = np.arange(n + 1)
    state = np.zeros(n + 1)
    state[0] = 1.0
    beyond = 0.0
    for step in range(n + m):
        j = step - i
        left = n + m - step
        take_a = state * (n - i) / left
        state = state * np.maximum(m - j, 0) / left
        state[1:] += take_a[:-1]
        if check[step + 1]:
            reached = np.abs(i * m - (step + 1 - i) * n) >= gap
            beyond += float(state[reached].sum())
            state[reached] = 0.0
    return min(beyond, 1.0)


def tukey(
    groups: Mapping[str, Floats], *, alpha: float = 0.05, reference: str | None = None, many: bool = False
) -> tuple[list[TukeyContrast], str]:
    """Return all pairwise differences of means with family-wise error `alpha`, and the design that decided the test.

    With `reference` only the differences from that group are returned. The range stays that of all groups, so that each row is
    the same with and without the others, and the family-wise error is at most `alpha`.

    Tukey HSD: p = P(Q_{k,ν} > |d|√2 / (s √(1/n₁ + 1/n₂))), s pooled, ν = Σ(n − 1). Games–Howell where a Brown–Forsythe test finds
    unequal variances (p < .05): s²(1/n₁ + 1/n₂) → s₁²/n₁ + s₂²/n₂ with the Welch dof.
    A group with undefined predictions gives rows of NaN with the reason, and the other groups are tested without it. Where
    neither group of a pair varies the result is the limit: p = 1 for equal means, 0 for others, with the reason.

    Parameters
    ----------
    groups : mapping of str to Floats
        Independent samples by name, (replica,), float64, the measurement's unit.
    alpha : float, default 0.05
        Family-wise error, a bare number.
    reference : str, optional
        The name of one group.
    many : bool, default False
        One of many calls of the same design: p comes from a table of it, 1e-6 of itself and 0 below 1e-11.

    Raises
    ------
    UndefinedStatistic
        There are less than two groups, or a group has less than two values.

    References
    ----------
    formula 2.7; Games and Howell, J. Educ. Stat. 1, 113 (1976).
    """
    samples = {name: np.asarray(values, dtype=np.float64) for name, values in groups.items()}
    if len(samples) < 2 or any(values.ndim != 1 or values.size < 2 for values in samples.values()):
        raise UndefinedStatistic("fewer than 2 groups or fewer than 2 values in a group", "2 or more of each", "make more replicas (n)")
    undefined = {name for name, values in samples.items() if not np.isfinite(values).all()}
    usable = {name: values for name, values in samples.items() if name not in undefined}
    equal = _variances_agree(list(usable.values()))
    design = f"{'Tukey HSD' if equal else 'Games-Howell'}, {len(usable)} independent groups, family-wise error {alpha:g}"
    if undefined:
        design += f"; left out for undefined predictions: {', '.join(sorted(undefined))}"
    rows = []
    moments = {
        name: (float(v[0]) if (v == v[0]).all() else float(v.mean()), float((centred(v) ** 2).sum()), v.size) for name, v in usable.items()
    }
    for first, second in itertools.combinations(samples, 2):
        if reference is not None and reference not in (first, second):
            continue
        if first in undefined or second in undefined:
            rows.append(TukeyContrast(first, second, math.nan, math.nan, math.nan, math.nan, False, Reason.UNDEFINED))
        else:
            rows.append(_compare(first, second, moments, equal, alpha, many))
    return rows, design


def _variances_agree(samples: list[Floats]) -> bool:
    """Return whether a Brown–Forsythe test does not reject equal variances; True where nothing varies at all."""
    constant = [bool((values == values[0]).all()) for values in samples]
    if len(samples) < 2 or all(constant):
        return True
    if any(constant):
        return False
    spreads = [np.abs(values - np.median(values)) for values in samples]
    if all((spread == spread[0]).all() for spread in spreads):  # within-group variance 0 makes the F ratio 0/0 or infinite
        return len({float(spread[0]) for spread in spreads}) == 1
    from scipy import stats  # half a second to import

    return float(stats.f_oneway(*spreads).pvalue) >= EQUAL_VARIANCE_ALPHA


def _compare(first: str, second: str, moments: dict[str, tuple[float, float, int]], equal: bool, alpha: float, many: bool) -> TukeyContrast:
    """Return one row; `moments` holds (mean, sum of squared residuals, n) of every usable group."""
    (mean1, squares1, n1), (mean2, squares2, n2) = moments[first], moments[second]
    difference = mean2 - mean1
    if equal:
        dof = float(sum(n - 1 for _, _, n in moments.values()))
        variance = sum(squares for _, squares, _ in moments.values()) / dof * (1 / n1 + 1 / n2)
    else:
        part1, part2 = squares1 / (n1 - 1) / n1, squares2 / (n2 - 1) / n2
        variance = part1 + part2
        largest = max(part1, part2) or 1.0
        a, b = part1 / largest, part2 / largest
        dof = (a + b) ** 2 / (a**2 / (n1 - 1) + b**2 / (n2 - 1)) if variance else 1.0
    if variance == 0.0:
        differ = difference != 0.0
        return TukeyContrast(first, second, difference, difference, difference, 0.0 if differ else 1.0, differ, Reason.NO_VARIANCE)
    scale = math.sqrt(variance / 2.0)  # the studentized range is defined for one mean's error, √2 less than a difference's
    low_dof, high_dof = (dof, dof) if equal else (min(n1, n2) - 1.0, n1 + n2 - 2.0)
    q = abs(difference) / scale
    p = range_sf_by_table(q, len(moments), dof, low_dof, high_dof) if many else range_sf(q, len(moments), dof)
    reach = critical_range(alpha, len(moments), dof, low_dof, high_dof) * scale
    return TukeyContrast(first, second, difference, difference - reach, difference + reach, p, p < alpha)


def critical_range(alpha: float, groups: int, dof: float, low_dof: float, high_dof: float) -> float:
    """Return the upper-`alpha` quantile of the studentized range.

    Games–Howell needs one per pair, all with dof between min(n) − 1 and n₁ + n₂ − 2, so ln q is interpolated in 1/dof from a few
    cached quantiles. The slow twin is `scipy.stats.studentized_range.ppf`.
    """
    if low_dof == high_dof:
        return range_quantile(alpha, groups, dof)
    low, high = 1.0 / high_dof, 1.0 / low_dof
    return math.exp(
        float(chebyshev.chebval((2.0 / dof - low - high) / (high - low), _range_coefficients(alpha, groups, low_dof, high_dof)))
    )


@lru_cache(maxsize=64)
def _range_coefficients(alpha: float, groups: int, low_dof: float, high_dof: float) -> Floats:
    """Return Chebyshev coefficients of ln q over 1/dof on [1/high_dof, 1/low_dof], 7 nodes."""
    nodes = chebyshev.chebpts1(7)
    inverse = (nodes * (1.0 / low_dof - 1.0 / high_dof) + 1.0 / low_dof + 1.0 / high_dof) / 2.0
    quantiles = [math.log(range_quantile(alpha, groups, 1.0 / value)) for value in inverse]
    return np.asarray(chebyshev.chebfit(nodes, quantiles, 6), dtype=np.float64)
