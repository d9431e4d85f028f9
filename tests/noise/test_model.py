"""The camera model: its formulas, which images it takes, how it reads a profile."""

import numpy as np
import pytest
import xarray

from sigmaraw.camera import CameraProfile
from sigmaraw.errors import BitDepthMismatch, InvalidOption, InvalidProfile, NotIntegerData, ProfileMismatch, ShapeMismatch
from sigmaraw.netcdf import Arrays
from sigmaraw.noise import NoiseModel

MODEL = NoiseModel(0.46, 100.0, 1.6, 12, u_gain=0.02, u_read_noise=0.05)


class BareProfile(CameraProfile):
    """A profile with the variables that a noise model reads, and nothing that a calibration would add."""

    def __init__(self, dataset: xarray.Dataset, bits: int) -> None:
        object.__setattr__(self, "arrays", Arrays.of(dataset.assign_attrs(stated_bits=bits)))

    @property
    def bits(self) -> int:
        return int(self.arrays.attrs["stated_bits"])

    @property
    def valid_range(self) -> tuple[int, int]:
        return 0, 3900


def profile(shape=(6, 8), bits=12, **changes):
    """A profile as the camera layer shapes it: a dataset with its variables, bit depth and valid range."""
    rng = np.random.default_rng(0)
    scalars = {"gain": 0.5, "offset": 100.0, "dark_noise": 2.0, "read_noise": 1.5, "gain_se": 0.01, "dark_noise_se": 0.1}
    variables = {name: ((), value) for name, value in (scalars | changes).items() if value is not None}
    if shape:
        maps = {
            "offset_map": rng.normal(100, 1, shape),
            "read_noise_map": rng.uniform(1, 2, shape),
            "gain_map": rng.uniform(0.4, 0.6, shape),
        }
        variables |= {name: (("y", "x"), values) for name, values in maps.items()}
    return BareProfile(xarray.Dataset(variables), bits)


# --- formulas ---------------------------------------------------------------------------------------------------------
def test_variance_is_the_equation():
    np.testing.assert_allclose(
        MODEL.variance([90.0, 100.0, 1000.0]), [0.46**2 * 1.6**2 + 1 / 12] * 2 + [0.46 * 900 + 0.46**2 * 1.6**2 + 1 / 12]
    )


def test_variance_is_what_samples_have():
    """SE of a variance over N values of nearly normal noise: √(2/N)·V."""
    draws = MODEL.sample(np.full((300, 300), 400.0), 10, seed=1)
    assert abs(draws.var(ddof=1) / MODEL.variance(400.0) - 1) < 4 * np.sqrt(2 / draws.size)


def test_electrons_and_back():
    levels = np.array([[0, 100, 4095]], dtype=np.uint16)
    np.testing.assert_allclose(MODEL.to_electrons(levels), [[-100 / 0.46, 0, 3995 / 0.46]])
    np.testing.assert_allclose(MODEL.to_dn(MODEL.to_electrons(levels)), levels)


def test_stabilise_makes_the_noise_one():
    """sd of 2√(z+3/8+σ²) is √(V/(V − 1/12)) at 1000 e⁻, where the transform's own error is below 1e-3; SE √(1/2N)."""
    level = 100 + 0.46 * 1000
    draws = MODEL.sample(np.full((400, 400), level), 5, seed=2)
    expected = np.sqrt(MODEL.variance(level) / (MODEL.variance(level) - 1 / 12))
    assert abs(MODEL.stabilise(draws).std() / expected - 1) < 1e-3 + 4 / np.sqrt(2 * draws.size)


def test_stabilise_comes_back_and_ends_at_zero():
    levels = np.array([99.0, 100.0, 2000.0])
    np.testing.assert_allclose(MODEL.unstabilise(MODEL.stabilise(levels)), levels)
    assert MODEL.stabilise(0.0) == 0


def test_spread_uncertainty_is_the_propagated_one():
    """Against finite differences of the mean of ln √V in K and in σ_r."""
    image = np.random.default_rng(0).integers(80, 3000, (40, 50)).astype(np.uint16)

    def spread(**changes):
        model = NoiseModel(changes.get("gain", 0.46), 100.0, changes.get("noise", 1.6), 12)
        return np.mean(np.log(np.sqrt(model.variance(image))))

    by_gain = (spread(gain=0.46 * 1.001) - spread(gain=0.46 * 0.999)) / 0.002 * 0.02
    by_noise = (spread(noise=1.601) - spread(noise=1.599)) / 0.002 * 0.05
    np.testing.assert_allclose(MODEL.relative_spread_uncertainty(image), np.hypot(by_gain, by_noise), rtol=1e-5)
    assert NoiseModel(0.46, 100.0, 1.6, 12).relative_spread_uncertainty(image) == 0


def test_saturated_fraction():
    image = np.array([[4095, 4000, 3999, 0]], dtype=np.uint16)
    assert MODEL.saturated_fraction(image) == 0.25
    assert NoiseModel(0.46, 100.0, 1.6, 12, saturation_dn=4000).saturated_fraction(image) == 0.5


def test_sampling_below_the_offset_is_dark():
    """No photon below the offset: the level is the offset there (mean within 4 SE)."""
    draws = MODEL.sample(np.full((200, 200), 50.0), 10, seed=3)
    assert abs(draws.mean() - 100.0) < 4 * np.sqrt(MODEL.variance(100.0) / draws.size)


def test_maps_are_used_pixel_by_pixel():
    """Two halves of different gain, offset and noise, each with its own variance (4 SE)."""
    left = np.arange(200)[None, :].repeat(200, axis=0) < 100
    model = NoiseModel(np.where(left, 0.5, 2.0), np.where(left, 100.0, 300.0), np.where(left, 1.0, 4.0), 12)
    draws = model.sample(np.full((3, 200, 200), 800.0), 5, seed=4)
    for half, variance in ((left, 0.5 * 700 + 0.25 + 1 / 12), (~left, 2.0 * 500 + 64 + 1 / 12)):
        values = draws[..., half]
        assert abs(values.var() / variance - 1) < 4 * np.sqrt(2 / values.size)
        assert abs(values.mean() - 800) < 4 * np.sqrt(variance / values.size)


# --- images -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("image", "error", "words"),
    [
        (np.zeros((4, 4), np.float32), NotIntegerData, "float32"),
        (np.zeros((4, 4), np.int16), NotIntegerData, "int16"),
        (np.zeros((4, 4), np.uint8), BitDepthMismatch, "of 12 bits"),
        (np.full((4, 4), 4096, np.uint16), BitDepthMismatch, "4096"),
        (np.zeros(4, np.uint16), ShapeMismatch, "shape"),
        (np.zeros((0, 4), np.uint16), ShapeMismatch, "empty"),
    ],
)
def test_images_of_another_camera_are_refused(image, error, words):
    with pytest.raises(error, match=words):
        MODEL.check_image(image)


def test_images_of_this_camera_pass():
    MODEL.check_image(np.full((3, 4, 4), 4095, np.uint16))
    NoiseModel(1.0, 10.0, 1.0, 8).check_image(np.full((4, 4), 255, np.uint8))
    with pytest.raises(BitDepthMismatch, match="uint8"):
        NoiseModel(1.0, 10.0, 1.0, 8).check_image(np.zeros((4, 4), np.uint16))


@pytest.mark.parametrize(
    "changes",
    [
        {"gain_dn_per_e": 0.0},
        {"gain_dn_per_e": np.nan},
        {"gain_dn_per_e": np.array([[1.0, -1.0]])},
        {"offset_dn": np.inf},
        {"read_noise_e": -1.0},
        {"read_noise_e": np.array([1.0, 2.0])},
        {"read_noise_e": np.ones((2, 2)), "offset_dn": np.ones((2, 3))},
        {"bits": 0},
        {"bits": 17},
        {"hi_dn": 4096},
        {"lo_dn": -1},
        {"lo_dn": 7, "hi_dn": 7},
        {"u_gain": -0.1},
    ],
)
def test_values_out_of_their_domain_are_refused(changes):
    with pytest.raises(InvalidProfile):
        NoiseModel(**({"gain_dn_per_e": 0.5, "offset_dn": 100.0, "read_noise_e": 1.0, "bits": 12} | changes))


# --- profiles ---------------------------------------------------------------------------------------------------------
def test_a_profile_gives_its_maps_to_frames_of_their_shape():
    source = profile()
    for shape in ((6, 8), (5, 6, 8), None):
        model = NoiseModel.from_profile(source, shape)
        np.testing.assert_array_equal(model.gain_dn_per_e, source.dataset["gain_map"])
        np.testing.assert_array_equal(model.offset_dn, source.dataset["offset_map"])
        np.testing.assert_array_equal(model.read_noise_e, source.dataset["read_noise_map"])
    assert (model.bits, model.lo_dn, model.hi_dn, model.saturation_dn) == (12, 0, 4095, 3900)
    assert (model.u_gain, model.u_read_noise) == (0.02, 0.1)


def test_scalars_are_gain_offset_and_dark_noise():
    for model in (NoiseModel.from_profile(profile(), (9, 9), scalars=True), NoiseModel.from_profile(profile(shape=None), (9, 9))):
        assert (model.gain_dn_per_e, model.offset_dn, model.read_noise_e) == (0.5, 100.0, 2.0)
        assert model.shape is None


def test_a_cut_out_takes_its_part_of_the_maps():
    source = profile()
    model = NoiseModel.from_profile(source, (2, 3), roi=(4, 5))
    np.testing.assert_array_equal(model.gain_dn_per_e, source.dataset["gain_map"][4:6, 5:8])
    assert NoiseModel.from_profile(profile(shape=None), (2, 3), roi=(4, 5)).shape is None


def test_another_shape_is_refused_and_the_remedy_named():
    with pytest.raises(ProfileMismatch, match=r"--roi y,x.*--scalars"):
        NoiseModel.from_profile(profile(), (6, 7))


@pytest.mark.parametrize("roi", [(5, 5), (4, 6), (-1, 0), (0, -1)])
def test_a_cut_out_beyond_the_sensor_is_refused(roi):
    with pytest.raises(ProfileMismatch, match="--roi"):
        NoiseModel.from_profile(profile(), (2, 3), roi=roi)


def test_contradicting_options_are_refused():
    with pytest.raises(InvalidOption, match="--scalars"):
        NoiseModel.from_profile(profile(), (2, 3), roi=(0, 0), scalars=True)
    with pytest.raises(InvalidOption, match="corner"):
        NoiseModel.from_profile(profile(), None, roi=(0, 0))


def test_stated_values_fit_any_shape():
    stated = CameraProfile.from_values(gain=0.46, offset=100, read_noise=1.6, bits=12, gain_se=0.0046)
    model = NoiseModel.from_profile(stated, (7, 9))
    assert (model.gain_dn_per_e, model.offset_dn, model.read_noise_e, model.bits) == (0.46, 100, 1.6, 12)
    assert (model.u_gain, model.u_read_noise) == (pytest.approx(0.01), 0)


def test_a_missing_variable_is_named():
    with pytest.raises(InvalidProfile, match="dark_noise"):
        NoiseModel.from_profile(profile(shape=None, dark_noise=None))


def test_unknown_uncertainties_are_zero():
    model = NoiseModel.from_profile(profile(gain_se=None, dark_noise_se=np.nan))
    assert (model.u_gain, model.u_read_noise) == (0, 0)


def test_a_model_is_taken_as_it_is_when_it_fits():
    assert NoiseModel.from_profile(MODEL, (5, 5)) is MODEL
    maps = NoiseModel.from_profile(profile())
    assert NoiseModel.from_profile(maps, (6, 8)) is maps
    with pytest.raises(ProfileMismatch):
        NoiseModel.from_profile(maps, (5, 5))
    with pytest.raises(ProfileMismatch, match="mean values"):
        NoiseModel.from_profile(maps, (5, 5), scalars=True)


def test_bad_scenes_are_refused():
    with pytest.raises(InvalidOption, match="finite"):
        MODEL.sample(np.array([[1.0, np.nan]]), 2)
    with pytest.raises(InvalidOption, match="batch"):
        MODEL.sample(np.full((2, 2), 100.0), 2, batch=0)
