"""Mode `around-raw`: the row of SCIENCE's table, word for word."""

import numpy as np
import pytest

from sigmaraw.contracts import ReplicaRequest
from sigmaraw.errors import BitDepthMismatch, InvalidOption
from sigmaraw.noise import NoiseModel
from sigmaraw.noise import draw as draw_mode
from sigmaraw.noise.around_raw import AroundRaw
from sigmaraw.noise.keys import counter_words, key_words
from sigmaraw.noise.sampler_slow import reference_block


def draw(frame, model, n, *, start=0, group=0, seed=0, batch=None):
    return np.concatenate(list(draw_mode(AroundRaw(), frame, model, ReplicaRequest(n, seed, start, group, batch))))


def test_replicas_are_the_equation():
    """Against x + K(Poisson(e⁺) − e⁺ + r) in float64 with SciPy's quantiles on the same words."""
    model = NoiseModel(0.46, 100.2, 1.6, 8)
    frame = model.sample(np.linspace(95, 250, 64 * 64).reshape(64, 64), 1, seed=1)[0]
    assert (frame < 100).any()
    assert (frame == 255).any()
    rate = np.maximum((frame - 100.2) / 0.46, 0)
    slow = reference_block(key_words(9, "around-raw", frame), counter_words(3, 2, 10), frame.astype(float), rate, 0.46, 1.6, lo=0, hi=255)
    fast = draw(frame, model, 10, start=2, group=3, seed=9)
    assert fast.dtype == np.uint8
    assert np.mean(fast != slow) < 1e-4
    assert np.abs(fast.astype(int) - slow).max() <= 1


@pytest.mark.parametrize("gain", [1.0, 0.46])
@pytest.mark.parametrize("signal", [0.0, 2.0])
def test_the_mean_of_a_dim_frame_stays(signal, gain):
    """Shift of a 192² frame's mean below .1 σ_raw; 2000 replicas, SE 1/√2000 = .022 σ, a quarter of it."""
    model = NoiseModel(gain, 100.0, 1.6, 12)
    frame = model.sample(np.full((192, 192), 100.0 + gain * signal), 1, seed=6)[0]
    means = np.concatenate([block.mean(axis=(1, 2)) for block in draw_mode(AroundRaw(), frame, model, ReplicaRequest(2000, seed=1))])
    assert abs(means.mean() - frame.mean()) / means.std(ddof=1) < 0.1


def test_the_spread_is_the_model_s():
    """Variance of each replica's pixels around x, averaged over the frame, is V(x) averaged (4 SE of √(2/N))."""
    model = NoiseModel(0.46, 100.0, 1.6, 12)
    frame = model.sample(np.full((128, 128), 100 + 0.46 * 400), 1, seed=2)[0]
    replicas = draw(frame, model, 100, seed=3)
    ratio = replicas.var(axis=0, ddof=1).mean() / model.variance(frame).mean()
    assert abs(ratio - 1) < 4 * np.sqrt(2 / replicas.size)


def test_saturated_pixels_stay_within_the_converter():
    model = NoiseModel(0.46, 100.0, 1.6, 12)
    replicas = draw(np.full((16, 16), 4095, np.uint16), model, 50)
    assert replicas.max() == 4095
    assert 0.4 < np.mean(replicas == 4095) < 0.6


def test_groups_seeds_and_images_have_their_own_streams():
    model = NoiseModel(0.46, 100.0, 1.6, 12)
    frame = np.full((16, 16), 500, np.uint16)
    other = frame.copy()
    other[0, 0] += 1
    base = draw(frame, model, 2)
    for different in (draw(frame, model, 2, group=1), draw(frame, model, 2, seed=1), draw(other, model, 2)):
        assert np.mean(different == base) < 0.2
    assert np.mean(base[0] == base[1]) < 0.2


def test_bad_input_is_refused():
    with pytest.raises(InvalidOption, match="camera"):
        draw(np.zeros((4, 4), np.uint16), None, 2)
    with pytest.raises(BitDepthMismatch):
        draw(np.zeros((4, 4), np.uint8), NoiseModel(1.0, 100.0, 1.0, 12), 2)


def test_options_are_checked_before_the_first_block():
    with pytest.raises(InvalidOption, match="n = 0"):
        draw_mode(AroundRaw(), np.zeros((4, 4), np.uint16), NoiseModel(1.0, 100.0, 1.0, 12), ReplicaRequest(0))
