"""The stopping rule: published bounds, error rate at a limit, and verdicts that stay."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from sigmaraw.errors import InvalidOption
from sigmaraw.statistics import RowLimits, measure
from sigmaraw.statistics.sequential import StoppingRule, crossing_rate, look_levels, spent


def test_bounds_are_the_published_ones() -> None:
    """Five equal looks, one-sided .025, O'Brien-Fleming spending: Lan and DeMets' bounds as in any table of them (4.8769 … 2.0310)."""
    bounds = [float(stats.norm.isf(level)) for level in look_levels((20, 40, 60, 80, 100), 0.025)]
    assert bounds == pytest.approx([4.8769, 3.3569, 2.6803, 2.2898, 2.0310], abs=2e-4)
    assert look_levels((100,)) == pytest.approx((0.05,), rel=1e-6)
    assert spent(1.0) == pytest.approx(0.05, rel=1e-12)


def test_error_rate_over_all_looks_is_alpha() -> None:
    runs = 40_000
    rule = StoppingRule.until(100, 300)
    assert rule.looks == (100, 150, 225, 300)
    rate = crossing_rate(rule, np.array([0.0]), runs, seed=1)[0]
    assert abs(rate - 0.05) <= 3.5 * math.sqrt(0.05 * 0.95 / runs)
    naive = StoppingRule((100, 150, 225, 300))
    assert sum(naive.levels) > 0.05  # each look has more than its share, since looks are correlated


def simulate(kind: str, shift: float, runs: int) -> tuple[float, float, float]:
    """Share of PASS and FAIL, and mean n, of rows with ε = shift under the rule."""
    rule, rng = StoppingRule.until(40, 120), np.random.default_rng(len(kind))
    size = (runs, 2, 120)
    raw = rng.normal(size=size) if kind == "normal" else rng.exponential(size=size) - 1.0
    noise = rng.normal(size=(runs, 120)) if kind == "normal" else rng.exponential(size=(runs, 120)) - 1.0
    decoded = raw[:, 1] + shift + 0.5 * noise
    state = rule.start(runs)
    for k, n in enumerate(rule.looks):
        evidence, limits = measure(raw[:, :, :n], decoded[:, :n], 1), RowLimits(1.0, 1e9, 1e9)
        level = rule.levels[k]
        state = rule.look(state, k, evidence.inside(limits, level).all(axis=0), evidence.beyond(limits, level).any(axis=0))
    verdicts = np.array(state.verdict)
    spent_n = np.where(state.decided_at == 0, rule.looks[-1], state.decided_at)
    return float((verdicts == "PASS").mean()), float((verdicts == "FAIL").mean()), float(spent_n.mean())


@pytest.mark.parametrize("kind", ["normal", "exponential"])
def test_rows_at_the_limit_rarely_pass_and_clear_rows_stop_early(kind: str) -> None:
    runs = 1000
    passed, _, mean_n = simulate(kind, 1.0, runs)
    assert passed <= 0.05 + 3.5 * math.sqrt(0.05 * 0.95 / runs)
    assert mean_n > 100
    clear, _, fewer = simulate(kind, 0.1, runs)
    assert clear > 0.99
    assert fewer < 90


def test_a_decided_row_stays_decided() -> None:
    rule = StoppingRule((10, 20))
    state = rule.look(rule.start(3), 0, np.array([True, False, False]), np.array([False, True, False]))
    assert (state.verdict, state.open, rule.finished(state, 0)) == (("PASS", "FAIL", "INCONCLUSIVE"), 1, False)
    later = rule.look(state, 1, np.array([False, True, True]), np.array([True, False, False]))
    assert later.verdict == ("PASS", "FAIL", "PASS")
    assert later.decided_at.tolist() == [10, 10, 20]
    assert rule.finished(later, 1)


def test_refusals() -> None:
    for looks in ((), (1, 5), (10, 10), (20, 10)):
        with pytest.raises(InvalidOption):
            look_levels(looks)
    with pytest.raises(InvalidOption):
        StoppingRule.until(100, 50)
    assert StoppingRule.until(100, 100).looks == (100,)
