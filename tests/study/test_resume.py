"""A study that was stopped goes on where it was, gives the same digest, and refuses what is not as it was."""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw.cli import main
from sigmaraw.errors import InvalidOption, InvalidPlan, OutOfSpace
from sigmaraw.study import Plan, run
from sigmaraw.study.store import NAME, BlockStore, command_of

CAMERA = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=2.0, bits=12)
FRAMES = [np.random.default_rng(seed).poisson(200, (20, 24)).astype(np.uint16) + 100 for seed in (1, 2)]
PLAN = Plan(("lossless", "jpegls:near=2", "jpeg2000:ratio=3,bits=12"), "otsu", n=30, seed=3)


class Stopped(BaseException):
    """As Ctrl-C or a signal stops a process: nothing may catch it."""


class StoppingEngine:
    """The local engine, which stops after some blocks, and counts those that it was asked for."""

    name = "stopping"

    def __init__(self, blocks: int) -> None:
        self.blocks, self.done = blocks, 0

    def map(self, function: Any, items: Any) -> Any:
        for item in items:
            if self.done == self.blocks:
                raise Stopped
            self.done += 1
            yield function(item)


def study(
    folder: Path | None, *, blocks: int = 10**6, resume: bool = False, plan: Plan = PLAN, frames: Any = FRAMES, camera: Any = CAMERA
) -> tuple[Any, int]:
    engine = StoppingEngine(blocks)
    store = None if folder is None else BlockStore(folder, resume=resume, wait_s=0.0, commit_s=0.0)
    record = run(plan, frames, camera, engine=engine, store=store, workers=0)
    return record, engine.done


@pytest.fixture(scope="module")
def whole() -> tuple[str, int]:
    record, blocks = study(None)
    return record.content.digest, blocks


@pytest.mark.requirement("R-RESUME")
@pytest.mark.parametrize("stops", [(1,), (5, 9, 3)])
def test_a_study_that_was_stopped_gives_the_digest_of_one_that_was_not(whole: tuple[str, int], tmp_path: Path, stops: tuple[int, ...]):
    for number, blocks in enumerate(stops):
        with pytest.raises(Stopped):
            study(tmp_path, blocks=blocks, resume=number > 0)
    record, made = study(tmp_path, resume=True)
    assert record.content.digest == whole[0]
    assert made < whole[1]  # what was finished and kept is not made again
    assert made + sum(stops) <= whole[1] + len(stops)


@pytest.mark.requirement("R-RESUME")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"plan": Plan(PLAN.codecs, "otsu", n=30, seed=4)}, r"plan\.seed was 3 and is 4"),
        ({"plan": Plan(PLAN.codecs, "otsu:min_size=5", n=30, seed=3)}, r"pipeline\.min_size was 0 and is 5"),
        ({"frames": FRAMES[::-1]}, r"inputs\[0\] was"),
        ({"camera": sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=2.0, bits=12, saturation=4000)}, "camera was"),
    ],
)
def test_what_is_not_as_it_was_is_refused_with_the_difference(tmp_path: Path, change: dict[str, Any], said: str):
    with pytest.raises(Stopped):
        study(tmp_path, blocks=2)
    with pytest.raises(InvalidPlan, match=said):
        study(tmp_path, resume=True, **change)


def test_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(Stopped):
        study(tmp_path, blocks=2)
    connection = sqlite3.connect(tmp_path / NAME)
    ((text,),) = connection.execute("SELECT value FROM study WHERE name = 'identity'").fetchall()
    identity = json.loads(text)
    identity["versions"]["packages"]["numpy"] = "0.1"
    with connection:
        connection.execute("UPDATE study SET value = ? WHERE name = 'identity'", (json.dumps(identity),))
    connection.close()
    with pytest.raises(InvalidPlan, match=r'versions\.packages\.numpy was "0\.1"'):
        study(tmp_path, resume=True)


@pytest.mark.requirement("R-RESUME")
def test_a_block_that_was_half_written_or_altered_is_made_again(whole: tuple[str, int], tmp_path: Path):
    with pytest.raises(Stopped):
        study(tmp_path, blocks=6)
    connection = sqlite3.connect(tmp_path / NAME)
    with connection:
        connection.execute("UPDATE blocks SET content = substr(content, 1, 40) WHERE start = 10")
    connection.close()
    assert study(tmp_path, resume=True)[0].content.digest == whole[0]


def test_no_study_and_a_full_disk_are_named(tmp_path: Path):
    with pytest.raises(InvalidOption, match="holds no study"):
        study(tmp_path, resume=True)
    (tmp_path / NAME).write_bytes(b"not a database, whatever its name says" * 30)
    with pytest.raises(InvalidOption, match="holds no study"):
        study(tmp_path, resume=True)
    (tmp_path / NAME).unlink()
    store = BlockStore(tmp_path, wait_s=0.0)
    store.begin({})
    store.flush()
    store._open()
    store._connection.execute("PRAGMA max_page_count = 5")  # type: ignore[union-attr]
    from sigmaraw.study.plan import WorkItem
    from sigmaraw.study.work import BlockResult

    with pytest.raises(OutOfSpace, match="--resume"):
        store.put(BlockResult(WorkItem(0, 0, 0, 10), np.zeros((4, 10000))))
    store._pending = []
    store.close()


def kept(folder: Path) -> bool:
    """Return whether a study has kept how it was begun: its file is there a moment earlier."""
    with contextlib.suppress(InvalidOption):
        return bool(command_of(folder))
    return False


@pytest.mark.requirement("R-RESUME")
@pytest.mark.slow
def test_kill_9_and_resume_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The killed command is stated once; its folder alone is enough to go on."""
    np.save(tmp_path / "frame.npy", np.random.default_rng(3).poisson(300, (96, 96)).astype(np.uint16) + 100)
    CAMERA.to_netcdf(tmp_path / "camera.nc")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIGMARAW_STATE", str(tmp_path / "state"))
    command = [
        "validate",
        "frame.npy",
        "--camera",
        "camera.nc",
        "--codec",
        "jpeg2000:ratio=4,bits=12",
        "--pipeline",
        "otsu",
        "-n",
        "400",
        "-q",
        "-o",
    ]
    with pytest.raises(SystemExit, match=r"^0$"):
        main([*command, "whole"])
    with subprocess.Popen([sys.executable, "-m", "sigmaraw", *command, "killed"], cwd=tmp_path, stdout=subprocess.DEVNULL) as process:
        while not kept(tmp_path / "killed") and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert not (tmp_path / "killed" / "record.json").exists()
    monkeypatch.chdir(Path(__file__).parent)  # from another folder
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["validate", "--resume", str(tmp_path / "killed"), "-q"])
    digests = [json.loads((tmp_path / name / "record.json").read_text())["digest"] for name in ("whole", "killed")]
    assert digests[0] == digests[1]
    assert not (tmp_path / "killed" / NAME).exists()
