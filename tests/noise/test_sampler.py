"""The fast kernel against its slow twin, against exact probabilities, and against the batch it runs in."""

import jax
import numpy as np
import pytest
from scipy import special, stats

from sigmaraw.noise import NoiseModel, sampler
from sigmaraw.noise.keys import counter_words, key_words, threefry
from sigmaraw.noise.normal import minus_log, normal_pair
from sigmaraw.noise.poisson import LOW_RATE, LOWEST_S, TOPS, poisson_expansion, poisson_high
from sigmaraw.noise.rate_image import make_rate_image
from sigmaraw.noise.sampler import Sampler
from sigmaraw.noise.sampler_slow import reference_block
from tests.noise.exact_law import chi_square_p, exact_pmf, moment_scores

RATES = (0, 0.05, 0.5, 3.99, 4.01, 10, 300, 3e4)
CAMERAS = ((0.3, 2.0), (1.0, 0.2), (1.6, 0.6), (5.0, 1.0))  # read noise, e⁻; gain, DN/e⁻


@pytest.mark.requirement("R-SAMPLE")
def test_samples_follow_the_exact_pmf():
    """32 cells of 10⁶ draws: every p > 1e-4/32, p values uniform (KS p > .001); mean, variance and skewness within 5 SE."""
    p_values = []
    for rate in RATES:
        for index, (read_noise, gain) in enumerate(CAMERAS):
            model = NoiseModel(gain, 100.3, read_noise, 16)
            draws = model.sample(np.full((500, 500), 100.3 + gain * rate), 4, seed=11 + index)
            counts, law = np.bincount(draws.ravel()), exact_pmf(rate, read_noise, gain, 100.3, 0, 65535)
            p_values.append(chi_square_p(counts, *law))
            scores = moment_scores(counts, *law)
            assert max(abs(scores.mean), abs(scores.variance), abs(scores.skewness)) < 5, (rate, read_noise, gain, scores)
    assert min(p_values) > 1e-4 / len(p_values), p_values
    assert stats.kstest(p_values, "uniform").pvalue > 1e-3


def test_nothing_is_compiled_but_the_kernel(caplog):
    """Whatever `jnp` makes of an array is compiled for each new shape: 107 pixels wide no other test draws."""
    level = np.full((50, 107), 300.0)
    key, rates = key_words(3, "compiled", level), make_rate_image(level, level - 100.0, 1.0, 2.0)
    with jax.log_compiles(), caplog.at_level("WARNING", "jax"):
        Sampler(rates, key, lo=0, hi=4095, dtype=np.dtype(np.uint16)).block(counter_words(0, 0, 3))
    compiled = [text.split()[1] for text in caplog.messages if text.startswith("Compiling ")]
    assert compiled == ["jit(kernel)"]


@pytest.mark.requirement("R-SAMPLE")
@pytest.mark.parametrize("rate", [0.5, 3.99, 4.01, 16.0])
def test_clipping_and_gain_follow_the_exact_pmf(rate):
    """Gain 2.3 spreads counts over levels, offset 3 puts the converter's end inside the noise, 10⁶ draws."""
    offset, gain, read_noise = 3.4, 2.3, 1.1
    model = NoiseModel(gain, offset, read_noise, 6, lo_dn=1, hi_dn=50)
    draws = model.sample(np.full((1000, 100), offset + gain * rate), 10, seed=5)
    assert draws.dtype == np.uint8
    assert chi_square_p(np.bincount(draws.ravel()), *exact_pmf(rate, read_noise, gain, offset, 1, 50)) > 1e-5


@pytest.mark.requirement("R-SAMPLE")
@pytest.mark.parametrize(
    ("rate", "tolerated"),
    [
        (0.0, 0),
        (0.05, 0),
        (0.5, 0),
        (3.99, 2e-5),
        (4.01, 2e-5),
        (8.0, 2e-5),
        (15.0, 2e-5),
        (30.0, 5e-5),
        (300.0, 5e-5),
        (3e4, 1e-4),
    ],
)
@pytest.mark.parametrize(("gain", "read_noise"), [(1.0, 0.0), (0.46, 1.6)])
def test_fast_and_slow_agree_on_the_same_words(rate, tolerated, gain, read_noise):
    """Differing pixels: float32 near a boundary, which is likelier at high rates; never by more than 1 DN."""
    shape = (100, 100) if rate < 1000 else (50, 50)  # SciPy's quantile is slow there
    level, rates = np.full(shape, 100.3 + gain * rate), np.full(shape, rate)
    key, counters = key_words(1, "twin", level), counter_words(2, 5, 20)
    fast = Sampler(make_rate_image(level, rates, gain, read_noise), key, lo=0, hi=65535, dtype=np.dtype(np.uint16)).block(counters)
    slow = reference_block(key, counters, level, rates, gain, read_noise, lo=0, hi=65535)
    difference = fast.astype(np.int64) - slow
    assert np.abs(difference).max() <= 1
    assert np.mean(difference != 0) <= tolerated


def test_low_pixels_sampled_apart_are_the_same_as_in_place():
    """A frame with few low rates lists them; the same pixels where low rates prevail go through the exact kernel for all."""
    rng = np.random.default_rng(3)
    rates = np.where(rng.random((41, 51)) < 0.08, rng.uniform(0, 4, (41, 51)), rng.uniform(4, 900, (41, 51)))
    gain, noise, offset = rng.uniform(0.4, 0.5, (41, 51)), rng.lognormal(0.3, 0.4, (41, 51)), rng.normal(100, 2, (41, 51))
    level = offset + gain * rates
    key, counters = key_words(1, "apart", level), counter_words(0, 0, 7)
    listed = Sampler(make_rate_image(level, rates, gain, noise), key, lo=0, hi=4095, dtype=np.dtype(np.uint16))
    assert listed._low is not None
    slow = reference_block(key, counters, level, rates, gain, noise, lo=0, hi=4095)
    assert np.mean(listed.block(counters) != slow) <= 2 / slow.size  # float32 near a boundary
    mostly_low = np.concatenate([rates, np.zeros((164, 51))])
    grow = [np.concatenate([part, np.tile(part, (4, 1))]) for part in (gain, noise, offset)]
    whole = Sampler(
        make_rate_image(grow[2] + grow[0] * mostly_low, mostly_low, grow[0], grow[1]), key, lo=0, hi=4095, dtype=np.dtype(np.uint16)
    )
    assert whole._low is None
    np.testing.assert_array_equal(whole.block(counters)[:, :41], listed.block(counters))


def test_frames_that_stay_on_the_device_are_the_same():
    """Words of two pixels unpacked there: odd sizes, listed pixels, both containers."""
    rng = np.random.default_rng(4)
    for bits, share in ((12, 0.0), (12, 0.05), (8, 0.05), (12, 0.9)):
        rates = np.where(rng.random((3, 17, 19)) < share, 1.5, 60.0)
        scene = make_rate_image(20 + 0.9 * rates, rates, 0.9, 1.6)
        dtype = np.dtype(np.uint8 if bits == 8 else np.uint16)
        made = Sampler(scene, key_words(1, "device", rates), lo=0, hi=(1 << bits) - 1, dtype=dtype)
        counters = counter_words(1, 3, 4)
        found = made.device_block(counters)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, made.block(counters))


def test_minus_log_is_relative_also_next_to_one():
    u = np.unique(np.concatenate([1 - np.arange(1, 5000) * 2.0**-24, np.geomspace(2.0**-33, 1, 200_001)]).astype(np.float32))
    exact = -np.log(u[:-1].astype(np.float64))
    assert u[-1] == 1 and float(minus_log(u[-1:])[0]) == 0
    assert np.max(np.abs(np.asarray(minus_log(u[:-1]), dtype=np.float64) / exact - 1)) < 3e-7


def test_normals_are_those_of_box_and_muller():
    """Against float64 on the same words: |error| ≤ 2e-7·(1 + r) of float32, and 2⁻²⁴/r because u next to 1 is held to 2⁻²⁵."""
    rng = np.random.default_rng(0)
    edge = np.array([0, 1, 2**31 - 1, 2**31, 2**32 - 1], dtype=np.uint32)
    radius = np.concatenate([edge, rng.integers(0, 2**32, 200_000, dtype=np.uint32), rng.integers(0, 999, 1000, dtype=np.uint32)])
    angle = rng.integers(0, 2**32, radius.size, dtype=np.uint32)
    angle[:5] = edge
    r = np.sqrt(-2 * np.log((radius + 0.5) * 2.0**-32))
    theta = ((angle & 0x3FFFFFFF) + 0.5) * np.pi / 2**31
    signs = 1.0 - 2.0 * (angle >> np.uint32(31)), 1.0 - 2.0 * ((angle >> np.uint32(30)) & 1)
    for found, exact in zip(normal_pair(radius, angle), (r * np.cos(theta) * signs[0], r * np.sin(theta) * signs[1]), strict=True):
        found = np.asarray(found, dtype=np.float64)
        assert np.all(np.isfinite(found))
        assert np.all(np.abs(found - exact) <= 2e-7 * (1 + r) + 2.0**-24 / np.maximum(r, 2.0**-12))
        assert np.all(np.abs(found) <= 6.77)


def test_normals_of_a_pair_are_independent_and_normal():
    """4·10⁶ words: KS of each (p > 1e-4), correlation of values and of squares within 4/√N, and tails to 5σ as expected (4 SE)."""
    n = 1 << 21
    words = threefry(np.array([3, 4], np.uint32), np.zeros(1, np.uint32), np.arange(n, dtype=np.uint32))
    first, second = (np.asarray(part, dtype=np.float64) for part in normal_pair(*words))
    for values in (first, second):
        assert stats.kstest(values[: 1 << 19], "norm").pvalue > 1e-4
        for limit in (3, 4, 4.5):
            expected = special.ndtr(-limit) * n
            for count in (np.sum(values > limit), np.sum(values < -limit)):
                assert abs(count - expected) < 4 * np.sqrt(expected) + 1
    assert abs(np.mean(first * second)) < 4 / np.sqrt(n)
    assert abs(np.mean((first**2 - 1) * (second**2 - 1)) / 2) < 4 / np.sqrt(n)


@pytest.mark.parametrize("rate", [4.0, 4.7, 6.3, 12.0, 40.0, 2500.0, 1e6])
def test_expansion_is_the_poisson_quantile(rate):
    """P(N < k) at the w where Q(w) = k: total variation of the implied pmf < 1e-6, the float64 arithmetic being the twin's.

    w is found by Newton steps from the exact one; float32 adds noise of 1e-7·√λ in Q, which a second bound allows for.
    """
    k = np.arange(max(1, int(rate - 7 * np.sqrt(rate))), int(rate + 7 * np.sqrt(rate) + 18)).astype(np.float64)
    below, above = special.gammaincc(k, rate), special.gammainc(k, rate)
    w = np.where(below < 0.5, special.ndtri(below), -special.ndtri(above))
    k, w = k[np.abs(w) < 6.6], w[np.abs(w) < 6.6]
    if len(k) > 4000:
        k, w = k[:: len(k) // 4000], w[:: len(w) // 4000]  # the error is smooth there
    root = np.float32(np.sqrt(rate))

    def quantile(at):
        return rate + np.asarray(poisson_expansion(at.astype(np.float32), root, np.float32(1) / root), dtype=np.float64)

    steps = np.stack([w + offset for offset in np.linspace(-3e-4, 3e-4, 61)])  # means over float32 steps
    slope = np.sqrt(rate) + w / 3
    error = (quantile(steps.ravel()).reshape(steps.shape) - k).mean(axis=0) / slope * stats.norm.pdf(w)  # as a probability
    assert 0.5 * np.abs(np.diff(error, prepend=0, append=0)).sum() < 1e-6 + 4e-7


def test_expansion_below_its_range_counts_nothing():
    """s = w/√λ below −1.39 is past the count of 0: Q stays between 0 and 1 there, for every rate that w can bring there."""
    for rate in np.geomspace(LOW_RATE, 24, 50):
        root = np.float32(np.sqrt(rate))
        w = np.linspace(-6.77, LOWEST_S * root, 100, dtype=np.float32)
        quantile = rate + np.asarray(poisson_expansion(w, root, np.float32(1) / root))
        assert np.all(np.abs(quantile - 0.5) < 0.5), rate


def test_a_count_is_never_negative():
    """A quantile that rounding leaves below 0 counts nothing."""
    root = np.float32(2.0)
    found = poisson_high(np.float32([-6.7, 0.0]), root, 1 / root, np.float32(-0.6), np.float32(4.0))
    assert found[0] == -4 and found[1] > -2


def test_summation_reaches_the_last_word():
    for limit, top in TOPS:
        assert stats.poisson.sf(top, limit) < 2.0**-33
    assert TOPS[-1][0] == LOW_RATE


@pytest.mark.requirement("R-SAMPLE")
@pytest.mark.parametrize("shape", [(33, 17), (3, 11, 31)])
def test_bytes_do_not_depend_on_batch_or_start(shape):
    """Odd shapes leave remainders in vectorised loops; scalars and maps, all low, mixed and all high rates."""
    rng = np.random.default_rng(7)
    maps = NoiseModel(rng.uniform(0.3, 0.6, shape[-2:]), rng.normal(100, 2, shape[-2:]), rng.lognormal(0.3, 0.4, shape[-2:]), 12)
    for model, top in ((maps, 140.0), (NoiseModel(0.46, 100.2, 1.6, 12), 105.0)):
        scene = rng.uniform(100, top, shape)
        whole = model.sample(scene, 13, seed=4)
        for batch in (1, 8):
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
        fast = Sampler(make_rate_image(levels, rates, 0.5, 0.0), key, lo=0, hi=255, dtype=np.dtype(np.uint8)).block(counters)
        slow = reference_block(key, counters, levels, rates, 0.5, 0.0, lo=0, hi=255)
        assert np.mean(fast != slow) < 2e-5


@pytest.mark.requirement("R-SAMPLE")
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
