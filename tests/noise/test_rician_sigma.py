"""Estimates of σ against images of a stated σ: unbiased, and as uncertain as they say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sigmaraw.errors import InsufficientRepeats, InvalidOption, OutsideValidRange, ShapeMismatch
from sigmaraw.noise.rician_sigma import SigmaEstimate, sigma_from_background, sigma_from_repeats
from tests.noise.test_rician import SIGMA, magnitudes, phantom

TRIALS = 60


def check(found: list[SigmaEstimate], sigma: float) -> None:
    """Assert that estimates are unbiased within 3 SE of their mean, and scatter as they say within 4 SE of a standard deviation."""
    values, errors = np.array([one.sigma_dn for one in found]), np.array([one.se_dn for one in found])
    assert values.mean() == pytest.approx(sigma, abs=3 * values.std(ddof=1) / math.sqrt(len(found)))
    scatter = 4 / math.sqrt(2 * (len(found) - 1))
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(values.std(ddof=1), rel=scatter)


@pytest.mark.parametrize("sigma", [1.0, SIGMA])
def test_background_is_unbiased(sigma: float) -> None:
    rng = np.random.default_rng(1)
    found = [sigma_from_background(magnitudes(np.zeros((40, 50)), rng, sigma)) for _ in range(TRIALS)]
    check(found, sigma)
    assert found[0].se_dn == pytest.approx(sigma / (2 * math.sqrt(2000)), rel=0.3)
    assert found[0].spec.startswith("rician:sigma=")


@pytest.mark.parametrize("repeats", [2, 6])
def test_repeats_are_unbiased_at_any_signal(repeats: int) -> None:
    rng, truth = np.random.default_rng(2), phantom(64)
    check([sigma_from_repeats(np.stack([magnitudes(truth, rng) for _ in range(repeats)])) for _ in range(TRIALS)], SIGMA)
    weak = np.full((64, 64), 1.5 * SIGMA)  # where the spread of magnitudes is far from σ
    check([sigma_from_repeats(np.stack([magnitudes(weak, rng) for _ in range(6)])) for _ in range(TRIALS)], SIGMA)


def test_correlated_background_has_a_larger_error() -> None:
    rng = np.random.default_rng(3)
    half = magnitudes(np.zeros((30, 30)), rng)
    twice = np.kron(half, np.ones((2, 2), np.uint16))  # four pixels in place of one say no more
    assert sigma_from_background(twice).se_dn == pytest.approx(sigma_from_background(half).se_dn, rel=0.3)


def test_what_is_no_background_is_refused() -> None:
    rng = np.random.default_rng(4)
    with pytest.raises(OutsideValidRange, match="Rayleigh"):
        sigma_from_background(magnitudes(phantom(), rng))
    with pytest.raises(OutsideValidRange, match="Rayleigh"):
        sigma_from_background(np.zeros((40, 40), np.uint16))
    with pytest.raises(InvalidOption, match="144 pixels"):
        sigma_from_background(magnitudes(np.zeros((12, 12)), rng))
    with pytest.raises(InsufficientRepeats):
        sigma_from_repeats(magnitudes(phantom(), rng)[np.newaxis])
    with pytest.raises(ShapeMismatch):
        sigma_from_repeats(magnitudes(phantom(), rng))
    constant = np.full((2, 64, 64), 100, np.uint16)
    assert sigma_from_repeats(constant).sigma_dn == 0.0
