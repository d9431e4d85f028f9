"""Photon transfer: z scores of the gain over 200 simulated cameras, and what the fits do with bad curves."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from sigmaraw.camera.fitting.transfer import TransferData, fit_gain, saturation_level, unweighted_fit, weighted_fit
from sigmaraw.camera.measuring.level import measure_level
from sigmaraw.camera.measuring.moments import LevelMoments
from sigmaraw.camera.values import NotDetermined
from sigmaraw.errors import ImplausibleSeries, TooFewFrames
from tests.camera.simulated_cameras import FULL_12, OFFSET, gaussian_frames

GAIN, NOISE, LEVELS = 0.5, 2.0, 12
TO_70 = 0.70 * (FULL_12 - OFFSET) / GAIN  # electrons


def curve(
    rng: np.random.Generator, electrons: np.ndarray, noise: float | np.ndarray = NOISE, shape: tuple[int, int] = (128, 128)
) -> TransferData:
    moments = [measure_level([gaussian_frames(rng, e, gain=GAIN, noise=noise, shape=shape)], str(e)).moments for e in (0.0, *electrons)]
    return TransferData(tuple(moments[1:]), (moments[0],), np.zeros(len(electrons), dtype=np.intp))


def expected(data: TransferData, index: np.ndarray | None = None) -> TransferData:
    """The same levels without noise: mean and variance as the camera has them."""
    dark = dataclasses.replace(data.darks[0], mean=OFFSET, variance=(GAIN * NOISE) ** 2 + 1 / 12)
    flats = []
    for level in data.flats:
        mean = level.mean
        flats.append(dataclasses.replace(level, mean=mean, variance=GAIN * (mean - OFFSET) + dark.variance))
    return TransferData(tuple(flats), (dark,), data.dark_index)


@pytest.mark.slow
def test_gain_of_100_cameras_is_unbiased_and_its_standard_error_right() -> None:
    """z = (K − K_true)/SE over 100 cameras of 12 levels, one pair each, 64² pixels.

    SE of the mean of z is 1/√100 = .1 (.3 is 3 SE), of its standard deviation 1/√200 = .071 (±.21 is 3 SE).
    """
    rng = np.random.default_rng(2026)
    electrons = np.linspace(0, TO_70, LEVELS + 1)[1:]
    z, relative = [], []
    for _ in range(100):
        fit = fit_gain(curve(rng, electrons, shape=(64, 64)), FULL_12 - OFFSET)
        z.append([(estimate.value - GAIN) / estimate.se for estimate in (fit.weighted, fit.unweighted)])
        relative.append([estimate.se / GAIN for estimate in (fit.weighted, fit.unweighted)])
    mean, spread = np.mean(z, axis=0), np.std(z, axis=0, ddof=1)
    assert (np.abs(mean) <= 0.3).all(), mean
    assert ((spread >= 0.79) & (spread <= 1.21)).all(), spread
    # SCIENCE 3: √(2/(N·M)) weighted, √(3.6/(N·M)) unweighted, both without the dark level's share.
    theory = np.sqrt(np.array([2.0, 3.6]) / (64 * 64 * LEVELS))
    np.testing.assert_allclose(np.mean(relative, axis=0), theory, rtol=0.06)


def test_weights_from_the_model_beat_weights_from_the_data() -> None:
    """Weights 1/Var from the measured variances pull the gain down by about 2·Var(σ̂²)/σ⁴ = 4/N relative; small frames show it."""
    rng = np.random.default_rng(3)
    mine, naive = [], []
    for _ in range(80):
        moments = [
            measure_level([gaussian_frames(rng, e, gain=GAIN, shape=(8, 8))], "").moments for e in (0.0, *np.linspace(500, 5000, 12))
        ]
        data = TransferData(tuple(moments[1:]), (moments[0],), np.zeros(12, dtype=np.intp))
        mine.append(weighted_fit(data, unweighted_fit(data).value)[0].value)
        weight = 1.0 / np.array([level.variance**2 for level in data.flats])
        naive.append((weight * data.x * data.y).sum() / (weight * data.x**2).sum())
    standard_error = np.std(mine, ddof=1) / math.sqrt(80)
    assert abs(np.mean(mine) - GAIN) < 3 * standard_error
    assert np.mean(naive) - GAIN < -5 * standard_error


def test_fits_are_exact_without_noise() -> None:
    data = expected(curve(np.random.default_rng(4), np.linspace(300, TO_70, 6)))
    fit = fit_gain(data, FULL_12 - OFFSET)
    assert fit.weighted.value == pytest.approx(GAIN, rel=1e-10)
    assert fit.unweighted.value == pytest.approx(GAIN, rel=1e-10)
    assert fit.chi2 < 1e-12


def test_shared_dark_level_enters_the_standard_error() -> None:
    """Unweighted: SE² = Σx²v/(Σx²)² + v_dark·(Σx/Σx²)², the terms of the means aside (K²V/(NL), below 1 % here)."""
    data = curve(np.random.default_rng(5), np.linspace(5, 60, 8), noise=30.0)
    x = data.x
    own = np.array([level.variance_var for level in data.flats])
    square = (x**2 * own).sum() / (x @ x) ** 2 + data.darks[0].variance_var * (x.sum() / (x @ x)) ** 2
    assert unweighted_fit(data).se == pytest.approx(math.sqrt(square), rel=0.01)
    without = math.sqrt((x**2 * own).sum()) / (x @ x)
    assert unweighted_fit(data).se > 2.0 * without


def test_measured_variances_of_the_variance_enter_the_standard_error() -> None:
    """Uneven light makes pixels of unequal noise: Var σ̂² four times the plain one doubles SE(K), the dark level's small share aside."""
    data = curve(np.random.default_rng(11), np.linspace(2000, 0.9 * TO_70, 8))
    uneven = tuple(dataclasses.replace(level, variance_var=4.0 * level.variance_var) for level in data.flats)
    for fit in (unweighted_fit, lambda data: weighted_fit(data, GAIN)[0]):
        assert fit(TransferData(uneven, data.darks, data.dark_index)).se == pytest.approx(2.0 * fit(data).se, rel=0.01)


def test_levels_above_70_percent_and_below_dark_stay_out() -> None:
    data = expected(curve(np.random.default_rng(6), np.linspace(400, 7800, 10)))
    fit = fit_gain(data, FULL_12 - OFFSET)
    np.testing.assert_array_equal(fit.used, data.x <= 0.7 * (FULL_12 - OFFSET))
    with pytest.raises(TooFewFrames, match="1 of 10"):
        fit_gain(data, 600.0)


def test_one_outlier_is_cut_and_a_bent_curve_is_reported() -> None:
    data = expected(curve(np.random.default_rng(7), np.linspace(300, 0.99 * TO_70, 20)))
    odd = dataclasses.replace(data.flats[7], variance=data.flats[7].variance * 1.3)
    fit = fit_gain(TransferData((*data.flats[:7], odd, *data.flats[8:]), data.darks, data.dark_index), FULL_12 - OFFSET)
    assert fit.used.sum() == 19
    assert not fit.used[7]
    assert fit.weighted.value == pytest.approx(GAIN, rel=1e-9)
    assert "1 flat level more than 5" in fit.notes[0]
    bent = tuple(dataclasses.replace(level, variance=level.variance * (1 + 2e-4 * (level.mean - OFFSET))) for level in data.flats)
    fit = fit_gain(TransferData(bent, data.darks, data.dark_index), FULL_12 - OFFSET)
    assert fit.used.all()
    assert "not a straight line" in fit.notes[0]
    assert fit.chi2 > 10


def test_no_slope_is_refused() -> None:
    data = expected(curve(np.random.default_rng(8), np.linspace(300, 3000, 4)))
    flat = tuple(dataclasses.replace(level, variance=data.darks[0].variance * 0.9) for level in data.flats)
    with pytest.raises(ImplausibleSeries):
        fit_gain(TransferData(flat, data.darks, data.dark_index), FULL_12 - OFFSET)


def test_saturation_is_the_maximum_of_the_variance_curve() -> None:
    rng = np.random.default_rng(9)
    electrons = np.linspace(400, 9600, 24)  # full scale is at 7990 e⁻
    data = curve(rng, electrons)
    level, index = saturation_level(data.flats)
    assert index is not None
    # The variance grows until pixels clip: about two standard deviations below full scale.
    edge = FULL_12 - 2.0 * GAIN * math.sqrt(8000)
    assert abs(level.value - edge) < GAIN * (electrons[1] - electrons[0])
    assert level.se == pytest.approx(GAIN * 2 * (electrons[1] - electrons[0]) / math.sqrt(12), rel=0.1)
    unsaturated, nowhere = saturation_level(data.flats[:15])
    assert (unsaturated.reason, nowhere) == (NotDetermined.NOT_REACHED, None)
    assert math.isnan(unsaturated.value)


def test_curve_helper_gives_moments() -> None:
    data = curve(np.random.default_rng(10), np.array([100.0]))
    assert isinstance(data.flats[0], LevelMoments)
    assert data.x[0] == pytest.approx(50.0, abs=4 * math.sqrt(2 * 30 / (2 * 128 * 128)))
