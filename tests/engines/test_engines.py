"""Engines change speed, never numbers or their order."""

from __future__ import annotations

import functools
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw import registry
from sigmaraw.contracts import Engine
from sigmaraw.errors import CodecFailed, MissingExtra
from tests.engines import dying


def _slow_first(base: int, item: int) -> tuple[int, int]:
    time.sleep(0.3 if item == 0 else 0.0)  # the first finishes last where items run side by side
    return base + item, os.getpid()


def _refuse(item: int) -> int:
    raise CodecFailed(f"item {item}", "none", "see the test")


@pytest.fixture(scope="module")
def dask_engine() -> Iterator[Engine]:
    """An engine that keeps its two workers over several tests: their start takes longer than what they do."""
    with registry.load(registry.ENGINES, "dask")() as entered:
        yield entered


@pytest.fixture(params=["local", "dask"])
def engine(request: pytest.FixtureRequest) -> Engine:
    return registry.load(registry.ENGINES, "local")() if request.param == "local" else request.getfixturevalue("dask_engine")


def test_results_come_in_the_order_of_the_items(engine: Engine) -> None:
    results = list(engine.map(functools.partial(_slow_first, 100), list(range(12))))
    assert [value for value, _ in results] == list(range(100, 112))


def test_dask_works_in_two_other_processes(dask_engine: Engine) -> None:
    results = list(dask_engine.map(functools.partial(_slow_first, 0), list(range(12))))
    processes = {process for _, process in results}
    assert len(processes) == 2
    assert os.getpid() not in processes


def test_without_dask_the_engine_is_refused_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtra, match=r"the extra .dask.\. Run: .*\bdask\b"):
        registry.load(registry.ENGINES, "dask")()


def test_a_refusal_in_a_worker_arrives_as_itself(engine: Engine) -> None:
    with pytest.raises(CodecFailed, match="item 3"):
        list(engine.map(_refuse, [3]))


@pytest.mark.slow  # two workers start, and one of them twice
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="a process is killed as POSIX does")
def test_a_lost_dask_worker_changes_no_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    camera = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=2.0, bits=12)
    frame = np.random.default_rng(3).poisson(300, (24, 24)).astype(np.uint16)

    def digest(engine: str) -> str:
        study = {"codecs": ["lossless", "jpegls:near=2"], "pipeline": "tests.engines.dying:mean", "n": 40, "mode": "around-raw"}
        return str(sr.validate(frame, camera, engine=engine, **study).content.digest)

    whole, flag = digest("local"), tmp_path / "alive"
    monkeypatch.setenv(dying.FLAG, str(flag))
    flag.write_text(str(os.getpid()))
    assert digest("dask") == whole
    assert not flag.exists(), "no worker was killed"
