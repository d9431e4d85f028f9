"""The GPU's benchmark, which no machine of ours runs often, still runs: the same lines on the CPU, on small frames."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest


def test_it_runs_on_the_cpu(capsys: pytest.CaptureFixture[str]) -> None:
    main = runpy.run_path(str(Path(__file__).parent / "bench_gpu.py"))["main"]
    main(cpu=True)
    printed = capsys.readouterr().out
    rates = [float(value) for value in re.findall(r"([\d.]+) Gpixel/s +[\d.]+% of the copy", printed)]
    assert len(rates) == 10  # kernel twice, three sizes of block, three modes, two routes to the model
    assert max(rates) > 0
    assert printed.count("(aim ") == 4  # two studies, frames through the network, bootstrap
    assert printed.count("the same both times") == 2
    assert "precision=bf16: area differs on" in printed
    assert "both routes give the same bits" in printed
    assert "torch sees a block in the same memory" in printed
    assert printed.count("pixels differ, by 0 DN at most") == 4  # the CPU from itself
