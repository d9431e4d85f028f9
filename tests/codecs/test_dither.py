"""The dither's hash: against the published generator in plain integers, and as a uniform."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sigmaraw.codecs.dither import DITHER, ROUNDING, nonce_of, uniform

MASK = (1 << 64) - 1


def splitmix64(state, count):
    """Yield outputs of SplitMix64 as its authors define it, in Python integers."""
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield z ^ (z >> 31)


def test_the_published_first_outputs():
    # Reference outputs for seed 1234567 as printed for the generator in many implementations' tests.
    assert list(splitmix64(1234567, 3)) == [6457827717110365317, 3203168211198807973, 9817491932198370423]


@pytest.mark.parametrize("nonce", [0, 1234567, MASK])
def test_two_streams_are_the_even_and_odd_outputs(nonce):
    outputs = [(value >> 11) + 0.5 for value in splitmix64(nonce, 40)]
    expected = np.array(outputs) * 2.0**-53
    assert np.array_equal(uniform((4, 5), nonce, DITHER).ravel(), expected[::2])
    assert np.array_equal(uniform((4, 5), nonce, ROUNDING).ravel(), expected[1::2])


def test_uniform_and_uncorrelated():
    a, b = uniform((512, 512), 42, DITHER), uniform((512, 512), 42, ROUNDING)
    c = uniform((512, 512), 43, DITHER)
    n = a.size
    assert stats.kstest(a.ravel(), "uniform").pvalue > 1e-4
    assert a.min() > 0 and a.max() < 1
    limit = 4 / np.sqrt(n)  # SE of a correlation of independent values is 1/√n
    for first, second in ((a, b), (a, c), (a[:, 1:], a[:, :-1]), (a[1:], a[:-1])):
        assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < limit


def test_the_nonce_depends_on_every_pixel_shape_and_dtype():
    frame = np.zeros((4, 6), np.uint16)
    other = frame.copy()
    other[3, 5] = 1
    nonces = {nonce_of(array) for array in (frame, other, frame.reshape(6, 4), frame.astype(np.uint8), frame.reshape(2, 12))}
    assert len(nonces) == 5
    assert nonce_of(frame) == nonce_of(frame.astype(">u2").astype(np.uint16))
