"""Checks of real repeats: silent on independent frames, and not on drifting ones or on another camera's."""

import numpy as np
import pytest

from sigmaraw.noise import NoiseModel
from sigmaraw.noise.repeat_checks import repeat_checks

GAIN, OFFSET, READ = 0.46, 100.0, 1.6
MODEL = NoiseModel(GAIN, OFFSET, READ, 12)
SCENE_E = 5 + 100 * np.exp(-((np.mgrid[:48, :56] - 25) ** 2).sum(axis=0) / 100.0)


def acquire(n, seed, trend=0.0):
    """Draw frames by plain NumPy; the light rises by `trend` of itself from the first to the last."""
    random = np.random.default_rng(seed)
    light = 1 + trend * np.linspace(-0.5, 0.5, n)[:, None, None]
    electrons = random.poisson(SCENE_E * light) + random.normal(0, READ, (n, *SCENE_E.shape))
    return np.clip(np.rint(OFFSET + GAIN * electrons), 0, 4095).astype(np.uint16)


def failed(frames, model=MODEL):
    return {check.name for check in repeat_checks(frames, model) if not check.passed}


@pytest.mark.parametrize("n", [2, 4, 20])
def test_independent_frames_pass(n):
    """300 stacks: at most 1 % false alarms of any check, 3 SE of a proportion allowed."""
    alarms = np.mean([bool(failed(acquire(n, [1, n, seed]))) for seed in range(300)])
    assert alarms <= 0.01 + 3 * np.sqrt(0.01 * 0.99 / 300)


def test_values_are_one_and_two():
    """Ratio of variances to 4 SE √(2/(pixels·(n − 1))) (times 1.3 for unequal noise and steps that share a frame), η to 4·√(4/n)."""
    noise, drift, frame = repeat_checks(acquire(40, 2), MODEL)
    assert abs(noise.value - 1) < 4 * 1.3 * np.sqrt(2 / (SCENE_E.size * 39))
    assert abs(drift.value - 1) < 4 * 1.3 * np.sqrt(2 / (SCENE_E.size * 39))
    assert abs(frame.value - 2) < 4 * np.sqrt(4 / 40)
    grey = {"intensity", "mean-intensity", "soft-intensity", "soft-mean-intensity"}  # what a lamp changes, and no area or count
    assert set(frame.kinds) == {"mean", "intensity", "mean-intensity", ""} | {f"network-{name}" for name in grey}


def test_drift_is_found_where_it_is():
    """6 % of the light over 20 frames is in no pixel and in every frame's mean; 30 % is in both."""
    assert failed(acquire(20, 3, trend=0.06)) == {"frame_drift"}
    assert failed(acquire(20, 3, trend=0.3)) == {"frame_drift", "repeat_drift"}
    assert repeat_checks(acquire(20, 3, trend=0.3), MODEL)[1].value < 1.6


def test_another_cameras_noise_is_found():
    assert failed(acquire(6, 4), NoiseModel(GAIN * 1.4, OFFSET, READ, 12)) == {"repeat_noise"}


def test_clipped_pixels_are_left_out():
    frames = acquire(10, 5)
    frames[:, :10] = 4095
    assert failed(frames) == set()
    assert repeat_checks(np.full((4, 8, 8), 4095, np.uint16), MODEL) == ()
    assert repeat_checks(frames[:1], MODEL) == ()
    assert [check.name for check in repeat_checks(frames[:2], MODEL)] == ["repeat_noise"]
