"""The law of propagation against replicas: tolerance, distances, and how often it is accepted or rejected wrongly."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sigmaraw.statistics import compare
from sigmaraw.statistics.propagation import numerical_tolerance


@pytest.mark.parametrize(
    ("u", "digits", "delta"),
    [
        # JCGM 101 (2008) 7.9.2, examples 1 and 2: u = 0.00035 g at two digits, 2 K at one
        (0.00035, 2, 0.000005),
        (2.0, 1, 0.5),
        (0.94, 1, 0.05),
        (0.96, 1, 0.5),  # written with one digit it is 1
        (123.0, 2, 5.0),
        (3.1e-12, 1, 0.5e-12),
    ],
)
def test_the_numerical_tolerance_is_that_of_the_standard(u: float, digits: int, delta: float) -> None:
    assert numerical_tolerance(u, digits) == pytest.approx(delta, rel=1e-12)


def normal(n: int, u: float, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(50, u, (2, n))


def test_distances_are_between_the_ends_of_the_two_intervals() -> None:
    raw = normal(4000, 2.0)
    found = compare(50.1, 2.2, raw)
    low, high = np.quantile(raw, [0.025, 0.975])
    assert found.interval == pytest.approx((50.1 - 1.959964 * 2.2, 50.1 + 1.959964 * 2.2), rel=1e-6)
    assert found.replicas_interval == pytest.approx((low, high), rel=1e-9)
    assert found.d_low == pytest.approx(abs(50.1 - 1.959964 * 2.2 - low), rel=1e-4)
    assert found.d_high == pytest.approx(abs(50.1 + 1.959964 * 2.2 - high), rel=1e-4)
    assert found.ratio == pytest.approx(2.2 / 2.0, rel=4 * found.u_ratio / found.ratio)
    # SE of a normal's 2.5 % quantile: √(p(1 − p)/M)/φ(z); estimated from order statistics to about 20 % here
    expected = 2.0 * np.sqrt(0.025 * 0.975 / 8000) / stats.norm.pdf(1.959964)
    assert found.u_low == pytest.approx(expected, rel=0.4)
    assert found.u_high == pytest.approx(expected, rel=0.4)
    assert found.tolerance == 0.5


def test_it_is_accepted_when_both_ends_agree_and_rejected_when_one_does_not() -> None:
    raw = normal(4000, 2.0)
    assert compare(50.0, 2.0, raw).accepted is True
    shifted = compare(51.0, 2.0, raw)
    assert (shifted.accepted, shifted.reason) == (False, "beyond numerical tolerance")
    assert compare(50.0, 2.6, raw).accepted is False
    # One end alone: σ and centre are wrong in such a way that the upper end is right.
    assert compare(50.0 - 1.96, 3.0, raw).accepted is False


def test_too_few_replicas_leave_it_open() -> None:
    found = compare(50.0, 2.0, normal(99, 2.0))
    assert (found.accepted, found.reason) == (None, "too few replicas to compare")
    assert compare(70.0, 2.0, normal(99, 2.0)).accepted is None  # however far: its ends rest on five predictions each
    assert compare(70.0, 2.0, normal(100, 2.0)).accepted is False
    assert compare(50.0, 9.4, normal(1000, 9.4)).accepted is None  # δ is ½ in the first digit of 9: 1,000 replicas cannot resolve it


@pytest.mark.parametrize("u", [1.0, 3.0, 7.0, 9.0])
def test_what_is_linear_and_normal_is_seldom_rejected(u: float) -> None:
    """300 studies of 2 × 100 replicas: measured 4.7 % at most (600 studies), so up to 4.7 + 4·√(.047·.953/300) = 9.6 %."""
    rejected = [compare(0.0, u, np.random.default_rng(seed).normal(0, u, (2, 100))).accepted is False for seed in range(300)]
    assert np.mean(rejected) <= 0.096


def test_a_curved_measurement_is_rejected() -> None:
    """χ = z² about z = 1 with u(z) = .5: to first order y = 1, σ = 1; the truth is noncentral χ² with mean 1.25."""
    raw = (1 + 0.5 * np.random.default_rng(2).normal(size=(2, 2000))) ** 2
    assert compare(1.0, 1.0, raw).accepted is False


def test_no_number_is_given_where_there_is_no_derivative() -> None:
    raw = np.random.default_rng(1).poisson(3, (2, 200)).astype(float)
    for found in (compare(3.0, 1.7, raw, discrete=True), compare(3.0, 0.0, raw), compare(3.0, np.nan, raw), compare(np.nan, 1.0, raw)):
        assert (found.accepted, found.reason) == (None, "not differentiable")
        assert np.isnan([found.sigma, found.ratio, found.d_low, found.tolerance]).all()


def test_undefined_and_constant_predictions_are_named() -> None:
    raw = normal(100, 1.0)
    raw[0, 3] = np.nan
    assert (compare(50.0, 1.0, raw).reason, compare(50.0, 1.0, raw).sigma) == ("undefined raw predictions", 1.0)
    assert compare(50.0, 1.0, np.full((2, 100), 50.0)).reason == "nothing varies"
    assert compare(50.0, 0.0, np.full((2, 100), 50.0)).reason == "nothing varies"
