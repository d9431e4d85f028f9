"""The fast kernel against its slow twin, against exact probabilities, and against the batch it runs in."""

import numpy as np
import pytest
from scipy import special, stats

from sigmaraw.noise import NoiseModel, sampler
from sigmaraw.noise.keys import counter_words, key_words
from sigmaraw.noise.sampler import LOW_RATE, TOPS, Sampler, normal, poisson_expansion, poisson_high, tail_probability
from sigmaraw.noise.sampler_slow import reference_block
from sigmaraw.noise.scene import make_scene

RATES = (0, 0.05, 0.5, 3, 10, 30, 300, 3e4)
READ_NOISES = (0.3, 1.6, 5.0)


def exact_pmf(rate, read_noise, gain, offset, lo, hi):
    """Return (first DN, probabilities): Σ_k Poisson(k; λ)·[Φ((d + ½ − o − Kk)/Kσ) − Φ((d − ½ − o − Kk)/Kσ)], the ends taking all
    beyond them."""
    reach = 8 * np.sqrt(rate + 1) + 30  # beyond 1e-12 at every rate here
    k = np.arange(max(0, np.floor(rate - reach)), np.ceil(rate + reach) + 1)
    first = max(lo, int(offset + gain * (k[0] - 7 * read_noise)) - 2)
    last = min(hi, int(offset + gain * (k[-1] + 7 * read_noise)) + 2)
    edges = np.arange(first, last) + 0.5
    at_edge = special.ndtr(((edges - offset) / gain - k[:, None]) / read_noise)
    cumulative = stats.poisson.pmf(k, rate) @ at_edge
    return first, np.diff(cumulative, prepend=0.0, append=1.0)


def chi_square_p(values, first, pmf, least=10.0):
    """Return p of Pearson's χ², bins merged from both ends until each expects `least`."""
    counts = np.bincount(values.ravel(), minlength=first + len(pmf))
    assert counts[:first].sum() == 0
    assert counts[first + len(pmf) :].sum() == 0
    counts, expected = counts[first : first + len(pmf)].astype(float), pmf * values.size
    keep = np.flatnonzero(expected >= least)
    groups = np.clip(np.arange(len(pmf)), keep[0], keep[-1]) - keep[0]
    counts, expected = np.bincount(groups, counts), np.bincount(groups, expected)
    assert len(counts) > 1
    return stats.chi2.sf(np.sum((counts - expected) ** 2 / expected), len(counts) - 1)


@pytest.mark.slow
@pytest.mark.parametrize("rate", RATES)
def test_samples_follow_the_exact_pmf(rate):
    """10⁷ draws at each of 24 combinations, each p > 1e-5: a correct sampler fails one run in 4,000."""
    offset, gain = 100.3, 1.0
    for read_noise in READ_NOISES:
        model = NoiseModel(gain, offset, read_noise, 16)
        scene = np.full((1000, 1000), offset + gain * rate)
        draws = model.sample(scene, 10, seed=11)
        assert draws.size == 10**7
        p = chi_square_p(draws, *exact_pmf(rate, read_noise, gain, offset, 0, 65535))
        assert p > 1e-5, (rate, read_noise, p)


@pytest.mark.parametrize("rate", [0.5, 11.99, 12.01, 16.0])
def test_clipping_and_gain_follow_the_exact_pmf(rate):
    """Gain 2.3 spreads counts over levels, offset 3 puts the converter's end inside the noise, 10⁶ draws."""
    offset, gain, read_noise = 3.4, 2.3, 1.1
    model = NoiseModel(gain, offset, read_noise, 6, lo_dn=1, hi_dn=50)
    draws = model.sample(np.full((1000, 100), offset + gain * rate), 10, seed=5)
    assert draws.dtype == np.uint8
    assert chi_square_p(draws, *exact_pmf(rate, read_noise, gain, offset, 1, 50)) > 1e-5


@pytest.mark.parametrize(
    ("rate", "tolerated"),
    [
        (0.0, 0),
        (0.05, 0),
        (0.5, 0),
        (3.0, 2e-5),
        (8.0, 2e-5),
        (11.99, 2e-5),
        (12.01, 2e-4),
        (15.0, 1e-4),
        (30.0, 5e-5),
        (300.0, 5e-5),
        (3e4, 1e-4),
    ],
)
@pytest.mark.parametrize(("gain", "read_noise"), [(1.0, 0.0), (0.46, 1.6)])
def test_fast_and_slow_agree_on_the_same_words(rate, tolerated, gain, read_noise):
    """Differing pixels: the expansion's error at its lower end, float32 near a boundary at high rates; never by more than 1 DN."""
    shape = (100, 100) if rate < 1000 else (50, 50)  # SciPy's quantile is slow there
    level, rates = np.full(shape, 100.3 + gain * rate), np.full(shape, rate)
    key, counters = key_words(1, "twin", level), counter_words(2, 5, 20)
    fast = Sampler(make_scene(level, rates, gain, read_noise), key, lo=0, hi=65535, dtype=np.dtype(np.uint16)).block(counters)
    slow = reference_block(key, counters, level, rates, gain, read_noise, lo=0, hi=65535)
    difference = fast.astype(np.int64) - slow
    assert np.abs(difference).max() <= 1
    assert np.mean(difference != 0) <= tolerated


def test_low_pixels_sampled_apart_are_the_same_as_in_place(monkeypatch):
    """A frame with few low rates lists them; the same pixels where low rates prevail go through the exact kernel for all."""
    rng = np.random.default_rng(3)
    rates = np.where(rng.random((40, 50)) < 0.2, rng.uniform(0, 12, (40, 50)), rng.uniform(12, 900, (40, 50)))
    gain, noise, offset = rng.uniform(0.4, 0.5, (40, 50)), rng.lognormal(0.3, 0.4, (40, 50)), rng.normal(100, 2, (40, 50))
    level = offset + gain * rates
    key, counters = key_words(1, "apart", level), counter_words(0, 0, 7)
    listed = Sampler(make_scene(level, rates, gain, noise), key, lo=0, hi=4095, dtype=np.dtype(np.uint16))
    assert listed._low is not None
    slow = reference_block(key, counters, level, rates, gain, noise, lo=0, hi=4095)
    assert np.mean(listed.block(counters) != slow) <= 2 / slow.size  # float32 near a boundary
    mostly_low = np.concatenate([rates, np.zeros((160, 50))])
    grow = [np.concatenate([part, np.tile(part, (4, 1))]) for part in (gain, noise, offset)]
    whole = Sampler(make_scene(grow[2] + grow[0] * mostly_low, mostly_low, grow[0], grow[1]), key, lo=0, hi=4095, dtype=np.dtype(np.uint16))
    assert whole._low is None
    np.testing.assert_array_equal(whole.block(counters)[:, :40], listed.block(counters))


def test_normal_keeps_its_tails():
    """Every distance from the centre to 2⁻³³: |error| ≤ 1e-6·|w| + 1e-7 (float32 and the fits' 5e-7), symmetric."""
    rng = np.random.default_rng(0)
    distance = np.unique(np.concatenate([np.arange(3000), 2 ** np.arange(31), rng.integers(0, 2**31, 300_000), [2**31 - 1]]))
    word = distance.astype(np.uint32)
    exact = special.ndtri((distance + 0.5) * 2.0**-32)
    lower = np.asarray(normal(*tail_probability(word)), dtype=np.float64)
    assert np.all(np.abs(lower - exact) <= 1e-6 * np.abs(exact) + 1e-7)
    assert lower[0] < -6.3
    np.testing.assert_array_equal(np.asarray(normal(*tail_probability(word | np.uint32(1 << 31)))), -lower)


@pytest.mark.parametrize("rate", [12.0, 14.5, 40.0, 2500.0])
def test_expansion_is_the_poisson_quantile(rate):
    """P(N < k) at the w where Q(w) = k: total variation of the implied pmf ≤ 8e-6·(12/λ)^1.5, mean off by under 1e-6 counts."""
    w = np.linspace(-6.34, 6.34, 400_001)
    quantile = rate + np.asarray(poisson_expansion(w.astype(np.float32), np.float32(rate)), dtype=np.float64)
    assert np.all(np.diff(quantile[::100]) > 0)
    k = np.arange(max(0, int(rate - 6.2 * np.sqrt(rate))), int(rate + 6.2 * np.sqrt(rate)))
    below = special.ndtr(np.interp(k, quantile, w, left=-np.inf))
    exact = stats.poisson.cdf(k - 1, rate)
    float_noise = 4e-7 * np.sqrt(rate)  # of float32 in Q, as a probability
    assert 0.5 * np.abs(np.diff(below) - np.diff(exact)).sum() <= 8e-6 * (12 / rate) ** 1.5 + float_noise
    assert abs(np.sum(exact - below)) < 1e-6 + float_noise * np.sqrt(rate)


def test_a_count_is_never_negative():
    """The smallest quantile that a word names, Φ⁻¹(2⁻³³) = −6.34, lies below zero counts at rate 12.3."""
    found = poisson_high(np.float32([-6.34, 0.0]), np.float32(12.3), np.float32(0.3), np.float32(12.0))
    assert found.tolist() == [-12.0, 0.0]


def test_summation_reaches_the_last_word():
    for limit, top in TOPS:
        assert stats.poisson.sf(top, limit) < 2.0**-33
    assert TOPS[-1][0] == LOW_RATE


@pytest.mark.parametrize("shape", [(33, 17), (3, 11, 31)])
def test_bytes_do_not_depend_on_batch_or_start(shape):
    """Odd shapes leave remainders in vectorised loops; scalars and maps, all low, mixed and all high rates."""
    rng = np.random.default_rng(7)
    maps = NoiseModel(rng.uniform(0.3, 0.6, shape[-2:]), rng.normal(100, 2, shape[-2:]), rng.lognormal(0.3, 0.4, shape[-2:]), 12)
    for model, top in ((maps, 140.0), (NoiseModel(0.46, 100.2, 1.6, 12), 105.0)):
        scene = rng.uniform(100, top, shape)
        whole = model.sample(scene, 13, seed=4)
        for batch in (1, 3, 8):
            np.testing.assert_array_equal(model.sample(scene, 13, seed=4, batch=batch), whole)
        for start in (1, 12):
            np.testing.assert_array_equal(model.sample(scene, 13 - start, seed=4, start=start), whole[start:])
        assert not np.array_equal(model.sample(scene, 1, seed=5), whole[:1])
        assert not np.array_equal(model.sample(scene, 1, seed=4, group=1), whole[:1])


def test_large_levels_lose_nothing_to_float32():
    """At 60,000 DN float32 steps by 1/256; the fraction of levels that round up must still be the scene's own fraction.

    Scene 60000.371 DN, no noise to speak of (3·10⁻⁴ e⁻ of read noise, 0.5 e⁻ at gain 1e-6): every DN must be 60000.
    """
    model = NoiseModel(1e-6, 60000.371, 1e-4, 16)
    assert np.all(model.sample(np.full((64, 64), 60000.3710005), 20, seed=1) == 60000)
    noisy = NoiseModel(1.0, 60000.371, 0.3, 16)  # rate 0: rounding of a Gaussian alone
    draws = noisy.sample(np.full((500, 500), 60000.371), 20, seed=1).astype(np.float64)
    expected = special.ndtr((60000.5 - 60000.371) / 0.3) - special.ndtr((59999.5 - 60000.371) / 0.3)
    se = np.sqrt(expected * (1 - expected) / draws.size)
    assert abs(np.mean(draws == 60000) - expected) < 4 * se


def test_ties_round_to_even_as_numpy_does():
    """K = ½ and no read noise put half of all values on a tie; rint of the sum is the camera's rounding."""
    rates = np.full((64, 64), 20.0)
    for level in (100.0, 101.0):
        levels = np.full((64, 64), level)
        key, counters = key_words(1, "ties", levels), counter_words(0, 0, 10)
        fast = Sampler(make_scene(levels, rates, 0.5, 0.0), key, lo=0, hi=255, dtype=np.dtype(np.uint8)).block(counters)
        slow = reference_block(key, counters, levels, rates, 0.5, 0.0, lo=0, hi=255)
        assert np.mean(fast != slow) < 2e-4  # the expansion's share


def test_variance_of_a_known_scene():
    """R = 1000, 256²: mean variance over V (with 1/12) is 1 ± .002 in every level bin from 5 e⁻ (SE √(2/(999·6553)) = .0006)."""
    gain, offset, repeats = 0.46, 100.0, 1000
    model = NoiseModel(gain, offset, 1.6, 12)
    scene = offset + gain * np.geomspace(5, 5000, 256 * 256).reshape(256, 256)
    total, square = np.zeros(scene.shape), np.zeros(scene.shape)
    base = np.rint(scene)
    for block in model.sample_blocks(scene, repeats, seed=2, batch=50):
        deviation = block - base
        total += deviation.sum(axis=0)
        square += np.einsum("ryx,ryx->yx", deviation, deviation)
    variance = (square - total**2 / repeats) / (repeats - 1)
    ratios = [
        (part / full).mean()
        for part, full in zip(np.array_split(variance.ravel(), 10), np.array_split(model.variance(scene).ravel(), 10), strict=True)
    ]
    assert np.all(np.abs(np.array(ratios) - 1) < 0.002), ratios
    bias = (total / repeats + base - scene) / np.sqrt(model.variance(scene) / repeats)  # z of each pixel's mean
    assert abs(bias.mean()) < 4 / 256


def test_neighbours_replicas_and_streams_are_uncorrelated():
    """Correlations of 10⁶ values: SE 1e-3, bound 4 SE."""
    model = NoiseModel(1.0, 100.0, 0.001, 12)
    counts = model.sample(np.full((250, 250), 150.0), 16, seed=8).astype(np.float64) - 150
    electronic = NoiseModel(1.0, 2000.0, 50.0, 12).sample(np.full((250, 250), 2000.0), 16, seed=8).astype(np.float64) - 2000

    def correlation(a, b):
        return float(np.mean(a * b) / (a.std() * b.std()))

    pairs = [(x[:, :, 1:], x[:, :, :-1]) for x in (counts, electronic)] + [(x[1:], x[:-1]) for x in (counts, electronic)]
    for a, b in pairs:
        assert abs(correlation(a, b)) < 4 / np.sqrt(a.size)


def test_words_for_photons_and_electronics_are_separate():
    """With both noises in one frame the variance is their sum: shared words would add 2·√(λ)·σ (here 200 to 200)."""
    draws = NoiseModel(1.0, 100.0, 10.0, 12).sample(np.full((300, 300), 200.0), 12, seed=3)
    expected = 200 + 1 / 12
    assert abs(draws.var() / expected - 1) < 4 * np.sqrt(2 / draws.size)


def test_a_second_image_of_the_same_shape_compiles_nothing():
    model = NoiseModel(0.46, 100.2, 1.6, 12)
    model.sample(np.full((32, 48), 300.0), 6, seed=1)
    compiled = sampler.kernel._cache_size()
    model.sample(np.full((32, 48), 900.0), 6, seed=2)
    model.sample(np.full((32, 48), 700.0), 20, seed=2, batch=6)
    assert sampler.kernel._cache_size() == compiled
