"""Power and sample size against statsmodels and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from statsmodels.stats.power import TTestPower

from sigmaraw.errors import InvalidOption
from sigmaraw.statistics.power import equivalence_power, equivalence_size, images_for_share, t_test_power


def test_t_test_power_equals_statsmodels() -> None:
    oracle = TTestPower()
    for effect, n, alpha in ((0.5, 34, 0.05), (0.2, 10, 0.01), (1.0, 4, 0.1)):
        assert t_test_power(effect, n, alpha) == pytest.approx(oracle.power(effect, n, alpha), abs=1e-10)
        one_sided = oracle.power(effect, n, alpha, alternative="larger")
        assert t_test_power(effect, n, alpha, two_sided=False) == pytest.approx(one_sided, abs=1e-10)


@pytest.mark.parametrize(("mean", "sd", "n"), [(0.0, 1.0, 12), (0.5, 0.8, 10), (1.0, 0.5, 20), (0.3, 3.0, 5)])
def test_equivalence_power_equals_simulation(mean: float, sd: float, n: int) -> None:
    from scipy import stats

    rng, runs = np.random.default_rng(1), 40_000
    x = rng.normal(mean, sd, (runs, n))
    passed = np.abs(x.mean(axis=1)) + stats.t.ppf(0.95, n - 1) * x.std(axis=1, ddof=1) / math.sqrt(n) <= 1.0
    rate = passed.mean()
    assert equivalence_power(mean, sd, 1.0, n) == pytest.approx(rate, abs=3.5 * math.sqrt(max(rate * (1 - rate), 1e-4) / runs))


def test_sizes_are_the_smallest_with_the_power() -> None:
    n = equivalence_size(0.3, 0.8, 1.0, power=0.9)
    assert n is not None
    assert equivalence_power(0.3, 0.8, 1.0, n) >= 0.9 > equivalence_power(0.3, 0.8, 1.0, n - 1)
    assert equivalence_size(1.0, 0.5, 1.0) is None
    assert images_for_share(0.1) == 31
    assert images_for_share(0.1, failures=2) > 60
    for bad in ({"n": 1}, {"sd": 0.0}, {"limit": -1.0}):
        with pytest.raises(InvalidOption):
            equivalence_power(**({"mean": 0.0, "sd": 1.0, "limit": 1.0, "n": 5} | bad))  # type: ignore[arg-type]
