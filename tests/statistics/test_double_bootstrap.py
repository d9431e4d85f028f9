"""The double bootstrap of σ_raw: how often it warns where nothing is wrong, and what it finds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sigmaraw.statistics import double_bootstrap, estimated_u_mode
from sigmaraw.statistics.double_bootstrap import SHARED
from tests.statistics.proportions import at_most


@pytest.mark.parametrize("n", [10, 50, 300])
@pytest.mark.parametrize("rate", [0.0, 0.3, 5.0])
def test_it_is_silent_where_the_mode_finds_its_spread_again(rate: float, n: int) -> None:
    """At most 2 % false alarms for normal and Poisson predictions, 2 groups of 2n and four of n."""
    random = np.random.default_rng([1, n, int(10 * rate)])

    def draw(*shape: int) -> np.ndarray:
        return random.poisson(rate, shape).astype(float) if rate else random.normal(size=shape)

    alarms = [bool(double_bootstrap(draw(2, 2 * n), draw(4, n), rate > 0).warnings) for _ in range(200)]
    assert np.mean(alarms) <= at_most(0.02, 200)


def test_it_finds_spreads_that_scatter_or_are_off_together() -> None:
    """σ* 42 % off, n = 100 and 50: found in over 80 % of runs. The value is that error: mean δ² to 4 SE over 500 runs, n = 48 and 24.

    There the Monte Carlo part, 1/(2·94) + 1/(2·23) = 0.027, is several times what 4 SE let pass.
    """
    random = np.random.default_rng(2)
    found = [double_bootstrap(random.normal(size=(2, 100)), math.exp(0.35) * random.normal(size=(4, 50))) for _ in range(200)]
    assert np.mean([bool(entry.warnings) for entry in found]) > 0.8
    for logs in (random.normal(0, 0.5, (500, 4)), np.full((500, 4), 0.5)):
        rows = [double_bootstrap(random.normal(size=(2, 48)), np.exp(row)[:, None] * random.normal(size=(4, 24))) for row in logs]
        excess = np.array([entry.value**2 for entry in rows]) - (logs**2).mean(axis=1)
        assert abs(excess.mean()) < 4 * excess.std() / math.sqrt(500) + 0.004  # a negative square counts as 0


def test_what_cannot_be_asked_is_not_answered() -> None:
    raw = np.random.default_rng(3).normal(size=(2, 40))
    assert math.isnan(double_bootstrap(raw, np.empty((0, 20))).value)
    assert math.isnan(double_bootstrap(np.ones((2, 40)), raw[:, :20]).value)
    assert math.isnan(double_bootstrap(raw, np.full((4, 20), np.nan)).value)
    still = double_bootstrap(raw, np.ones((4, 20)))
    assert math.isinf(still.value)
    assert "does not vary" in still.warnings[0]
    assert not double_bootstrap(raw, np.ones((4, 5))).warnings


def test_u_mode_of_one_measurement_is_what_its_second_spreads_say_and_never_below_what_frames_share() -> None:
    """Eight second spreads; ln σ has variance a = 1/(2·298), each ln σ* has b = 1/(2·149), and δ² = mean ln²(σ*/σ) − (a + b).

    Of equal spreads δ² has variance 2a² + 2b²/8 + 4ab/8; of spreads 1.3 times σ, δ has variance a + b/8 about ln 1.3.
    """
    a, b = 1 / (2 * 298), 1 / (2 * 149)
    rng = np.random.default_rng(2)
    raw = rng.normal(size=(2, 150))
    same, wide = rng.normal(size=(8, 150)), 1.3 * rng.normal(size=(8, 150))
    assert SHARED <= estimated_u_mode(raw, same) <= math.sqrt(SHARED**2 + 2 * math.sqrt(2 * a**2 + 2 * b**2 / 8 + 4 * a * b / 8))
    assert estimated_u_mode(raw, wide) == pytest.approx(math.hypot(SHARED, math.log(1.3)), abs=2 * math.sqrt(a + b / 8))
    # Of counts the Monte Carlo part stays in.
    assert estimated_u_mode(raw, same, discrete=True) > estimated_u_mode(raw, same)
    assert math.isnan(estimated_u_mode(raw, np.empty((0, 150)))) and math.isnan(estimated_u_mode(raw, np.ones((4, 150))))
