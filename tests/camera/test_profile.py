"""CameraProfile: stated values, exact round trip through netCDF, hostile files."""

from __future__ import annotations

import dataclasses
import doctest
import json
import math
import pickle
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import xarray as xr

import sigmaraw as sr
from sigmaraw.camera import CameraProfile, calibration, values
from sigmaraw.camera import profile as profile_module
from sigmaraw.camera.dataset import REQUIRED, SCALARS
from sigmaraw.camera.values import format_estimate
from sigmaraw.errors import InputNotFound, InvalidOption, InvalidProfile, SigmarawError, UnreadableFile
from tests.camera.simulated_cameras import gaussian_frames, series


@pytest.fixture(scope="module")
def profile() -> CameraProfile:
    rng = np.random.default_rng(1)
    flats = [gaussian_frames(rng, e, shape=(24, 20), count=4) for e in np.linspace(500, 9500, 12)]
    return sr.calibrate(series([gaussian_frames(rng, 0.0, shape=(24, 20), count=4)], flats))


STATED = {"gain": 0.46, "offset": 100, "read_noise": 1.6, "bits": 12}


def test_contract_of_the_dataset(profile: CameraProfile) -> None:
    data = profile.dataset
    for name in SCALARS:
        assert data[name].shape == data[f"{name}_se"].shape == ()
        assert data[name].dtype == data[f"{name}_se"].dtype == np.float64
        assert data[name].attrs["units"] == data[f"{name}_se"].attrs["units"]
        assert math.isfinite(float(data[name])) or "not_determined" in data[name].attrs
    assert {name: data[name].attrs["units"] for name in REQUIRED} == {
        "gain": "DN/e-",
        "offset": "DN",
        "read_noise": "e-",
        "dark_noise": "e-",
        "saturation": "DN",
        "dark_current": "e-/s",
        "prnu": "%",
        "dsnu": "e-",
    }
    for name in ("offset_map", "read_noise_map", "gain_map", "defect_mask"):
        assert data[name].dims == ("y", "x")
    for name in ("level_mean", "level_variance"):
        assert data[name].dims == ("level",)
    assert profile.calibrated
    assert profile.map_shape == (24, 20)
    assert (np.diff(data["level_mean"].values) >= 0).all()


def test_round_trip_is_exact(profile: CameraProfile, tmp_path: Path) -> None:
    for original in (profile, CameraProfile.from_values(**STATED)):
        path = original.to_netcdf(tmp_path / "deep" / "camera.nc")
        back = CameraProfile.from_netcdf(path)
        xr.testing.assert_identical(back.dataset, original.dataset)
        for name, variable in original.dataset.variables.items():
            assert variable.dtype == back.dataset[name].dtype
            assert variable.values.tobytes() == back.dataset[name].values.tobytes()
        assert back.summary() == original.summary()
        assert [*path.parent.iterdir()] == [path]
    assert pickle.loads(pickle.dumps(profile)).summary() == profile.summary()  # noqa: S301  # our own bytes; workers get profiles this way


def test_stated_values() -> None:
    sheet = CameraProfile.from_values(**STATED, gain_se=0.01, read_noise_se=0.05, saturation=4000)
    assert not sheet.calibrated
    assert sheet.map_shape is None
    assert (sheet.bits, sheet.valid_range) == (12, (0, 4095))
    data = sheet.dataset
    assert (float(data["gain"]), float(data["gain_se"]), float(data["saturation"])) == (0.46, 0.01, 4000)
    assert float(data["dark_noise"]) == float(data["read_noise"]) == 1.6
    assert data["prnu"].attrs["not_determined"] == "stated-values"
    assert math.isnan(float(CameraProfile.from_values(**STATED).dataset["gain_se"]))


@pytest.mark.parametrize(
    "change",
    [
        {"gain": 0.0},
        {"gain": -1.0},
        {"gain": math.nan},
        {"gain": math.inf},
        {"gain": "1"},
        {"gain": True},
        {"offset": -1},
        {"offset": 4095},
        {"offset": math.nan},
        {"read_noise": -0.1},
        {"read_noise": math.inf},
        {"bits": 0},
        {"bits": 17},
        {"bits": 12.0},
        {"bits": True},
        {"gain_se": -1.0},
        {"gain_se": math.nan},
        {"read_noise_se": math.inf},
        {"saturation": 100},
        {"saturation": 5000},
    ],
)
def test_stated_values_out_of_their_domain(change: dict[str, object]) -> None:
    with pytest.raises(InvalidProfile, match=next(iter(change))):
        CameraProfile.from_values(**{**STATED, **change})  # type: ignore[arg-type]  # that is the point


def test_profiles_are_frozen(profile: CameraProfile) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        profile.dataset = None  # type: ignore[misc,assignment]
    with pytest.raises(ValueError, match="read-only"):
        profile.dataset["gain_map"].values[0, 0] = 1.0


def test_summary_is_json(profile: CameraProfile) -> None:
    summary = profile.summary()
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert summary["scalars"]["gain"]["unit"] == "DN/e-"
    assert summary["scalars"]["dark_current"]["value"] is None
    assert summary["scalars"]["dark_current"]["not_determined"] == "needs-dark-exposures"
    assert len(summary["levels"]["used"]) == len(summary["levels"]["mean_dn"]) == 12
    assert summary["dark"]["mean_dn"] == float(profile.dataset["offset"])
    stated = CameraProfile.from_values(**STATED).summary()
    assert json.loads(json.dumps(stated, allow_nan=False)) == stated
    assert (stated["map_shape"], stated["calibrated"], stated["levels"]["used"]) == (None, False, [])


def broken(profile: CameraProfile, **changes: object) -> xr.Dataset:
    return profile.dataset.copy(deep=True).assign(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d.drop_vars("gain"),
        lambda d: d.drop_vars("read_noise_se"),
        lambda d: d.drop_vars("gain_map"),
        lambda d: d.drop_vars("level_used"),
        lambda d: d.assign(gain=-0.5),
        lambda d: d.assign(gain=math.nan),
        lambda d: d.assign(gain_se=-1.0),
        lambda d: d.assign(read_noise=math.nan),
        lambda d: d.assign(offset=1e9),
        lambda d: d.assign(gain=("level", np.ones(12))),
        lambda d: d.assign(gain=np.float32(0.5)),
        lambda d: d.assign(gain_map=d["gain_map"] * 0),
        lambda d: d.assign(offset_map=d["offset_map"] * np.nan),
        lambda d: d.assign(defect_mask=d["defect_mask"] + 2),
        lambda d: d.assign(pixel_class_map=d["pixel_class_map"] + 6),
        lambda d: d.assign(pixel_class_map=d["pixel_class_map"].assign_attrs(flag_meanings="good bad")),
        lambda d: d.assign(pixel_class_map=d["pixel_class_map"].assign_attrs(not_determined="why not")),
        lambda d: d.assign(level_mean=d["level_mean"] * np.inf),
        lambda d: d.assign(note="text"),
        lambda d: d.assign_attrs(bits=17),
        lambda d: d.assign_attrs(bits="12"),
        lambda d: d.assign_attrs(valid_hi_dn=5000),
        lambda d: d.assign_attrs(source="guessed"),
        lambda d: d.assign_attrs(schema="other"),
    ],
)
def test_files_that_are_no_camera_are_refused(profile: CameraProfile, tmp_path: Path, spoil: object) -> None:
    path = tmp_path / "camera.nc"
    spoil(profile.dataset.copy(deep=True)).to_netcdf(path)  # type: ignore[operator]
    with pytest.raises(InvalidProfile) as refusal:
        CameraProfile.from_netcdf(path)
    assert "\n" not in str(refusal.value)


def test_missing_empty_truncated_and_foreign_files(profile: CameraProfile, tmp_path: Path) -> None:
    with pytest.raises(InputNotFound):
        CameraProfile.from_netcdf(tmp_path / "none.nc")
    path = profile.to_netcdf(tmp_path / "camera.nc")
    whole = path.read_bytes()
    for content in (b"", b"CDF\x01", b"not a camera", whole[: len(whole) // 2], whole[:-200], whole[:100]):
        path.write_bytes(content)
        with pytest.raises(UnreadableFile):
            CameraProfile.from_netcdf(path)
    xr.Dataset({"a": 1.0}).to_netcdf(path)
    with pytest.raises(InvalidProfile):
        CameraProfile.from_netcdf(path)
    with pytest.raises(InvalidOption):
        profile.to_netcdf(tmp_path)


def test_damaged_files_give_a_named_refusal_or_a_valid_profile(profile: CameraProfile, tmp_path: Path) -> None:
    path = profile.to_netcdf(tmp_path / "camera.nc")
    whole = path.read_bytes()
    rng = np.random.default_rng(3)
    for _ in range(40):
        damaged = bytearray(whole)
        for _ in range(4):
            damaged[rng.integers(len(whole))] = rng.integers(256)
        path.write_bytes(bytes(damaged))
        try:
            CameraProfile.from_netcdf(path)
        except SigmarawError as refusal:
            assert "\n" not in str(refusal)


def test_scale_factors_in_a_file_change_nothing(profile: CameraProfile, tmp_path: Path) -> None:
    data = profile.dataset.copy(deep=True)
    data["gain"].attrs["scale_factor"] = 2.0
    raw = tmp_path / "camera.nc"
    data.to_netcdf(raw)
    assert float(CameraProfile.from_netcdf(raw).dataset["gain"]) in (float(profile.dataset["gain"]), float(profile.dataset["gain"]) / 2)


def test_scalars_are_attributes_with_their_errors() -> None:
    camera = CameraProfile.from_values(gain=0.46, offset=100, read_noise=1.6, bits=12, gain_se=0.002)
    for name in SCALARS:
        for key in (name, f"{name}_se"):
            assert np.array_equal(getattr(camera, key), float(camera.dataset[key]), equal_nan=True), key
            assert key in dir(camera)
    assert (camera.gain, camera.gain_se, camera.offset) == (0.46, 0.002, 100.0)
    assert math.isnan(camera.prnu)
    with pytest.raises(AttributeError, match="cannot assign"):
        camera.gain = 1.0  # type: ignore[misc]
    older = CameraProfile(camera.dataset.drop_vars(["snr_max", "snr_max_se"]))
    assert math.isnan(older.snr_max)
    assert "DN/e-" in str(CameraProfile.gain.__doc__)


def test_dir_shows_public_names_alone() -> None:
    camera = CameraProfile.from_values(gain=0.46, offset=100, read_noise=1.6, bits=12)
    assert not [name for name in dir(camera) if name.startswith("_")]
    assert {"dataset", "gain", "checks", "summary", "to_netcdf", "bits"} <= set(dir(camera))


def test_a_profile_shows_itself_in_one_line_and_as_an_escaped_table() -> None:
    rng = np.random.default_rng(11)
    flats = [gaussian_frames(rng, e, shape=(32, 32)) for e in (500, 1500, 3000, 4500, 6000)]
    camera = sr.calibrate(series([gaussian_frames(rng, 0.0, shape=(32, 32))], flats))
    assert len(repr(camera)) < 300
    assert "\n" not in repr(camera)
    assert all(word in repr(camera) for word in ("calibrated", "12 bit", "DN/e-", "maps 32 × 32"))
    named = CameraProfile(camera.dataset.assign_attrs(camera="<script>alert(1)</script>"))
    page = named._repr_html_()
    assert len(page) < 10_000
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert ("<td>saturation</td>" in page) == (not math.isnan(camera.saturation))


@pytest.mark.parametrize(
    ("value", "se", "text"),
    [
        (0.461234, 0.00123, "0.4612 ± 0.0012"),
        (1234.5, 37.2, "1234 ± 37"),
        (2.0, 0.0999, "2.00 ± 0.10"),
        (5.0, None, "5"),
        (None, None, "not determined"),
    ],
)
def test_digits_of_a_value_follow_its_standard_error(value: float | None, se: float | None, text: str) -> None:
    assert format_estimate(value, se) == text


@pytest.mark.parametrize("module", [calibration, profile_module, values], ids=lambda module: module.__name__)
def test_the_examples_of_docstrings_run(module: ModuleType) -> None:
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0
