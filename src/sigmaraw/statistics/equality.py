"""Tests of equality between independent groups: Kolmogorov–Smirnov, Tukey HSD and Games–Howell."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

from sigmaraw.errors import UndefinedStatistic
from sigmaraw.record.words import Reason
from sigmaraw.statistics.spread import Floats, centred
from sigmaraw.statistics.studentized_range import range_quantile, range_sf, range_sf_by_table

EQUAL_VARIANCE_ALPHA = 0.05
"""Size of the Brown–Forsythe test that chooses Games–Howell."""

_MOST_STATES = 1 << 20  # of pairs that walk side by side: 8 MiB


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
    return ks_tests(np.atleast_2d(np.asarray(a, dtype=np.float64)), np.atleast_2d(np.asarray(b, dtype=np.float64)), discrete=discrete)[0]


def ks_tests(a: Floats, b: Floats, *, discrete: bool) -> list[TestResult]:
    """Return `ks_test` of many pairs of samples of equal sizes, each the same as by itself.

    Parameters
    ----------
    a, b : Floats
        Independent samples of one measurement, (pair, replica), float64.
    discrete : bool
        Whether predictions take isolated values, as counts do.

    Raises
    ------
    UndefinedStatistic
        A sample is empty, or values are not finite.

    References
    ----------
    formula 2.8.
    """
    if a.shape[1] == 0 or b.shape[1] == 0 or not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise UndefinedStatistic(
            "an empty sample or predictions that are not finite", "two samples of finite numbers", "look at the replicas"
        )
    pooled = np.sort(np.concatenate([a, b], axis=1), axis=1)
    last = np.ones(pooled.shape, dtype=np.bool_)  # of each block of equal values
    last[:, :-1] = pooled[:, 1:] > pooled[:, :-1]
    tied = np.full(len(a), True) if discrete else ~last.all(axis=1)
    found: list[TestResult | None] = [None] * len(a)
    untied, rows = np.flatnonzero(~tied), np.flatnonzero(tied)
    if untied.size:
        from scipy import stats  # half a second to import

        with warnings.catch_warnings():  # SciPy says so where it takes the asymptotic p: for a p too small for the exact sum
            warnings.filterwarnings("ignore", message="ks_2samp: Exact calculation unsuccessful", category=RuntimeWarning)
            result = stats.ks_2samp(a[untied], b[untied], axis=1)
        for row, statistic, p in zip(untied, result.statistic, result.pvalue, strict=True):
            found[row] = TestResult(float(statistic), float(p), "Kolmogorov-Smirnov")
    for part in np.array_split(rows, max(1, -(-rows.size * (a.shape[1] + 1) // _MOST_STATES))):
        gaps = _gaps(a[part], pooled[part], last[part], b.shape[1])
        for row, gap, p in zip(part, gaps, _permutation_p(a.shape[1], b.shape[1], last[part], gaps), strict=True):
            statistic = int(gap) / (a.shape[1] * b.shape[1])
            found[row] = TestResult(statistic, float(p), "permutation Kolmogorov-Smirnov, exact given the ties")
    return [test for test in found if test is not None]


def _gaps(a: Floats, pooled: Floats, last: NDArray[np.bool_], m: int) -> NDArray[np.int64]:
    """Return per pair max |i m − j n| over the ends of blocks of equal values, i and j the numbers of a's and b's up to there."""
    n, gaps = a.shape[1], np.zeros(len(a), dtype=np.int64)
    for row in range(len(a)):
        ends = np.flatnonzero(last[row])
        below_a = np.searchsorted(np.sort(a[row]), pooled[row, ends], side="right")
        gaps[row] = np.abs(below_a * m - (ends + 1 - below_a) * n).max()
    return gaps


def _permutation_p(n: int, m: int, last: NDArray[np.bool_], gaps: NDArray[np.int64]) -> Floats:
    """Return per pair P(max |i m − j n| ≥ gap at the ends of blocks) when all orders of n a's and m b's are equally likely.

    last : (pair, n + m). i and j count the a's and b's among the first i + j pooled values. State probabilities walk over i + j; those
    that reach the gap are absorbed, so a small p is a sum of small numbers and not a difference from 1. Only the i that hold
    probability in some pair are computed: for p that are not small about √(n + m) of them, for a gap as large as can be all.
    """
    state = np.zeros((len(last), n + 1))
    state[:, 0] = 1.0
    beyond = np.zeros(len(last))
    low = high = 0
    for step in range(n + m):
        within = slice(low, min(high + 1, n) + 1)
        i = np.arange(within.start, within.stop)
        left = n + m - step
        take_a = state[:, within] * (n - i) / left
        here = state[:, within] * np.maximum(m - (step - i), 0) / left
        here[:, 1:] += take_a[:, :-1]
        reached = (np.abs(i * m - (step + 1 - i) * n) >= gaps[:, np.newaxis]) & last[:, step, np.newaxis]
        for pair in np.flatnonzero((here * reached).any(axis=1)):
            absorbed = here[pair, reached[pair]]
            beyond[pair] += absorbed[absorbed > 0].sum()  # zeros, of which there are as many as other pairs need, would regroup the sum
        here[reached] = 0.0
        state[:, within] = here
        held = np.flatnonzero(here.any(axis=0))
        if not held.size:
            break
        low, high = within.start + held[0], within.start + held[-1]
    return np.where(gaps == 0, 1.0, np.minimum(beyond, 1.0))


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
    moments = {
        name: (float(v[0]) if (v == v[0]).all() else float(v.mean()), float((centred(v) ** 2).sum()), v.size) for name, v in usable.items()
    }
    pairs = [pair for pair in itertools.combinations(samples, 2) if reference is None or reference in pair]
    compared = [pair for pair in pairs if not undefined.intersection(pair)]
    rows = dict(zip(compared, _compared(compared, moments, equal, alpha, many), strict=True))
    nan = math.nan
    return [rows.get(pair) or TukeyContrast(*pair, nan, nan, nan, nan, False, Reason.UNDEFINED) for pair in pairs], design


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


_Moments = dict[str, tuple[float, float, int]]  # mean, sum of squared residuals and n of every group


def _compared(pairs: Sequence[tuple[str, str]], moments: _Moments, equal: bool, alpha: float, many: bool) -> list[TukeyContrast]:
    """Return one contrast per pair."""
    found = [_difference(*pair, moments, equal) for pair in pairs]
    p = np.array([1.0 if difference == 0.0 else 0.0 for difference, *_ in found])
    designs = {(low, high) for _, variance, _, low, high in found if variance != 0.0}
    for low, high in designs:
        rows = [row for row, (_, variance, _, *ends) in enumerate(found) if variance != 0.0 and ends == [low, high]]
        # The studentized range is defined for one mean's error, √2 less than a difference's.
        q = [abs(found[row][0]) / math.sqrt(found[row][1] / 2.0) for row in rows]
        dof = [found[row][2] for row in rows]
        if many:
            p[rows] = range_sf_by_table(q, len(moments), dof, low, high)
        else:
            p[rows] = [range_sf(*one) for one in zip(q, [len(moments)] * len(rows), dof, strict=True)]
    contrasts = []
    for pair, chance, (difference, variance, dof_of_pair, low, high) in zip(pairs, p.tolist(), found, strict=True):
        varies = variance != 0.0
        reach = critical_range(alpha, len(moments), dof_of_pair, low, high) * math.sqrt(variance / 2.0) if varies else 0.0
        reason = None if varies else Reason.NO_VARIANCE
        contrasts.append(TukeyContrast(*pair, difference, difference - reach, difference + reach, chance, chance < alpha, reason))
    return contrasts


def _difference(first: str, second: str, moments: _Moments, equal: bool) -> tuple[float, float, float, float, float]:
    """Return the difference of two means, its variance and ν, and the least and the largest ν that pairs of such sizes have."""
    (mean1, squares1, n1), (mean2, squares2, n2) = moments[first], moments[second]
    if equal:
        dof = float(sum(n - 1 for _, _, n in moments.values()))
        variance = sum(squares for _, squares, _ in moments.values()) / dof * (1 / n1 + 1 / n2)
        return mean2 - mean1, variance, dof, dof, dof
    part1, part2 = squares1 / (n1 - 1) / n1, squares2 / (n2 - 1) / n2
    largest = max(part1, part2) or 1.0
    a, b = part1 / largest, part2 / largest
    dof = (a + b) ** 2 / (a**2 / (n1 - 1) + b**2 / (n2 - 1)) if part1 + part2 else 1.0
    return mean2 - mean1, part1 + part2, dof, min(n1, n2) - 1.0, n1 + n2 - 2.0


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
