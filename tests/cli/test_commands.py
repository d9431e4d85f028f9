"""Every verb does what its help says."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import netCDF4
import numpy as np
import pytest
import tifffile
import xarray as xr
import zarr

import sigmaraw as sr
from sigmaraw import registry
from sigmaraw.cli import main


def test_calibrate_finds_the_truth_and_writes_profile_and_datasheet(world: Path, tmp_path: Path, sigmaraw: Callable) -> None:
    outcome = sigmaraw("calibrate", world / "series", "--bits", 12, "-o", tmp_path / "c.nc", "--report", tmp_path / "sheet")
    assert outcome.code == 0, outcome.err
    profile = sr.CameraProfile.from_netcdf(tmp_path / "c.nc")
    gain, error = float(profile.dataset["gain"]), float(profile.dataset["gain_se"])
    assert abs(gain - 0.5) < 4 * error
    assert "gain" in outcome.out
    page = (tmp_path / "sheet" / "datasheet.html").read_text()
    assert "<svg" in page
    assert "calibrated from dark and flat frames" in page


def test_camera_takes_either_gain_and_echoes_both(tmp_path: Path, sigmaraw: Callable) -> None:
    common = ["--offset", 100, "--read-noise", 1.6, "--bits", 12]
    first = sigmaraw("camera", "--gain", 0.25, *common, "-o", tmp_path / "a.nc")
    second = sigmaraw("camera", "--conversion-factor", 4, *common, "-o", tmp_path / "b.nc")
    assert first.code == second.code == 0
    for outcome in (first, second):
        assert "0.25 DN/e-" in outcome.out
        assert "4 e-/DN" in outcome.out
        assert "NOT CALIBRATED" in outcome.out
    a, b = (sr.CameraProfile.from_netcdf(tmp_path / name) for name in ("a.nc", "b.nc"))
    assert float(a.dataset["gain"]) == float(b.dataset["gain"]) == 0.25


@pytest.mark.parametrize("suffix", ["tif", "nc", "zarr"])
def test_replicas_writes_what_the_interface_returns(world: Path, tmp_path: Path, sigmaraw: Callable, suffix: str) -> None:
    path = tmp_path / f"r.{suffix}"
    arguments = ["replicas", world / "image.tif", "--camera", world / "camera.nc", "-n", 5, "--seed", 3, "--frame", 1, "-o", path]
    outcome = sigmaraw(*arguments)
    assert outcome.code == 0, outcome.err
    readers = {
        "tif": lambda: tifffile.imread(path),
        "nc": lambda: np.asarray(netCDF4.Dataset(path)["replicas"]),
        "zarr": lambda: np.asarray(zarr.open_array(str(path), mode="r")),
    }
    camera = sr.CameraProfile.from_netcdf(world / "camera.nc")
    expected = sr.replicas(tifffile.imread(world / "image.tif")[1], camera, 5, seed=3)
    values = readers[suffix]()
    assert values.dtype == np.uint16
    np.testing.assert_array_equal(values, expected.values)


@pytest.fixture(scope="module")
def study(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A record folder that the command line wrote."""
    folder = tmp_path_factory.mktemp("study")
    shutil.copy(world / "image.tif", folder)
    shutil.copy(world / "camera.nc", folder)
    (folder / "plan.toml").write_text('codecs = ["lossless", "jpegls:near=40"]\npipeline = "otsu"\nn = 8\n')
    command = ["validate", "image.tif", "--camera", "camera.nc", "--plan", "plan.toml", "--exploratory", "--seed", "5", "-o", "out"]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as stopped:
        main(command)
    assert stopped.value.code == 0, err.getvalue()
    assert "lossless" in out.getvalue()
    assert out.getvalue().rstrip().endswith("out/report.html")
    assert "replicas: " in err.getvalue()
    return folder


def test_validate_writes_a_record_with_every_input(study: Path) -> None:
    record = json.loads((study / "out" / "record.json").read_text())
    assert [row["role"] for row in record["inputs"]] == ["raw", "camera", "plan"]
    assert record["inputs"][0]["shape"] == [2, 64, 64]
    assert record["plan"]["seed"] == 5
    assert record["plan"]["n"] == 8


def test_the_same_command_gives_the_same_record(study: Path, monkeypatch: pytest.MonkeyPatch, sigmaraw: Callable) -> None:
    monkeypatch.chdir(study)
    command = ["validate", "image.tif", "--camera", "camera.nc", "--plan", "plan.toml", "--exploratory", "--seed", 5, "-q"]
    assert sigmaraw(*command, "-o", "again").code == 0
    assert sigmaraw(*command, "--batch", 3, "-o", "batched").code == 0
    records = [json.loads((study / name / "record.json").read_text()) for name in ("out", "again", "batched")]
    for record in records:
        record.pop("created")
        record["plan"].pop("created")
        record["environment"].pop("hardware")
    assert records[0] == records[1] == records[2]


def test_check_turns_the_verdict_into_an_exit_code(study: Path, monkeypatch: pytest.MonkeyPatch, sigmaraw: Callable) -> None:
    monkeypatch.chdir(study)
    common = [
        "validate",
        "image.tif",
        "--camera",
        "camera.nc",
        "--pipeline",
        "otsu",
        "-n",
        6,
        "--check",
        "-q",
        "-o",
        "checked",
        "--overwrite",
    ]
    assert sigmaraw(*common, "--codec", "lossless").code == 0
    assert sigmaraw(*common, "--codec", "to8bit:minmax+jpeg:quality=1").code == 1
    assert sigmaraw(*common, "--codec", "noiseaware:q=0.5").code == 3


def test_verify_accepts_the_record_and_names_what_changed(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sigmaraw: Callable
) -> None:
    folder = Path(shutil.copytree(study, tmp_path / "copy"))
    monkeypatch.chdir(folder)
    assert sigmaraw("verify", "out").code == 0
    image = folder / "image.tif"
    image.write_bytes(image.read_bytes()[:-1] + b"\x00\x01")
    outcome = sigmaraw("verify", "out")
    assert outcome.code == 2
    assert "image.tif" in outcome.err


def test_verify_says_sign_anew_where_only_a_report_was_written_after_the_signature(study: Path, tmp_path: Path, sigmaraw: Callable) -> None:
    folder, key = Path(shutil.copytree(study, tmp_path / "copy")) / "out", tmp_path / "key.pem"
    for words in (("keygen", "-o", key), ("sign", folder, "--key", key), ("report", folder, "--format", "text")):
        assert sigmaraw(*words).code == 0
    assert "sign anew with --replace" in sigmaraw("verify", folder).err
    assert sigmaraw("sign", folder, "--key", key, "--replace").code == 0 == sigmaraw("verify", folder).code
    (folder / "verdicts.txt").write_text("all PASS", encoding="utf-8")
    altered = sigmaraw("verify", folder)
    assert altered.code == 2 and "sign anew" not in altered.err and "Restore these parts" in altered.err


def test_report_renders_the_same_page_again(study: Path, sigmaraw: Callable) -> None:
    page = study / "out" / "report.html"
    before = page.read_bytes()
    page.unlink()
    outcome = sigmaraw("report", study / "out", "--format", "html", "--format", "json", "--format", "text")
    assert outcome.code == 0, outcome.err
    assert page.read_bytes() == before
    assert (study / "out" / "summary.json").is_file()
    assert (study / "out" / "verdicts.txt").is_file()


@pytest.mark.parametrize(("verb", "group"), [("codecs", registry.CODECS), ("pipelines", registry.PIPELINES), ("metrics", registry.METRICS)])
def test_listings_name_everything_that_is_registered(verb: str, group: str, sigmaraw: Callable) -> None:
    outcome = sigmaraw(verb)
    assert outcome.code == 0
    starts = {line.split()[0] for line in outcome.out.splitlines() if line and not line.startswith(" ")}
    assert starts >= set(registry.names(group))


def test_repeats_and_volume_are_read_as_stated(world: Path, tmp_path: Path, sigmaraw: Callable) -> None:
    random = np.random.default_rng(3)
    y, x = np.mgrid[:64, :64]
    blob = 200 * np.exp(-((y - 30) ** 2 + (x - 30) ** 2) / 40)
    stack = np.rint(100 + 0.5 * (random.poisson(10 + blob, (10, 64, 64)) + random.normal(0, 2, (10, 64, 64)))).clip(0).astype(np.uint16)
    tifffile.imwrite(tmp_path / "stack.tif", stack)
    common = ["validate", tmp_path / "stack.tif", "--camera", world / "camera.nc", "--codec", "jpegls:near=1", "--pipeline", "otsu", "-q"]
    assert sigmaraw(*common, "--mode", "repeats", "-o", tmp_path / "repeats").code == 0
    record = json.loads((tmp_path / "repeats" / "record.json").read_text())
    assert (len(record["images"]), record["design"]["replicas_per_group"]) == (1, 10)
    assert sigmaraw(*common, "--volume", "-n", 4, "-o", tmp_path / "volume").code == 0
    record = json.loads((tmp_path / "volume" / "record.json").read_text())
    assert [row["shape"] for row in record["images"]] == [[10, 64, 64]]


@pytest.mark.parametrize("suffix", ["tif", "nc", "zarr"])
def test_replicas_of_a_volume_are_written_slab_by_slab(
    world: Path, tmp_path: Path, sigmaraw: Callable, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sigmaraw.noise import blocks

    volume = np.random.default_rng(3).integers(90, 300, (7, 16, 20), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "volume.tif", volume, photometric="minisblack")
    camera = sr.CameraProfile.from_netcdf(world / "camera.nc")
    expected = sr.replicas(volume, camera, 3, mode="around-raw", seed=3).values
    path = tmp_path / f"r.{suffix}"
    monkeypatch.setattr(blocks, "SLAB_PIXELS", 2 * 16 * 20)
    arguments = ["replicas", tmp_path / "volume.tif", "--volume", "--camera", world / "camera.nc", "-n", 3, "--mode", "around-raw"]
    outcome = sigmaraw(*arguments, "--seed", 3, "-o", path)
    assert outcome.code == 0, outcome.err
    assert "planes: 21 of 21" in outcome.err
    readers = {
        "tif": lambda: tifffile.imread(path),
        "nc": lambda: np.asarray(netCDF4.Dataset(path)["replicas"]),
        "zarr": lambda: np.asarray(zarr.open_array(str(path), mode="r")),
    }
    np.testing.assert_array_equal(readers[suffix](), expected)


def test_n_may_be_left_to_the_study(study: Path, tmp_path: Path, sigmaraw: Callable) -> None:
    common = ["validate", study / "image.tif", "--camera", study / "camera.nc", "--codec", "lossless", "--pipeline", "intensity"]
    outcome = sigmaraw(*common, "-n", "auto:0.1,max=40", "--mode", "around-raw", "-o", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    record = json.loads((tmp_path / "out" / "record.json").read_text())
    # 1/√(2·2·(n − 1)) ≤ .1 from n = 26 on, so 30; the influence form may ask for one more block
    assert record["adaptive"]["n"] in (30, 40)
    assert f"n = {record['adaptive']['n']} (auto:0.1,max=40" in outcome.out
    assert "law of propagation, mean_intensity, image.tif frame 0" in outcome.out
    assert "σ_raw known" in outcome.err or record["adaptive"]["n"] == 30


def test_a_corner_is_y_then_x() -> None:
    from sigmaraw.cli.shared import parse_roi

    assert parse_roi("8, 4") == (8, 4)
    assert parse_roi(None) is None


def test_taps_are_printed_and_drawn(tmp_path: Path, sigmaraw: Callable) -> None:
    from sigmaraw.virtual import VirtualCamera
    from sigmaraw.virtual.series import write_series

    write_series(VirtualCamera(shape=(32, 40), seed=5), tmp_path / "series", levels=6)
    output, sheet = tmp_path / "camera.nc", tmp_path / "sheet"
    outcome = sigmaraw("calibrate", tmp_path / "series", "-o", output, "--cfa", "RGGB", "--report", sheet)
    assert outcome.code == 0, outcome.err
    lines = outcome.out.splitlines()
    (head,) = [line for line in lines if line.strip().startswith("cfa RGGB")]
    assert head.split()[2:] == ["R", "G1", "G2", "B"]
    gains = sr.CameraProfile.from_netcdf(output).dataset["tap_gain"].values
    printed = lines[lines.index(head) + 1]
    assert printed.split()[0] == "gain"
    assert all(f"{gain:.5g} ±" in printed for gain in gains)
    page = (sheet / "datasheet.html").read_text(encoding="utf-8")
    assert "By tap: cfa RGGB" in page
    assert page.count(">G1</th>") == 1
    refused = sigmaraw("calibrate", tmp_path / "series", "-o", tmp_path / "no.nc", "--cfa", "RGGB", "--taps", "2x2")
    assert refused.code == 2
    assert "both taps and cfa" in refused.err
    assert not (tmp_path / "no.nc").exists()


def test_a_calibration_is_planned_before_frames_are_taken(sigmaraw: Callable) -> None:
    outcome = sigmaraw("plan-calibration", "--gain", 0.5, "--read-noise", 4, "--bits", 12, "--shape", "128x128", "--levels", 35)
    assert outcome.code == 0, outcome.err
    assert outcome.out.startswith("100 frames; 22 of 35 flat levels")
    (line,) = [line for line in outcome.out.splitlines() if line.split()[0] == "gain"]
    # 22 levels of one pair and seven pairs more in the stack, 128² pixels: √(2/(29·16384)) and what the dark adds.
    assert float(line.split()[2]) == pytest.approx(0.5 * (2 / (29 * 16384)) ** 0.5, rel=0.06)
    for wrong in (["--shape", "12"], ["--dark-ms", "a"], ["--levels", "1"]):
        refused = sigmaraw("plan-calibration", "--gain", 0.5, "--read-noise", 4, "--bits", 12, *wrong)
        assert refused.code == 2
        assert refused.err.count("\n") == 1


def test_calibrate_writes_a_certificate_that_names_the_profile_by_its_hash(world: Path, tmp_path: Path, sigmaraw: Callable) -> None:
    from sigmaraw.files import sha256_of_file

    lab = tmp_path / "lab.toml"
    lab.write_text('laboratory = "Example Lab"\n[fields]\ncountry = "CH"\n')
    profile, xml = tmp_path / "c.nc", tmp_path / "c.xml"
    wanted = ["--dcc", xml, "--template", lab, "--report", tmp_path / "sheet"]
    outcome = sigmaraw("calibrate", world / "series", "-o", profile, "--bits", 12, *wanted, "-q")
    assert outcome.code == 0 and f"certificate: {xml}" in outcome.out
    text = xml.read_text(encoding="utf-8")
    signer = ElementTree.fromstring(text).findtext(".//{*}respPerson/{*}person/{*}name/{*}content")
    assert signer == "not stated", "the login is not the signer"
    sheet = (tmp_path / "sheet" / "datasheet.html").read_text(encoding="utf-8")
    assert "Example Lab" in sheet and (tmp_path / "sheet" / "datasheet.pdf").is_file()
    assert sha256_of_file(profile) in text and "<dcc:countryCodeISO3166_1>CH<" in text
    with xr.open_dataset(profile) as data:
        assert data["gain"].attrs["unc_comps"] == "gain_se" and data["gain_se"].attrs["pdf_shape"] == "gaussian"
        assert data["level_variance_se"].attrs["err_corr_1_dim"] == "level"
    assert sigmaraw("calibrate", world / "series", "-o", profile, "--dcc", tmp_path, "-q").code == 2
