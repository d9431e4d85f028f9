"""KS and Tukey against scipy, statsmodels and brute force; uniform p and family-wise error under equality."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from sigmaraw.errors import UndefinedStatistic
from sigmaraw.statistics import Reason, ks_test, tukey
from sigmaraw.statistics.equality import critical_range, ks_tests


def brute_force_ks(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Slow twin: D, and the share of all relabellings with a D at least as large."""

    def distance(left: np.ndarray, right: np.ndarray) -> float:
        return max(abs((left <= v).mean() - (right <= v).mean()) for v in np.concatenate([left, right]))

    pooled, observed = np.concatenate([a, b]), distance(a, b)
    picks = list(itertools.combinations(range(pooled.size), a.size))
    reached = 0
    for pick in picks:
        mask = np.zeros(pooled.size, dtype=bool)
        mask[list(pick)] = True
        reached += distance(pooled[mask], pooled[~mask]) >= observed - 1e-12
    return observed, reached / len(picks)


@pytest.mark.parametrize(("n", "m"), [(5, 5), (4, 7)])
def test_permutation_ks_equals_all_relabellings(n: int, m: int) -> None:
    rng = np.random.default_rng(n)
    for _ in range(6):
        a, b = rng.poisson(1.0, n).astype(float), rng.poisson(2.0, m).astype(float)
        found = ks_test(a, b, discrete=True)
        assert (found.statistic, found.p) == pytest.approx(brute_force_ks(a, b), rel=1e-10)


def test_without_ties_it_is_scipy_and_the_permutation_form_agrees() -> None:
    rng = np.random.default_rng(2)
    for n, m in ((20, 20), (50, 31), (200, 200)):
        a, b = rng.normal(size=n), rng.normal(0.3, 1.0, m)
        oracle = stats.ks_2samp(a, b, method="exact")
        plain, permuted = ks_test(a, b, discrete=False), ks_test(a, b, discrete=True)
        assert (plain.statistic, plain.p) == pytest.approx((oracle.statistic, oracle.pvalue), rel=1e-9)
        assert (permuted.statistic, permuted.p) == pytest.approx((oracle.statistic, oracle.pvalue), rel=1e-6)
        assert "permutation" in permuted.method
        assert "permutation" not in plain.method


def test_smallest_p_at_20_against_20_is_the_cited_one() -> None:
    assert ks_test(np.arange(20.0), np.arange(20.0) + 50, discrete=True).p == pytest.approx(1.45e-11, rel=1e-3)  # SCIENCE 8, study 003


def test_ties_in_continuous_predictions_choose_the_permutation_form() -> None:
    found = ks_test(np.array([1.0, 1.0, 2.0]), np.array([1.0, 3.0, 4.0]), discrete=False)
    assert "permutation" in found.method
    same = ks_test(np.full(9, 0.1), np.full(9, 0.1), discrete=True)
    assert (same.statistic, same.p) == (0.0, 1.0)


def test_null_p_is_uniform_and_never_too_small_for_counts() -> None:
    rng = np.random.default_rng(3)
    runs = 600
    p = np.array([test.p for test in ks_tests(*rng.normal(size=(runs, 2, 60)).swapaxes(0, 1), discrete=False)])
    # A discrete statistic: P(p ≤ α) ≤ α, and close to it; SE √(α(1 − α)/runs). D moves in steps of 1/60.
    for alpha in (0.05, 0.1, 0.5):
        se = math.sqrt(alpha * (1 - alpha) / runs)
        attained = max(x for x in np.unique(p) if x <= alpha)
        assert abs(np.mean(p <= alpha) - attained) < 4 * se
        assert attained > 0.5 * alpha
    for rate in (0.1, 3.0):
        samples = rng.poisson(rate, (runs, 2, 60)).astype(float).swapaxes(0, 1)
        counts = np.array([test.p for test in ks_tests(*samples, discrete=True)])
        assert np.mean(counts <= 0.05) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)


def test_ks_refuses_undefined_and_empty_samples() -> None:
    for a in (np.array([1.0, np.nan]), np.array([])):
        with pytest.raises(UndefinedStatistic):
            ks_test(a, np.arange(3.0), discrete=False)


def groups_of(rng: np.random.Generator, scales: tuple[float, ...], n: int, shift: float = 0.0) -> dict[str, np.ndarray]:
    return {f"g{i}": scale * rng.normal(size=n) + (shift if i == 1 else 0.0) for i, scale in enumerate(scales)}


def test_tukey_equals_scipy_and_statsmodels() -> None:
    from statsmodels.stats.multicomp import pairwise_tukeyhsd

    groups = groups_of(np.random.default_rng(4), (1.0, 1.0, 1.0, 1.0), 25, shift=0.8)
    rows, design = tukey(groups)
    assert design.startswith("Tukey HSD, 4 independent groups")
    oracle = stats.tukey_hsd(*groups.values())
    interval = oracle.confidence_interval()
    other = pairwise_tukeyhsd(np.concatenate(list(groups.values())), np.repeat(list(groups), 25))
    for row, p, ci, reject in zip(rows, other.pvalues, other.confint, other.reject, strict=True):
        i, j = int(row.group1[1]), int(row.group2[1])
        # scipy's element [j, i] is mean j − mean i, which is group2 − group1
        assert (row.p_adjusted, row.low, row.high) == pytest.approx(
            (oracle.pvalue[j, i], interval.low[j, i], interval.high[j, i]), rel=1e-6
        )
        # statsmodels takes group2 − group1 too, and has its own studentized range
        assert (row.p_adjusted, row.low, row.high) == pytest.approx((p, *ci), abs=2e-4)
        assert row.mean_difference == pytest.approx(np.mean(groups[row.group2]) - np.mean(groups[row.group1]))
        assert row.reject == reject
    assert {row.reject for row in rows} == {True, False}


def test_games_howell_equals_scipy_where_variances_differ() -> None:
    groups = groups_of(np.random.default_rng(5), (1.0, 4.0, 0.3), 20, shift=2.0)
    rows, design = tukey(groups)
    assert design.startswith("Games-Howell")
    oracle = stats.tukey_hsd(*groups.values(), equal_var=False)
    interval = oracle.confidence_interval()
    for row in rows:
        i, j = int(row.group1[1]), int(row.group2[1])
        assert row.p_adjusted == pytest.approx(oracle.pvalue[i, j], rel=1e-6, abs=1e-10)
        assert (row.low, row.high) == pytest.approx((interval.low[j, i], interval.high[j, i]), rel=1e-4)


@pytest.mark.parametrize(("low", "high", "groups"), [(1.0, 2.0, 3), (19.0, 38.0, 7), (199.0, 398.0, 9)])
def test_interpolated_quantile_is_the_exact_one(low: float, high: float, groups: int) -> None:
    for dof in np.linspace(low, high, 5):
        exact = stats.studentized_range.ppf(0.95, groups, dof)
        assert critical_range(0.05, groups, float(dof), low, high) == pytest.approx(exact, rel=1e-4)


@pytest.mark.parametrize("scales", [(1.0, 1.0, 1.0), (1.0, 1.0, 3.0)])
def test_family_wise_error(scales: tuple[float, ...]) -> None:
    rng = np.random.default_rng(6)
    runs = 200
    hits = sum(any(row.reject for row in tukey(groups_of(rng, scales, 20))[0]) for _ in range(runs))
    assert abs(hits / runs - 0.05) < 3 * math.sqrt(0.05 * 0.95 / runs)


def test_undefined_and_constant_groups_are_named() -> None:
    x = np.random.default_rng(7).normal(size=12)
    rows, design = tukey({"raw": x, "bad": np.append(x[1:], np.nan), "good": x[::-1] + 0.1})
    assert "left out for undefined predictions: bad" in design
    reasons = {(row.group1, row.group2): row.reason for row in rows}
    assert reasons == {("raw", "bad"): Reason.UNDEFINED, ("raw", "good"): None, ("bad", "good"): Reason.UNDEFINED}
    assert all(math.isnan(row.p_adjusted) and not row.reject for row in rows if row.reason)
    flat = {"raw": np.full(5, 0.1), "same": np.full(5, 0.1), "other": np.full(5, 0.3)}
    found = {(row.group1, row.group2): (row.p_adjusted, row.reject, row.reason) for row in tukey(flat)[0]}
    assert found == {
        ("raw", "same"): (1.0, False, Reason.NO_VARIANCE),
        ("raw", "other"): (0.0, True, Reason.NO_VARIANCE),
        ("same", "other"): (0.0, True, Reason.NO_VARIANCE),
    }
    half, design = tukey({"raw": np.full(12, 0.0), "other": x})
    assert design.startswith("Games-Howell")
    assert math.isfinite(half[0].p_adjusted)


def test_tukey_refuses_too_little() -> None:
    for groups in ({"raw": np.ones(4)}, {"raw": np.ones(4), "a": np.ones(1)}):
        with pytest.raises(UndefinedStatistic):
            tukey(groups)


def test_contrasts_with_one_group_are_the_rows_of_the_whole_table():
    rng = np.random.default_rng(4)
    groups = {name: rng.normal(shift, 1, 30) for name, shift in (("a", 0), ("raw", 0), ("b", 1))}
    every, design = tukey(groups)
    some, same = tukey(groups, reference="raw")
    assert design == same
    assert some == [row for row in every if "raw" in (row.group1, row.group2)]
    assert len(some) == 2
