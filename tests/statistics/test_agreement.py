"""Concordance, Bland–Altman and Cliff's δ against published figures, formulas and brute force."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from sigmaraw.errors import UndefinedStatistic
from sigmaraw.statistics.agreement import agreement, bland_altman, cliffs_delta, concordance

# Peak expiratory flow of 17 people, large and mini Wright meter, first readings: Bland and Altman, Lancet 327, 307 (1986), table 1.
WRIGHT = np.array([494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427], dtype=float)
MINI = np.array([512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451], dtype=float)


def test_bland_altman_reproduces_the_paper() -> None:
    """Mean difference −2.1 l/min, sd 38.8, limits −79.7 and 75.5 (they take 2 s), r = .94; SE of a limit √3 s/√n = 16.3."""
    found = bland_altman(MINI, WRIGHT)
    assert found.bias.value == pytest.approx(-2.1, abs=0.05)
    s = (found.upper.value - found.lower.value) / (2 * stats.norm.ppf(0.975))
    assert s == pytest.approx(38.8, abs=0.05)
    assert found.bias.value - 2 * s == pytest.approx(-79.7, abs=0.1)
    half = (found.bias.high - found.bias.low) / 2
    assert half == pytest.approx(stats.t.ppf(0.975, 16) * 38.8 / math.sqrt(17), abs=0.1)
    at_limit = (found.upper.high - found.upper.low) / 2 / stats.t.ppf(0.975, 16)
    assert at_limit == pytest.approx(16.3, abs=0.4)
    assert agreement(MINI, WRIGHT).pearson == pytest.approx(0.94, abs=0.005)


def test_concordance_equals_its_formula_and_falls_with_a_shift() -> None:
    a = np.random.default_rng(1).normal(size=50)
    b = 0.8 * a + 0.3 * np.random.default_rng(2).normal(size=50)
    r = stats.pearsonr(a, b).statistic
    v, u = a.std() / b.std(), (a.mean() - b.mean()) / math.sqrt(a.std() * b.std())
    assert concordance(a, b).value == pytest.approx(r * 2 / (v + 1 / v + u**2), rel=1e-12)  # Lin: ρ_c = ρ C_b
    assert agreement(a, a + 5.0).pearson == pytest.approx(1.0)
    assert agreement(a, a + 5.0).ccc.value < 0.2  # correlation is not agreement
    assert agreement(a, b).spearman == pytest.approx(stats.spearmanr(a, b).statistic, rel=1e-12)


def test_concordance_interval_covers() -> None:
    """Normal pairs with ρ_c = 2·.8·2/(1 + 4 + .25): 95 %, 3.5 SE of 1,500 runs and .01 for the normal approximation at n = 40."""
    rng, runs = np.random.default_rng(3), 1500
    truth = 2 * 0.8 * 2 / (1 + 4 + 0.25)
    hits = 0
    for _ in range(runs):
        a = rng.normal(size=40)
        b = 2 * (0.8 * a + 0.6 * rng.normal(size=40)) + 0.5
        found = concordance(a, b)
        hits += found.low <= truth <= found.high
    assert abs(hits / runs - 0.95) <= 3.5 * math.sqrt(0.95 * 0.05 / runs) + 0.01


def test_cliffs_delta_equals_all_pairs_and_its_interval_covers() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.integers(1, 8, 12).astype(float), rng.integers(3, 10, 9).astype(float)
    pairs = [np.sign(y - x) for x, y in itertools.product(a, b)]
    assert cliffs_delta(a, b).value == pytest.approx(float(np.mean(pairs)), rel=1e-12)
    u = stats.mannwhitneyu(b, a).statistic
    assert cliffs_delta(a, b).value == pytest.approx(2 * u / 108 - 1, rel=1e-12)
    truth, runs = 2 * stats.norm.cdf(0.8 / math.sqrt(2)) - 1, 600
    hits = 0
    for _ in range(runs):
        found = cliffs_delta(rng.normal(size=20), rng.normal(0.8, 1.0, 25))
        hits += found.low <= truth <= found.high
    assert abs(hits / runs - 0.95) <= 3.5 * math.sqrt(0.95 * 0.05 / runs) + 0.01
    apart = cliffs_delta(np.arange(20.0), np.arange(20.0) + 100)
    assert apart.value == 1.0
    assert 0.6 < apart.low < 1.0
    assert cliffs_delta(np.arange(20.0) + 100, np.arange(20.0)).high == -apart.low


def test_cliffs_variance_equals_its_slow_twin() -> None:
    """Cliff's eq. for s_d², from the full matrix of signs."""
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=7), rng.normal(0.5, 1.0, 6)
    signs = np.sign(b[:, None] - a[None, :])
    n, m, d = 6, 7, signs.mean()
    rows, columns = signs.mean(axis=1), signs.mean(axis=0)
    total = m**2 * ((rows - d) ** 2).sum() + n**2 * ((columns - d) ** 2).sum() - ((signs - d) ** 2).sum()
    variance = max(total / (n * m * (n - 1) * (m - 1)), (1 - d**2) / (n * m - 1))
    z = stats.norm.ppf(0.975)
    centre, root = d - d**3, z * math.sqrt(variance) * math.sqrt((1 - d**2) ** 2 + z**2 * variance)
    found = cliffs_delta(a, b)
    assert (found.low, found.high) == pytest.approx(tuple((centre + s * root) / (1 - d**2 + z**2 * variance) for s in (-1, 1)), rel=1e-10)


def test_refusals() -> None:
    x = np.arange(5.0)
    for function in (concordance, bland_altman, agreement):
        for a, b in ((x, x[:4]), (x[:2], x[:2]), (x, np.full(5, np.nan))):
            with pytest.raises(UndefinedStatistic):
                function(a, b)
    with pytest.raises(UndefinedStatistic):
        concordance(np.ones(5), x)
    with pytest.raises(UndefinedStatistic):
        cliffs_delta(x[:1], x)
