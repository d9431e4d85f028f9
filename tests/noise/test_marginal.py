"""The marginal variance ratio of every mode, on a scene whose noise is known."""

import numpy as np
import pytest

from sigmaraw.noise import NoiseModel, replica_mode
from sigmaraw.noise.marginal import LIMITS, diagnostic, marginal_check, marginal_variance_ratio, roughness

GAIN, OFFSET, READ = 0.46, 100.0, 1.6
MODEL = NoiseModel(GAIN, OFFSET, READ, 12)
Y, X = np.mgrid[:96, :96]
SCENE_E = 40 + 20 * np.sin(X / 9.0) * np.cos(Y / 11.0)


def acquire(n, seed):
    random = np.random.default_rng(seed)
    electrons = random.poisson(SCENE_E, (n, *SCENE_E.shape)) + random.normal(0, READ, (n, *SCENE_E.shape))
    return np.rint(OFFSET + GAIN * electrons).astype(np.uint16)


# c of white noise: each pixel meets four neighbours; var(c)/c² = 3/pixels for normal noise, so SE √(3/pixels) of the frame's.
SE = np.sqrt(3 / SCENE_E.size)


@pytest.mark.parametrize(
    ("mode", "repeats", "expected"), [("around-raw", 1, 2.0), ("mean-n", 4, 1.0), ("mean-n", 16, 1.0), ("repeats", 12, 1.0)]
)
def test_modes_carry_the_noise_that_their_construction_says(mode, repeats, expected):
    """2 around a raw frame, 1 with repeats; 4 SE of the frames' and the replicas' roughness."""
    frames = acquire(repeats, 1)
    value, u = marginal_variance_ratio(frames if repeats > 1 else frames[0], replica_mode(mode), MODEL)
    assert abs(value - expected) < 4 * np.hypot(SE / np.sqrt(repeats), u)
    assert u < 0.03


def test_extrapolation_takes_the_noise_of_the_frame_out():
    """Levels carry 2, 2.5, 3 and 4 times the noise; at no noise in the base, once. 4 standard errors, its own and the frame's."""
    value, u = marginal_variance_ratio(acquire(1, 2)[0], replica_mode("simex"), MODEL)
    assert abs(value - 1) < 4 * np.hypot(u, SE)
    assert u < 0.2


def test_a_denoiser_that_does_nothing_counts_noise_twice_and_warns():
    class Nothing:
        name = "nothing"

        def __call__(self, image):
            return image

    from sigmaraw.contracts import Measurement
    from sigmaraw.noise.bootstrap import Bootstrap

    frame = acquire(1, 3)[0]
    (check,) = marginal_check(frame, Bootstrap(Nothing()), MODEL, 0)
    assert abs(check.value - 2) < 0.1
    assert check.warns(Measurement("t", "DN", "t", "a texture", kind="texture"))
    assert not check.warns(Measurement("m", "DN", "m", "a mean", kind="mean"))
    (check,) = marginal_check(frame, replica_mode("bootstrap"), MODEL, 0)
    assert check.passed


def test_roughness_by_hand():
    """Neighbours of [[0, 2], [4, 4]]: 2 and 0 along x, 4 and 2 along y; ½·mean of squares 3. One pixel has no neighbour."""
    assert roughness(np.array([[[0, 2], [4, 4]]], np.uint16))[0] == pytest.approx((4 + 0 + 16 + 4) / 8)
    assert marginal_check(np.array([[100]], np.uint16), replica_mode("around-raw"), MODEL, 0) == ()
    assert (diagnostic(1.0, 0.01).low, diagnostic(1.0, 0.01).high) == pytest.approx((LIMITS[0] - 0.03, LIMITS[1] + 0.03))
