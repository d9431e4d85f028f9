"""Rician noise against SciPy's law of Rice, direct simulation, and the slow twin of the sampler."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

import sigmaraw as sr
from sigmaraw.errors import InvalidOption, InvalidSpec, NotIntegerData
from sigmaraw.noise import RicianNoise, rice, rician_of
from sigmaraw.noise.keys import counter_words, key_words
from sigmaraw.noise.replicas import iter_slabs
from sigmaraw.noise.rician_sampler import RicianSampler
from sigmaraw.noise.sampler_slow import slow_magnitudes

AMPLITUDES = np.array([0.0, 0.05, 0.5, 1.0, 2.0, 5.0, 12.0, 30.0])  # in σ
SIGMA = 12.0  # DN


def magnitudes(amplitude: np.ndarray, rng: np.random.Generator, sigma: float = SIGMA) -> np.ndarray:
    """Return one image as a scanner makes it: the modulus of a complex image with normal noise, in whole DN."""
    noisy = amplitude + sigma * (rng.normal(size=amplitude.shape) + 1j * rng.normal(size=amplitude.shape))
    return np.rint(np.abs(noisy)).astype(np.uint16)


def phantom(side: int = 96) -> np.ndarray:
    """Return amplitudes, DN: air, a disc of 12 σ, in it one of 25 σ and a weak one of 2 σ."""
    y, x = np.mgrid[:side, :side] / side
    found = np.zeros((side, side))
    for cy, cx, radius, level in ((0.5, 0.5, 0.36, 150.0), (0.45, 0.4, 0.12, 300.0), (0.62, 0.62, 0.09, 24.0)):
        found[(y - cy) ** 2 + (x - cx) ** 2 < radius**2] = level
    return found


def test_moments_are_those_of_the_law() -> None:
    mean, variance = stats.rice.stats(AMPLITUDES, moments="mv")
    assert rice.mean_of(AMPLITUDES) == pytest.approx(mean, rel=1e-9)
    assert rice.variance_at(mean) == pytest.approx(variance, rel=2e-6)
    assert rice.amplitude_at(mean) == pytest.approx(AMPLITUDES, abs=2e-4)  # near 0 an error of the mean counts by its root
    assert rice.amplitude_at(0.9 * rice.RAYLEIGH_MEAN) == 0.0
    far = np.array([60.0, 1000.0])  # beyond the table: t = A + 1/(2A), g = 1 − 1/(2A²)
    assert rice.amplitude_at(far + 0.5 / far) == pytest.approx(far, rel=1e-6)


def test_unbiased_inverse_gives_the_mean_back() -> None:
    rng, n = np.random.default_rng(11), 400_000
    transform = rice.Stabiliser(0.0)
    for amplitude in (0.0, 0.7, 1.5, 3.0, 20.0):
        drawn = np.hypot(amplitude + rng.normal(size=n), rng.normal(size=n))
        y = transform.of(drawn)
        assert np.abs(transform.inverse(y) - drawn).max() < 1e-9
        # SE of the mean found: that of y, by the slope dt/dy = √g; both scatter together, and 4 of the larger bound the difference.
        se = y.std() * math.sqrt(float(rice.variance_at(stats.rice.mean(amplitude))) / n)
        assert transform.mean_at(y.mean()) == pytest.approx(stats.rice.mean(amplitude), abs=4 * se)
        assert 0.85 < y.std() < 1.1


@pytest.mark.parametrize("amplitude", [0.0, 1.0, 3.0, 30.0])
def test_replicas_have_the_moments_of_the_law(amplitude: float) -> None:
    noise, n, pixels = RicianNoise.stated(SIGMA), 64, 64 * 63
    mean, variance = (float(value) for value in stats.rice.stats(amplitude, moments="mv"))
    drawn = noise.sample(np.full((64, 63), SIGMA * mean), n, seed=3).astype(np.float64)
    count = n * pixels
    fourth = float(stats.rice.expect(lambda m: (m - mean) ** 4, args=(amplitude,), lb=max(amplitude - 12, 0), ub=amplitude + 12))
    expected = SIGMA**2 * variance + 1 / 12
    assert drawn.mean() == pytest.approx(SIGMA * mean, abs=4 * math.sqrt(expected / count))
    assert drawn.var() == pytest.approx(expected, abs=4 * SIGMA**2 * math.sqrt((fourth - variance**2) / count))
    skew = float(((drawn - drawn.mean()) ** 3).mean() / drawn.std() ** 3)
    # SE of a skewness near 0 is √(6/N); of Rayleigh's law, whose sixth moment is larger, below 3 times that
    assert skew == pytest.approx(float(stats.rice.stats(amplitude, moments="s")), abs=4 * 3 * math.sqrt(6 / count))
    assert np.corrcoef(drawn[:, :, 0::2][..., :31].ravel(), drawn[:, :, 1::2].ravel())[0, 1] == pytest.approx(
        0, abs=4 / math.sqrt(count / 2)
    )


def test_kernel_is_its_slow_twin() -> None:
    amplitude = np.linspace(0.0, 3000.0, 31 * 33).reshape(31, 33)
    key, counters = key_words(5, "test", amplitude), counter_words(2, 7, 6)
    drawn = RicianSampler(amplitude, SIGMA, key, 0, hi=2900, dtype=np.dtype(np.uint16)).block(counters).astype(np.int64)
    slow = slow_magnitudes(key, counters, amplitude, SIGMA, hi=2900)
    apart = np.abs(drawn - slow)
    assert apart.max() <= 1  # float32 against float64, at ties of rounding
    assert np.mean(apart > 0) < 1e-3
    assert drawn.max() == 2900


def test_a_replica_is_the_same_bytes_however_it_is_asked_for() -> None:
    image = magnitudes(phantom(), np.random.default_rng(2))
    whole = sr.replicas(image, "rician:sigma=12", n=7, seed=9).values
    parts = np.concatenate(list(sr.iter_replicas(image, "rician:sigma=12", 4, seed=9, start=3, batch=3)))
    assert whole.dtype == np.uint16
    assert np.array_equal(whole[3:], parts)
    assert not np.array_equal(whole[0], sr.replicas(image, "rician:sigma=12", n=1, seed=9, group=1).values[0])
    volume = np.stack([magnitudes(phantom(33), np.random.default_rng(seed)) for seed in range(4)])
    drawn = sr.replicas(volume, "rician:sigma=12", n=2, seed=1).values
    for slab in iter_slabs(volume, "rician:sigma=12", 2, seed=1, pixels=2 * 33 * 33):
        assert np.array_equal(slab.block, drawn[slab.start : slab.start + len(slab.block), slab.planes])


def test_spread_of_a_region_s_mean_is_that_of_real_repeats() -> None:
    """σ of mean intensity by the closed form and by repeats, and the mean of replicas with the magnitude's bias."""
    truth, rng = phantom(), np.random.default_rng(21)
    image, n = magnitudes(truth, rng), 400
    drawn = sr.replicas(image, "rician:sigma=12,se=0.1", n=n, seed=4).values.astype(np.float64)
    fresh = np.stack([magnitudes(truth, rng) for _ in range(n)]).astype(np.float64)
    for name, level, tolerated in (("air", 0.0, 0.03), ("weak", 24.0, 0.06), ("strong", 300.0, 0.02)):
        region = truth == level
        ours, real = drawn[:, region].mean(axis=1), fresh[:, region].mean(axis=1)
        exact = SIGMA * math.sqrt(float(stats.rice.var(level / SIGMA)) / region.sum())
        # SE of a standard deviation: σ/√(2(n − 1)); `tolerated` is what the estimate of the image may be off besides
        se = exact / math.sqrt(2 * (n - 1))
        assert real.std(ddof=1) == pytest.approx(exact, abs=4 * se), name
        assert ours.std(ddof=1) == pytest.approx(exact, abs=4 * se + tolerated * exact), name
        # The image's own noise moves what replicas are drawn around: one exact σ; and 3 % of σ where the estimate is cut off at A = 0
        biased = SIGMA * float(stats.rice.mean(level / SIGMA))
        assert real.mean() == pytest.approx(biased, abs=4 * exact / math.sqrt(n)), name
        assert ours.mean() == pytest.approx(biased, abs=4 * exact + 0.03 * SIGMA), name
    assert drawn[:, truth == 0].mean() > SIGMA  # 1.25 σ without signal: the bias is there


def test_uncertainty_of_sigma_goes_into_that_of_the_spread() -> None:
    noise, moved = RicianNoise.stated(SIGMA, se_dn=0.3), RicianNoise.stated(SIGMA * 1.001)
    assert noise.relative_spread_uncertainty(np.zeros((8, 8))) == pytest.approx(0.3 / SIGMA)
    for amplitude in (0.0, 1.5, 3.0, 30.0):  # √V grows by no more than σ, and by as much in air and in strong signals
        levels = [one.sigma_dn * float(stats.rice.mean(amplitude * SIGMA / one.sigma_dn)) for one in (noise, moved)]
        variances = [float(one.variance(level)) for one, level in zip((noise, moved), levels, strict=True)]
        slope = math.log(variances[1] / variances[0]) / 2 / math.log(1.001)
        assert slope < 1.001
        if amplitude in (0.0, 30.0):
            assert slope == pytest.approx(1.0, abs=0.01)
    assert RicianNoise.stated(SIGMA).relative_spread_uncertainty(np.full((4, 4), 500)) == 0.1


def test_a_masked_background_is_named() -> None:
    image = magnitudes(phantom(), np.random.default_rng(5))
    noise = RicianNoise.stated(SIGMA)
    assert noise.diagnostics(image) == ()
    image[phantom() == 0] = 0
    (found,) = noise.diagnostics(image)
    assert (found.name, found.passed) == ("masked_background", False)
    assert "before it was masked" in found.text


def test_specifications() -> None:
    assert rician_of("rician:sigma=3,se=0.1").u_read_noise == 0.1
    for text in ("rician", "rician:se=1", "rician:sigma=a", "rician:gain=2"):
        with pytest.raises(InvalidSpec):
            rician_of(text)
    for text in ("rician:sigma=0", "rician:sigma=inf", "rician:sigma=nan"):
        with pytest.raises((InvalidOption, InvalidSpec)):
            rician_of(text)
    with pytest.raises(NotIntegerData, match="without signal is 0"):
        RicianNoise.stated(3.0).of_image(12, shift=1024)
    with pytest.raises(InvalidOption, match="mode simex with Rician noise"):
        sr.replicas(np.full((8, 8), 90, np.uint16), "rician:sigma=3", n=2, mode="simex")
    assert RicianNoise.stated(3.0).fingerprint() != sr.NoiseModel(1.0, 0.0, 3.0, 16).fingerprint()
