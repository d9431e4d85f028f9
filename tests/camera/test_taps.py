"""Taps and colour planes: every tap against the truth of a camera whose taps differ, and replicas with each plane's variance."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import sigmaraw as sr
from sigmaraw.camera import CameraProfile
from sigmaraw.camera.checks.evidence import CHANCE
from sigmaraw.camera.checks.result import CheckName
from sigmaraw.camera.comparison import Bound, compare
from sigmaraw.camera.taps.layout import TapLayout, parse_layout
from sigmaraw.errors import ImplausibleSeries, InvalidOption, InvalidProfile, InvalidSeries, ProfileMismatch, ShapeMismatch, TooFewFrames
from sigmaraw.frames import Series
from sigmaraw.noise.model import NoiseModel
from sigmaraw.noise.transfer import BrighterFatter
from sigmaraw.reports.datasheet import write_datasheet
from tests.camera.simulated_cameras import gaussian_frames, series

SHAPE = (64, 80)
GAIN, OFFSET = np.array([0.40, 0.50, 0.45, 0.65]), np.array([100.0, 110.0, 105.0, 120.0])
NOISE, LIGHT = np.array([4.0, 5.0, 3.0, 6.0]), np.array([0.5, 1.0, 0.9, 0.3])
PRNU = np.array([0.8, 1.0, 1.5, 2.0])  # %
REGIONS, PLANES = TapLayout(2, 2), TapLayout(2, 2, "RGGB")
OPTIONS = {"regions": {"taps": "2x2"}, "planes": {"cfa": "RGGB"}}


def place(layout: TapLayout, tap: int) -> tuple[slice, slice]:
    """Pixels of one tap, written out: the four quarters, or every second pixel of every second row."""
    row, column = divmod(tap, 2)
    if layout.letters:
        return slice(row, None, 2), slice(column, None, 2)
    return slice(32 * row, 32 * row + 32), slice(40 * column, 40 * column + 40)


class Camera:
    """A sensor of four taps; plain arithmetic, no part of the package."""

    def __init__(self, layout: TapLayout, seed: int) -> None:
        self.random = np.random.default_rng([90, seed, len(layout.letters)])
        self.gain, self.offset, self.noise, self.light, self.response = (np.empty(SHAPE) for _ in range(5))
        self.prnu = np.empty(4)
        for tap in range(4):
            where = place(layout, tap)
            own = 1 + PRNU[tap] / 100 * self.random.standard_normal((32, 40))
            own /= own.mean()
            self.prnu[tap] = 100 * own.std()
            for array, value in ((self.gain, GAIN), (self.offset, OFFSET), (self.noise, NOISE), (self.light, LIGHT)):
                array[where] = value[tap]
            self.response[where] = own

    def frames(self, electrons: float, count: int) -> np.ndarray:
        charge = self.random.poisson(electrons * self.light * self.response, (count, *SHAPE))
        exact = self.offset + self.gain * (charge + self.noise * self.random.standard_normal(charge.shape))
        return np.clip(np.rint(exact), 0, 4095).astype(np.uint16)


def calibrated(name: str, seed: int) -> tuple[Camera, CameraProfile]:
    layout = REGIONS if name == "regions" else PLANES
    camera = Camera(layout, seed)
    flats = [camera.frames(e, 4) for e in np.linspace(200, 7000, 16)]
    return camera, sr.calibrate(series([camera.frames(0, 16)], flats), **OPTIONS[name])


@pytest.fixture(scope="module", params=["regions", "planes"])
def both(request: pytest.FixtureRequest) -> tuple[Camera, CameraProfile]:
    return calibrated(request.param, 0)


@pytest.mark.parametrize("name", list(OPTIONS))
def test_every_tap_within_its_errors(name: str) -> None:
    """3 cameras × 4 taps × 4 quantities: |z| ≤ 4 each, and over all of them a standard deviation of 1 ± 4/√(2·48)."""
    scores = []
    for seed in range(1, 4):
        camera, profile = calibrated(name, seed)
        data = profile.dataset
        truths = {"gain": GAIN, "offset": OFFSET, "dark_noise": NOISE, "prnu": camera.prnu}
        for quantity, truth in truths.items():
            assert data[f"tap_{quantity}"].dims == ("tap",)
            scores.append((data[f"tap_{quantity}"].values - truth) / data[f"tap_{quantity}_se"].values)
    z = np.array(scores)
    assert np.abs(z).max() < 4
    assert z.std() == pytest.approx(1.0, abs=4 / math.sqrt(2 * z.size))


def test_scalars_of_the_whole_sensor_stay(both: tuple[Camera, CameraProfile]) -> None:
    camera, profile = both
    source = series([camera.frames(0, 4)], [camera.frames(e, 2) for e in (500, 2000, 4000)])
    layout = profile.dataset.attrs["tap_layout"].split()
    plain, tapped = sr.calibrate(source), sr.calibrate(source, **{layout[0]: layout[1]})
    for name in ("gain", "gain_se", "dark_noise"):
        assert float(plain.dataset[name]) == float(tapped.dataset[name])
    # Without a word on parts, a pixel that is unlike its neighbours is a defect; the figure with all pixels stands beside.
    for name in ("prnu", "dsnu"):
        whole = plain.dataset[name].attrs.get("with_defects", float(plain.dataset[name]))
        assert whole == float(tapped.dataset[name])
    assert not [name for name in plain.dataset.variables if str(name).startswith("tap_")]
    assert "taps" not in plain.summary()


def test_a_tap_is_what_its_own_frames_say(both: tuple[Camera, CameraProfile]) -> None:
    camera, profile = both
    layout = PLANES if profile.dataset.attrs["tap_layout"].startswith("cfa") else REGIONS
    dark, flats = camera.frames(0, 4), [camera.frames(e, 2) for e in (500, 2000, 4000)]
    kind, value = str(layout).split()
    data = sr.calibrate(series([dark], flats), **{kind: value}).dataset
    for tap in range(4):
        rows, columns = place(layout, tap)
        alone = sr.calibrate(series([dark[:, rows, columns]], [frames[:, rows, columns] for frames in flats])).dataset
        for name in ("gain", "gain_se", "offset", "dark_noise", "prnu", "saturation"):
            np.testing.assert_equal(float(data[f"tap_{name}"][tap]), float(alone[name]))
        np.testing.assert_array_equal(data["tap_level_mean"][tap], alone["level_mean"])
        for name in ("offset_map", "gain_map", "read_noise_map", "defect_mask"):
            np.testing.assert_array_equal(data[name].values[rows, columns], alone[name].values)


def test_replicas_have_the_variance_of_each_plane(both: tuple[Camera, CameraProfile]) -> None:
    """64 draws of 1280 pixels a tap: SE of a variance √(2/(64·1280)) = .5 %, with twice the gain's .8 %: 1.7 % together."""
    camera, profile = both
    layout = PLANES if profile.dataset.attrs["tap_layout"].startswith("cfa") else REGIONS
    scene = camera.offset + camera.gain * 2000 * camera.light
    truth = camera.gain**2 * (2000 * camera.light + camera.noise**2) + 1 / 12
    for options in ({}, {"scalars": True}):
        model = NoiseModel.from_profile(profile, SHAPE, **options)
        drawn = model.sample(scene, 64, seed=3).astype(np.float64)
        for tap in range(4):
            where = place(layout, tap)
            assert drawn.var(axis=0, ddof=1)[where].mean() == pytest.approx(truth[where].mean(), rel=4 * 0.017)
        assert model.u_gain == pytest.approx(float((profile.dataset["tap_gain_se"] / profile.dataset["tap_gain"]).max()))
    # One gain for all pixels is wrong by far more than that in the outer taps.
    whole = float(profile.dataset["gain"])
    assert abs(whole**2 / GAIN[0] ** 2 - 1) > 0.3


def test_scalars_of_a_cut_out_need_its_place() -> None:
    _, profile = calibrated("planes", 0)
    gains = profile.dataset["tap_gain"].values
    cut = NoiseModel.from_profile(profile, (5, 7), roi=(3, 2), scalars=True)
    np.testing.assert_array_equal(np.asarray(cut.gain_dn_per_e)[:2, :2], [[gains[2], gains[3]], [gains[0], gains[1]]])
    with pytest.raises(ProfileMismatch, match="--roi"):
        NoiseModel.from_profile(profile, (5, 7), scalars=True)
    with pytest.raises(ProfileMismatch, match="--roi"):
        NoiseModel.from_profile(profile, (5, 7))
    _, profile = calibrated("regions", 0)
    gains = profile.dataset["tap_gain"].values
    cut = NoiseModel.from_profile(profile, (4, 4), roi=(30, 38), scalars=True)
    np.testing.assert_array_equal(np.asarray(cut.gain_dn_per_e)[[0, 0, 3, 3], [0, 3, 0, 3]], gains)
    with pytest.raises(ShapeMismatch):
        NoiseModel.from_profile(profile, (4, 4), roi=(62, 0), scalars=True)


def test_colour_is_no_defect() -> None:
    """A plane of a third of its neighbours' light: without the pattern its pixels look dead, with it none does; a dead one shows."""
    camera, profile = calibrated("planes", 0)
    assert profile.dataset["defect_mask"].values.sum() == 0
    dark, flats = camera.frames(0, 4), [camera.frames(e, 4) for e in (1000, 2500, 4000)]
    for frames in flats:
        frames[:, 21, 33] = np.minimum(frames[:, 21, 33], 130 + frames[:, 21, 33] % 7)  # of the blue plane
    assert sr.calibrate(series([dark], flats)).dataset["defect_mask"].values.sum() > 100
    mask = sr.calibrate(series([dark], flats), cfa="rggb").dataset["defect_mask"].values
    assert [tuple(where) for where in np.argwhere(mask)] == [(21, 33)]


def test_checks_speak_of_the_worst_tap() -> None:
    """Every second code missing in one plane is invisible in the others' histogram; the plane is named."""
    camera, profile = calibrated("planes", 0)
    assert {row["outcome"] for row in profile.summary()["checks"] if row["name"] == "missing-codes"} == {"pass"}
    dark, flats = camera.frames(0, 16), [camera.frames(e, 4) for e in np.linspace(200, 7000, 16)]
    for frames in (dark, *flats):
        frames[:, 1::2, 1::2] &= 0xFFFE
    (row,) = [r for r in sr.calibrate(series([dark], flats), cfa="RGGB").summary()["checks"] if r["name"] == "missing-codes"]
    assert row["outcome"] == "fail"
    assert row["evidence"].startswith("tap B:")


# --- layouts, files, pages --------------------------------------------------------------------------------------------
def test_layouts() -> None:
    assert PLANES.labels == ("R", "G1", "G2", "B")
    assert parse_layout(None, "GGGG").labels == ("G1", "G2", "G3", "G4")  # type: ignore[union-attr]  # it is a layout
    assert parse_layout("1x4", None) == TapLayout(1, 4)
    assert REGIONS.labels == ("0,0", "0,1", "1,0", "1,1")
    for layout in (REGIONS, PLANES, TapLayout(4, 1)):
        index = layout.index((8, 12), (8, 12), (0, 0))
        for tap, window in enumerate(layout.windows((8, 12))):
            assert (index[window] == tap).all()
        np.testing.assert_array_equal(layout.index((8, 12), (3, 4), (5, 7)), index[5:8, 7:11])


@pytest.mark.parametrize(
    "options",
    [{"taps": text} for text in ("2", "2x", "0x2", "1x1", "axb", "-2x2", "9x9", "2x2x2", "1000x1000", "")]
    + [{"cfa": text} for text in ("RGB", "RGGBX", "R2GB", "", "ÄGGB")]
    + [{"taps": "2x2", "cfa": "RGGB"}],
)
def test_what_is_no_layout_is_refused(options: dict[str, str]) -> None:
    with pytest.raises(InvalidOption):
        parse_layout(options.get("taps"), options.get("cfa"))


def test_a_tap_that_cannot_be_calibrated_is_named() -> None:
    rng = np.random.default_rng(91)
    dark = np.rint(rng.normal(100, 2, (4, 12, 10))).astype(np.uint16)
    flats = [np.rint(rng.normal(100 + 0.5 * e, np.sqrt(0.25 * e + 4), (4, 12, 10))).astype(np.uint16) for e in (400, 1500, 3000)]
    with pytest.raises(ShapeMismatch, match="taps 5x1"):
        sr.calibrate(series([dark], flats), taps="5x1")
    for frames in flats:
        frames[:, 1::2, 1::2] = dark[:, 1::2, 1::2]
    with pytest.raises(Exception, match="tap B: no flat level is brighter"):
        sr.calibrate(series([dark], flats), cfa="RGGB")
    with pytest.raises(InvalidSeries):
        sr.calibrate(series([dark, dark], flats, dark_ms=[None, None]), cfa="RGGB")


def test_round_trip_and_hostile_files(both: tuple[Camera, CameraProfile], tmp_path: Path) -> None:
    profile = both[1]
    back = CameraProfile.from_netcdf(profile.to_netcdf(tmp_path / "camera.nc"))
    assert back.dataset.identical(profile.dataset)
    assert back.summary() == json.loads(json.dumps(profile.summary(), allow_nan=False))
    data = profile.dataset

    def without_taps(d: xr.Dataset) -> xr.Dataset:
        plain = d.drop_vars([name for name in d.variables if str(name).startswith("tap_")])
        return plain.drop_attrs(deep=False).assign_attrs({key: value for key, value in d.attrs.items() if not key.startswith("tap_")})

    CameraProfile(without_taps(data.copy(deep=True)))
    for spoil in (
        lambda d: d.drop_vars("tap_gain"),
        lambda d: d.drop_vars("tap_prnu_se"),
        lambda d: d.assign(tap_gain=-d["tap_gain"]),
        lambda d: d.assign(tap_gain=("tap", np.full(4, np.nan))),
        lambda d: d.assign(tap_dark_noise_se=-d["tap_dark_noise_se"]),
        lambda d: d.assign(tap_offset=("tap", np.full(4, np.inf))),
        lambda d: d.isel(tap=slice(3)),
        lambda d: d.assign(gain=d["gain"] * math.nan),
        lambda d: without_taps(d).assign(gain=(d["gain"] * math.nan).assign_attrs(not_determined="taps-differ")),
        lambda d: d.assign_attrs(tap_layout="taps 4x4"),
        lambda d: d.assign_attrs(tap_layout="import os"),
        lambda d: d.assign_attrs(tap_labels="a b c d"),
        lambda d: d.assign_attrs(tap_sensor="-1x5"),
        lambda d: d.assign(tap_gain=d["tap_gain"].assign_attrs(remarks="{")),
        lambda d: d.assign(tap_gain=d["tap_gain"].assign_attrs(remarks="[1, 2, 3, 4]")),
        lambda d: d.assign(tap_gain=d["tap_gain"].assign_attrs(remarks='[{"flag": 1}, {}, {}, {}]')),
        lambda d: d.drop_attrs(deep=False).assign_attrs({k: v for k, v in d.attrs.items() if k != "tap_layout"}),
    ):
        with pytest.raises(InvalidProfile):
            CameraProfile(spoil(data.copy(deep=True)))


def test_a_profile_with_taps_and_no_maps_fits_by_its_taps(both: tuple[Camera, CameraProfile]) -> None:
    camera, profile = both
    names = [name for name in profile.dataset.variables if profile.dataset[name].dims == ("y", "x")]
    model = NoiseModel.from_profile(CameraProfile(profile.dataset.drop_vars(names)), SHAPE)
    np.testing.assert_allclose(model.gain_dn_per_e, camera.gain, rtol=0.05)
    np.testing.assert_allclose(model.offset_dn, camera.offset, atol=0.1)


def halves(rng: np.random.Generator, gains: tuple[float, float], light: tuple[float, float], count: int, bend: float = 0.0) -> np.ndarray:
    """Frames of a sensor whose halves have a gain, DN/e-, and light, e-, of their own; read noise 4 e-. bend : a of brighter-fatter."""
    electrons, gain = (np.repeat([[pair[0]] * 20 + [pair[1]] * 20], 32, axis=0) for pair in (light, gains))
    shot = np.expm1(2 * bend * electrons) / (2 * bend) if bend else electrons
    exact = 100 + gain * electrons + gain * np.sqrt(shot + 16) * rng.standard_normal((count, 32, 40))
    return np.clip(np.rint(exact), 0, 4095).astype(np.uint16)


def test_a_mixture_of_taps_that_bends_is_said() -> None:
    """Two halves of unequal gain, one of which is lit less while the other is lit more: each is straight, all pixels together bend.

    The curve of all pixels is no pixel's: replicas at 5000 e- have the variance of straight halves, within 4·√(2/(64·640)) and the
    gains' 1.2 %, twice; the mixture's curve takes a fifth of it away.
    """
    rng, gains = np.random.default_rng(92), (0.4, 0.6)
    dark = halves(rng, gains, (0, 0), 16)
    unequal = [halves(rng, gains, (e, 5000 - 0.3 * e), 4) for e in np.linspace(500, 6500, 12)]
    even = [halves(rng, gains, (e, e), 4) for e in np.linspace(500, 4500, 12)]
    bent, straight = (sr.calibrate(series([dark], flats), taps="1x2") for flats in (unequal, even))
    noted = [any("none of the taps" in note for note in profile.summary()["notes"]) for profile in (bent, straight)]
    assert noted == [True, False]
    assert bent.dataset.attrs["transfer_model"] != "linear"
    assert not np.isfinite(bent.dataset["tap_brighter_fatter"]).any()
    model = NoiseModel.from_profile(bent, (32, 40))
    drawn = model.sample(np.repeat([[2100.0] * 20 + [3100.0] * 20], 32, axis=0), 64, seed=4).astype(np.float64).var(axis=0, ddof=1)
    for half, gain, level in ((np.s_[:, :20], 0.4, 2000), (np.s_[:, 20:], 0.6, 3000)):
        assert drawn[half].mean() == pytest.approx(gain * level + gain**2 * 16 + 1 / 12, rel=4 * math.hypot(0.007, 2 * 0.012))


def test_taps_that_all_bend_keep_their_curve() -> None:
    """a = −6·10⁻⁵/e- in both halves: the noise model has it within 4 standard errors."""
    rng, gains = np.random.default_rng(93), (0.4, 0.6)
    flats = [halves(rng, gains, (e, e), 8, bend=-6e-5) for e in np.linspace(300, 4500, 12)]
    profile = sr.calibrate(series([halves(rng, gains, (0, 0), 16)], flats), taps="1x2")
    curve = NoiseModel.from_profile(profile, (32, 40)).curve
    assert isinstance(curve, BrighterFatter)
    assert curve.coefficient == pytest.approx(-6e-5, abs=4 * curve.u_coefficient)


@pytest.fixture(scope="module")
def opposed() -> Series:
    """The brighter all pixels are on the mean, the less they vary: the half of three times the gain sees less light from level to level."""
    rng, gains = np.random.default_rng(94), (0.3, 0.9)
    flats = [halves(rng, gains, (7 * e, 3000 - 1.4 * e), 4) for e in np.linspace(100, 1300, 12)]
    return series([halves(rng, gains, (0, 0), 16)], flats)


def test_taps_need_no_mixture_that_can_be_calibrated(opposed: Series, tmp_path: Path) -> None:
    with pytest.raises(TooFewFrames, match="0 of 12 flat levels"):
        sr.calibrate(opposed)
    profile = sr.calibrate(opposed, taps="1x2")
    data = profile.dataset
    for name, truth in (("gain", (0.3, 0.9)), ("offset", (100.0, 100.0)), ("dark_noise", (4.0, 4.0))):
        assert (np.abs(data[f"tap_{name}"].values - truth) < 4 * data[f"tap_{name}_se"].values).all()
    for name in ("gain", "offset", "read_noise", "prnu", "saturation"):
        assert (math.isnan(float(data[name])), data[name].attrs["not_determined"]) == (True, "taps-differ")
    summary = profile.summary()
    assert "0 of 12 flat levels" in summary["notes"][0]
    assert not any("none of the taps" in note for note in summary["notes"])
    assert not any(summary["levels"]["used"])
    assert len(summary["levels"]["mean_dn"]) == 12
    assert [row["name"] for row in summary["checks"]] == [str(name) for name in CheckName]
    # The light of one half falls with the stated exposure.
    assert {row["name"] for row in summary["checks"] if row["outcome"] != "pass"} == {"exposure-origin"}
    assert all(row["evidence"].startswith("tap ") for row in summary["checks"])
    back = CameraProfile.from_netcdf(profile.to_netcdf(tmp_path / "camera.nc"))
    assert back.dataset.identical(data)
    assert {row.name for row in compare(back, profile)} == {row.name for row in compare(back, profile) if "[" in row.name}
    page = write_datasheet(summary, tmp_path, profile.figures()).read_text()
    assert "taps 1x2" in page


def test_replicas_and_studies_where_only_taps_are_calibrated(opposed: Series) -> None:
    """A gain of .9 where the mixture has none: 64 draws of 640 pixels a half, SE of a variance .7 %, with twice the gain's 1.2 %."""
    profile = sr.calibrate(opposed, taps="1x2")
    for options in ({}, {"scalars": True}):
        model = NoiseModel.from_profile(profile, (32, 40), **options)
        drawn = model.sample(np.full((32, 40), 1000.0), 64, seed=4).astype(np.float64).var(axis=0, ddof=1)
        for half, gain in ((np.s_[:, :20], 0.3), (np.s_[:, 20:], 0.9)):
            assert drawn[half].mean() == pytest.approx(gain * 900 + gain**2 * 16 + 1 / 12, rel=4 * math.hypot(0.007, 2 * 0.012))
    raw = opposed.flat[3].stream()
    frame = next(iter(raw.chunks(1 << 20)))[0]
    record = sr.validate([frame], profile, codecs=["lossless"], pipeline="intensity", n=20, seed=1)
    assert {row["verdict"] for row in record.document["results"]} == {"PASS"}


def test_every_tap_that_cannot_be_calibrated_is_named(opposed: Series) -> None:
    """Light that never reaches two planes: they are named, with what is wrong, and how many are well. Nothing is named where nothing is."""
    rng = np.random.default_rng(95)
    dark = rng.integers(90, 110, (4, 12, 10), dtype=np.uint16)
    flats = [np.rint(rng.normal(100 + 0.5 * e, np.sqrt(0.25 * e + 4), (4, 12, 10))).astype(np.uint16) for e in (400, 1500, 3000)]
    for frames in flats:
        frames[:, 1::2] = dark[:, 1::2]
    with pytest.raises(
        ImplausibleSeries, match=r"^tap G2: no flat level is brighter.*; tap B: no flat .*\(2 of 4 taps can be calibrated\)"
    ):
        sr.calibrate(series([dark], flats), cfa="RGGB")
    with pytest.raises(TooFewFrames, match=r"^only 1 of 1 flat levels"):
        sr.calibrate(replace(opposed, flat=opposed.flat[:1]), taps="1x2")


def test_a_check_of_many_taps_has_its_chance_shared_among_them() -> None:
    """Row noise in one tap of four, of a chance between a quarter of the check's and all of it: alone it fails, of four it is none."""
    noted = {}
    for rows in (0.25, 0.5):
        rng = np.random.default_rng([97, 4])
        exact = 100 + 2 * rng.standard_normal((16, 32, 40))
        exact[:, :16, :20] += rows * rng.standard_normal((16, 16, 1))
        dark = np.rint(exact).astype(np.uint16)
        flats = [gaussian_frames(rng, e, noise=4.0, shape=(32, 40)) for e in (800, 2000, 3500)]
        alone = sr.calibrate(series([dark[:, :16, :20]], [frames[:, :16, :20] for frames in flats]))
        (row,) = [row for row in alone.summary()["checks"] if row["name"] == "row-noise"]
        chance = float(row["evidence"].split("(chance ")[1].rstrip(")"))
        assert row["outcome"] == "fail"
        notes = sr.calibrate(series([dark], flats), taps="2x2").summary()["notes"]
        noted[rows] = chance, [note.split(":")[0] for note in notes if "check row-noise fails" in note]
    assert CHANCE / 4 < noted[0.25][0] < CHANCE
    assert noted[0.25][1] == []
    assert noted[0.5][1] == ["tap 0,0"]


def test_equal_values_of_a_few_are_no_stop() -> None:
    """Two of 640 values that tie at the highest are .3 % and no clipping, 20 of 128 pixels that stop are, and so is a converter's end."""
    rng = np.random.default_rng(98)
    flats = [gaussian_frames(rng, e, noise=4.0, shape=(8, 16), count=5) for e in np.linspace(300, 5000, 8)]
    tie, stop, end = ([frames.copy() for frames in flats] for _ in range(3))
    top = int(flats[-1].max()) + 1
    tie[-1][:2, 3, 3] = top
    for frames in stop[-2:]:
        frames[:, :2, :10] = top
    end[-1][:2, 3, 3] = 4095
    dark = gaussian_frames(rng, 0.0, noise=4.0, shape=(8, 16), count=4)
    found = []
    for levels in (flats, tie, stop, end):
        rows = sr.calibrate(series([dark], levels)).summary()["checks"]
        found += [row["outcome"] for row in rows if row["name"] == "white-clipping"]
    assert found == ["pass", "pass", "fail", "fail"]


def test_a_tap_that_has_changed_is_found_and_named() -> None:
    """Blue read with 5 % less gain. SE(K) of a tap is .8 %, of a difference 1.1 %: 5 % is 4.5 of it, the bound of .5 % 0.5."""
    _, before = calibrated("planes", 0)
    camera = Camera(PLANES, 0)
    camera.gain[1::2, 1::2] *= 0.95
    flats = [camera.frames(e, 4) for e in np.linspace(200, 7000, 16)]
    after = sr.calibrate(series([camera.frames(0, 16)], flats), cfa="RGGB")
    rows = {row.name: row for row in compare(after, before, {"gain": Bound(0.005), "offset": Bound(0.2, "unit")})}
    assert rows["gain[B]"].verdict == "FAIL"
    assert rows["gain[B]"].difference == float(after.dataset["tap_gain"][3] - before.dataset["tap_gain"][3])
    assert not {rows[f"gain[{label}]"].verdict for label in ("R", "G1", "G2")} & {"FAIL"}
    assert {rows[f"offset[{label}]"].verdict for label in ("R", "G1", "G2", "B")} == {"PASS"}
    assert "gain" in rows
    plain = sr.calibrate(series([camera.frames(0, 4)], flats[::5]))
    with pytest.raises(ProfileMismatch, match="R G1 G2 B against one of none"):
        compare(before, plain)
