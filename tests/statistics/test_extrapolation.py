"""Extrapolated scores: against closed forms, and their uncertainty against its own scatter."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sigmaraw.contracts import Extrapolation
from sigmaraw.errors import UndefinedStatistic
from sigmaraw.noise.simex import Simex
from sigmaraw.statistics import Limits, Reason, assess_extrapolated
from sigmaraw.statistics.extrapolation import extrapolated_log_spread

RULE = Simex().extrapolation
LINEAR = Simex("linear").extrapolation


def spread_at(t: float) -> float:
    return math.exp(0.2 + 0.3 * t - 0.05 * t**2)


def predictions(seed: int, n: int = 100, groups: int = 2, rule: Extrapolation = RULE) -> tuple[np.ndarray, np.ndarray]:
    """Raw (group, replica) of known spread at every level, and decoded with D̄(t) = 2 + t, sd(D) = 0.3·spread."""
    random = np.random.default_rng(seed)
    total = rule.replicas(n)
    level = np.array([rule.levels[(i // rule.cluster) % len(rule.levels)] for i in range(total)])
    base = np.repeat(random.normal(size=(groups, total // rule.cluster)), rule.cluster, axis=1)
    spread = np.array([spread_at(t) for t in level])
    raw = 50 + 4 * level + 2 * np.sqrt(level - 1) * base + spread * random.normal(size=(groups, total))
    return raw, raw[1] + 2 + level + 0.3 * spread * random.normal(size=total)


def run(seed: int, n: int = 100, limits: Limits | None = None, rule: Extrapolation = RULE):
    raw, decoded = predictions(seed, n, rule=rule)
    return assess_extrapolated(chi_raw=50.0, chi_codec=52.0, raw=raw, group=1, decoded=decoded, rule=rule, limits=limits)


def test_what_is_extrapolated_is_the_polynomial_at_zero() -> None:
    """σ = e^0.2, centre 50, D̄ = 2, spread ratio √1.09, RMS² = 4 + 0.09σ²; 4 standard uncertainties of each, as reported."""
    found = run(0, n=4000)
    sigma = math.exp(0.2)
    assert abs(math.log(found.sigma_raw) - 0.2) < 4 * math.log(found.sigma_raw_ci[1] / found.sigma_raw) / 1.9
    assert abs(found.epsilon_hat - 2 / sigma) < 4 * found.u_mc
    assert found.u_mc < 0.15
    assert found.epsilon == pytest.approx(2 / found.sigma_raw)
    assert abs(found.shift - 2) < 4 * found.u_shift
    assert found.spread_ratio_ci[0] < math.sqrt(1.09) < found.spread_ratio_ci[1]
    assert found.rms_d == pytest.approx(math.sqrt(4 / sigma**2 + 0.09), rel=0.2)
    assert abs(found.centre_shift) < 1.0
    assert found.method == "extrapolation"
    assert {entry.field for entry in found.undefined} == {"ks", "ks_null", "null_flag_rate"}
    assert {entry.reason for entry in found.undefined} == {Reason.EXTRAPOLATED}


def test_uncertainties_are_those_of_repetition() -> None:
    """Over 300 runs: sd of ε̂ and of D̄ over the mean u within 4 SE of 1 (relative SE of a sd 1/√600), the 95 % interval of σ covers.

    u comes from 20 clusters a level, and is a little low: its square is unbiased.
    """
    runs = [run(seed) for seed in range(300)]
    truth = 2 / math.exp(0.2)
    for values, us in (([r.shift for r in runs], [r.u_shift for r in runs]), ([r.epsilon_hat for r in runs], [r.u_mc for r in runs])):
        assert abs(np.std(values, ddof=1) / math.sqrt(np.mean(np.square(us))) - 1) < 4 / math.sqrt(600) + 0.05
    cover = np.mean([r.sigma_raw_ci[0] <= math.exp(0.2) <= r.sigma_raw_ci[1] for r in runs])
    assert abs(cover - 0.95) < 4 * math.sqrt(0.95 * 0.05 / 300)
    cover = np.mean([r.epsilon_hat_ci[0] <= truth <= r.epsilon_hat_ci[1] for r in runs])
    assert abs(cover - 0.95) < 4 * math.sqrt(0.95 * 0.05 / 300)


def test_the_price_of_a_parabola_is_eighteenfold_variance() -> None:
    """Σw²: var(ln σ) of equal levels is Σw²/(2ν), ν = 2·20·4 a level; mean of u² over 200 runs, relative SE below .05."""
    for rule, price in ((RULE, 18.0909), (LINEAR, 1.8571)):
        found = []
        for seed in range(200):
            raw = np.random.default_rng(seed).normal(size=(2, rule.replicas(100)))
            found.append(extrapolated_log_spread(rule.arrange(raw), rule).u ** 2)
        assert np.mean(found) == pytest.approx(price / (2 * 160), rel=0.15)


def test_verdicts() -> None:
    assert run(1, n=2000).reason is Reason.SHIFT_BEYOND
    assert run(1, n=2000, limits=Limits(k=3.0, rms=3.0)).verdict == "PASS"
    assert run(1, n=2000, limits=Limits(margin=4.0)).verdict == "PASS"
    assert run(1, n=20, limits=Limits(k=2.0, rms=3.0)).verdict == "INCONCLUSIVE"
    wide = run(1, n=2000, limits=Limits(margin=4.0))
    assert wide.limit == pytest.approx(4.0 / wide.sigma_raw)


def test_identical_predictions_pass_and_missing_ones_say_so() -> None:
    raw, decoded = predictions(2)
    same = assess_extrapolated(chi_raw=50.0, chi_codec=50.0, raw=raw, group=1, decoded=raw[1], rule=RULE)
    assert (same.verdict, same.reason, same.epsilon_hat, same.rms_d) == ("PASS", Reason.IDENTICAL, 0.0, 0.0)
    bad = raw.copy()
    bad[0, 3] = math.nan
    missing = assess_extrapolated(chi_raw=50.0, chi_codec=50.0, raw=bad, group=1, decoded=decoded, rule=RULE)
    assert (missing.verdict, missing.reason) == ("INCONCLUSIVE", Reason.RAW_UNDEFINED)
    assert math.isnan(missing.sigma_raw)
    flat = np.full_like(raw, 7.0)
    silent = assess_extrapolated(chi_raw=7.0, chi_codec=8.0, raw=flat, group=1, decoded=flat[1] + 1.0, rule=RULE)
    assert (silent.verdict, silent.reason) == ("INCONCLUSIVE", Reason.NOT_EXTRAPOLATED)
    # A spread that is extrapolated to a small part of what was seen warns; the one above, which is 0.8 of it, does not.
    steep = raw - 50
    steep *= np.repeat(np.tile([1.0, 8.0, 64.0, 500.0], raw.shape[1] // 20), 5)
    far = assess_extrapolated(chi_raw=0.0, chi_codec=1.0, raw=steep, group=1, decoded=steep[1] + 1.0, rule=LINEAR)
    assert any("noise levels" in text for text in far.warnings)
    assert not any("noise levels" in text for text in run(2, n=400).warnings)


def test_predictions_that_do_not_fill_the_levels_are_refused() -> None:
    raw, decoded = predictions(2)
    for rows, other in ((raw[:, :-1], decoded[:-1]), (raw[:, :20], decoded[:20]), (raw, decoded[:-20])):
        with pytest.raises(UndefinedStatistic):
            assess_extrapolated(chi_raw=0.0, chi_codec=0.0, raw=rows, group=1, decoded=other, rule=RULE)
