"""σ_raw and its interval against normal theory, counts and degenerate predictions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from sigmaraw.errors import UndefinedStatistic
from sigmaraw.statistics import pooled_spread
from sigmaraw.statistics.spread import c4, effective_dof, peak_ratio, pool
from tests.statistics.proportions import three_se


@pytest.mark.requirement("R-SCORE")
def test_c4_is_the_tabulated_constant() -> None:
    # c₄(n) of control-chart tables at n = 2, 5, 10, that is ν = 1, 4, 9.
    assert [round(c4(dof), 4) for dof in (1, 4, 9)] == [0.7979, 0.9400, 0.9727]


@pytest.mark.requirement("R-SCORE")
def test_sigma_is_unbiased_and_its_interval_covers_for_normal_predictions() -> None:
    rng = np.random.default_rng(1)
    runs, groups, n = 3000, 3, 5
    nu = groups * (n - 1)
    spreads = [pooled_spread(rng.normal(7.0, 2.0, (groups, n)) + np.arange(groups)[:, None]) for _ in range(runs)]
    spreads = [spread for spread in spreads if spread.method == "normal"]
    assert len(spreads) > 0.9 * runs
    # SE of a mean of s/c₄: σ √(1/c₄² − 1) / √runs.
    assert abs(np.mean([spread.value for spread in spreads]) - 2.0) < 4 * 2.0 * math.sqrt(1 / c4(nu) ** 2 - 1) / math.sqrt(runs)
    covered = np.mean([spread.low <= 2.0 <= spread.high for spread in spreads])
    assert abs(covered - 0.95) < three_se(0.95, runs)


@pytest.mark.parametrize("n", [20, 50])
def test_influence_interval_covers_for_counts_where_normal_theory_does_not(n: int) -> None:
    rng = np.random.default_rng(2)
    runs, sigma = 1500, math.sqrt(0.1)
    counts = rng.poisson(0.1, (runs, 5, n)).astype(float)
    found = [pooled_spread(x, discrete=True) for x in counts]
    covered = np.mean([spread.low <= sigma <= spread.high for spread in found])
    assert all(spread.method == "influence" for spread in found)
    assert 0.95 - three_se(0.95, runs) - 0.01 <= covered  # measured .98 (N = 20), .95 (N = 50)
    nu = 5 * (n - 1)
    s2 = counts.var(axis=2, ddof=1).mean(axis=1)
    normal = np.mean([v * nu / stats.chi2.ppf(0.975, nu) <= 0.1 <= v * nu / stats.chi2.ppf(0.025, nu) for v in s2])
    assert normal < 0.75  # SCIENCE 2.2: .44 to .68


def test_skewed_predictions_switch_to_the_influence_interval() -> None:
    rng = np.random.default_rng(3)
    assert pooled_spread(rng.lognormal(0.0, 1.0, (5, 200))).method == "influence"
    assert pooled_spread(rng.normal(size=(5, 200))).method == "normal"


def test_groups_are_centred_on_their_own_means() -> None:
    x = np.array([[0.0, 2.0], [100.0, 102.0]])
    assert pooled_spread(x).value == pytest.approx(math.sqrt(2.0) / c4(2), rel=1e-12)


@pytest.mark.parametrize("value", [0.1, 0.3, 1e300])
def test_constant_predictions_have_exactly_no_spread(value: float) -> None:
    spread = pooled_spread(np.full((3, 7), value))
    assert (spread.value, spread.low, spread.high) == (0.0, 0.0, 0.0)


def test_effective_dof_of_equal_normal_terms_is_their_number() -> None:
    psi = np.random.default_rng(4).normal(size=40_000)
    # For normal ψ: 2/(3/n − 1/n) = n; relative SE of the fourth moment's ratio √(24/n)/2.
    assert effective_dof(psi, 1e9) == pytest.approx(40_000, rel=4 * math.sqrt(24 / 40_000) / 2)
    assert effective_dof(np.array([1.0, 0.0, 0.0, 0.0]), 100.0) == pytest.approx(2 / (1 - 1 / 4))


def test_log_influence_is_the_derivative_of_ln_s() -> None:
    moments = pool(np.random.default_rng(5).normal(size=(2, 400)), False)
    squares, step, index = moments.residuals.ravel() ** 2, 1e-6, 37
    weights = np.full(squares.size, (1 - step) / squares.size)
    weights[index] += step
    slope = 0.5 * math.log(float(weights @ squares) / float(squares.mean())) / step
    assert moments.log_influence().ravel()[index] == pytest.approx(slope / squares.size, rel=1e-4)


@pytest.mark.parametrize(
    "raw", [np.ones((3, 1)), np.ones(5), np.ones((0, 5)), np.array([[1.0, np.nan], [1.0, 2.0]]), np.array([[1.0, np.inf]])]
)
def test_too_few_or_undefined_predictions_are_refused(raw: np.ndarray) -> None:
    with pytest.raises(UndefinedStatistic):
        pooled_spread(raw)


def test_uncertainty_of_s_is_its_exact_variance_for_binary_predictions() -> None:
    """Bernoulli(½), κ = 1: Σψ² vanishes, and what is left is var(s²)/(4σ⁴) = ½/(n(N − 1))."""
    rng = np.random.default_rng(6)
    runs, n = 20_000, 8
    s2 = rng.integers(0, 2, (runs, 2, n)).astype(float).var(axis=2, ddof=1).mean(axis=1)
    # relative SE of a variance estimate over runs: √((κ_s² − 1)/runs), κ of these s² about 6
    assert s2.var() / (4 * 0.25**2) == pytest.approx(pool(np.ones((2, n)), True).log_floor, rel=4 * math.sqrt(12 / runs))


def test_peak_ratio_is_one_for_a_normal_peak_and_known_for_others() -> None:
    """Uniform: (1/√12)/(½/1.349) = .7788; two far points ± d: d/(2d/1.349) = .6745; SE of the quartiles' ratio about 1.2/√n."""
    rng = np.random.default_rng(0)
    n = 40_000
    assert abs(peak_ratio(rng.normal(5, 3, size=n)) - 1) < 4 * 1.2 / math.sqrt(n)
    assert abs(peak_ratio(rng.random(n)) - 2 * 1.349 / math.sqrt(12)) < 4 * 1.2 / math.sqrt(n)
    assert peak_ratio(np.repeat([-1e6, 1e6], 500) + rng.normal(size=1000)) == pytest.approx(1.349 / 2, rel=0.01)
    assert abs(peak_ratio(rng.poisson(1.0, n).astype(float)) - 1) < 0.06  # ties spread over their unit
    assert math.isnan(peak_ratio(np.full(9, 4.0)))
