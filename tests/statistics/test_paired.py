"""Paired comparisons against scipy, statsmodels and known coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from sigmaraw.errors import UndefinedStatistic
from sigmaraw.statistics.paired import block_bootstrap, block_length, contrasts, mixed_model, wilcoxon


def test_wilcoxon_equals_scipy() -> None:
    rng = np.random.default_rng(1)
    for n in (5, 20, 50):
        d = rng.normal(0.3, 1.0, n)
        oracle = stats.wilcoxon(d, method="exact")
        assert (wilcoxon(d).statistic, wilcoxon(d).p) == pytest.approx((oracle.statistic, oracle.pvalue), abs=1e-10)
    ties = rng.integers(-2, 4, 40).astype(float)
    oracle = stats.wilcoxon(ties, zero_method="pratt", method="approx")
    assert wilcoxon(ties).p == pytest.approx(oracle.pvalue, abs=1e-10)
    assert "approximation" in wilcoxon(ties).method
    assert wilcoxon(np.zeros(4)).p == 1.0
    for bad in (np.array([]), np.array([np.nan])):
        with pytest.raises(UndefinedStatistic):
            wilcoxon(bad)


def test_contrasts_equal_paired_t_tests_with_holm() -> None:
    from statsmodels.stats.multitest import multipletests

    rng = np.random.default_rng(2)
    raw = rng.normal(size=12)
    values = {"raw": raw, "a": raw + 0.1 * rng.normal(size=12), "b": raw + 0.5 + rng.normal(size=12), "c": raw.copy()}
    found = contrasts(values)
    p = []
    for row in found[:2]:
        oracle = stats.ttest_rel(values[row.codec], raw)
        interval = oracle.confidence_interval(0.95)
        assert row.p == pytest.approx(oracle.pvalue, abs=1e-12)
        assert (row.difference.low, row.difference.high) == pytest.approx((interval.low, interval.high), rel=1e-10)
    p = [row.p for row in found]
    assert [row.p_adjusted for row in found] == pytest.approx(multipletests(p, method="holm")[1].tolist(), abs=1e-12)
    assert found[2].p == 1.0
    with pytest.raises(UndefinedStatistic):
        contrasts({"raw": raw, "a": raw[:3]})


def test_mixed_model_equals_the_paired_contrast_in_a_balanced_design() -> None:
    """value ~ codec + (1|image), one value each: effect is the mean difference, its error s_d/√J when the variance between is positive."""
    rng = np.random.default_rng(3)
    base = 5 * rng.normal(size=20)
    raw, codec = base + rng.normal(size=20), base + 0.7 + rng.normal(size=20)
    names = [f"image {i}" for i in range(20)]
    found = mixed_model(np.concatenate([raw, codec]), ["raw"] * 20 + ["c"] * 20, names * 2)
    d = codec - raw
    assert found.effects[0].effect == pytest.approx(d.mean(), rel=1e-8)
    assert found.effects[0].standard_error == pytest.approx(d.std(ddof=1) / math.sqrt(20), rel=1e-3)
    assert found.within == pytest.approx(d.var(ddof=1) / 2, rel=1e-3)
    assert 0.9 < found.intraclass < 1.0
    with pytest.raises(UndefinedStatistic):
        mixed_model(raw, ["raw"] * 20, names)


def autoregressive(rng: np.random.Generator, n: int, r: float) -> np.ndarray:
    e = rng.normal(size=n + 50) * math.sqrt(1 - r**2)
    x = np.zeros(n + 50)
    for i in range(1, n + 50):
        x[i] = r * x[i - 1] + e[i]
    return x[50:]


def test_block_bootstrap_covers_where_slices_are_alike() -> None:
    """AR(1), r = .6, 120 slices: the t interval covers .66 or so (its variance is 4 times too small), blocks about .90."""
    rng, runs = np.random.default_rng(4), 250
    blocks = plain = 0
    for seed in range(runs):
        x = autoregressive(rng, 120, 0.6)
        found = block_bootstrap(x, resamples=499, seed=seed)
        blocks += found.low <= 0.0 <= found.high
        naive = stats.ttest_1samp(x, 0.0).confidence_interval(0.95)
        plain += naive.low <= 0.0 <= naive.high
    assert blocks / runs >= 0.84
    assert plain / runs <= 0.75
    assert blocks / runs <= 0.98


def test_block_bootstrap_of_independent_slices_is_the_t_interval() -> None:
    x = np.random.default_rng(5).normal(2.0, 1.0, 400)
    found = block_bootstrap(x, length=1, resamples=20_000)
    half = 1.96 * x.std() / 20
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.03)
    assert found.value == pytest.approx(x.mean())
    assert block_length(x) <= 4
    assert block_length(autoregressive(np.random.default_rng(6), 400, 0.8)) >= 8
    assert block_length(np.ones(10)) == 1
    with pytest.raises(UndefinedStatistic):
        block_bootstrap(np.ones(3))


def test_block_bootstrap_has_the_right_variance_for_whole_blocks() -> None:
    """All n circular blocks are equally likely: var of the mean over b blocks of length l is var(block mean)/b, exactly."""
    x, length = np.random.default_rng(7).normal(size=60), 6
    means = np.array([np.take(x, np.arange(i, i + length), mode="wrap").mean() for i in range(60)])
    found = block_bootstrap(x, length=length, resamples=40_000, confidence=0.6827)
    expected = math.sqrt(means.var() / 10) * math.sqrt(60 / 54)
    assert (found.high - found.low) / 2 == pytest.approx(expected, rel=0.04)
