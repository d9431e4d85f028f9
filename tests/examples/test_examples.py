"""Every example runs as its first lines say: one in a process of its own, the others in this one, since a start takes longer than most."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from sigmaraw.virtual import demo

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SMALLER = {
    "01_calibrate_and_validate.py": ["-n", "3"],
    "02_train_demo_model.py": ["--steps", "4"],
    "05_sweep_and_search.py": ["-n", "8", "--images", "2", "--side", "64", "--refine", "1"],
    "07_example_profiles.py": [],
}
IN_ITS_OWN_PROCESS = "07_example_profiles.py"
HELD_OUT = 4  # scenes on which the trained network is judged, in place of 60
SIDE_PX = 128  # of the demonstration's camera, in place of 256
IN_PARTS = {"04_coverage.py", "06_coverage_tables.py", "08_coverage_page.py"}  # test_coverage.py runs both, one on what the other drew
NEEDS_REAL_DATA = {"03_real_nuclei.py"}  # tests/reference runs its parts on the data themselves
IN_PARTS |= {"09_coverage_masks.py", "10_bad_reports.py"}  # test_coverage_masks.py, and below


def test_every_example_is_listed() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == SMALLER.keys() | NEEDS_REAL_DATA | IN_PARTS


def test_every_example_can_be_started() -> None:
    for path in EXAMPLES.glob("*.py"):
        start = path.read_text(encoding="utf-8").partition('\nif __name__ == "__main__":\n')[2]
        assert "main(" in start, path.name


@contextlib.contextmanager
def torch_as_it_was() -> Iterator[None]:
    """Take back what an example sets for its whole process."""
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic)


def run(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, command_line: list[str], *arguments: object) -> None:
    """Run an example's `main` in a folder, on smaller frames."""
    script = EXAMPLES / name
    spec = importlib.util.spec_from_file_location(script.stem, script)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, script.stem, module)
    monkeypatch.setattr(sys, "argv", [str(script), *command_line])
    monkeypatch.chdir(folder)
    large = demo.demo_camera
    monkeypatch.setattr(demo, "demo_camera", lambda seed: dataclasses.replace(large(seed), shape=(SIDE_PX, SIDE_PX)))
    spec.loader.exec_module(module)
    if hasattr(module, "HELD_OUT"):
        monkeypatch.setattr(module, "HELD_OUT", HELD_OUT)
    with torch_as_it_was():
        module.main(*arguments)


@pytest.mark.parametrize("name", SMALLER)
def test_an_example_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--out", str(tmp_path / "out"), *SMALLER[name]]
    if name == IN_ITS_OWN_PROCESS:
        command = [sys.executable, str(EXAMPLES / name), *arguments]
        result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=1800)
        assert result.returncode == 0, result.stderr[-2000:]
        assert result.stdout.strip()
    else:
        run(name, tmp_path, monkeypatch, arguments)
        assert capsys.readouterr().out.strip()
    assert any((tmp_path / "out").iterdir())


def test_a_bad_report_says_what_speaks_against_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run("10_bad_reports.py", tmp_path, monkeypatch, [], Path("out"), ["wrong-gain"])
    printed = capsys.readouterr().out
    assert "quieter than" in printed
    assert re.findall(r"PASS: (.*)", printed) == ["May be used: lossless for all 4 measurements."]
    assert (tmp_path / "out" / "wrong-gain" / "report.html").is_file()
