"""Read noise in electrons: its standard error by simulation, extrapolation to zero exposure."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sigmaraw.camera.fitting.dark import HIDDEN_LIMIT_DN, noise_in_electrons
from sigmaraw.camera.values import Estimate, square_root


def test_standard_error_of_the_noise_carries_the_covariance_with_the_gain() -> None:
    """Draw (K, σ²_y) with correlation −0.8; the spread of √(σ²_y − 1/12)/K is the SE. Its own SE over R draws: 1/√(2R)."""
    rng = np.random.default_rng(1)
    gain, variance, u_gain, u_variance = 0.5, 1.0 + 1 / 12, 0.004, 0.02
    covariance = -0.8 * u_gain * u_variance
    draws = rng.multivariate_normal([gain, variance], [[u_gain**2, covariance], [covariance, u_variance**2]], 20000)
    noise = np.sqrt(draws[:, 1] - 1 / 12) / draws[:, 0]
    found = noise_in_electrons(variance, u_variance**2, Estimate(gain, u_gain), covariance, hidden=False)
    assert found.value == pytest.approx(2.0, rel=1e-12)
    assert found.se == pytest.approx(noise.std(ddof=1), rel=4 / math.sqrt(2 * 20000))


def test_hidden_noise_has_at_least_the_error_of_its_limit() -> None:
    found = noise_in_electrons(0.05, 1e-10, Estimate(0.1, 1e-4), 0.0, hidden=True)
    assert (found.value, found.se) == (0.0, pytest.approx(HIDDEN_LIMIT_DN / 0.1 / math.sqrt(12)))


def test_square_root_stays_finite_at_and_below_zero() -> None:
    assert square_root(4.0, 0.4).se == pytest.approx(0.1)
    for square in (-1.0, 0.0, 1e-9):
        root = square_root(square, 0.01)
        assert root.value >= 0.0
        assert root.se == pytest.approx(0.1)
