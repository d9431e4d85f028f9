"""Coverage of ε̂'s interval over synthetic runs, and the algebra of its uncertainty."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from sigmaraw.errors import UndefinedStatistic
from sigmaraw.statistics import score
from sigmaraw.statistics.spread import c4

RUNS = 1000  # the SE of a coverage of .95 is .0069; .02 is 2.9 of it
G = 4
EPSILONS = (0.0, 0.5, 1.0, 2.0, 5.0)


def covered(raw: np.ndarray, difference: np.ndarray, truth: float, discrete: bool) -> float:
    """Share of runs whose 95 % interval holds the truth. raw: (run, group, replica), difference: (run, replica), own group 1."""
    hits = 0
    for x, d in zip(raw, difference, strict=True):
        found = score(d, x, 1, discrete=discrete)
        hits += found.low <= truth <= found.high
    return hits / len(raw)


@pytest.mark.requirement("R-SCORE")
@pytest.mark.parametrize("n", [20, 50])
@pytest.mark.parametrize("epsilon", EPSILONS)
def test_interval_covers_95_percent_for_normal_predictions(n: int, epsilon: float) -> None:
    rng = np.random.default_rng([11, n, int(10 * epsilon)])
    raw = rng.normal(40.0, 3.0, (RUNS, G + 1, n))
    difference = 3.0 * epsilon + rng.normal(0.0, 1.5, (RUNS, n))
    assert abs(covered(raw, difference, epsilon, False) - 0.95) <= 0.02


@pytest.mark.parametrize("n", [20, 50])
@pytest.mark.parametrize("epsilon", [0.5, 5.0])
def test_interval_covers_95_percent_where_the_codec_only_shifts(n: int, epsilon: float) -> None:
    rng = np.random.default_rng([12, n, int(10 * epsilon)])
    raw = rng.normal(40.0, 3.0, (RUNS, G + 1, n))
    assert abs(covered(raw, np.full((RUNS, n), 3.0 * epsilon), epsilon, False) - 0.95) <= 0.02


def count_shifts(kind: str, epsilon: float, raw: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """D for counts of Poisson(.1), mean ε√.1: a fixed shift, one with noise as large as the raw spread, or added counts."""
    sigma = math.sqrt(0.1)
    shape = (raw.shape[0], raw.shape[2])
    if kind == "shift":
        return np.full(shape, epsilon * sigma)
    if kind == "noise":
        return epsilon * sigma + rng.normal(0.0, sigma, shape)
    return rng.poisson(epsilon * sigma, shape).astype(float)


@pytest.mark.requirement("R-SCORE")
@pytest.mark.parametrize("n", [20, 50])
@pytest.mark.parametrize(("kind", "epsilon"), [("noise", 0.0), *itertools.product(("shift", "noise", "counts"), EPSILONS[1:])])
def test_interval_covers_92_percent_for_rare_counts(n: int, kind: str, epsilon: float) -> None:
    # At ε = 0 only D with noise is asked: the others are zero in every replica, and the interval is the point 0.
    rng = np.random.default_rng([13, n, int(10 * epsilon), len(kind)])
    raw = rng.poisson(0.1, (RUNS, G + 1, n)).astype(float)
    raw = raw[raw.any(axis=(1, 2))]
    assert len(raw) > 0.99 * RUNS
    assert covered(raw, count_shifts(kind, epsilon, raw, rng), epsilon, True) >= 0.92


def test_normal_form_would_not_cover_for_rare_counts() -> None:
    rng = np.random.default_rng(14)
    raw = rng.poisson(0.1, (RUNS, G + 1, 20)).astype(float)
    raw = raw[raw.any(axis=(1, 2))]
    nu = (G + 1) * 19
    value = 2 * math.sqrt(0.1) / (np.sqrt(raw.var(axis=2, ddof=1).mean(axis=1)) / c4(nu))
    assert np.mean(np.abs(value - 2.0) <= 1.985 * value / math.sqrt(2 * nu)) < 0.7  # measured .60


@pytest.mark.requirement("R-SCORE")
def test_uncertainty_is_the_formula() -> None:
    rng = np.random.default_rng(15)
    raw, d = rng.normal(size=(5, 30)), 0.8 + 0.3 * rng.normal(size=30)
    found = score(d, raw, 2, u_mode=0.1, u_cal=0.02)
    nu = 5 * 29
    sigma = math.sqrt(raw.var(axis=1, ddof=1).mean()) / c4(nu)
    value = d.mean() / sigma
    a, b = d.var(ddof=1) / (30 * sigma**2), value**2 / (2 * nu)
    assert found.method == "normal"
    assert found.value == pytest.approx(value, rel=1e-12)
    assert found.u_mc**2 == pytest.approx(a + b, rel=1e-12)
    assert found.u**2 == pytest.approx(a + b + value**2 * (0.1**2 + 0.02**2), rel=1e-12)
    # Welch–Satterthwaite with exactly known type B terms.
    assert found.dof == pytest.approx(found.u**4 / (a**2 / 29 + b**2 / nu), rel=1e-12)
    # the interval is conditional: it holds u_mc alone
    bare = score(d, raw, 2)
    assert (found.low, found.high) == (bare.low, bare.high)


def test_influence_form_approaches_the_normal_form_for_normal_predictions() -> None:
    rng = np.random.default_rng(16)
    raw, d = rng.normal(size=(5, 4000)), 2 + rng.normal(size=4000)
    normal, influence = score(d, raw, 1), score(d, raw, 1, discrete=True)
    # The estimated fourth moment has relative SE about √(96/n)/2 in its share of u², d independent of x.
    assert influence.u == pytest.approx(normal.u, rel=4 * math.sqrt(96 / raw.size))
    assert (normal.method, influence.method) == ("normal", "influence")


def test_covariance_of_shift_and_spread_is_counted() -> None:
    """A codec that only scales, D = a(x − x̄)², has its shift and σ_raw rise together: u is smaller than from independent terms."""
    rng = np.random.default_rng(17)
    raw = rng.normal(size=(2, 2000))
    d = raw[1] ** 2
    together, apart = score(d, raw, 1, discrete=True), score(d, raw, 0, discrete=True)
    assert together.u < apart.u


def test_no_difference_is_exactly_zero_whatever_the_spread() -> None:
    for raw in (np.random.default_rng(18).normal(size=(3, 9)), np.full((3, 9), 0.1)):
        found = score(np.zeros(9), raw, 1)
        assert (found.value, found.u, found.u_mc, found.low, found.high) == (0.0, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("n", [2, 3])
def test_two_or_three_replicas_give_wide_finite_intervals(n: int) -> None:
    rng = np.random.default_rng(19)
    for discrete in (False, True):
        found = score(rng.normal(size=n), rng.normal(size=(1, n)), 0, discrete=discrete)
        assert math.isfinite(found.low) and found.high - found.low > 2 * 1.96 * found.u_mc
        assert 1.0 <= found.dof <= n


def test_refusals() -> None:
    raw = np.random.default_rng(20).normal(size=(2, 6))
    for difference, rows, own in (
        (np.zeros(5), raw, 0),
        (np.zeros(6), raw, 2),
        (np.full(6, np.nan), raw, 0),
        (np.ones(6), np.ones((2, 6)), 0),
        (np.ones(1), np.ones((2, 1)), 0),
    ):
        with pytest.raises(UndefinedStatistic):
            score(difference, rows, own)
