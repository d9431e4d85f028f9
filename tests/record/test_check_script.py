"""check.py, written beside a record: it agrees with every verdict of a study and refuses an altered one, without this package."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw.record.sealing import check_script
from tests.record.random_records import disagreements


def test_it_is_short_and_needs_numpy_and_scipy_alone() -> None:
    text = check_script()
    assert len(text.splitlines()) <= 150 and max(map(len, text.splitlines())) <= 140
    imported: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module).partition(".")[0])
    assert imported - set(sys.stdlib_module_names) == {"numpy", "scipy"}


@pytest.mark.requirement("R-CHECK")
def test_it_agrees_with_random_records_and_refuses_altered_verdicts(tmp_path: Path) -> None:
    """Seeded; the script makes 1,000: modes, margins, specimens, counts, constants, undefined predictions, failed checks."""
    assert disagreements(12, 0, tmp_path / "record.json") == []


@pytest.mark.requirement("R-CHECK")
@pytest.mark.parametrize("n", [20, "auto:decide,max=80"])
def test_it_runs_beside_a_written_record(tmp_path: Path, n: int | str) -> None:
    camera = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=2.0, bits=12)
    random = np.random.default_rng(1)
    images = [random.poisson(200, (16, 16)).astype(np.uint16) + 100 for _ in range(2)]
    codecs = ["lossless", "jpegls:near=30"]
    sr.validate(images, camera, codecs=codecs, pipeline="intensity", n=n, mode="around-raw").write(tmp_path, formats=())
    command = [sys.executable, "-I", str(tmp_path / "check.py")]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (0, "") and found.stdout.endswith("0 do not follow from the record's numbers\n")
    record = tmp_path / "record.json"
    text = record.read_text(encoding="utf-8")
    record.write_text(text.replace('"verdict": "PASS"', '"verdict": "FAIL"', 1), encoding="utf-8")
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1
    record.unlink()
    assert subprocess.run(command, capture_output=True, check=False).returncode == 2


def test_a_study_without_replicas_has_none(tmp_path: Path) -> None:
    image = np.random.default_rng(1).poisson(200, (16, 16)).astype(np.uint16)
    record = sr.validate(image, "none", codecs="jpegls:near=1", pipeline="intensity", margin={"mean_intensity": 1.0})
    record.write(tmp_path, formats=())
    assert (tmp_path / "manifest.json").exists() and not (tmp_path / "check.py").exists()
