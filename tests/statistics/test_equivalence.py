"""Coverage of the spread ratio's interval and of the RMS limits, for normal and heavy-tailed predictions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sigmaraw.errors import UndefinedStatistic
from sigmaraw.statistics import measure, rms_shift, spread_ratio
from tests.statistics.proportions import three_se


@pytest.mark.requirement("R-SCORE")
@pytest.mark.parametrize("n", [10, 50])
@pytest.mark.parametrize("slope", [1.0, 0.5, 0.0])
def test_interval_covers_at_least_90_percent_of_normal_predictions(n: int, slope: float) -> None:
    rng = np.random.default_rng([1, n])
    runs, truth = 2000, math.sqrt(slope**2 + 0.36)
    x = rng.normal(size=(runs, n))
    y = slope * x + 0.6 * rng.normal(size=(runs, n))
    low, high = measure(x[:, np.newaxis], y, 0).ratio_limits()
    covered = np.mean((low <= math.log(truth)) & (math.log(truth) <= high))
    assert 0.90 - three_se(0.9, runs) <= covered <= 0.985  # the wider of two intervals, and not endlessly wide


def test_interval_never_excludes_one_where_pitman_morgan_does_not_reject() -> None:
    """t = r √((N − 2)/(1 − r²)), r = corr(sum, difference): the test that SCIENCE 2.4 states is the narrowest that the interval may be."""
    rng = np.random.default_rng(2)
    from scipy import stats

    equal, decided = 0, set()
    for _ in range(200):
        x = rng.normal(size=60)
        y = 1.0 * x + 0.5 * rng.normal(size=60)
        ratio = spread_ratio(y, x)
        rejected = stats.pearsonr(x + y, y - x).pvalue < 0.10
        holds = ratio.low <= 1.0 <= ratio.high
        assert holds or rejected
        equal += holds != rejected
        decided.add(bool(rejected))
    assert decided == {True, False}
    assert equal > 160


def heavy(kind: str, rng: np.random.Generator, runs: int, n: int) -> tuple[np.ndarray, np.ndarray, float, bool]:
    """Return raw and decoded predictions (run, replica), their true ratio and whether they are discrete."""
    if kind == "t5":
        return rng.standard_t(5, (runs, n)), rng.standard_t(5, (runs, n)), 1.0, False
    if kind == "laplace":
        x = rng.laplace(size=(runs, n))
        return x, 0.5 * x + 0.6 * rng.laplace(size=(runs, n)), math.sqrt(0.61), False
    rate = {"counts 5": 5.0, "counts 1": 1.0, "counts .1": 0.1}[kind]
    x = rng.poisson(rate, (runs, n))
    flips = (
        (rng.random((runs, n)) < rate / 10).astype(int) - (rng.random((runs, n)) < rate / 10).astype(int)
        if rate < 5
        else rng.poisson(1.0, (runs, n))
    )
    variance = 2 * (rate / 10) * (1 - rate / 10) if rate < 5 else 1.0
    return x.astype(float), (x + flips).astype(float), math.sqrt(1 + variance / rate), True


# The nominal value is .90; the studentised bootstrap that stood here covered .80 to .83 of t5 and Laplace.
@pytest.mark.parametrize(
    ("kind", "n"), [("t5", 50), ("laplace", 20), ("laplace", 50), ("counts 5", 50), ("counts 1", 50), ("counts 1", 200), ("counts .1", 200)]
)
def test_interval_covers_where_pitman_morgan_fails(kind: str, n: int) -> None:
    runs = 1000
    x, y, truth, discrete = heavy(kind, np.random.default_rng([3, n, len(kind)]), runs, n)
    varies = x.std(axis=1) > 0.0
    low, high = measure(x[varies, np.newaxis], y[varies], 0, step=1.0 if discrete else 6.0, discrete=discrete).ratio_limits()
    covered = np.mean((low <= math.log(truth)) & (math.log(truth) <= high))
    assert 0.90 - three_se(0.9, runs) <= covered


def test_ratio_of_special_predictions() -> None:
    x = np.random.default_rng(5).normal(size=30)
    same = spread_ratio(x, x)
    assert (same.value, same.low, same.high) == (1.0, 0.0, same.high)  # 30 equal answers do not prove the next
    counts = np.random.default_rng(6).poisson(9.0, 300).astype(float)
    assert spread_ratio(counts, counts, discrete=True).high < 1.1
    shifted = spread_ratio(x + 1.0, x)
    assert (shifted.value, shifted.low, shifted.high) == (1.0, 1.0, 1.0)
    doubled = spread_ratio(2 * x, x)
    assert (doubled.value, doubled.low, doubled.high) == pytest.approx((2.0, 2.0, 2.0), rel=1e-6)
    silent = spread_ratio(np.zeros(30), x)
    assert (silent.value, silent.high > 0.5) == (0.0, True)
    counts = np.random.default_rng(6).poisson(0.1, 20).astype(float)
    rare = spread_ratio(np.zeros(20), counts, discrete=True)
    assert rare.value == 0.0
    assert rare.high > 0.8  # 20 replicas of a rare count cannot show that the spread is gone
    many = np.random.default_rng(7).poisson(50.0, 400).astype(float)
    assert spread_ratio(np.full(400, 50.0), many, discrete=True).high < 0.8
    assert spread_ratio(x[:2] * 3, x[:2]).high == math.inf


def test_ratio_refusals() -> None:
    x = np.arange(5.0)
    for decoded, raw in ((x[:1], x[:1]), (x, x[:4]), (x, np.ones(5)), (np.full(5, np.nan), x)):
        with pytest.raises(UndefinedStatistic):
            spread_ratio(decoded, raw)


def rms_case(kind: str, rng: np.random.Generator, runs: int, n: int) -> tuple[np.ndarray, np.ndarray, float, bool]:
    """Return raw (run, group, replica), D (run, replica), the true RMS(D)/σ_raw and whether predictions are discrete."""
    x = rng.normal(size=(runs, 5, n))
    if kind == "noise":
        return x, rng.normal(size=(runs, n)), 1.0, False
    if kind == "shift":
        return x, np.ones((runs, n)), 1.0, False
    if kind == "mixed":
        return x, 0.7 + math.sqrt(0.51) * rng.normal(size=(runs, n)), 1.0, False
    if kind == "denoising":
        return x, -0.5 * x[:, 1], 0.5, False
    if kind == "t5":
        return rng.standard_t(5, (runs, 5, n)), 0.3 * rng.standard_t(5, (runs, n)), 0.3, False
    counts = rng.poisson(1.0, (runs, 5, n)).astype(float)
    return counts, (rng.random((runs, n)) < 0.1).astype(float) - (rng.random((runs, n)) < 0.1), math.sqrt(0.18), True


# Nominal .95 one-sided; SE .004. Denoising: D² and σ_raw rise together, so the limit is conservative.
@pytest.mark.requirement("R-SCORE")
@pytest.mark.parametrize(
    ("kind", "lowest", "highest"),
    [
        ("noise", 0.94, 0.99),
        ("shift", 0.94, 0.99),
        ("mixed", 0.94, 0.99),
        ("denoising", 0.95, 1.0),
        ("t5", 0.94, 1.0),
        ("counts", 0.94, 1.0),
    ],
)
@pytest.mark.parametrize("n", [20, 50])
def test_rms_limits_cover_95_percent_each(kind: str, lowest: float, highest: float, n: int) -> None:
    runs = 3000
    raw, d, truth, discrete = rms_case(kind, np.random.default_rng([8, n]), runs, n)
    low, high = measure(raw, raw[:, 1] + d, 1, step=1.0 if discrete else 6.0, discrete=discrete, difference=d).rms_limits()
    assert lowest <= np.mean(high >= truth) <= highest
    assert np.mean(low <= truth) >= 0.93


def test_rms_in_own_unit_has_no_share_of_sigma() -> None:
    rng = np.random.default_rng(9)
    runs = 2000
    d = 2.0 * rng.normal(size=(runs, 20))
    covered = np.mean(measure(np.zeros((runs, 1, 20)), d, 0, in_unit=True).rms_limits()[1] >= 2.0)
    assert 0.95 - three_se(0.95, runs) <= covered <= 0.99
    fixed = rms_shift(np.full(20, 3.0))
    assert (fixed.low, fixed.value, fixed.high) == pytest.approx((3.0, 3.0, 3.0), rel=1e-3)


def test_rms_limit_widens_with_a_systematic_uncertainty() -> None:
    rng = np.random.default_rng(10)
    raw, d = rng.normal(size=(5, 500)), np.ones(500)
    plain, wide = rms_shift(d, raw, 1), rms_shift(d, raw, 1, u_relative=0.13)
    log = math.log(plain.high / plain.value)
    assert math.log(wide.high / wide.value) == pytest.approx(math.hypot(log, 1.6449 * 0.13), rel=1e-4)


def test_no_shift_has_no_rms_beyond_what_was_not_seen() -> None:
    found = rms_shift(np.zeros(50), np.random.default_rng(11).poisson(4.0, (2, 50)).astype(float), 1, discrete=True)
    assert (found.low, found.value) == (0.0, 0.0)
    assert 0.0 < found.high < 0.2
