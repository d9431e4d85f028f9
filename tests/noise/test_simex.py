"""Mode `simex`: bases with ever more noise, clusters that share one, and weights that extrapolate."""

import numpy as np
import pytest

from sigmaraw import noise
from sigmaraw.contracts import ReplicaRequest
from sigmaraw.errors import BitDepthMismatch, InvalidOption
from sigmaraw.noise import NoiseModel, replica_mode, replicas
from sigmaraw.noise.simex import CLUSTER, LEVELS, Simex, weights

GAIN, OFFSET, READ = 0.46, 100.0, 1.6
MODEL = NoiseModel(GAIN, OFFSET, READ, 12)
SCENE_E = np.linspace(20, 200, 48 * 64).reshape(48, 64)


def acquire(seed):
    """Draw one frame by plain NumPy, independently of the package's sampler."""
    random = np.random.default_rng(seed)
    electrons = random.poisson(SCENE_E) + random.normal(0, READ, SCENE_E.shape)
    return np.rint(OFFSET + GAIN * electrons).astype(np.uint16)


FRAME = acquire(1)


def draw(n, start=0, batch=None, **options):
    return np.concatenate(list(noise.draw(Simex(), FRAME, MODEL, ReplicaRequest(n, **({"seed": 3} | options), start=start, batch=batch))))


def test_weights_are_those_of_least_squares():
    """The line and the parabola by hand (normal equations in rational numbers); any polynomial of the degree comes back at 0."""
    np.testing.assert_allclose(weights(LEVELS, 1), [1, 4 / 7, 1 / 7, -5 / 7], atol=1e-12)
    np.testing.assert_allclose(weights(LEVELS, 2), np.array([36, -8, -27, 10]) / 11, atol=1e-12)
    t = np.array(LEVELS)
    assert np.dot(weights(LEVELS, 2), 3 - 2 * t + 0.5 * t**2) == pytest.approx(3)
    assert replica_mode("simex:order=linear").extrapolation.weights == weights(LEVELS, 1)


def test_bases_carry_t_times_the_noise_and_replicas_one_more():
    """Per level: variance within a cluster V(base), mean V(x) to first order; variance of x_t about x (t − 1)V(x).

    Relative SE of a variance over m values √(2/m); of the base's, which replicas of one cluster share, √(2/(clusters·pixels)).
    """
    n = 400
    cube = Simex().extrapolation.arrange(draw(n).reshape(n, -1).T.astype(float))  # (level, pixel, cluster, member)
    variance = MODEL.variance(FRAME).ravel()
    clusters = n // CLUSTER // len(LEVELS)
    for level, t in enumerate(LEVELS):
        within = (cube[level].var(axis=-1, ddof=1).mean(axis=-1) / variance).mean()
        assert abs(within - 1) < 4 * np.sqrt(2 / (FRAME.size * clusters * (CLUSTER - 1))) + 0.005  # V of a noisier base is skewed
        shift = cube[level].mean(axis=-1) - FRAME.ravel()[:, None]
        about = (shift**2).mean(axis=-1) / variance - 1 / CLUSTER  # what is left of the replicas' own noise in a cluster's mean
        assert abs(about.mean() - (t - 1)) < 4 * (t - 1 + 1 / CLUSTER) * np.sqrt(2 / (FRAME.size * clusters)) + 0.002


def test_a_replica_is_the_same_bytes_whatever_is_drawn_with_it():
    whole = draw(47)
    np.testing.assert_array_equal(draw(9, start=13), whole[13:22])
    np.testing.assert_array_equal(draw(47, batch=2), whole)
    np.testing.assert_array_equal(replicas(FRAME, MODEL, 20, mode="simex", seed=3).values, whole[:20])
    assert not np.array_equal(draw(10, group=1), whole[:10])
    # Clusters have bases of their own: replicas 5 … 9 scatter about theirs, 25 … 29 (the same level) about another.
    a, b = whole[5:10].mean(axis=0) - FRAME, whole[25:30].mean(axis=0) - FRAME
    assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 4 / np.sqrt(FRAME.size)
    c, d = ((replica.astype(float) - FRAME).ravel() / np.sqrt(MODEL.variance(FRAME).ravel()) for replica in whole[5:7])
    assert abs(np.corrcoef(c, d)[0, 1] - 1 / 3) < 4 / np.sqrt(FRAME.size)  # ½V of 1½V is their base's


def test_how_many_replicas_a_study_needs():
    rule = Simex().extrapolation
    assert [rule.replicas(n) for n in (1, 10, 11, 100)] == [40, 40, 60, 400]
    index = np.arange(40.0)
    cube = rule.arrange(index)
    assert cube.shape == (4, 2, 5)
    np.testing.assert_array_equal(cube[1], [[5, 6, 7, 8, 9], [25, 26, 27, 28, 29]])
    np.testing.assert_array_equal(rule.arrange(index[np.newaxis])[:, 0], cube)


def test_refusals():
    with pytest.raises(InvalidOption, match="camera"):
        noise.draw(Simex(), FRAME, None, ReplicaRequest(1))
    with pytest.raises(InvalidOption, match="order"):
        Simex("cubic")
    with pytest.raises(BitDepthMismatch):
        noise.draw(Simex(), FRAME.astype(np.uint8), MODEL, ReplicaRequest(1))
    with pytest.raises(InvalidOption):
        draw(0)
