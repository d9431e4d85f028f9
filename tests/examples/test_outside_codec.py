"""The example of a codec outside the package is installed for real, found, tested by itself and by the suite, and scored."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "outside-codec"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a Python that has the example installed, in a folder of its own."""
    place = tmp_path_factory.mktemp("site")
    source = tmp_path_factory.mktemp("source")
    for path in EXAMPLE.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts and not any(part.endswith(".egg-info") for part in path.parts):
            target = source / path.relative_to(EXAMPLE)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target", str(place), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {**os.environ, "PYTHONPATH": str(place), "OUTSIDE_TESTS": str(source / "tests")}


def _python(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment, check=False, timeout=120)


def test_its_own_tests_pass(installed):
    done = _python(
        installed, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", installed["OUTSIDE_TESTS"], installed["OUTSIDE_TESTS"]
    )
    assert done.returncode == 0, done.stdout
    assert "8 passed" in done.stdout


def test_it_is_listed_and_passes_the_self_test(installed):
    done = _python(installed, "-m", "sigmaraw", "codecs")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    at = next(index for index, line in enumerate(lines) if line.startswith("bitplanes "))
    assert lines[at + 1].strip() == "self-test: passes"


def test_without_the_package_it_is_unknown():
    done = _python({**os.environ}, "-c", "import sigmaraw; sigmaraw.codec('bitplanes')")
    assert done.returncode != 0
    assert "UnknownName" in done.stderr
