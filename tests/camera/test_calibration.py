"""`calibrate` as users call it: simulated cameras of known truth, pixel maps, bad series, formats."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import tifffile
from astropy.io import fits

import sigmaraw as sr
from sigmaraw.camera import CameraProfile
from sigmaraw.camera.maps.pixels import shrink_variance
from sigmaraw.errors import (
    BitDepthMismatch,
    ColourImage,
    ImplausibleSeries,
    InputNotFound,
    InvalidOption,
    NotIntegerData,
    ShapeMismatch,
    TooFewFrames,
    UnreadableFile,
)
from tests.camera.simulated_cameras import FULL_12, OFFSET, gaussian_frames, poisson_frames, series


def value(profile: CameraProfile, name: str) -> float:
    return float(profile.dataset[name])


def z(profile: CameraProfile, name: str, truth: float) -> float:
    return (value(profile, name) - truth) / value(profile, f"{name}_se")


@pytest.mark.requirement("R-CAL")
def test_read_noise_within_three_per_mille() -> None:
    """K = 0.5 DN/e⁻, σ = 2 e⁻, 512², 8 pairs: SE(σ) from √(2/(N·P))·(σ²+1/12)/(2σ²) = .053 % and SE(K)."""
    rng = np.random.default_rng(12)
    shape = (512, 512)
    dark = gaussian_frames(rng, 0.0, shape=shape, count=16)
    flats = [gaussian_frames(rng, e, shape=shape, count=16) for e in (400, 1200, 2400, 3600, 5000)]
    profile = sr.calibrate(series([dark], flats))
    assert value(profile, "read_noise") == pytest.approx(2.0, rel=0.003)
    assert abs(z(profile, "read_noise", 2.0)) < 4
    assert value(profile, "read_noise_se") < 0.0015 * 2.0
    assert value(profile, "dark_noise") == value(profile, "read_noise")
    rms = math.sqrt(float((profile.dataset["read_noise_map"].values ** 2).mean()))
    assert rms == pytest.approx(2.0, rel=0.003)


@pytest.mark.requirement("R-CAL")
def test_heavy_tailed_read_noise_is_rms_over_pixels() -> None:
    """Lognormal pixels: the rms is e^{s²}… above the median; SE carries the unequal pixels."""
    rng = np.random.default_rng(13)
    noise = 2.0 * np.exp(0.5 * rng.standard_normal((128, 128)))
    dark = gaussian_frames(rng, 0.0, noise=noise, count=32)
    flats = [gaussian_frames(rng, e, noise=noise, count=8) for e in np.linspace(300, 5000, 8)]
    profile = sr.calibrate(series([dark], flats))
    rms = math.sqrt(float((noise**2).mean()))
    assert np.median(noise) < 0.85 * rms
    assert abs(z(profile, "read_noise", rms)) < 4
    measured = profile.dataset["read_noise_map"].values
    assert np.corrcoef(measured.ravel(), noise.ravel())[0, 1] > 0.9
    assert math.sqrt(float((measured**2).mean())) == pytest.approx(rms, rel=0.02)


@pytest.mark.requirement("R-CAL")
def test_nonuniform_camera_of_known_truth() -> None:
    """Poisson camera, PRNU 2 %, DSNU 6 e⁻, three dark exposures of 20 e⁻/s, saturating converter; every scalar within 4 SE."""
    rng = np.random.default_rng(14)
    shape, gain, noise, current = (160, 160), 0.5, 3.0, 20.0
    response = 1.0 + 0.02 * rng.standard_normal(shape)
    pattern = OFFSET + gain * 6.0 * rng.standard_normal(shape)
    one = np.ones(shape)
    ms = (10.0, 1000.0, 4000.0)
    darks = [poisson_frames(rng, current * t / 1e3 * one, gain=gain, noise=noise, offset=pattern, count=16) for t in ms]
    electrons = np.linspace(400, 9200, 16)
    flats = [poisson_frames(rng, e * response + current * 0.01, gain=gain, noise=noise, offset=pattern, count=6) for e in electrons]
    profile = sr.calibrate(series(darks, flats, dark_ms=ms, flat_ms=10.0 * electrons / electrons[0]))
    assert abs(z(profile, "gain", gain)) < 4
    assert abs(z(profile, "gain_unweighted", gain)) < 4
    assert abs(z(profile, "read_noise", noise)) < 4
    assert abs(z(profile, "dark_noise", math.sqrt(noise**2 + current * 0.01))) < 4
    assert abs(z(profile, "dark_current", current)) < 4
    assert abs(z(profile, "dark_current_from_variance", current)) < 4
    assert abs(z(profile, "dsnu", float(pattern.std(ddof=1)) / gain)) < 4
    assert abs(z(profile, "prnu", 100.0 * float(response.std(ddof=1)))) < 4
    # The offset's own SE is temporal: the pattern is what it is.
    assert abs(z(profile, "offset", float(pattern.mean()) + gain * current * 0.01)) < 4
    assert 0.9 * FULL_12 < value(profile, "saturation") < FULL_12
    full = (value(profile, "saturation") - value(profile, "offset")) / value(profile, "gain")
    assert value(profile, "snr_max") == pytest.approx(math.sqrt(full))
    threshold = math.sqrt(value(profile, "dark_variance") / value(profile, "gain") ** 2 + 0.25) + 0.5
    assert value(profile, "sensitivity_threshold") == pytest.approx(threshold)
    assert value(profile, "dynamic_range") == pytest.approx(full / threshold)
    assert profile.valid_range == (0, FULL_12)


def test_linearity_error_of_a_curved_response() -> None:
    rng = np.random.default_rng(15)
    exposure = np.linspace(1, 10, 12)
    electrons = 500 * exposure * (1 + 0.004 * exposure)
    flats = [gaussian_frames(rng, e, shape=(64, 64)) for e in electrons]
    dark = gaussian_frames(rng, 0.0, shape=(64, 64))
    profile = sr.calibrate(series([dark], flats, flat_ms=exposure))
    y, design = electrons, np.stack([np.ones(12), exposure], axis=1)
    inside = (0.5 * y <= 0.95 * (FULL_12 - OFFSET)) & (0.5 * y >= 0.05 * (FULL_12 - OFFSET))
    line = np.linalg.lstsq((design / y[:, None])[inside], np.ones(inside.sum()), rcond=None)[0]
    truth = 100 * np.abs(y / (design @ line) - 1)[inside].mean()
    assert abs(z(profile, "linearity_error", truth)) < 4
    assert profile.dataset["linearity_error"].attrs["minimum"] < 0 < profile.dataset["linearity_error"].attrs["maximum"]
    unknown = sr.calibrate(series([dark], flats, flat_ms=[None] * 12))
    assert math.isnan(value(unknown, "linearity_error"))
    assert unknown.dataset["linearity_error"].attrs["not_determined"] == "needs-exposures"


def test_gain_map_follows_the_pixels_where_frames_suffice_and_the_mean_where_not() -> None:
    rng = np.random.default_rng(16)
    truth = 0.5 * (1 + 0.2 * rng.standard_normal((32, 32))).clip(0.4, 1.6)
    dark = gaussian_frames(rng, 0.0, gain=truth, shape=(32, 32), count=64)
    flats = [gaussian_frames(rng, e, gain=truth, shape=(32, 32), count=64) for e in np.linspace(500, 3500, 8)]
    profile = sr.calibrate(series([dark], flats))
    found, error = profile.dataset["gain_map"].values, profile.dataset["gain_map_se"].values
    score = (found - truth) / error
    assert np.corrcoef(found.ravel(), truth.ravel())[0, 1] > 0.9
    assert 0.85 < score.std() < 1.15
    pairs = sr.calibrate(series([dark[:2]], [frames[:2] for frames in flats]))
    shrunk = pairs.dataset["gain_map"].values
    assert shrunk.std() < 0.7 * truth.std()  # two frames a level: mostly the common gain
    uniform = gaussian_frames(rng, 0.0, shape=(32, 32)), [gaussian_frames(rng, e, shape=(32, 32)) for e in (500, 1500, 3000)]
    flat_map = sr.calibrate(series([uniform[0]], uniform[1])).dataset["gain_map"].values
    assert flat_map.std() < 0.02 * 0.5


@pytest.mark.parametrize(("count", "spread"), [(16, 0.02), (16, 0.05), (64, 0.05)])
def test_intervals_of_shrunk_gains_cover_the_true_ones(count: int, spread: float) -> None:
    """Nominal 95 % over 4096 pixels, asked .93 to .97: SE √(.05·.95/4096) = .0034. Own errors 13 % (16 frames, 8 levels) and 6.5 %."""
    rng = np.random.default_rng(61)
    truth = 0.5 * (1 + spread * rng.standard_normal((64, 64)))
    dark = gaussian_frames(rng, 0.0, gain=truth, noise=4.0, shape=(64, 64), count=count)
    flats = [gaussian_frames(rng, e, gain=truth, noise=4.0, shape=(64, 64), count=count) for e in np.linspace(600, 5000, 8)]
    data = sr.calibrate(series([dark], flats)).dataset
    z = (data["gain_map"].values - truth) / data["gain_map_se"].values
    assert 0.93 <= np.mean(np.abs(z) < 1.96) <= 0.97


def test_variance_shrinkage_keeps_the_mean_and_believes_many_frames() -> None:
    rng = np.random.default_rng(17)
    truth = 4.0 * np.exp(rng.standard_normal((64, 64)))
    for frames, low, high in ((2, 0.0, 0.75), (200, 0.97, 1.0)):
        sample = truth * rng.chisquare(frames - 1, truth.shape) / (frames - 1)
        shrunk, _ = shrink_variance(sample, frames)
        assert shrunk.mean() == pytest.approx(sample.mean(), rel=1e-12)
        assert low <= shrunk.std() / sample.std() <= high
        assert ((shrunk - truth) ** 2).mean() <= ((sample - truth) ** 2).mean() * 1.0001
    equal, _ = shrink_variance(4.0 * rng.chisquare(1, (64, 64)), 2)
    assert equal.std() < 0.15 * 4.0


@pytest.mark.requirement("R-CAL")
def test_defects_are_found() -> None:
    rng = np.random.default_rng(18)
    flats = [gaussian_frames(rng, e, shape=(40, 40), count=4) for e in (500, 1500, 2500, 3500)]
    dark = gaussian_frames(rng, 0.0, shape=(40, 40), count=4)
    for frames in (dark, *flats):
        frames[:, 5, 6] = 120  # stuck
        frames[:, 20, 21] = np.clip(2 * frames[:, 20, 21].astype(int) - 100, 0, 4095)  # twice the response
        frames[:, 30, 9] = 3000 + rng.integers(-3, 4, len(frames))  # bright in the dark
    mask = sr.calibrate(series([dark], flats)).dataset["defect_mask"].values
    assert {tuple(where) for where in np.argwhere(mask)} == {(5, 6), (20, 21), (30, 9)}


def test_quantisation_hides_small_noise_and_the_value_stays_finite() -> None:
    rng = np.random.default_rng(19)
    dark = gaussian_frames(rng, 0.0, gain=0.1, noise=1.0, shape=(64, 64))
    flats = [gaussian_frames(rng, e, gain=0.1, noise=1.0, shape=(64, 64)) for e in np.linspace(2000, 25000, 10)]
    profile = sr.calibrate(series([dark], flats))
    gain = value(profile, "gain")
    assert abs(z(profile, "gain", 0.1)) < 4
    attributes = profile.dataset["read_noise"].attrs
    assert attributes["flag"] == "below-quantisation-limit"
    assert attributes["upper_limit"] == pytest.approx(0.40 / gain)
    assert 0.0 <= value(profile, "read_noise") < 0.40 / gain
    assert value(profile, "read_noise_se") >= 0.40 / gain / math.sqrt(12.0) * 0.999
    assert any("quantisation" in note for note in profile.summary()["notes"])


def test_unsaturated_series_says_so() -> None:
    rng = np.random.default_rng(20)
    flats = [gaussian_frames(rng, e, shape=(48, 48)) for e in np.linspace(500, 6500, 8)]
    profile = sr.calibrate(series([gaussian_frames(rng, 0.0, shape=(48, 48))], flats))
    for name in ("saturation", "snr_max", "dynamic_range", "saturation_capacity"):
        assert math.isnan(value(profile, name))
        assert profile.dataset[name].attrs["not_determined"] == "not-reached"
    assert any("saturation was not reached" in note for note in profile.summary()["notes"])
    assert profile.valid_range == (0, FULL_12)
    used = profile.dataset["level_used"].values.astype(bool)
    np.testing.assert_array_equal(used, profile.dataset["level_mean"].values - OFFSET <= 0.7 * (FULL_12 - value(profile, "offset")))


def test_full_well_below_the_converter_limits_the_valid_range() -> None:
    rng = np.random.default_rng(21)
    one = np.ones((48, 48))
    flats = [poisson_frames(rng, e * one, gain=0.5, noise=2.0, full_well=4000.0) for e in np.linspace(300, 6000, 20)]
    profile = sr.calibrate(series([poisson_frames(rng, 0 * one, gain=0.5, noise=2.0)], flats))
    # The variance peaks two standard deviations (63 DN) below the plateau, found to one level's spacing (150 DN).
    assert OFFSET + 0.5 * 4000 - 63 - 150 < value(profile, "saturation") < OFFSET + 0.5 * 4000
    assert profile.valid_range[1] < 2150


# --- the same frames by every way of giving them -------------------------------------------------------------------------------
def write_series(root: Path, levels: dict[str, np.ndarray], suffix: str) -> Path:
    for name, frames in levels.items():
        path = root / f"{name}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if suffix == ".npy":
            np.save(path, frames)
        elif suffix == ".tif":
            tifffile.imwrite(path, frames, photometric="minisblack")
        else:
            fits.PrimaryHDU(frames).writeto(path)
    return root


@pytest.fixture(scope="module")
def levels() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(22)
    flats = {f"flat/{i}": gaussian_frames(rng, e, shape=(24, 20)) for i, e in enumerate((500, 1500, 3000, 4500))}
    return {"dark/d": gaussian_frames(rng, 0.0, shape=(24, 20)), **flats}


def test_all_formats_and_memory_give_the_same_profile(tmp_path: Path, levels: dict[str, np.ndarray]) -> None:
    profiles = [
        sr.calibrate(write_series(tmp_path / suffix[1:], levels, suffix), bits=12) for suffix in (".npy", ".tif", ".fits", ".fits.gz")
    ]
    memory = sr.calibrate(series([levels["dark/d"]], [levels[f"flat/{i}"] for i in range(4)], dark_ms=[None], flat_ms=[None] * 4))
    for profile in (*profiles[1:], memory):
        assert profile.dataset.equals(profiles[0].dataset)
    assert len({profile.dataset.attrs["series_sha256"] for profile in profiles}) == 4  # of the files, not of the pixels
    again = sr.calibrate(tmp_path / "npy", bits=12)
    assert again.dataset.identical(profiles[0].dataset)


def test_single_frames_merged_by_the_table_equal_a_stack(tmp_path: Path, levels: dict[str, np.ndarray]) -> None:
    stacked = sr.calibrate(write_series(tmp_path / "a", levels, ".npy"), bits=12)
    rows = ["path,kind,exposure_ms"]
    for number, (name, frames) in enumerate(levels.items()):
        for index, frame in enumerate(frames):
            write_series(tmp_path / "b", {f"{name}_{index}": frame}, ".tif")
            rows.append(f"{name}_{index}.tif,{name.split('/')[0]},{1 if number == 0 else number}")
    (tmp_path / "b" / "frames.csv").write_text("\n".join(rows))
    merged = sr.calibrate(tmp_path / "b", bits=12)
    for name in ("gain", "gain_se", "read_noise", "offset"):
        assert value(merged, name) == value(stacked, name)
    np.testing.assert_array_equal(merged.dataset["level_exposure"], [1, 2, 3, 4])


def test_maps_in_place_of_darks(tmp_path: Path, levels: dict[str, np.ndarray]) -> None:
    root = write_series(tmp_path, {name: frames for name, frames in levels.items() if name != "dark/d"}, ".npy")
    (root / "dark").mkdir()
    np.save(root / "dark" / "offset_map.npy", np.full((24, 20), OFFSET))
    np.save(root / "dark" / "read_noise_map.npy", np.full((24, 20), math.sqrt(1.0 + 1 / 12)))
    profile = sr.calibrate(root, bits=12)
    assert abs(z(profile, "gain", 0.5)) < 4
    assert value(profile, "read_noise") == pytest.approx(1.0 / value(profile, "gain"), rel=1e-9)
    assert math.isnan(value(profile, "offset_se"))
    assert profile.dataset["dsnu"].attrs["not_determined"] == "maps-stand-in"
    assert any("maps stand in" in note for note in profile.summary()["notes"])
    np.save(root / "dark" / "offset_map.npy", np.full((24, 19), OFFSET))
    np.save(root / "dark" / "read_noise_map.npy", np.full((24, 19), 1.0))
    with pytest.raises(ShapeMismatch):
        sr.calibrate(root)


def test_descriptor_gives_the_same_gain(tmp_path: Path, levels: dict[str, np.ndarray]) -> None:
    lines = ["v 4.0", "n 12 20 24"]
    for number, (name, frames) in enumerate(levels.items()):
        lines.append("d 1000000" if name.startswith("dark") else f"b {number}000000 {number}00")
        for index, frame in enumerate(frames):
            write_series(tmp_path, {f"{name}_{index}": frame}, ".tif")
            lines.append("i " + f"{name}_{index}.tif".replace("/", "\\"))
    (tmp_path / "EMVA1288_Data.txt").write_text("\n".join(lines))
    profile = sr.calibrate(tmp_path / "EMVA1288_Data.txt")
    stacked = sr.calibrate(series([levels["dark/d"]], [levels[f"flat/{i}"] for i in range(4)]))
    assert (value(profile, "gain"), profile.bits) == (value(stacked, "gain"), 12)
    (tmp_path / "EMVA1288_Data.txt").write_text("\n".join(lines).replace("n 12 20 24", "n 12 24 20"))
    with pytest.raises(ShapeMismatch, match="descriptor"):
        sr.calibrate(tmp_path / "EMVA1288_Data.txt")


# --- bad series -------------------------------------------------------------------------------------------------------
def refused(error: type[Exception], folder: Path, says: str) -> None:
    with pytest.raises(error) as refusal:
        sr.calibrate(folder)
    text = str(refusal.value)
    assert says in text
    assert "\n" not in text
    assert "expected" in text


def test_bad_series_are_named(tmp_path: Path, levels: dict[str, np.ndarray]) -> None:
    refused(InputNotFound, tmp_path / "nothing", "does not exist")

    def changed(name: str, **changes: np.ndarray) -> Path:
        return write_series(tmp_path / name, {**levels, **{key.replace("_", "/"): array for key, array in changes.items()}}, ".npy")

    refused(TooFewFrames, changed("one", flat_1=levels["flat/1"][:1]), "flat/1.npy has 1 frame")
    refused(TooFewFrames, changed("onedark", dark_d=levels["dark/d"][0]), "dark/d.npy has 1 frame")
    refused(ShapeMismatch, changed("shape", flat_2=levels["flat/2"][:, :-1]), "flat/2.npy")
    refused(NotIntegerData, changed("float", flat_3=levels["flat/3"].astype(np.float32)), "float32")
    refused(BitDepthMismatch, changed("depth", flat_3=(levels["flat/3"] >> 4).astype(np.uint8)), "8 bits")
    refused(ColourImage, changed("colour", flat_3=np.zeros((24, 20, 3), dtype=np.uint16)), "colour")
    swapped = {"dark/d": levels["flat/2"], "flat/1": levels["dark/d"], "flat/2": levels["flat/1"]}
    refused(ImplausibleSeries, write_series(tmp_path / "swapped", swapped, ".npy"), "darker than its dark")
    full = np.full((2, 24, 20), 4095, dtype=np.uint16)
    saturated = {"dark/d": levels["dark/d"], "flat/0": full, "flat/1": full}
    refused(ImplausibleSeries, write_series(tmp_path / "saturated", saturated, ".npy"), "saturated at 4095")
    lonely = {"dark/d": levels["dark/d"], "flat/0": levels["flat/0"], "flat/1": full}
    refused(TooFewFrames, write_series(tmp_path / "lonely", lonely, ".npy"), "of 2 flat levels lie above dark")
    copies = {**levels, "flat/0": levels["flat/0"][[0, 0]]}
    refused(ImplausibleSeries, write_series(tmp_path / "copies", copies, ".npy"), "identical")
    mixed = {**levels, "flat/0": np.concatenate([levels["flat/0"], levels["flat/2"]])}
    refused(ImplausibleSeries, write_series(tmp_path / "mixed", mixed, ".npy"), "repeats")
    nothing = {"dark/d": levels["dark/d"], "flat/0": levels["dark/d"], "flat/1": levels["dark/d"]}
    refused(ImplausibleSeries, write_series(tmp_path / "nothing lit", nothing, ".npy"), "no flat level is brighter")
    empty = changed("empty")
    (empty / "flat" / "1.npy").write_bytes(b"")
    refused(UnreadableFile, empty, "empty")
    with pytest.raises(BitDepthMismatch):
        sr.calibrate(tmp_path / "one", bits=8)
    with pytest.raises(BitDepthMismatch):
        sr.calibrate(series([levels["dark/d"]], [levels["flat/1"], levels["flat/2"]]), bits=9)


def test_progress_is_told(levels: dict[str, np.ndarray]) -> None:
    told: list[tuple[int, int, str]] = []
    sr.calibrate(series([levels["dark/d"]], [levels["flat/1"], levels["flat/2"]]), progress=lambda *step: told.append(step))
    assert told == [(1, 3, "dark 0"), (2, 3, told[1][2]), (3, 3, "flat 1")]


def test_prnu_is_taken_from_the_stack_about_half_saturation() -> None:
    """The nearest level to a half may be a pair; 12 frames at 40 % know four times as much of the pattern."""
    rng = np.random.default_rng(23)
    response = 1 + 0.01 * rng.standard_normal((40, 40))
    levels = {1500: 2, 3200: 12, 3990: 2, 5500: 2}  # e-; 4095 DN above 100 are 7990 e-
    flats = [gaussian_frames(rng, e * response, shape=(40, 40), count=count) for e, count in levels.items()]
    profile = sr.calibrate(series([gaussian_frames(rng, 0.0, shape=(40, 40), count=8)], flats))
    # √([4s²·v/L + …]/N)/(2s): v/s² = (1/3200)/1e-4 = 3.1 of 12 frames; of two at 3990 e- the error would be .042 of the value.
    assert value(profile, "prnu_se") < 0.02 * value(profile, "prnu")
    assert abs(z(profile, "prnu", 100 * response.std())) < 4


def test_what_is_no_series_is_named() -> None:
    with pytest.raises(InvalidOption, match=r"a ndarray as series; expected the path of a folder"):
        sr.calibrate(np.zeros((2, 8, 8), np.uint16))  # type: ignore[arg-type]
