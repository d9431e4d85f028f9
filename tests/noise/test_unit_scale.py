"""The scale of unit noise: against quadrature, its own inverse, and the mean that a dithered step must keep."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate

from sigmaraw.noise import NoiseModel
from sigmaraw.noise.transfer import BrighterFatter, Piecewise
from sigmaraw.noise.unit_scale import UnitScale

BENT = [
    BrighterFatter(2.0, -2e-6),
    Piecewise(0.5, 1200.0, 0.5, 40.0),
    Piecewise(0.5, 1200.0, 0.8, -360.0),
    Piecewise(0.5, 1200.0, 0.2, 360.0),
]


def camera(curve, read_noise=3.0, **changes):
    return NoiseModel(0.5 if curve is None else curve.gain, 100.0, read_noise, 16, curve=curve, **changes)


def straight(z, c):
    """The straight camera's scale, signal by signal, in the words of SCIENCE 5."""
    s = z + c
    return 2 * math.sqrt(s) if s >= 1 else 2 + (s - 1)


@pytest.mark.parametrize("read_noise", [0.1, 1.6, 6.0])
def test_a_straight_camera_s_scale_is_the_closed_form(read_noise):
    z = np.linspace(-60, 3000, 2001)
    scale = UnitScale(camera(None, read_noise))
    np.testing.assert_allclose(scale.steps(100 + 0.5 * z), [straight(v, 0.375 + read_noise**2) for v in z], rtol=1e-12)


@pytest.mark.parametrize("curve", BENT)
@pytest.mark.parametrize("read_noise", [0.1, 3.0])
def test_a_bent_camera_s_scale_is_the_integral(curve, read_noise):
    """Differences of y are ∫dz/√(z·v + c), by quadrature, from where z + c = 1; below that y is straight with slope 1."""
    model, c = camera(curve, read_noise), 0.375 + read_noise**2
    scale, first = UnitScale(model), 1 - c

    def integrand(z):
        return 1 / math.sqrt(max(z, 0.0) * float(curve.relative_variance(curve.gain * z)) + min(z, 0.0) + c)

    z = np.array([first + 0.5, 0.0, 40.0, 0.99 * 1200 / curve.gain, 1.01 * 1200 / curve.gain, 7000.0])
    z = z[z > first]
    found = scale.steps(100 + curve.gain * z) - scale.steps(100 + curve.gain * first)
    wanted = [integrate.quad(integrand, first, v, points=sorted({max(first, 0.0), min(1200 / curve.gain, v)}), limit=400)[0] for v in z]
    np.testing.assert_allclose(found, wanted, rtol=2e-4)
    below = first - np.array([0.5, 3.0, 40.0])
    np.testing.assert_allclose(scale.steps(100 + curve.gain * first) - scale.steps(100 + curve.gain * below), [0.5, 3.0, 40.0], rtol=1e-9)


@pytest.mark.parametrize("curve", [None, *BENT])
@pytest.mark.parametrize("highest", [None, 3000.0])
def test_it_rises_and_inverts_at_every_level(curve, highest):
    level = np.arange(0, 65536, 7, dtype=np.float64)
    scale = UnitScale(camera(curve, highest_dn=highest))
    steps = scale.steps(level)
    assert np.all(np.diff(steps) > 0)
    np.testing.assert_allclose(scale.level_dn(steps), level, rtol=1e-8, atol=1e-6)


def test_beyond_the_calibrated_range_a_step_is_the_noise_at_its_end():
    model = camera(BENT[2], highest_dn=3000.0)
    steps = UnitScale(model).steps(np.array([3000.0, 3100.0, 9000.0]))
    noise = math.sqrt(float(model.variance(3000.0)) - 1 / 12 + 3 * 0.5**2 / 8)  # c holds 3/8 e⁻² and no rounding
    np.testing.assert_allclose(np.diff(steps), np.array([100.0, 5900.0]) / noise, rtol=1e-9)


@pytest.mark.parametrize("curve", [None, *BENT])
def test_a_dithered_step_keeps_the_mean(curve):
    """Mean of the inverse over an error uniform in ±q/2, by Gauss–Legendre quadrature, for the largest q: 1e-3 DN, without the
    correction q²/48·K·W′ = .07 DN and more. Away from a break, across which the slope changes."""
    q = 4.0
    nodes, weights = np.polynomial.legendre.leggauss(40)
    model = camera(curve)
    scale = UnitScale(model)
    for level in (130.0, 600.0, 2600.0, 12_000.0):
        values = scale.level_dn(scale.steps(level) + nodes * q / 2, q**2 / 12)
        assert float(weights @ values) / 2 == pytest.approx(level, abs=1e-3)
        raw = scale.level_dn(scale.steps(level) + nodes * q / 2)
        assert float(weights @ raw) / 2 - level > 0.06


def test_maps_have_a_scale_for_each_pixel():
    curve = BENT[0]
    gain, offset, noise = np.array([[1.8, 2.2]]), np.array([[90.0, 110.0]]), np.array([[0.2, 4.0]])
    both = UnitScale(NoiseModel(gain, offset, noise, 16, curve=curve, highest_dn=40_000.0))
    for level in (80.0, 300.0, 30_000.0, 50_000.0):
        found = both.steps(np.full((1, 2), level))
        for x in (0, 1):
            one = NoiseModel(float(gain[0, x]), float(offset[0, x]), float(noise[0, x]), 16, curve=curve, highest_dn=40_000.0)
            assert found[0, x] == pytest.approx(float(UnitScale(one).steps(level)), rel=1e-12)
        np.testing.assert_allclose(both.level_dn(found), level, rtol=1e-8)
