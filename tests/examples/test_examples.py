"""Every example runs as its first lines say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SMALLER = {
    "01_calibrate_and_validate.py": ["-n", "3"],
    "02_train_demo_model.py": ["--steps", "4"],
    "05_sweep_and_search.py": ["-n", "8", "--images", "2", "--side", "64", "--refine", "1"],
    "07_example_profiles.py": [],
}
IN_PARTS = {"04_coverage.py", "06_coverage_tables.py", "08_coverage_page.py"}  # test_coverage.py runs both, one on what the other drew
NEEDS_REAL_DATA = {"03_real_nuclei.py"}  # tests/reference runs its parts on the data themselves
IN_PARTS |= {"09_coverage_masks.py", "10_bad_reports.py"}  # test_coverage_masks.py, and below


def test_every_example_is_listed() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == SMALLER.keys() | NEEDS_REAL_DATA | IN_PARTS


@pytest.mark.parametrize("name", SMALLER)
def test_an_example_runs(name: str, tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLES / name), "--out", str(tmp_path / "out"), *SMALLER[name]]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=1800)
    assert result.returncode == 0, result.stderr[-2000:]
    assert result.stdout.strip()


def test_a_bad_report_says_what_speaks_against_it(tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLES / "10_bad_reports.py"), "out", "wrong-gain"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=1800)
    assert result.returncode == 0, result.stderr[-2000:]
    assert "quieter than" in result.stdout
    assert re.findall(r"PASS: (.*)", result.stdout) == ["May be used: lossless for all 4 measurements."]
    assert (tmp_path / "out" / "wrong-gain" / "report.html").is_file()
