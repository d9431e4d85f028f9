"""The denoising alarm: how often it is false, and what it finds. 200 runs of 20 replicas of 24 × 24 pixels, two blocks of ten."""

import math

import numpy as np
import pytest

from sigmaraw.codecs import codec
from sigmaraw.metrics import block_quality, combine, denoises

RUNS = 200
Y, X = np.mgrid[:24, :24]
MEAN = 4.0 + 400 * np.exp(-((Y - 12) ** 2 + (X - 10) ** 2) / 60)  # e⁻; a hundredfold range of variances


def judged(decode, seed, mean=MEAN):
    rng = np.random.default_rng(seed)  # 16 DN/e⁻, so that rounding to whole DN is nothing
    raw = np.rint(1600 + 16 * (rng.poisson(mean, (20, *mean.shape)) + rng.normal(0, 1.5, (20, *mean.shape)))).astype(np.int32)
    decoded = np.rint(decode(raw, mean, rng)).astype(np.int32)
    return combine([block_quality(raw[part], decoded[part], 256 * (mean + 2.25)) for part in (slice(0, 10), slice(10, 20))])


def shrunk(share, added):
    """A codec that is known: it takes `share` of the noise out and adds white noise of `added` σ of its own."""

    def decode(raw, mean, rng):
        noise = raw - 1600 - 16 * mean
        return raw - share * noise + added * 16 * np.sqrt(mean + 2.25) * rng.standard_normal(raw.shape)

    return decode


def rate(decode):
    return sum(denoises(judged(decode, seed)) for seed in range(RUNS)) / RUNS


@pytest.mark.parametrize("added", [0.01, 0.3, 1.0])
def test_at_the_tolerated_share_the_alarm_is_false_in_five_per_cent(added):
    # Binomial SE at .05: √(.05·.95/200) = .0154
    assert rate(shrunk(0.05, added)) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / RUNS)


def test_what_removes_nothing_never_raises_it():
    assert rate(shrunk(0.0, 0.3)) == 0
    assert rate(shrunk(-0.1, 0.0)) == 0
    assert rate(lambda raw, mean, rng: raw) == 0


@pytest.mark.parametrize("q", [0.5, 1.0, 2.0])
def test_the_dithered_quantiser_never_raises_it(q):
    chain = codec(f"noiseaware:q={q},gain=1,offset=100,read_noise=1.5,backend=zstd")
    for seed in range(20):
        rng = np.random.default_rng(seed)
        raw = np.rint(100 + rng.poisson(MEAN, (20, 24, 24)) + rng.normal(0, 1.5, (20, 24, 24))).astype(np.uint16)
        decoded = np.stack([chain.roundtrip(frame)[0] for frame in raw])
        assert denoises(combine([block_quality(raw, decoded, MEAN + 2.25)])) is False


def test_its_power():
    assert rate(shrunk(0.15, 0.3)) > 0.95
    # It adds as much noise as it takes away: the ratio alone sees nothing.
    hidden = shrunk(0.3, math.sqrt(2 * 0.3 - 0.3**2))
    assert judged(hidden, 0)["noise_std_ratio"] == pytest.approx(1, abs=0.03)
    assert rate(hidden) > 0.95


def test_the_standard_error_is_the_scatter_between_runs():
    found = [judged(shrunk(0.2, 0.5), seed) for seed in range(RUNS)]
    removed = np.array([entry["noise_removed"] for entry in found])
    # SE of a standard deviation over R runs: 1/√(2R) of it; the mean's is sd/√R.
    assert np.mean([entry["noise_removed_se"] for entry in found]) == pytest.approx(removed.std(ddof=1), rel=4 / math.sqrt(2 * RUNS))
    assert removed.mean() == pytest.approx(0.2, abs=4 * removed.std() / math.sqrt(RUNS))


def test_the_lag_one_correlation_of_white_and_of_smooth_errors():
    white = judged(shrunk(0.0, 0.5), 1)
    # About 2·552 pairs × 18 degrees of freedom of products of independent errors; bright pixels weigh more: a wide 6 SE.
    assert abs(white["error_lag1"]) < 6 / math.sqrt(18 * 1104)
    smooth = judged(lambda raw, mean, rng: raw + 16 * np.repeat(np.repeat(rng.standard_normal((20, 12, 12)), 2, 1), 2, 2), 2)
    # Blocks of 2 × 2: of 23 neighbours along a row 12 are in the same block.
    assert smooth["error_lag1"] == pytest.approx(12 / 23, abs=0.05)


def test_a_wavelet_codec_at_a_strong_setting_raises_it(cells_like):
    chain = codec("jpeg2000:ratio=20")
    decoded = np.stack([chain.roundtrip(frame)[0] for frame in cells_like])
    quality = combine([block_quality(cells_like, decoded, MEAN_DN)])
    assert denoises(quality) is True
    assert quality["noise_removed"] > 0.4
    assert quality["noise_std_ratio"] < 0.9


MEAN_DN = np.kron(MEAN, np.ones((4, 4))) + 2.25


@pytest.fixture
def cells_like():
    rng = np.random.default_rng(5)
    return np.rint(100 + rng.poisson(MEAN_DN - 2.25, (10, 96, 96)) + rng.normal(0, 1.5, (10, 96, 96))).astype(np.uint16)
