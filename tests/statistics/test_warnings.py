"""False-alarm rate and power of each warning: one that is not rare where the answer is right is not worth having."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sigmaraw.statistics import TestResult, pooled_spread
from sigmaraw.statistics.equality import ks_tests
from sigmaraw.statistics.warnings import CENTRE_LIMIT, centre_warning, group_warning, raw_warnings, shift_p, shift_warning
from tests.statistics.proportions import at_most


def checks(raw: np.ndarray, discrete: bool, centre_shift: float, ks_null: TestResult | None) -> tuple[str, ...]:
    return (*centre_warning(centre_shift), *group_warning(ks_null), *raw_warnings(raw, discrete))


def rate(word: str, runs: list[tuple[str, ...]]) -> float:
    return float(np.mean([any(word in warning for warning in found) for found in runs]))


@pytest.mark.parametrize(("counts", "n", "alarms"), [(0.0, 10, 0.005), (0.0, 100, 0.003), (0.1, 100, 0.04)])
def test_centre_warning(counts: float, n: int, alarms: float) -> None:
    """x a fresh acquisition, as in mode `repeats` where its centre scatters most: |t| > 4. Power: a centre 7 σ off."""
    rng = np.random.default_rng([1, n, int(10 * counts)])
    found, off = [], []
    for _ in range(800):
        draws = rng.poisson(counts, 5 * n + 1).astype(float) if counts else rng.normal(size=5 * n + 1)
        raw, frame = draws[1:].reshape(5, n), draws[0]
        centre = (raw.mean() - frame) / pooled_spread(raw).value
        found.append(checks(raw, False, centre, None))
        off.append(checks(raw, False, centre + 7.0, None))
    assert rate("from its mean over replicas", found) <= at_most(alarms, 800)
    assert rate("from its mean over replicas", off) > 0.96  # a bright count can cancel it


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_the_uncertainty_of_the_centre_adds_in_quadrature(sign: float) -> None:
    """√(1 + .75²) = 1.25: the limit moves by a quarter, neither by nothing nor by the sum, .75."""
    assert centre_warning(sign * 1.24 * CENTRE_LIMIT, 0.75) == ()
    assert len(centre_warning(sign * 1.26 * CENTRE_LIMIT, 0.75)) == 1
    assert len(centre_warning(sign * 1.01 * CENTRE_LIMIT)) == 1


@pytest.mark.parametrize("discrete", [False, True])
def test_null_warning(discrete: bool) -> None:
    """Two raw groups of 60; false alarms 1 %. Power: one of them a σ off."""
    rng = np.random.default_rng(2)
    alike = rng.poisson(4.0, (300, 2, 60)).astype(float) if discrete else rng.normal(size=(300, 2, 60))
    apart = np.stack([alike[:, 0], alike[:, 1] + np.ceil(alike.std(axis=(1, 2)))[:, np.newaxis]], axis=1)
    found, off = (
        [checks(raw, discrete, 0.0, test) for raw, test in zip(raws, ks_tests(raws[:, 1], raws[:, 0], discrete=discrete), strict=True)]
        for raws in (alike, apart)
    )
    assert rate("groups of raw replicas differ", found) <= at_most(0.01, 300)
    assert rate("groups of raw replicas differ", off) > 0.9


def test_few_events_warning() -> None:
    """Rare counts whose interval still covers, Poisson(.1) at 5 × 20: 2.9 % false alarms. Power: Poisson(.02), which has 2 events."""
    rng = np.random.default_rng(3)
    found = [checks(rng.poisson(0.1, (5, 20)).astype(float), True, 0.0, None) for _ in range(2000)]
    rarer = [raw for raw in rng.poisson(0.02, (2000, 5, 20)).astype(float) if raw.any()]
    off = [checks(raw, True, 0.0, None) for raw in rarer]
    assert rate("few events", found) <= 0.05
    assert rate("few events", off) > 0.85


def test_constant_or_undefined_predictions_give_no_event_warning() -> None:
    assert checks(np.full((3, 9), 4.0), True, 0.0, None) == ()
    assert checks(np.full((3, 9), np.nan), True, math.nan, None) == ()


@pytest.mark.parametrize("counts", [0.0, 0.5, 10.0])
def test_one_peak_warning(counts: float) -> None:
    """2 × 50 predictions of one peak: false alarms .6 %. Power: a tenth lies 8 σ off, or half lies 4 σ off."""
    rng = np.random.default_rng([4, int(10 * counts)])
    sigma = math.sqrt(counts) if counts else 1.0
    found, rare, half = [], [], []
    for _ in range(400):
        raw = rng.poisson(counts, (2, 50)).astype(float) if counts else rng.normal(size=(2, 50))
        found.append(checks(raw, bool(counts), 0.0, None))
        rare.append(checks(raw + 8 * sigma * (rng.random(raw.shape) < 0.1), False, 0.0, None))
        half.append(checks(raw + 4 * sigma * (rng.random(raw.shape) < 0.5), False, 0.0, None))
    assert rate("not one peak", found) <= at_most(0.012, 400)
    assert rate("one far off", rare) > 0.95
    assert rate("two answers", half) > 0.7


def test_few_predictions_give_no_peak_warning() -> None:
    raw = np.repeat([0.0, 100.0], 40)[None] + np.random.default_rng(5).normal(size=(1, 80))
    assert checks(raw, False, 0.0, None) == ()


@pytest.mark.parametrize(("kind", "n", "alarms"), [("normal", 10, 0.001), ("normal", 200, 0.001), ("rare", 60, 0.01), ("t", 60, 0.014)])
def test_shift_warning(kind: str, n: int, alarms: float) -> None:
    """The frame's own shift another draw of D: normal, Poisson(.1), Student's t with 3 dof. Power: 7 σ off, N = 60 and more."""
    rng = np.random.default_rng([5, n, len(kind)])
    draws = {"normal": rng.normal, "rare": lambda size: rng.poisson(0.1, size), "t": lambda size: rng.standard_t(3, size)}[kind]
    every = np.asarray(draws(size=(4000, n + 1)), dtype=np.float64)
    found = [bool(shift_warning(float(row[0]), row[1:])) for row in every]
    assert np.mean(found) <= at_most(alarms, 4000)
    if kind == "normal" and n > 50:
        assert np.mean(found) > 0.0  # it does fire
        assert all(shift_warning(float(row[0]) + 7.0, row[1:]) for row in every[:200])


@pytest.mark.parametrize("scale", [2.0**700, 2.0**-700])
def test_the_p_of_a_shift_does_not_depend_on_the_unit(scale: float) -> None:
    """Squares of 2^700 overflow and those of 2^-700 vanish; a power of two rounds nothing, so that p is the same to the last bit."""
    d = np.random.default_rng(0).normal(size=50)
    assert shift_p(5.0 * scale, d * scale) == shift_p(5.0, d) < 1e-3
    assert shift_p(math.inf, d) == shift_p(5.0, np.append(d, math.nan)) == 1.0


def test_shift_warning_needs_a_spread_and_an_outside() -> None:
    """Replicas that agree have no spread to judge by; inside the range of D nothing is far. T here is 5/(1.0 √(1 + 1/100))."""
    d = np.tile([-1.0, 1.0], 50)
    d /= d.std(ddof=1)
    assert shift_warning(5.0, np.zeros(50)) == ()
    assert shift_warning(5.0, np.append(d[1:], 6.0)) == ()
    (text,) = shift_warning(5.0, d)
    assert f"{5 / math.sqrt(1.01):.1f} standard deviations" in text
    assert shift_warning(3.3, d) == ()  # t_99 at p = .001 is 3.39
    assert shift_warning(3.45, d)
