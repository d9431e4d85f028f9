"""Transfer models: which one BIC takes, z scores of its parameters, and what the noise model does beyond the straight part."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw.camera import CameraProfile, calibrate
from sigmaraw.camera.fitting.curves import CurveFit, choose_curve
from sigmaraw.camera.fitting.transfer import GainFit, TransferData, fit_gain
from sigmaraw.camera.maps.pixels import FlatPixels, GainPixels, dark_pixels
from sigmaraw.camera.measuring.lines import LineNoise
from sigmaraw.camera.measuring.moments import LevelMoments
from sigmaraw.errors import InvalidProfile, OutsideValidRange
from sigmaraw.frames import Level, RawFrames, Series
from sigmaraw.noise import NoiseModel
from tests.camera.simulated_cameras import series

OFFSET, NOISE, A00 = 100.0, 4.0, -2e-6
Curve = Callable[[np.ndarray], np.ndarray]


def bent(gain: float) -> Curve:
    """Equation of the model, written as in the paper: C = [exp(2·a·g·μ) − 1]/(2·a·g²), g = 1/K."""
    g = 1 / gain
    return lambda x: (np.exp(2 * A00 * g * x) - 1) / (2 * A00 * g * g)


def straight(gain: float) -> Curve:
    return lambda x: gain * x


def kinked(x: np.ndarray) -> np.ndarray:
    """K = .5 up to 1200 DN, .8 above."""
    return np.where(x < 1200, 0.5 * x, 600 + 0.8 * (x - 1200))


def stepped(x: np.ndarray) -> np.ndarray:
    """Dual gain joined to one straight response: the low-gain channel's read noise adds 40 DN² above 1200 DN."""
    return np.where(x < 1200, 0.5 * x, 40 + 0.5 * x)


def moments(rng: np.random.Generator, x: float, variance: float, pixels: int, pairs: int) -> LevelMoments:
    """One level with normal errors: Var σ̂² = 2σ⁴/(N·P), Var μ̂ = σ²/(2N·P)."""
    of_variance, of_mean = 2 * variance**2 / (pixels * pairs), variance / (2 * pixels * pairs)
    return LevelMoments(
        OFFSET + x + rng.normal() * math.sqrt(of_mean), variance + rng.normal() * math.sqrt(of_variance), of_variance, 0.0,
        2 * pairs, pairs, pixels, np.zeros(2), 0, 0, 0.0, 0.0,
    )  # fmt: skip


def fitted(
    rng: np.random.Generator, curve: Curve, gain: float, top: float, levels: int = 35, pixels: int = 128 * 128
) -> tuple[GainFit, CurveFit]:
    dark = (gain * NOISE) ** 2 + 1 / 12
    x = np.linspace(0, 0.7 * top * 0.999, levels + 1)[1:]
    flats = tuple(moments(rng, at, float(curve(at)) + dark, pixels, 1) for at in x)
    data = TransferData(flats, (moments(rng, 0.0, dark, pixels, 8),), np.zeros(levels, dtype=np.intp))
    fit = fit_gain(data, top)
    return fit, choose_curve(data, fit)[0]


def test_a_straight_camera_is_seldom_taken_for_a_bent_one() -> None:
    """BIC at 35 levels takes one more parameter when χ² falls by 3.6: 3 % of cases for a one-sided parameter; 30 cameras, 4 at most."""
    rng = np.random.default_rng(41)
    found = Counter(str(fitted(rng, straight(0.5), 0.5, 3995)[1].form) for _ in range(30))
    assert found["piecewise"] <= 1
    assert found["astier"] <= 4
    limits = [fitted(rng, straight(0.5), 0.5, 3995, levels=12, pixels=400)[1].linear_limit(3995) for _ in range(30)]
    assert sum(limit is not None for limit in limits) <= 1


def test_brighter_fatter_is_found_and_a_straight_line_fails() -> None:
    """K = 2 DN/e⁻, 35 ke⁻: the bend is 7 %. SE of the mean of z over 30 cameras is .18, of its standard deviation .13."""
    rng = np.random.default_rng(42)
    found = [fitted(rng, bent(2.0), 2.0, 100_000) for _ in range(30)]
    assert {fit.form for _, fit in found} == {"astier"}
    for z in (
        np.array([(fit.gain.value - 2.0) / fit.gain.se for _, fit in found]),
        np.array([(fit.brighter_fatter.value - A00) / fit.brighter_fatter.se for _, fit in found if fit.brighter_fatter]),
    ):
        assert len(z) == 30
        assert abs(z.mean()) <= 4 * 0.18
        assert 1 - 3.5 * 0.13 <= z.std(ddof=1) <= 1 + 4 * 0.13
    assert all((fit.weighted.value - 2.0) / fit.weighted.se < -10 for fit, _ in found)
    # 2 % of the variance is lost at a·x/K = −.02; the limit takes a weakened by two standard errors, so it comes later, not earlier.
    for _, fit in found:
        assert fit.brighter_fatter is not None
        weak = fit.brighter_fatter.value + 2 * fit.brighter_fatter.se
        assert fit.linear_limit(100_000) == pytest.approx(-0.02 / weak * fit.gain.value, rel=0.03)


@pytest.mark.parametrize(("curve", "above"), [(kinked, 0.8), (stepped, 0.5)])
def test_dual_gain_is_found_and_a_straight_line_fails(curve: Curve, above: float) -> None:
    rng = np.random.default_rng(43)
    found = [fitted(rng, curve, 0.5, 3995) for _ in range(30)]
    assert {fit.form for _, fit in found} == {"piecewise"}
    z = np.array([(fit.gain.value - 0.5) / fit.gain.se for _, fit in found])
    upper = np.array([(fit.gain_above.value - above) / fit.gain_above.se for _, fit in found if fit.gain_above])
    for score in (z, upper):
        assert abs(score.mean()) <= 4 * 0.18
        assert 1 - 3.5 * 0.13 <= score.std(ddof=1) <= 1 + 4 * 0.13
    # Levels lie 80 DN apart. A kink without a step is seen a few levels off; the standard error says so.
    assert all(abs(fit.break_dn.value - 1200) <= 4 * fit.break_dn.se for _, fit in found if fit.break_dn)
    assert np.median([fit.break_dn.se for _, fit in found if fit.break_dn]) < 80
    assert all((fit.weighted.value - 0.5) / fit.weighted.se > 4 for fit, _ in found)


@pytest.fixture(scope="module")
def profile() -> CameraProfile:
    """A brighter-fatter camera of 16 bit, 48² pixels, 16 frames at each of 20 levels."""
    rng = np.random.default_rng(44)
    shape = (48, 48)

    def frames(x: float, count: int) -> np.ndarray:
        sd = math.sqrt(float(bent(2.0)(np.float64(x))) + (2.0 * NOISE) ** 2)
        return np.clip(np.rint(OFFSET + x + sd * rng.standard_normal((count, *shape))), 0, 65535).astype(np.uint16)

    return sr.calibrate(series([frames(0.0, 32)], [frames(x, 16) for x in np.linspace(2000, 80_000, 20)], bits=16))


def test_profile_holds_model_range_and_parameters(profile: CameraProfile, tmp_path: Path) -> None:
    data = profile.dataset
    assert data.attrs["transfer_model"] == "astier"
    assert data.attrs["transfer_bic_astier"] < data.attrs["transfer_bic_linear"] - 10
    assert abs(float(data["gain"]) - 2.0) < 4 * float(data["gain_se"])
    assert float(data["gain_unweighted"]) < 2.0 - 4 * float(data["gain_unweighted_se"])
    assert abs(float(data["brighter_fatter"]) - A00) < 4 * float(data["brighter_fatter_se"])
    assert data["gain_break"].attrs["not_determined"] == "other-transfer-model"
    # Pixels share the bend: their gains scatter about K, not about the straight line's slope.
    assert float(data["gain_map"].mean()) == pytest.approx(float(data["gain"]), rel=0.002)
    x = data["level_mean"].values - float(data["offset"])
    used = data["level_used"].values.astype(bool)
    np.testing.assert_allclose(data["level_model"].values[used], bent(2.0)(x[used]) + 64 + 1 / 12, rtol=0.01)
    back = CameraProfile.from_netcdf(profile.to_netcdf(tmp_path / "camera.nc"))
    assert back.summary()["transfer"] == profile.summary()["transfer"]
    assert back.linear_limit_dn == profile.linear_limit_dn
    assert any("astier" in note for note in profile.summary()["notes"])


def test_gains_of_pixels_are_those_of_small_signals() -> None:
    """Exact moments of a bent camera whose pixels share K: each pixel's gain is K when its variances are brought onto the line."""
    shape = (6, 6)
    dark = dark_pixels(np.full(shape, OFFSET), np.full(shape, 65.0), 100, LineNoise(0.0, 0.0))
    flats = []
    for x in (5_000.0, 20_000.0, 60_000.0):
        y = float(bent(2.0)(np.float64(x)))
        flats.append(FlatPixels(np.full(shape, OFFSET + x), np.full(shape, y + 65.0), 100, y + 65.0, 2.0 * x / y))
    sums = GainPixels(shape)
    sums.add(dark, flats)
    gain_map, _ = sums.result(1.0, 0.01, 100.0)  # a response spread of 10000 % believes the pixels entirely
    np.testing.assert_allclose(gain_map, 2.0, rtol=1e-3)


def test_noise_model_refuses_frames_beyond_what_the_curve_was_fitted_to(profile: CameraProfile) -> None:
    straight, limit = profile.linear_limit_dn, float(profile.dataset.attrs["transfer_hi_dn"])
    assert straight is not None
    assert OFFSET + 20_000 < straight < OFFSET + 30_000
    # Beyond 70 % of full scale (46 kDN above dark) the flats go on to 63 kDN, and agree with the curve.
    assert OFFSET + 55_000 < limit < 65_535
    model = NoiseModel.from_profile(profile)
    bright = np.full((48, 48), int(limit) - 1, dtype=np.uint16)
    model.check_image(bright)
    bright[0, 0] = bright[20, 20] = 65_500  # two of 2304 pixels: hot ones do not make a frame useless
    model.check_image(bright)
    bright[1] = int(limit) + 2
    with pytest.raises(OutsideValidRange, match="above"):
        model.check_image(bright)
    with pytest.raises(OutsideValidRange):
        sr.replicas(bright, profile, n=2)


def test_linear_profiles_and_stated_values_have_no_limit() -> None:
    sheet = CameraProfile.from_values(gain=0.5, offset=100, read_noise=2, bits=12)
    assert sheet.linear_limit_dn is None
    assert sheet.summary()["transfer"] == {"model": None, "chi2": None, "bic": {}, "linear_to_dn": None}
    NoiseModel.from_profile(sheet).check_image(np.full((4, 4), 4095, dtype=np.uint16))
    for odd in ("far", float("nan"), float("inf")):
        with pytest.raises(InvalidProfile, match="linear_hi_dn"):
            CameraProfile(sheet.dataset.assign_attrs(linear_hi_dn=odd))


def test_straight_cameras_stay_straight_and_their_gain_keeps_its_standard_error() -> None:
    """The choice must not spoil what the fit promises: z of the profile's gain over 30 cameras by `calibrate`.

    SE of the mean of z is 1/√30 = .183, of its standard deviation 1/√60 = .129; k = 3.
    """
    rng = np.random.default_rng(11)
    gain, offset, read = 0.5, 100.0, 2.0
    scores, models = [], []
    for _ in range(30):

        def frames(electrons: float, rng: np.random.Generator = rng) -> RawFrames:
            noise = np.sqrt(electrons + read**2) * rng.standard_normal((2, 64, 64))
            return RawFrames(np.rint(offset + gain * (electrons + noise)).clip(0, 4095).astype(np.uint16), 12, "stated")

        flats = tuple(Level("flat", f"{e:g}", float(e), loaded=frames(e)) for e in np.linspace(0, 5000, 21)[1:])
        dataset = calibrate(Series((Level("dark", "dark", 1.0, loaded=frames(0.0)),), flats)).dataset
        scores.append((float(dataset["gain"]) - gain) / float(dataset["gain_se"]))
        models.append(dataset.attrs["transfer_model"])
    assert models.count("linear") >= 29
    assert abs(np.mean(scores)) < 3 * 0.183
    assert abs(np.std(scores, ddof=1) - 1) < 3 * 0.129
