"""Brent's root finder against SciPy's, to the last bit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize

from sigmaraw.errors import UndefinedStatistic
from sigmaraw.statistics.brent import brent_root
from sigmaraw.statistics.studentized_range import range_sf


def test_bits_are_scipys() -> None:
    rng = np.random.default_rng(1)
    compared = 0
    while compared < 1500:
        a, b, c, d = rng.normal(size=4).tolist()

        def wave(x: float, a: float = a, b: float = b, c: float = c, d: float = d) -> float:
            return a + b * x + c * x**3 + math.sin(3 * d * x)

        low, high = sorted((3 * rng.normal(size=2)).tolist())
        if wave(low) * wave(high) < 0:
            assert brent_root(wave, low, high, xtol=1e-12, rtol=1e-12) == optimize.brentq(wave, low, high, xtol=1e-12, rtol=1e-12)
            compared += 1


@pytest.mark.parametrize("dof", [3.0, 19.0, 77.3])
def test_bits_of_a_quantile_are_scipys(dof: float) -> None:
    def missed(q: float) -> float:
        return range_sf(q, 4, dof) - 0.05

    assert brent_root(missed, 1e-3, 20.0, xtol=1e-10, rtol=1e-12) == optimize.brentq(missed, 1e-3, 20.0, xtol=1e-10, rtol=1e-12)


def test_ends_that_are_roots_and_ends_of_one_sign() -> None:
    assert brent_root(lambda x: x, 0.0, 2.0, xtol=1e-9, rtol=1e-9) == 0.0
    assert brent_root(lambda x: x - 2.0, 0.0, 2.0, xtol=1e-9, rtol=1e-9) == 2.0
    with pytest.raises(UndefinedStatistic, match="no change of sign"):
        brent_root(lambda x: x * x + 1.0, -1.0, 1.0, xtol=1e-9, rtol=1e-9)
    with pytest.raises(UndefinedStatistic, match="no root within"):
        brent_root(lambda x: 1.0 if x > 0.3 else -1.0, 0.0, 1.0, xtol=0.0, rtol=0.0)
