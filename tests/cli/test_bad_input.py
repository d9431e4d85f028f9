"""Bad input gives one clear line, exit code 2, no traceback, and nothing half-written."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from tests.cli.conftest import FILES

Make = Callable[[Path, Path], list[object]]


def _validate(world: Path, tmp: Path, *change: object, raw: object = None) -> list[object]:
    """A command that would succeed, with later options overriding earlier ones."""
    options = {"--camera": world / "camera.nc", "--codec": "lossless", "--pipeline": "otsu", "-n": "4", "-o": tmp / "out"}
    for key, value in zip(change[::2], change[1::2], strict=True):
        options[str(key)] = value
    return ["validate", raw or world / "image.tif", *(item for pair in options.items() for item in pair)]


def _series(world: Path, tmp: Path) -> Path:
    return Path(shutil.copytree(world / "series", tmp / "in"))


def _calibrate(tmp: Path) -> list[object]:
    return ["calibrate", tmp / "in", "--bits", "12", "-o", tmp / "out.nc"]


def _image(tmp: Path, array: np.ndarray, **options: object) -> Path:
    path = tmp / "bad.tif"
    tifffile.imwrite(path, array, **options)  # type: ignore[arg-type]
    return path


COPY = 'exec:encode="cp {in} {out}",decode="cp {in} {out}"'


def program_of_a_plan(world: Path, tmp: Path) -> list[object]:
    """The permission is for what is typed, and `lossless` is what is typed here."""
    (tmp / "plan.toml").write_text(f"codecs = ['lossless', '{COPY}']")
    command = _validate(world, tmp, "--plan", tmp / "plan.toml")
    place = command.index("--codec")
    return [*command[:place], *command[place + 2 :], "--exploratory", "--allow-exec"]


def one_frame(world: Path, tmp: Path) -> list[object]:
    for path in (_series(world, tmp) / "flat").iterdir():
        tifffile.imwrite(path, tifffile.imread(path)[0], photometric="minisblack")
    return _calibrate(tmp)


def mismatched_shapes(world: Path, tmp: Path) -> list[object]:
    path = _series(world, tmp) / "flat" / "level0.tif"
    tifffile.imwrite(path, tifffile.imread(path)[:, :32], photometric="minisblack")
    return _calibrate(tmp)


def float_flats(world: Path, tmp: Path) -> list[object]:
    path = _series(world, tmp) / "flat" / "level0.tif"
    tifffile.imwrite(path, tifffile.imread(path).astype(np.float32), photometric="minisblack")
    return _calibrate(tmp)


def flats_darker_than_darks(world: Path, tmp: Path) -> list[object]:
    folder = _series(world, tmp)
    shutil.copy(folder / "flat" / "level5.tif", folder / "dark" / "level0.tif")
    return _calibrate(tmp)


def all_saturated(world: Path, tmp: Path) -> list[object]:
    for path in (_series(world, tmp) / "flat").iterdir():
        tifffile.imwrite(path, np.full((4, 64, 64), 4095, np.uint16), photometric="minisblack")
    return _calibrate(tmp)


def series_without_flats(world: Path, tmp: Path) -> list[object]:
    shutil.rmtree(_series(world, tmp) / "flat")
    return _calibrate(tmp)


def truncated_flat(world: Path, tmp: Path) -> list[object]:
    path = _series(world, tmp) / "flat" / "level1.tif"
    path.write_bytes(path.read_bytes()[:3000])
    return _calibrate(tmp)


def escaping_csv(world: Path, tmp: Path) -> list[object]:
    (_series(world, tmp) / "frames.csv").write_text("path,kind,exposure_ms\n../../../etc/passwd,dark,1\n")
    return _calibrate(tmp)


def too_few_bits(world: Path, tmp: Path) -> list[object]:
    _series(world, tmp)
    return ["calibrate", tmp / "in", "--bits", "8", "-o", tmp / "out.nc"]


def truncated_image(world: Path, tmp: Path) -> list[object]:
    path = tmp / "bad.tif"
    path.write_bytes((world / "image.tif").read_bytes()[:2000])
    return _validate(world, tmp, raw=path)


def empty_image(world: Path, tmp: Path) -> list[object]:
    path = tmp / "bad.npy"
    path.write_bytes(b"")
    return _validate(world, tmp, raw=path)


def pickled_image(world: Path, tmp: Path) -> list[object]:
    path = tmp / "bad.npy"
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return _validate(world, tmp, raw=path)


def colour_image(world: Path, tmp: Path) -> list[object]:
    return _validate(world, tmp, raw=_image(tmp, np.zeros((64, 64, 3), np.uint8), photometric="rgb"))


def float_image(world: Path, tmp: Path) -> list[object]:
    return _validate(world, tmp, raw=_image(tmp, np.zeros((64, 64), np.float32)))


def eight_bit_image(world: Path, tmp: Path) -> list[object]:
    return _validate(world, tmp, raw=_image(tmp, np.ones((64, 64), np.uint8)))


def brighter_than_the_camera(world: Path, tmp: Path) -> list[object]:
    return _validate(world, tmp, raw=_image(tmp, np.full((64, 64), 5000, np.uint16)))


def profile_of_another_shape(world: Path, tmp: Path) -> list[object]:
    from sigmaraw.camera import calibrate

    calibrate(world / "series", bits=12).to_netcdf(tmp / "maps.nc")
    return _validate(world, tmp, "--camera", tmp / "maps.nc", raw=_image(tmp, np.full((32, 40), 300, np.uint16)))


def truncated_profile(world: Path, tmp: Path) -> list[object]:
    (tmp / "bad.nc").write_bytes((world / "camera.nc").read_bytes()[:1000])
    return _validate(world, tmp, "--camera", tmp / "bad.nc")


def not_a_model(world: Path, tmp: Path) -> list[object]:
    (tmp / "bad.onnx").write_bytes(b"not a model")
    return _validate(world, tmp, "--pipeline", f"onnx:{tmp / 'bad.onnx'}")


def output_is_a_file(world: Path, tmp: Path) -> list[object]:
    (tmp / "taken").write_text("")
    return _validate(world, tmp, "-o", tmp / "taken")


def same_image_twice(world: Path, tmp: Path) -> list[object]:
    command = _validate(world, tmp)
    return [*command[:2], world / "image.tif", *command[2:]]


CASES: dict[str, tuple[Make, str]] = {
    "missing folder": (lambda world, tmp: ["calibrate", tmp / "none", "-o", tmp / "out.nc"], "none"),
    "one frame only": (one_frame, "one frame|1 frame|frames"),
    "mismatched shapes": (mismatched_shapes, "32"),
    "float flats": (float_flats, "float32"),
    "flats darker than darks": (flats_darker_than_darks, "dark"),
    "all saturated": (all_saturated, "saturat"),
    "series without flats": (series_without_flats, "flat"),
    "truncated flat": (truncated_flat, r"level1\.tif"),
    "frames.csv leaves its folder": (escaping_csv, "passwd"),
    "too few bits": (too_few_bits, "bit"),
    "output of calibrate is no netCDF": (lambda world, tmp: ["calibrate", world / "series", "-o", tmp / "out.txt"], r"\.nc"),
    "missing image": (lambda world, tmp: _validate(world, tmp, raw=tmp / "none.tif"), r"none\.tif"),
    "truncated image": (truncated_image, r"bad\.tif"),
    "empty image": (empty_image, r"bad\.npy"),
    "pickled image": (pickled_image, r"bad\.npy"),
    "colour image": (colour_image, "RGB"),
    "float image": (float_image, "float32"),
    "image of another bit depth": (eight_bit_image, "uint8"),
    "brighter than the camera": (brighter_than_the_camera, "5000"),
    "profile of another shape": (profile_of_another_shape, "--scalars"),
    "truncated profile": (truncated_profile, r"bad\.nc"),
    "missing profile": (lambda world, tmp: _validate(world, tmp, "--camera", tmp / "none.nc"), r"none\.nc"),
    "unknown codec": (lambda world, tmp: _validate(world, tmp, "--codec", "jpeg3000"), "jpeg3000"),
    "wrong key": (lambda world, tmp: _validate(world, tmp, "--codec", "jpeg2000:ration=10"), "ration"),
    "bad value": (lambda world, tmp: _validate(world, tmp, "--codec", "jpeg2000:ratio=ten"), "ten"),
    "codec of another depth": (lambda world, tmp: _validate(world, tmp, "--codec", "jpeg:quality=90"), "uint16"),
    "unknown pipeline": (lambda world, tmp: _validate(world, tmp, "--pipeline", "ots"), "ots"),
    "missing model": (lambda world, tmp: _validate(world, tmp, "--pipeline", "onnx:none.onnx"), r"none\.onnx"),
    "missing torch model": (lambda world, tmp: _validate(world, tmp, "--pipeline", "torch:none.pt2"), r"none\.pt2"),
    "not a model": (not_a_model, r"bad\.onnx"),
    "missing function": (lambda world, tmp: _validate(world, tmp, "--pipeline", "sigmaraw:nothing"), "nothing"),
    "unknown mode": (lambda world, tmp: _validate(world, tmp, "--mode", "magic"), "magic"),
    "unknown engine": (lambda world, tmp: _validate(world, tmp, "--engine", "magic"), "magic"),
    "one replica": (lambda world, tmp: _validate(world, tmp, "-n", "1"), "1"),
    "bad adaptive n": (lambda world, tmp: _validate(world, tmp, "-n", "auto:often"), "u=often"),
    "bad number": (lambda world, tmp: _validate(world, tmp, "-n", "many"), "-n"),
    "bad seed": (lambda world, tmp: _validate(world, tmp, "--seed", "-1"), "seed"),
    "bad roi": (lambda world, tmp: _validate(world, tmp, "--roi", "1;2"), "roi"),
    "frame not there": (lambda world, tmp: _validate(world, tmp, "--frame", "2"), "frame 2"),
    "bad batch": (lambda world, tmp: _validate(world, tmp, "--batch", "0"), "batch"),
    "program without leave": (lambda world, tmp: _validate(world, tmp, "--codec", COPY), "would run a program"),
    "program of a plan": (program_of_a_plan, "would run a program"),
    "missing plan": (lambda world, tmp: _validate(world, tmp, "--plan", tmp / "none.toml"), r"none\.toml"),
    "too few repeats": (lambda world, tmp: _validate(world, tmp, "--mode", "repeats"), "repeat"),
    "output is a file": (output_is_a_file, "taken"),
    "same image twice": (same_image_twice, "same pixels"),
    "no codec": (
        lambda world, tmp: ["validate", world / "image.tif", "--camera", world / "camera.nc", "--pipeline", "otsu", "-o", tmp / "out"],
        "--codec",
    ),
    "gain twice": (
        lambda world, tmp: [
            "camera",
            "--gain",
            1,
            "--conversion-factor",
            1,
            "--offset",
            1,
            "--read-noise",
            1,
            "--bits",
            8,
            "-o",
            tmp / "out.nc",
        ],
        "both",
    ),
    "negative gain": (
        lambda world, tmp: ["camera", "--gain=-1", "--offset", 1, "--read-noise", 1, "--bits", 8, "-o", tmp / "out.nc"],
        "gain",
    ),
    "replicas of no format": (
        lambda world, tmp: ["replicas", world / "image.tif", "--camera", world / "camera.nc", "-n", 2, "-o", tmp / "out.png"],
        r"out\.png",
    ),
    "frame that is not there": (
        lambda world, tmp: ["replicas", world / "image.tif", "--camera", world / "camera.nc", "--frame", 2, "-o", tmp / "out.tif"],
        "--frame 2",
    ),
    "report of nothing": (lambda world, tmp: ["report", tmp], "record.json"),
    "verify of nothing": (lambda world, tmp: ["verify", tmp], "record.json"),
    "unknown verb": (lambda world, tmp: ["compress"], "compress"),
    "unknown option": (lambda world, tmp: ["validate", "--colour", "red"], "--colour"),
}


@pytest.mark.requirement("R-INPUT")
@pytest.mark.parametrize("name", CASES)
def test_bad_input_gives_one_line_and_exit_code_2(name: str, world: Path, tmp_path: Path, sigmaraw: Callable) -> None:
    make, mentioned = CASES[name]
    command = make(world, tmp_path)
    before = sorted(tmp_path.rglob("*"))
    outcome = sigmaraw(*command)
    assert outcome.code == 2, outcome
    lines = [line for line in outcome.err.splitlines() if line.startswith("sigmaraw: ")]
    assert len(lines) == 1, outcome.err
    assert outcome.err.splitlines()[-1] == lines[0]
    assert "Traceback" not in outcome.err
    assert len(lines[0]) < 600
    assert re.search(mentioned, lines[0]), lines[0]
    assert sorted(tmp_path.rglob("*")) == before, "something was left behind"


def test_the_same_command_with_good_input_succeeds(world: Path, tmp_path: Path, sigmaraw: Callable) -> None:
    """Otherwise the refusals above could have another cause."""
    outcome = sigmaraw(*_validate(world, tmp_path))
    assert outcome.code == 0, outcome.err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == FILES
    shutil.copytree(world / "series", tmp_path / "in")
    assert sigmaraw(*_calibrate(tmp_path)).code == 0
