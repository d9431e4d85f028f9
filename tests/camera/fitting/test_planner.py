"""The planner's standard errors against the scatter of simulated series, and against the closed forms of photon transfer."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw.camera.fitting.planner import SeriesPlan, forecast
from sigmaraw.errors import InvalidOption, TooFewFrames
from tests.camera.simulated_cameras import series

PLAN = SeriesPlan(
    shape=(32, 40), gain=0.5, read_noise_e=4.0, bits=12, levels=14, pairs=2, dark_frames=8, dark_exposures_ms=(10.0, 1000.0, 4000.0),
    stack=12, prnu_percent=1.0, dsnu_e=3.0, dark_current_e_per_s=20.0,
)  # fmt: skip
RUNS = 30
SCATTERING = (
    "gain", "gain_unweighted", "offset", "dark_variance", "dark_noise", "read_noise", "dark_current", "dark_current_from_variance",
    "dsnu", "prnu", "sensitivity_threshold",
)  # fmt: skip


@pytest.fixture(scope="module")
def found() -> dict[str, np.ndarray]:
    """Every quantity of 30 series of one sensor, taken as the plan says, by plain arithmetic."""
    rng = np.random.default_rng(95)
    response = 1 + 0.01 * rng.standard_normal(PLAN.shape)
    response /= response.mean()
    pattern = 3.0 * rng.standard_normal(PLAN.shape)
    pattern *= 3.0 / pattern.std()
    response = 1 + (response - 1) * 0.01 / response.std()
    full = (4095 - 100) / 0.5

    def frames(electrons: float, seconds: float, count: int) -> np.ndarray:
        charge = electrons * response + 20.0 * seconds
        exact = 100 + 0.5 * (charge + pattern + np.sqrt(charge + 16.0) * rng.standard_normal((count, *PLAN.shape)))
        return np.clip(np.rint(exact), 0, 4095).astype(np.uint16)

    light = np.linspace(0.03, 1.10, 14)
    middle = int(np.argmin(np.abs(light - 0.5)))
    rows = []
    for _ in range(RUNS):
        darks = [frames(0.0, ms / 1e3, 8) for ms in PLAN.dark_exposures_ms]
        flats = [frames(part * full, 0.01, 12 if index == middle else 4) for index, part in enumerate(light)]
        data = sr.calibrate(series(darks, flats, dark_ms=PLAN.dark_exposures_ms, flat_ms=[10.0 + 1e-3 * i for i in range(14)])).dataset
        rows.append([float(data[name]) for name in SCATTERING])
    return dict(zip(SCATTERING, np.array(rows).T, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", SCATTERING)
def test_standard_errors_are_the_scatter(found: dict[str, np.ndarray], name: str) -> None:
    """The relative SE of a standard deviation of 30 is 1/√58 = .131; k = 3. Patterns are this sensor's own, so they do not scatter."""
    expected = forecast(PLAN).estimates[name]
    assert found[name].std(ddof=1) / expected.se == pytest.approx(1.0, abs=3 * 0.131 + 0.02)
    # The mean of 30: rounding's 1/12 and the straight fit's weights leave less than a half of one standard error.
    assert abs(found[name].mean() - expected.value) < 0.5 * expected.se + 3 * expected.se / math.sqrt(RUNS)


def test_gain_of_many_levels_is_the_closed_form() -> None:
    """Bright levels alone, no stack: √(2/(N·P·M)) weighted, √(3.6/(N·P·M)) unweighted over evenly spaced ones."""
    plan = SeriesPlan(shape=(128, 128), gain=0.5, read_noise_e=0.5, bits=16, levels=50, pairs=3, stack=0, dark_frames=1000)
    result = forecast(plan)
    levels = result.levels_used * plan.pairs * 128 * 128
    gain, plain = (result.estimates[name] for name in ("gain", "gain_unweighted"))
    assert gain.se / gain.value == pytest.approx(math.sqrt(2.0 / levels), rel=0.02)
    assert plain.se / plain.value == pytest.approx(math.sqrt(3.6 / levels), rel=0.05)
    assert result.pixel["read_noise"] == pytest.approx(0.5 * math.sqrt(2 / 999) * (0.0625 + 1 / 12) / 0.0625, rel=1e-9)


def test_more_of_everything_is_better_by_the_root() -> None:
    base = forecast(PLAN).estimates
    wide = forecast(dataclasses.replace(PLAN, shape=(64, 80))).estimates
    for name in ("gain", "gain_unweighted", "offset", "dark_noise", "dark_current", "dsnu", "prnu"):
        assert wide[name].se / base[name].se == pytest.approx(0.5, rel=0.01)
    pairs = forecast(dataclasses.replace(PLAN, pairs=8, stack=0)).estimates
    few = forecast(dataclasses.replace(PLAN, pairs=2, stack=0)).estimates
    assert few["gain_unweighted"].se / pairs["gain_unweighted"].se == pytest.approx(2.0, rel=0.1)


@pytest.mark.parametrize(("dsnu", "frames"), [(30.0, 400), (30.0, 16), (0.5, 16)])
def test_patterns_of_dark_and_light_that_resemble_each_other_by_chance(dsnu: float, frames: int) -> None:
    """PRNU of 3000 sensors, each with patterns of its own: var(flat) − var(dark) holds twice their covariance, of variance 4·s_d²·s_f²/MN.

    With 30 e- and 400 frames that is nearly all of the error (without it a fifth is left), with 0.5 e- nothing. The relative SE of a
    standard deviation of 3000 is 1/√6000 = .013.
    """
    plan = SeriesPlan(shape=(20, 24), gain=0.5, read_noise_e=4.0, levels=11, lowest=0.1, dark_frames=frames, stack=frames, dsnu_e=dsnu)
    rng, sensors, signal = np.random.default_rng(96), (3000, 480), 0.5 * (4095 - 100)  # DN: half saturation is one of the levels
    noise, dark_noise = 0.5 * signal + 0.25 * 16 + 1 / 12, 0.25 * 16 + 1 / 12  # DN²
    shade, response = 0.5 * dsnu * rng.standard_normal(sensors), 0.005 * signal * rng.standard_normal(sensors)
    flat = shade + response + np.sqrt(noise / frames) * rng.standard_normal(sensors)
    dark = shade + np.sqrt(dark_noise / frames) * rng.standard_normal(sensors)
    found = flat.var(axis=1, ddof=1) - noise / frames - dark.var(axis=1, ddof=1) + dark_noise / frames
    error = 100 * (found - response.var(axis=1, ddof=1)) / (2 * 0.005 * signal) / signal  # of the root, %
    expected = forecast(plan).estimates["prnu"]
    assert expected.value == pytest.approx(0.5)
    assert error.std(ddof=1) / expected.se == pytest.approx(1.0, abs=4 * 0.013)


def test_what_the_series_does_not_determine() -> None:
    one = forecast(dataclasses.replace(PLAN, dark_exposures_ms=(10.0,), highest=0.9)).estimates
    assert str(one["dark_current"].reason) == "needs-dark-exposures"
    assert str(one["saturation"].reason) == str(one["snr_max"].reason) == "not-reached"
    assert PLAN.frames == 14 * 4 + 8 + 3 * 8
    with pytest.raises(TooFewFrames):
        forecast(dataclasses.replace(PLAN, levels=2, lowest=0.8))


@pytest.mark.parametrize(
    "change",
    [
        {"shape": (1, 40)}, {"shape": (32,)}, {"shape": (1 << 16, 1 << 16)}, {"gain": 0.0}, {"gain": math.nan}, {"read_noise_e": -1.0},
        {"bits": 17}, {"offset_dn": 5000.0}, {"saturation_dn": 50.0}, {"saturation_dn": 9999.0}, {"levels": 1}, {"pairs": 0},
        {"dark_frames": 1}, {"stack": 1}, {"dark_exposures_ms": ()}, {"dark_exposures_ms": (2.0, 1.0)}, {"dark_exposures_ms": (math.nan,)},
        {"lowest": 0.0}, {"prnu_percent": 100.0}, {"dsnu_e": math.inf}, {"dark_current_e_per_s": -1.0},
    ],
    ids=str,
)  # fmt: skip
def test_plans_that_make_no_sense_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(InvalidOption):
        dataclasses.replace(PLAN, **change)  # type: ignore[arg-type]  # that is the point
