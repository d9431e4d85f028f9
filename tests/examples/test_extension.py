"""The example package is installed for real: each extension passes its suite, is listed, and is used in a study and a report."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "extension"
MODULES = sorted(path for path in (EXAMPLE / "src").rglob("*.py") if path.name != "__init__.py")
LIMIT_S = 1800  # generous: the machine may be busy


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a Python that has the example installed, in a folder of its own, without network."""
    place, source = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("source") / "extension"
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "build"))
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target", str(place), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    assert done.returncode == 0, done.stderr
    paths = os.pathsep.join(path for path in (str(place), os.environ.get("PYTHONPATH", "")) if path)
    return {**os.environ, "PYTHONPATH": paths, "EXAMPLE_TESTS": str(source / "tests")}


def _python(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment, check=False, timeout=LIMIT_S)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


_STEPS = """
import contextlib, io, json, sys, traceback
folder, commands = json.loads(sys.argv[1])
from sigmaraw.cli import main
said = []
def step(work):
    out, code = io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            code = work()
        except SystemExit as stopped:
            code = stopped.code
        except BaseException:
            traceback.print_exc()
            code = 70
    said.append([int(code or 0), out.getvalue()])
def suite():
    import pytest
    return pytest.main(["-q", "-p", "no:cacheprovider", "--rootdir", folder, folder])
step(suite)
for arguments in commands:
    step(lambda: main(arguments))
print(json.dumps(said))
"""


@dataclass(frozen=True)
class Made:
    """What the package's own suite, listings and two studies printed, and their folders."""

    frame: np.ndarray
    suite: str
    listed: str
    printed: str
    out: Path
    other: Path


@pytest.fixture(scope="module")
def made(installed: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Made:
    """All that is done with the package, one after the other in one process: a start takes longer than most of it."""
    place = tmp_path_factory.mktemp("made")
    frame = np.random.default_rng(2).poisson(300, (48, 40)).astype(np.uint16)
    np.save(place / "cells.npy", frame)
    cells, camera, out, other = (str(place / name) for name in ("cells.npy", "camera.nc", "study", "denoised"))
    numbers = ("--gain", "0.5", "--offset", "100", "--read-noise", "1.6", "--bits", "12")
    study = ("validate", cells, "--camera", camera, "--codec", "dropbits:drop=3", "--codec", "lossless", "-n", "4")
    common = ("validate", cells, "--camera", camera, "--codec", "lossless", "-n", "3", "--pipeline", "intensity")
    commands = (
        ("codecs", "dropbits"),
        ("pipelines",),
        ("metrics",),
        ("camera", *numbers, "-o", camera),
        (*study, "--pipeline", "spots:above=5", "--mode", "smoothed:sigma=2", "-o", out),
        ("report", out, "--format", "markdown"),
        (*common, "--mode", "bootstrap:denoiser=wiener,double_bootstrap_groups=0", "-o", other),
    )
    said = json.loads(_python(installed, "-c", _STEPS, json.dumps([installed["EXAMPLE_TESTS"], commands])).splitlines()[-1])
    for arguments, (code, printed) in zip(commands, said[1:], strict=True):
        assert code == 0, (arguments, printed[-3000:])
    texts = [printed for _, printed in said]
    return Made(frame, texts[0], "".join(texts[1:4]), "".join(texts[4:]), Path(out), Path(other))


@pytest.mark.slow
def test_each_extension_passes_its_suite(made: Made) -> None:
    assert "11 passed" in made.suite, made.suite[-3000:]


def test_each_is_listed(made: Made) -> None:
    assert re.search(r"^dropbits .*\n +self-test: passes$", made.listed, re.MULTILINE)
    assert re.search(r"^spots ", made.listed, re.MULTILINE)
    assert re.search(r"^correlation ", made.listed, re.MULTILINE)


def test_all_are_used_in_a_study_and_a_report(made: Made) -> None:
    record = json.loads((made.out / "record.json").read_text(encoding="utf-8"))
    assert [row["codec"] for row in record["codecs"]] == ["dropbits:drop=3", "lossless"]
    assert {row["mode"] for row in record["results"]} == {"smoothed:sigma=2"}
    assert {row["measurement"] for row in record["results"]} == {"spots", "brightness"}
    decoded = (made.frame >> 3 << 3) + 4
    expected = np.corrcoef(made.frame.ravel().astype(float), decoded.ravel().astype(float))[0, 1]
    assert record["codecs"][0]["images"][0]["metrics"]["correlation"] == pytest.approx(expected, rel=1e-12)
    assert record["codecs"][1]["metrics"]["correlation"] == pytest.approx(1.0, rel=1e-12)
    assert f"report: {made.out / 'verdicts.md'}" in made.printed
    lines = (made.out / "verdicts.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2 + len(record["results"])
    assert json.loads((made.other / "record.json").read_text(encoding="utf-8"))["results"]


def test_without_the_package_it_is_unknown() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sigmaraw; sigmaraw.codec('dropbits')"], capture_output=True, text=True, check=False, timeout=LIMIT_S
    )
    assert done.returncode != 0
    assert "UnknownName" in done.stderr


def test_each_module_stands_in_the_page_and_is_short() -> None:
    page = (ROOT / "docs" / "how-to" / "extend.md").read_text(encoding="utf-8")
    assert len(MODULES) == 7
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) < 40, path.name
        assert f"```python\n{text}```" in page, f"{path.name} is not in docs/how-to/extend.md as it is"
