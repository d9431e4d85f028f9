"""Mode `bootstrap`: the estimate, the noise around it, and the checks that say how far to trust it."""

import math
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import integrate, ndimage, stats

from sigmaraw import noise, registry
from sigmaraw.codecs import codec
from sigmaraw.contracts import Measurement, ReplicaRequest
from sigmaraw.errors import BitDepthMismatch, InvalidOption, InvalidPrediction, InvalidSpec, UnknownName
from sigmaraw.noise import NoiseModel, iter_replicas, replica_mode, replicas
from sigmaraw.noise.bootstrap import Bootstrap
from sigmaraw.noise.denoise import NonLocalMeans, estimate, unbiased_inverse
from sigmaraw.noise.keys import counter_words, key_words
from sigmaraw.noise.residuals import residual_checks
from sigmaraw.noise.sampler_slow import reference_block
from sigmaraw.noise.sliding_dct import SlidingDct

GAIN, OFFSET, READ = 0.46, 100.0, 1.6
MODEL = NoiseModel(GAIN, OFFSET, READ, 12)
Y, X = np.mgrid[:96, :96]
SCENE = 10 + 60 * np.exp(-((Y - 48) ** 2 + (X - 40) ** 2) / 300)  # e⁻


def acquire(mean_e, seed):
    """Draw one frame by plain NumPy, independently of the package's sampler."""
    random = np.random.default_rng(seed)
    electrons = random.poisson(mean_e) + random.normal(0, READ, mean_e.shape)
    return np.clip(np.rint(OFFSET + GAIN * electrons), 0, 4095).astype(np.uint16)


FRAME = acquire(SCENE, 1)


def smoothed(image):
    """A denoiser as a user writes one: a function."""
    return ndimage.uniform_filter(image, 5)


def test_a_function_is_a_denoiser_by_its_name_and_by_itself():
    named, itself = replica_mode(f"bootstrap:denoiser={__name__}:smoothed"), Bootstrap(smoothed)
    request = ReplicaRequest(1)
    levels = [mode.base(FRAME, MODEL, request).level_dn for mode in (named, itself)]
    assert np.array_equal(*levels)
    assert np.array_equal(levels[0], estimate(FRAME, MODEL, smoothed))
    assert named.denoiser.name == itself.denoiser.name == f"{__name__}:smoothed"
    decoded = codec(f"denoise:{__name__}:smoothed", MODEL).roundtrip(FRAME)[0]
    assert np.array_equal(decoded, np.clip(np.rint(levels[0]), 0, 4095))
    for wrong in ("no_such_module:f", f"{__name__}:no_such_function", f"{__name__}:GAIN"):
        with pytest.raises(InvalidSpec, match="denoiser"):
            replica_mode(f"bootstrap:denoiser={wrong}")


class Truth:
    """A denoiser that knows the answer, so that what is left is the mode alone."""

    name = "truth"

    def __call__(self, image):
        return MODEL.stabilise(OFFSET + GAIN * SCENE)


class Identity:
    """No denoising at all."""

    name = "identity"

    def __call__(self, image):
        return image


class Counting(NonLocalMeans):
    name = "counting"

    def __init__(self):
        self.calls = 0

    def __call__(self, image):
        self.calls += 1
        return super().__call__(image)


def draw(frame, n, mode=None, model=MODEL, **options):
    mode = mode or Bootstrap()
    return np.concatenate(list(noise.draw(mode, frame, model, ReplicaRequest(n, **options))))


# --- the estimate -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("read", [0.5, 1.6, 5.0])
@pytest.mark.parametrize("rate", [1.0, 5.0, 30.0, 400.0])
def test_the_inverse_is_unbiased(rate, read):
    """E[2√(N + r + 3/8 + σ²)] by exact sum over N and integration over r, brought back, is the rate within .06 e⁻ or 1 %.

    That is the closed form's own error (Mäkitalo and Foi, 2013, Fig. 3); the algebraic inverse is ¼ e⁻ too low.
    """
    counts = np.arange(stats.poisson.ppf(1e-12, rate), stats.poisson.isf(1e-12, rate) + 1)
    r = np.linspace(-8 * read, 8 * read, 4001)
    transformed = 2 * np.sqrt(np.maximum(counts[:, None] + r + 0.375 + read**2, 0))
    given_count = integrate.simpson(transformed * stats.norm.pdf(r, scale=read), x=r)
    mean = float(given_count @ stats.poisson.pmf(counts, rate))
    assert float(unbiased_inverse(np.array(mean), read)) == pytest.approx(rate, abs=0.06, rel=0.01)
    assert (mean / 2) ** 2 - 0.375 - read**2 < rate - 0.1


@pytest.mark.parametrize("denoiser", [SlidingDct(), NonLocalMeans()])
def test_the_estimate_is_near_the_truth_and_keeps_the_mean(denoiser):
    """RMS error below .35 of the noise (the frame itself has 1), and the frame's mean to 1e-3 of its σ."""
    truth = OFFSET + GAIN * SCENE
    found = estimate(FRAME, MODEL, denoiser)
    assert np.sqrt(np.mean((found - truth) ** 2 / MODEL.variance(truth))) < 0.35
    sigma_of_mean = np.sqrt(MODEL.variance(truth).sum()) / truth.size
    assert abs(found.mean() - FRAME.mean()) < 0.05 * sigma_of_mean


def test_what_the_denoiser_takes_from_local_means_is_given_back():
    """A denoiser that loses an electron everywhere leaves no bias."""

    class Thief:
        name = "thief"

        def __call__(self, image):
            return MODEL.stabilise(MODEL.to_dn((NonLocalMeans()(image) / 2) ** 2 - 0.375 - READ**2 - 1.0))

    found = estimate(FRAME, MODEL, Thief())
    sigma_of_mean = np.sqrt(MODEL.variance(FRAME).sum()) / FRAME.size
    assert abs(found.mean() - FRAME.mean()) < 0.05 * sigma_of_mean


def test_pages_of_a_volume_are_denoised_one_by_one():
    volume = np.stack([FRAME, acquire(SCENE, 2)])
    found = estimate(volume, MODEL, NonLocalMeans())
    np.testing.assert_array_equal(found[1], estimate(volume[1], MODEL, NonLocalMeans()))
    assert draw(volume, 2).shape == (2, *volume.shape)


@pytest.mark.parametrize("shape", [(1, 1), (1, 8), (2, 2), (7, 3), (1, 1, 9)])
def test_frames_of_any_size_are_taken(shape):
    found = replicas(np.full(shape, 300, np.uint16), MODEL, 3, mode="bootstrap")
    assert found.shape == (3, *shape)
    assert abs(found.values.mean() - 300) < 4 * np.sqrt(MODEL.variance(300) / found.size)


def test_a_denoiser_that_fails_is_named():
    class Broken:
        name = "broken"

        def __call__(self, image):
            return np.full_like(image, np.nan)

    with pytest.raises(InvalidPrediction, match="broken"):
        draw(FRAME, 1, Bootstrap(Broken()))


# --- the noise around it ----------------------------------------------------------------------------------------------
def test_replicas_are_the_whole_model_around_the_estimate():
    """Against m̂ + K(Poisson(λ) − λ + r) in float64 with SciPy's quantiles on the same words."""
    level = estimate(FRAME, MODEL, SlidingDct())
    rate = np.maximum((level - OFFSET) / GAIN, 0)
    words = key_words(9, "bootstrap:dct", FRAME), counter_words(3, 2, 6)
    slow = reference_block(*words, level, rate, GAIN, READ, lo=0, hi=4095)
    fast = draw(FRAME, 6, start=2, group=3, seed=9)
    assert fast.dtype == np.uint16
    assert np.mean(fast != slow) < 1e-4
    assert np.abs(fast.astype(int) - slow).max() <= 1


def test_around_the_truth_noise_is_counted_once():
    """With a denoiser that knows the scene, pixels vary about the truth by V (4 SE, √(2/N)); around the frame it would be 2 V.

    What the frame's local means give back adds V/(4π·6²) to the offset of m̂, not to the spread.
    """
    truth = OFFSET + GAIN * SCENE
    found = draw(FRAME, 200, Bootstrap(Truth()))
    ratio = (found.var(axis=0, ddof=1) / (GAIN**2 * (SCENE + READ**2) + 1 / 12)).mean()
    assert abs(ratio - 1) < 4 * np.sqrt(2 / found.size)
    about = ((found - truth) ** 2 / (GAIN**2 * (SCENE + READ**2) + 1 / 12)).mean()
    assert 0.98 < about < 1.03


def test_texture_is_not_counted_twice():
    """Standard deviation of horizontal neighbours' differences, against fresh frames: around-raw is √2 too high, bootstrap within 5 %."""

    def texture(images):
        return np.diff(images.astype(float), axis=-1).std(axis=(1, 2)).mean()

    fresh = texture(np.stack([acquire(SCENE, seed) for seed in range(20, 40)]))
    assert texture(draw(FRAME, 20)) / fresh == pytest.approx(1, abs=0.05)
    assert texture(replicas(FRAME, MODEL, 20, mode="around-raw").values) / fresh > 1.3


# --- identity ---------------------------------------------------------------------------------------------------------
def test_replica_i_does_not_depend_on_n_start_batch_or_process():
    whole = replicas(FRAME, MODEL, n=9, mode="bootstrap", seed=7).values
    np.testing.assert_array_equal(replicas(FRAME, MODEL, n=4, mode="bootstrap", seed=7).values, whole[:4])
    for batch in (1, 2):
        np.testing.assert_array_equal(replicas(FRAME, MODEL, n=9, mode="bootstrap", seed=7, batch=batch).values, whole)
    np.testing.assert_array_equal(np.concatenate(list(iter_replicas(FRAME, MODEL, 5, "bootstrap", 7, start=4))), whole[4:])
    travelled = pickle.loads(pickle.dumps(Bootstrap()))  # noqa: S301 (bytes made on this line)
    np.testing.assert_array_equal(draw(FRAME, 9, travelled, seed=7), whole)


def test_an_image_is_denoised_once():
    """Blocks, groups, seeds and checks share one estimate; another image or another camera has its own."""
    denoiser = Counting()
    mode = Bootstrap(denoiser)
    for group in range(3):
        for start in (0, 10):
            draw(FRAME, 2, mode, group=group, start=start, seed=group)
    mode.diagnostics(FRAME.copy(), NoiseModel(GAIN, OFFSET, READ, 12))
    assert denoiser.calls == 1
    other = FRAME.copy()
    other[0, 0] += 1
    draw(other, 2, mode)
    assert denoiser.calls == 2
    darker = NoiseModel(GAIN, OFFSET - 5, READ, 12)
    np.testing.assert_array_equal(draw(FRAME, 2, mode, darker), draw(FRAME, 2, Bootstrap(Counting()), darker))
    assert denoiser.calls == 3


def test_two_images_are_denoised_side_by_side_and_one_image_once():
    """Threads that want the same estimate wait for it; what another image needs goes on meanwhile."""
    meeting, calls = threading.Barrier(2, timeout=20), []

    def denoiser(image):
        calls.append(1)
        meeting.wait()
        return image

    mode, frames = Bootstrap(denoiser), [FRAME, FRAME[::-1].copy()]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda frame: mode.base(frame, MODEL, ReplicaRequest(1, 0)).level_dn, frames * 2))
    assert len(calls) == 2
    assert found[0] is found[2] and found[1] is found[3]


def test_an_estimate_that_failed_is_made_anew():
    outcomes = iter([np.nan, 0.0])
    mode = Bootstrap(lambda image: image + next(outcomes))
    with pytest.raises(InvalidPrediction):
        mode.diagnostics(FRAME, MODEL)
    assert mode.diagnostics(FRAME, MODEL)


def test_groups_seeds_and_denoisers_have_their_own_streams():
    base = draw(FRAME, 1)
    for other in (draw(FRAME, 1, group=1), draw(FRAME, 1, seed=1), draw(FRAME, 1, Bootstrap(Counting()))):
        assert np.mean(other == base) < 0.3


# --- checks -----------------------------------------------------------------------------------------------------------
def checks(frame, level):
    return {entry.name: entry for entry in residual_checks(frame, level, MODEL)}


def test_residuals_about_the_truth_are_white_with_unit_variance():
    """4 SE: √(2/N) for the variance, 1/√N for the correlations."""
    found = checks(FRAME, OFFSET + GAIN * SCENE)
    assert set(found) == {"residual_variance", "residual_correlation_y", "residual_correlation_x"}
    assert abs(found["residual_variance"].value - 1) < 4 * np.sqrt(2 / FRAME.size)
    for axis in "yx":
        assert abs(found[f"residual_correlation_{axis}"].value) < 4 / np.sqrt(FRAME.size)
    assert all(entry.passed for entry in found.values())


@pytest.mark.parametrize("axis", [0, 1])
def test_noise_correlated_along_an_axis_is_found(axis):
    """Pairs of neighbours share half of their variance along one axis only: lag-1 correlation .5 (4 SE of 1.3/√N)."""
    random = np.random.default_rng(5)
    white = random.normal(size=(400, 400))
    level = np.full(white.shape, 1000.0)
    mixed = (white + np.roll(white, 1, axis)) / np.sqrt(2)
    frame = np.rint(level + np.sqrt(MODEL.variance(level)) * mixed).astype(np.uint16)
    found = checks(frame, level)
    along, across = ("y", "x") if axis == 0 else ("x", "y")
    assert abs(found[f"residual_correlation_{along}"].value - 0.5) < 4 * 1.3 / 400
    assert not found[f"residual_correlation_{along}"].passed
    assert found[f"residual_correlation_{across}"].passed
    assert along in found[f"residual_correlation_{along}"].text


def test_an_estimate_that_keeps_the_noise_or_lacks_structure_is_found():
    kept = {entry.name: entry for entry in Bootstrap(Identity()).diagnostics(FRAME, MODEL)}["residual_variance"]
    assert kept.value < 0.1
    assert "keeps part of the noise" in kept.text
    harmed = {kind for kind in ("mean", "count", "area", "texture", "") if kept.warns(Measurement("x", "1", "x", "x", kind=kind))}
    assert harmed == {"texture", ""}  # a kind that is not said counts as the worst
    flat = checks(FRAME, np.full(FRAME.shape, float(FRAME.mean())))
    assert not flat["residual_variance"].passed
    assert "lacks structure" in flat["residual_variance"].text
    assert flat["residual_variance"].warns(Measurement("x", "1", "x", "x", kind="count"))
    assert not flat["residual_correlation_x"].passed


def test_clipped_pixels_are_left_out():
    frame, level = FRAME.copy(), OFFSET + GAIN * SCENE
    level[::2] -= 1.0  # stripes: correlations that are not near zero
    expected = checks(FRAME[:, 30:], level[:, 30:])
    frame[:, :30] = 4095
    for name, entry in checks(frame, level).items():
        assert entry.value == pytest.approx(expected[name].value, rel=1e-9)
    assert checks(np.full_like(FRAME, 4095), np.full(FRAME.shape, 4095.0))["residual_variance"].value == 0


# --- refusals ---------------------------------------------------------------------------------------------------------
def test_the_denoiser_is_chosen_by_name():
    assert registry.names(registry.DENOISERS) == ["dct", "nlm"]
    assert replica_mode("bootstrap:denoiser=nlm").denoiser.name == "nlm"
    assert replica_mode("bootstrap:nlm").denoiser.name == "nlm"
    assert replica_mode("bootstrap").denoiser.name == "dct"
    np.testing.assert_array_equal(replicas(FRAME, MODEL, 2, mode="bootstrap:dct"), replicas(FRAME, MODEL, 2, mode="bootstrap"))
    with pytest.raises(UnknownName, match="denoiser 'magic'"):
        replica_mode("bootstrap:denoiser=magic")
    with pytest.raises(InvalidSpec):
        replica_mode("bootstrap:strength=2")
    with pytest.raises(InvalidSpec):
        replica_mode("around-raw:denoiser=nlm")


def test_bad_input_is_refused():
    with pytest.raises(InvalidOption, match="camera"):
        draw(FRAME, 2, model=None)
    with pytest.raises(BitDepthMismatch):
        draw(FRAME.astype(np.uint8), 2)
    with pytest.raises(InvalidOption, match="n = 0"):
        noise.draw(Bootstrap(), FRAME, MODEL, ReplicaRequest(0))


def test_estimates_are_kept_up_to_a_size(monkeypatch):
    """A study of adaptive n comes back to every image: each is denoised once while all fit, and the latest in any case."""
    from sigmaraw.noise import bootstrap

    frames = [acquire(SCENE, seed) for seed in range(3)]
    for room, calls in ((3 * 96 * 96 * 8, 3), (2 * 96 * 96 * 8, 6), (0, 6)):
        monkeypatch.setattr(bootstrap, "_KEPT_BYTES", room)
        counting = Counting()
        mode = Bootstrap(counting)
        for frame in frames * 2:
            mode.centre(frame, MODEL)
            mode.centre(frame, MODEL)
        assert counting.calls == calls


# --- read noise that differs from pixel to pixel ------------------------------------------------------------------------
def test_the_estimate_of_an_even_scene_does_not_follow_the_read_noise_map():
    """An even scene of 8 e-: the estimate's error must not be correlated with σ_r², and replicas' residuals are the frame's.

    N = 128² pixels. The correlation of independent values is 0 ± 1/√N. The residual variance of one frame has a standard error of √(2/N),
    the ratio of two √(4/N).
    """
    side, random = 128, np.random.default_rng(8)
    read_noise = 1.6 * np.exp(random.normal(0, 0.5, (side, side)))
    camera = NoiseModel(0.5, 100.0, read_noise, 12)
    light = random.poisson(8.0, (side, side)) + read_noise * random.normal(size=(side, side))
    frame = np.clip(np.rint(100 + 0.5 * light), 0, 4095).astype(np.uint16)
    mode = Bootstrap()
    level = mode.centre(frame, camera)
    pixels = frame.size
    assert abs(np.corrcoef(level.ravel(), read_noise.ravel() ** 2)[0, 1]) < 4 / math.sqrt(pixels)

    def residual_variance(image: np.ndarray) -> float:
        centre = mode.centre(image, camera)
        return float(np.mean((image - centre) ** 2 / camera.variance(centre)))

    replica = replicas(frame, camera, n=1, seed=3).values[0]
    assert residual_variance(frame) / residual_variance(replica) == pytest.approx(1.0, abs=4 * math.sqrt(4 / pixels))
