"""The command that qualifies an installation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sigmaraw.qualification import report
from sigmaraw.qualification.checks import CHECKS, Check, number

BY_NAME = {check.name: check for check in CHECKS}


def test_the_command_writes_the_report_and_its_exit_code_says_what_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sigmaraw: Callable
) -> None:
    monkeypatch.setattr(report, "CHECKS", (BY_NAME["quantiles"],))
    monkeypatch.setattr(report.run_checks, "__defaults__", ((BY_NAME["quantiles"],), lambda done: None))
    assert sigmaraw("self-validate", "-o", tmp_path / "q").code == 0
    wrong = Check("wrong", "R-CODEC", "none", lambda: iter([number("one", 1.0, 2.0, 0.1)]))
    monkeypatch.setattr(report.run_checks, "__defaults__", ((wrong,), lambda done: None))
    outcome = sigmaraw("self-validate", "-o", tmp_path / "q")
    assert outcome.code == 1 and "found 1, expected 2" in outcome.out
