"""Mode `mean-n`: the mean of real repeats with the noise that it lost, and the factor that makes its spread good."""

import numpy as np
import pytest

from sigmaraw import noise
from sigmaraw.contracts import ReplicaRequest
from sigmaraw.errors import BitDepthMismatch, InsufficientRepeats, InvalidOption, ShapeMismatch
from sigmaraw.noise import NoiseModel, iter_replicas, replicas
from sigmaraw.noise.mean_n import MeanN

GAIN, OFFSET, READ = 0.46, 100.0, 1.6
MODEL = NoiseModel(GAIN, OFFSET, READ, 12)


def acquire(mean_e, n, seed):
    """Draw frames by plain NumPy, independently of the package's sampler."""
    random = np.random.default_rng(seed)
    electrons = random.poisson(mean_e, (n, *mean_e.shape)) + random.normal(0, READ, (n, *mean_e.shape))
    return np.clip(np.rint(OFFSET + GAIN * electrons), 0, 4095).astype(np.uint16)


SCENE = np.linspace(0, 60, 40 * 48).reshape(40, 48)


def draw(frames, n, model=MODEL, **options):
    return np.concatenate(list(noise.draw(MeanN(), frames, model, ReplicaRequest(n, **options))))


@pytest.mark.parametrize("repeats", [2, 4, 16])
def test_each_pixel_varies_by_what_the_mean_has_lost(repeats):
    """Variance over replicas is V(x̄)(1 − 1/n), rounding included, V written out here; 4 SE, SE = √(2/(replicas·pixels)).

    The mean over replicas is x̄; SE of its mean over the frame √(V̄/(replicas·pixels)).
    """
    frames = acquire(SCENE, repeats, seed=1)
    mean = frames.mean(axis=0)
    variance = GAIN * np.maximum(mean - OFFSET, 0) + (GAIN * READ) ** 2 + 1 / 12
    found = draw(frames, 400)
    assert found.dtype == np.uint16
    ratio = (found.var(axis=0, ddof=1) / variance).mean() / (1 - 1 / repeats)
    assert abs(ratio - 1) < 4 * np.sqrt(2 / found.size)
    assert abs(found.mean() - mean.mean()) < 4 * np.sqrt(variance.mean() / found.size)


@pytest.mark.parametrize("repeats", [2, 4])
def test_spread_with_the_factor_is_that_of_fresh_frames(repeats):
    """σ of the frame's mean, over 12 sets of repeats × 200 replicas, against its exact value √(ΣV)/pixels.

    Relative SE 1/√(2·12·199) = .0145; without the factor the ratio would be .71 and .87.
    """
    exact = np.sqrt((GAIN**2 * (SCENE + READ**2) + 1 / 12).sum()) / SCENE.size
    squares = []
    for seed in range(12):
        frames = acquire(SCENE, repeats, seed=seed)
        means = draw(frames, 200, seed=seed).mean(axis=(1, 2))
        squares.append(means.var(ddof=1) * MeanN().spread_factor(frames) ** 2)
    assert abs(np.sqrt(np.mean(squares)) / exact - 1) < 4 / np.sqrt(2 * 12 * 199)


def test_frame_and_replica_together_vary_as_frames_do():
    """Over fresh sets of two repeats, a replica's deviation from the scene has variance V (4 SE, √(2/N) over 80·1920 values)."""
    truth = OFFSET + GAIN * SCENE
    variance = GAIN**2 * (SCENE + READ**2) + 1 / 12
    deviations = np.stack([draw(acquire(SCENE, 2, seed=seed), 1)[0] - truth for seed in range(80)])
    # The variance of x̄ is itself estimated: V(x̄) = V on average where no pixel is clipped at zero signal.
    bright = SCENE > 15
    ratio = (deviations[:, bright] ** 2 / variance[bright]).mean()
    assert abs(ratio - 1) < 4 * np.sqrt(2 / deviations[:, bright].size)


def test_replica_i_does_not_depend_on_n_start_or_batch():
    frames = acquire(SCENE, 3, seed=2)
    whole = replicas(frames, MODEL, n=9, mode="mean-n", seed=7).values
    np.testing.assert_array_equal(replicas(frames, MODEL, n=4, mode="mean-n", seed=7).values, whole[:4])
    for batch in (1, 2):
        np.testing.assert_array_equal(replicas(frames, MODEL, n=9, mode="mean-n", seed=7, batch=batch).values, whole)
    np.testing.assert_array_equal(np.concatenate(list(iter_replicas(frames, MODEL, 5, "mean-n", 7, start=4))), whole[4:])


def test_groups_seeds_and_repeats_have_their_own_streams():
    frames = acquire(np.full((16, 16), 400.0), 3, seed=3)
    base = draw(frames, 1)
    last = frames.copy()
    last[2, 0, 0] += 1  # every repeat is part of the identity
    for other in (draw(frames, 1, group=1), draw(frames, 1, seed=1), draw(last, 1)):
        assert np.mean(other == base) < 0.2


def test_maps_and_volumes_are_taken():
    """Per-pixel read noise: each half's variance is its own (4 SE over 200 replicas × 2 × 320 pixels)."""
    noise = np.full((20, 32), 1.0)
    noise[:, 16:] = 3.0
    model = NoiseModel(1.0, 100.0, noise, 12)
    random = np.random.default_rng(4)
    stack = np.rint(100 + random.normal(0, noise, (4, 2, 20, 32))).astype(np.uint16)
    found = draw(stack, 200, model=model)
    assert found.shape == (200, 2, 20, 32)
    expected = model.variance(stack.mean(axis=0)) * 0.75
    for half in (np.s_[..., :16], np.s_[..., 16:]):
        ratio = (found.var(axis=0, ddof=1)[half] / expected[half]).mean()
        assert abs(ratio - 1) < 4 * np.sqrt(2 / (200 * 2 * 320))


def test_bad_input_is_refused():
    frames = acquire(SCENE, 3, seed=1)
    with pytest.raises(InvalidOption, match="camera"):
        draw(frames, 2, model=None)
    with pytest.raises(InsufficientRepeats, match="1 repeated frame;"):
        draw(frames[:1], 2)
    with pytest.raises(ShapeMismatch):
        draw(frames[0], 2)
    with pytest.raises(BitDepthMismatch):
        draw(frames.astype(np.uint8), 2)
    with pytest.raises(InvalidOption, match="n = 0"):
        draw(frames, 0)


def test_the_factor():
    assert MeanN().spread_factor(np.zeros((4, 8, 8), np.uint16)) == pytest.approx((4 / 3) ** 0.5)
