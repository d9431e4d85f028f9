"""Bent transfer curves: the drawn variance is the calibrated one, against closed forms, quadrature and cameras with known truth."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import xarray
from scipy import integrate, stats

import sigmaraw as sr
from sigmaraw.errors import InvalidProfile, OutsideValidRange
from sigmaraw.frames import Level, RawFrames, Series
from sigmaraw.noise import NoiseModel
from sigmaraw.noise.denoise import estimate
from sigmaraw.noise.from_profile import read_profile
from sigmaraw.noise.transfer import BrighterFatter, Piecewise, curve_of
from sigmaraw.virtual import VirtualCamera

A00 = -2e-6
BRIGHTER = BrighterFatter(2.0, A00)
STEPPED = Piecewise(0.5, 1200.0, 0.5, 40.0)
KINKED = Piecewise(0.5, 1200.0, 0.8, 0.5 * 1200 - 0.8 * 1200)


def bent_model(curve, bits=16, **changes):
    return NoiseModel(curve.gain, 100.0, 3.0, bits, curve=curve, **changes)


# --- formulas ---------------------------------------------------------------------------------------------------------
def test_variance_is_the_calibrated_curve():
    x = np.array([0.0, 500.0, 1199.0, 1201.0, 30_000.0])
    a = 2 * A00 / 2.0
    astier = np.array([2.0 * v * (math.expm1(a * v) / (a * v) if v else 1) for v in x])
    np.testing.assert_allclose(bent_model(BRIGHTER).variance(100 + x), astier + 4 * 9 + 1 / 12, rtol=1e-12)
    kinked = np.where(x <= 1200, 0.5 * x, KINKED.intercept_above + 0.8 * x)
    np.testing.assert_allclose(bent_model(KINKED).variance(100 + x), kinked + 0.25 * 9 + 1 / 12, rtol=1e-12)
    assert bent_model(BRIGHTER).variance(50.0) == pytest.approx(36 + 1 / 12)


@pytest.mark.parametrize("curve", [BRIGHTER, STEPPED, KINKED, BrighterFatter(1.0, -1e-4)])
@pytest.mark.parametrize("share", [1.0, 1.07])
def test_stabilised_values_are_the_integral(curve, share):
    """Against quadrature of 1/√(z·v + c), for the sensor's gain and a pixel's own; and back."""
    gain, c = curve.gain * share, 0.375 + 4.0
    z = np.array([-c - 1, -c, -1.0, 0.0, 3.0, 0.99 * 1200 / gain, 1.01 * 1200 / gain, 6000.0])

    def integrand(at):
        return 1 / math.sqrt(at * float(curve.relative_variance(gain * at)) + c)

    wanted = [
        2 * math.sqrt(max(v + c, 0)) if v <= 0 else 2 * math.sqrt(c) + integrate.quad(integrand, 0, v, points=[1200 / gain], limit=200)[0]
        for v in z
    ]
    found = curve.stabilise(z, gain, c)
    # Below zero a bent curve goes on bending, by nothing that matters: the integral starts at T(0).
    np.testing.assert_allclose(found[z >= 0] - found[3], np.array(wanted)[z >= 0] - wanted[3], rtol=1e-5)
    np.testing.assert_allclose(found, wanted, rtol=2e-3)
    np.testing.assert_allclose(curve.unstabilise(found, gain, c)[2:], z[2:], rtol=1e-9, atol=1e-9)


def test_a_vanishing_bend_is_the_straight_camera():
    levels = np.linspace(90, 3000, 50).reshape(5, 10)
    straight, nearly = NoiseModel(0.5, 100.0, 2.0, 12), NoiseModel(0.5, 100.0, 2.0, 12, curve=BrighterFatter(0.5, -1e-13))
    np.testing.assert_allclose(nearly.variance(levels), straight.variance(levels), rtol=1e-8)
    np.testing.assert_allclose(nearly.stabilise(levels), straight.stabilise(levels), rtol=1e-6)
    np.testing.assert_allclose(nearly.straightened(nearly.stabilise(levels)), straight.stabilise(levels), rtol=1e-6, atol=1e-5)


def test_uncertainty_of_the_bend_is_propagated():
    """Against the finite difference of mean ln √V in a."""
    image = np.full((4, 4), 30_000, dtype=np.uint16)
    by_hand = np.log(
        bent_model(BrighterFatter(2.0, A00 * 1.01)).variance(image) / bent_model(BrighterFatter(2.0, A00 * 0.99)).variance(image)
    )
    expected = abs(float(by_hand.mean())) / 2 / 0.02 * 0.1
    found = bent_model(BrighterFatter(2.0, A00, u_coefficient=-A00 * 0.1)).relative_spread_uncertainty(image)
    assert found == pytest.approx(expected, rel=0.03)  # first order in a·z


# --- draws ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("curve", "signals"), [(BRIGHTER, (200.0, 20_000.0, 60_000.0)), (STEPPED, (600.0, 1300.0, 3000.0)), (KINKED, (600.0, 1300.0, 3000.0))]
)
def test_drawn_variance_and_mean_are_the_model_s(curve, signals):
    """360,000 draws a level, variance within 4 SE (√(2/N)), mean within 4 SE; and maps, each half by its own gain."""
    shape = (300, 300)
    for x in signals:
        draws = bent_model(curve).sample(np.full(shape, 100 + x), 4, seed=6).astype(np.float64)
        expected = float(bent_model(curve).variance(100 + x))
        assert abs(draws.var() / expected - 1) < 4 * math.sqrt(2 / draws.size)
        assert abs(draws.mean() - 100 - x) < 4 * math.sqrt(expected / draws.size)
    left = np.arange(300)[None, :].repeat(300, axis=0) < 150
    maps = NoiseModel(np.where(left, curve.gain, 1.2 * curve.gain), 100.0, np.where(left, 1.0, 5.0), 16, curve=curve)
    draws = maps.sample(np.full(shape, 100 + signals[-1]), 4, seed=7).astype(np.float64)
    for half in (left, ~left):
        expected = float(maps.variance(np.full(shape, 100 + signals[-1]))[half][0])
        values = draws[:, half]
        assert abs(values.var() / expected - 1) < 4 * math.sqrt(2 / values.size)


def test_stabilised_draws_have_unit_noise_along_the_curve():
    """sd of stabilised draws is √(V/(V − 1/12)) ≈ 1 at every level; SE 1/√(2N)."""
    for curve, signals in ((BRIGHTER, (2000.0, 20_000.0, 60_000.0)), (STEPPED, (600.0, 3000.0)), (KINKED, (600.0, 3000.0))):
        model = bent_model(curve)
        for x in signals:
            draws = model.stabilise(model.sample(np.full((300, 300), 100 + x), 3, seed=8))
            variance = float(model.variance(100 + x))
            assert abs(draws.std() / math.sqrt(variance / (variance - 1 / 12)) - 1) < 1e-3 + 4 / math.sqrt(2 * draws.size)


@pytest.mark.parametrize("curve", [BRIGHTER, KINKED])
def test_the_bootstrap_s_residuals_are_white_along_the_curve(curve):
    """An even frame at a level where the curve is bent: the estimate's mean is the frame's, the residuals' variance is near 1."""
    model = bent_model(curve)
    level = 100 + (60_000.0 if curve is BRIGHTER else 3000.0)
    frame = model.sample(np.full((64, 64), level), 1, seed=9)[0]
    from sigmaraw.noise.denoise import NonLocalMeans

    smooth = estimate(frame, model, NonLocalMeans())
    assert abs(smooth.mean() - frame.mean()) < 0.02 * math.sqrt(float(model.variance(level)))
    residual = (frame - smooth) / np.sqrt(model.variance(smooth))
    assert 0.85 < residual.var() < 1.05


# --- cameras of known truth -------------------------------------------------------------------------------------------
def series_of(camera, signals_e, count):
    def level(kind, signal, frames, seed):
        loaded = RawFrames(camera.acquire(signal, frames, seed), camera.bits, "stated")
        return Level(kind, f"{kind} {signal:g}", 1.0 + seed, loaded=loaded)

    flats = tuple(level("flat", signal, count, 1 + index) for index, signal in enumerate(signals_e))
    return Series((level("dark", 0.0, 32, 0),), flats, bits=camera.bits)


BENT_CAMERA = VirtualCamera(
    shape=(64, 64), gain=1.3, bits=16, read_noise_e=4.0, read_noise_tail=0.0, prnu_percent=0.3, dsnu_e=0.5, dark_current_e_per_s=0.0,
    brighter_fatter=-2e-6,
)  # fmt: skip
DUAL_CAMERA = VirtualCamera(
    shape=(64, 64), gain=0.5, bits=12, read_noise_e=3.0, read_noise_tail=0.0, prnu_percent=0.3, dsnu_e=0.5, dark_current_e_per_s=0.0,
    break_e=2400.0, noise_above_e=30.0,
)  # fmt: skip


def test_virtual_brighter_fatter_keeps_charge_and_loses_variance():
    """Pixel variance by its formula, the total's by Poisson: 400 frames of 64² at 30 ke⁻, where a pixel has lost 6 %."""
    camera = VirtualCamera(
        shape=(64, 64), gain=1.0, bits=16, read_noise_e=0.0, read_noise_tail=0, prnu_percent=0, dsnu_e=0, brighter_fatter=-2e-6
    )
    frames = camera.acquire(30_000.0, 400, 5).astype(np.float64)
    kept = math.expm1(-0.12) / -0.12
    variance = frames.var(axis=0, ddof=1).mean()
    assert variance == pytest.approx(30_000 * kept + 1 / 12, rel=4 * math.sqrt(2 / frames.size))
    assert float(camera.variance_dn2(30_000.0)[0, 0]) == pytest.approx(30_000 * kept + 1 / 12)
    totals = frames.sum(axis=(1, 2))
    assert totals.var(ddof=1) / (30_000 * 4096) == pytest.approx(1, abs=4 * math.sqrt(2 / 399))
    neighbours = np.mean((frames[:, :, 1:] - frames[:, :, 1:].mean(0)) * (frames[:, :, :-1] - frames[:, :, :-1].mean(0))) / variance
    assert neighbours > 0.01


@pytest.mark.parametrize(
    ("camera", "signals", "name"), [(BENT_CAMERA, (5e3, 2e4, 3e4), "astier"), (DUAL_CAMERA, (800.0, 3500.0, 5000.0), "piecewise")]
)
def test_replicas_of_a_calibrated_bent_camera_have_its_variance(camera, signals, name):
    """Calibrated from its frames, sampled at levels along the curve: variance within 2 % of the camera's truth, which a line is not."""
    top = 0.65 * camera.saturation_e
    profile = sr.calibrate(series_of(camera, np.linspace(0.03, 1, 24) * top, 8))
    assert profile.dataset.attrs["transfer_model"] == name
    model = NoiseModel.from_profile(profile, scalars=True)
    assert model.curve is not None
    for e in signals:
        level = camera.offset_dn + camera.gain * e
        draws = model.sample(np.full((200, 200), level), 5, seed=3).astype(np.float64)
        truth = float(camera.variance_dn2(e).mean())
        assert draws.var() == pytest.approx(truth, rel=0.02 + 4 * math.sqrt(2 / draws.size))
    line = NoiseModel(float(profile.dataset["gain"]), 100.0, float(profile.dataset["dark_noise"]), camera.bits)
    assert abs(float(line.variance(level)) / truth - 1) > 0.05
    # The range of the model is stored, and ends at the brightest level that agreed with it.
    assert model.highest_dn == pytest.approx(camera.offset_dn + camera.gain * top, rel=0.02)
    inside, outside = (np.full((64, 64), int(model.highest_dn) + step, dtype=np.uint16) for step in (-1, 2))
    NoiseModel.from_profile(profile).check_image(inside)
    assert sr.replicas(inside, profile, n=2).shape == (2, 64, 64)
    with pytest.raises(OutsideValidRange, match="reaches"):
        sr.replicas(outside, profile, n=2)


def test_understated_totals_are_named_with_their_number():
    """14 ke⁻ at a = −2·10⁻⁶: 1 − √v = 1.4 %; against the spread of totals that independent pixels really have."""
    model = NoiseModel(1.0, 100.0, 0.0, 16, curve=BrighterFatter(1.0, A00))
    image = np.full((32, 32), 14_100, dtype=np.uint16)
    (check,) = model.diagnostics(image)
    assert check.value == pytest.approx(1 - math.sqrt(math.expm1(-0.056) / -0.056), rel=1e-3) == pytest.approx(0.0138, abs=2e-4)
    assert not check.passed and "1.4%" in check.text
    totals = model.sample(image, 4000, seed=2).astype(np.float64).sum(axis=(1, 2))
    assert totals.std(ddof=1) / math.sqrt(14_000 * 1024) == pytest.approx(1 - check.value, abs=4 / math.sqrt(2 * 4000))
    dim = np.full((32, 32), 1100, dtype=np.uint16)
    assert model.diagnostics(dim)[0].passed
    for other in (NoiseModel(1.0, 100.0, 0.0, 16), NoiseModel(0.5, 100.0, 1.0, 16, curve=STEPPED)):
        assert other.diagnostics(image) == ()


# --- profiles ---------------------------------------------------------------------------------------------------------
def bent_profile(attrs=None, **values):
    scalars = {"gain": 0.5, "offset": 100.0, "dark_noise": 2.0, "gain_se": 0.01, "dark_noise_se": 0.1} | values
    data = xarray.Dataset({name: ((), value) for name, value in scalars.items()}, attrs=attrs or {})
    return SimpleNamespace(arrays=data, bits=12, valid_range=(0, 3900))


def test_a_profile_s_curve_is_read():
    assert curve_of(0.5, {}) is None
    assert curve_of(0.5, {"brighter_fatter": 0.0}) is None
    assert curve_of(0.5, {"brighter_fatter": -1e-6, "brighter_fatter_se": math.nan}) == BrighterFatter(0.5, -1e-6)
    model = read_profile(
        bent_profile(
            {"transfer_hi_dn": 3000.0, "linear_hi_dn": 1300.0}, gain_break=1200.0, gain_above_break=0.8, intercept_above_break=-360.0
        ),
        scalars=False,
    )
    assert model.curve == KINKED and model.highest_dn == 3000.0


def test_a_break_whose_line_is_not_known_ends_the_range():
    """As profiles were written before the line above the break was stored whole."""
    model = read_profile(bent_profile({"linear_hi_dn": 1300.0}, gain_break=1200.0, gain_above_break=0.8), scalars=False)
    assert model.curve is None and model.highest_dn == 1300.0
    bent = read_profile(bent_profile({"linear_hi_dn": 1300.0, "fit_upper_dn": 2900.0}, brighter_fatter=-1e-6), scalars=False)
    assert bent.curve is not None and bent.highest_dn == 2900.0


def test_a_curve_without_variance_is_refused():
    with pytest.raises(InvalidProfile, match="relative variance"):
        read_profile(bent_profile(gain_break=1200.0, gain_above_break=0.1, intercept_above_break=-360.0), scalars=False)


def test_counts_scaled_by_the_curve_follow_its_exact_law():
    """χ² against the law that is drawn: K√v(n − λ) about the level, n Poisson, and σ_r; 10⁶ draws at a level of 6 % bend."""
    curve = BrighterFatter(0.05, -2e-4)  # few DN, strongly bent at few electrons
    model = NoiseModel(0.05, 20.0, 3.0, 8, curve=curve)
    rate = 300.0
    draws = model.sample(np.full((500, 500), 20 + 0.05 * rate), 4, seed=4)
    root = math.sqrt(float(curve.relative_variance(0.05 * rate)))
    k = np.arange(150, 460)
    edges = np.arange(10, 70) + 0.5
    cumulative = stats.poisson.pmf(k, rate) @ stats.norm.cdf((edges - 35 - 0.05 * root * (k[:, None] - rate)) / (0.05 * 3.0))
    expected = np.diff(cumulative, prepend=0, append=1) * draws.size
    counts = np.bincount(draws.ravel(), minlength=71)[10:71]
    use = expected > 10
    observed, wanted = np.append(counts[use], counts[~use].sum()), np.append(expected[use], expected[~use].sum())
    keep = wanted > 0.5
    assert stats.chi2.sf(((observed - wanted) ** 2 / np.maximum(wanted, 1e-9))[keep].sum(), keep.sum() - 1) > 1e-4
