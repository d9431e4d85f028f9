"""Whenever a study is killed, its folder holds a study that can go on, or none: nothing half-made."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from sigmaraw.study.plan import WorkItem
from sigmaraw.study.store import NAME, BlockStore, command_of
from sigmaraw.study.work import BlockResult

KILLS = 50


def values(start: int) -> np.ndarray:
    return np.arange(start, start + 40.0).reshape(10, 4)


def store_for_ever(folder: Path) -> None:
    store = BlockStore(folder, {"arguments": ["frame.npy"]}, wait_s=0.0, commit_s=0.0)
    store.begin({"plan": "one"})
    for start in range(0, 10**9, 10):
        store.put(BlockResult(WorkItem(0, 0, start, 10), values(start)))


def kill_again_and_again(folder: Path) -> None:
    """Fork KILLS children with a store each, and kill each at a random moment: of its folder's first 50 ms, or of its file's."""
    random = np.random.default_rng(50)
    for kill in range(KILLS):
        child = os.fork()
        if child == 0:
            store_for_ever(folder / str(kill))
        awaited = folder / str(kill) / (NAME if kill % 2 else "")
        while not awaited.exists():
            time.sleep(0.0002)  # far below what is drawn, and no core is kept busy
        time.sleep(float(random.uniform(0, 0.05)))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked and killed as POSIX does")
def test_fifty_kills_at_random_leave_whole_studies(tmp_path: Path) -> None:
    # In a fresh process, where no library has started a thread, a fork is safe.
    subprocess.run([sys.executable, "-m", __name__, tmp_path], check=True, timeout=900)
    blocks = []
    for kill in range(KILLS):
        folder = tmp_path / str(kill)
        if not (folder / NAME).exists():
            continue
        assert command_of(folder) == {"arguments": ["frame.npy"]}
        again = BlockStore(folder, resume=True)
        again.begin({"plan": "one"})
        found = 0
        while (item := WorkItem(0, 0, 10 * found, 10)) in again:
            np.testing.assert_array_equal(again.take(item).raw, values(10 * found))
            found += 1
        again.close()
        blocks.append(found)
    assert len(blocks) >= KILLS // 2 and max(blocks) > 0, "the kills came before anything was written: nothing was tested"


if __name__ == "__main__":
    kill_again_and_again(Path(sys.argv[1]))
