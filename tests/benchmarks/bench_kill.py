"""Studies that are killed with SIGKILL at random points and resumed: equal digests, and how much work was done twice.

    python -m tests.benchmarks.bench_kill [KILLS] [N]

Each study is killed once, somewhere between its start and its end, and then resumed by its folder alone. Where it was killed before it
kept anything, it is begun anew, which is what its user would do. Only on systems that fork.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from sigmaraw.cli import main as sigmaraw
from sigmaraw.study.store import NAME
from tests.benchmarks.bench_codecs import frame_of_cells
from tests.benchmarks.children import Ended, begun, ended, imported, quietly

SIDE = 256
CODECS = ("lossless", "jpegls:near=3", "jpeg2000:ratio=10")


def _words(folder: Path, name: str, n: int) -> list[str]:
    codecs = [word for spec in CODECS for word in ("--codec", spec)]
    fixed = ["--gain", "0.46", "--offset", "100", "--read-noise", "1.6", "--bits", "12", "-o", str(folder / "camera.nc")]
    if not (folder / "camera.nc").exists():
        ended(begun(lambda: sigmaraw(["camera", *fixed])))
    image, camera = str(folder / "frame.npy"), str(folder / "camera.nc")
    places = ["--camera", camera, "--pipeline", "otsu", "--mode", "around-raw", "-n", str(n), "-o", str(folder / name), "-q"]
    return ["validate", image, *places, *codecs]


def _digest(folder: Path) -> str:
    return str(json.loads((folder / "record.json").read_text(encoding="utf-8"))["digest"])


def _killed(words: list[str], after: float) -> tuple[Ended, float]:
    """Begin a study and kill it; return how it ended, and the seconds that it ran by the clock."""
    begin = time.perf_counter()
    number = begun(lambda: sigmaraw(words))
    while time.perf_counter() - begin < after and os.waitid(os.P_PID, number, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        time.sleep(0.01)
    os.kill(number, signal.SIGKILL)
    return ended(number), time.perf_counter() - begin


def main(kills: int = 5, n: int = 100) -> None:
    """Print how many digests are equal, and the work of killed and resumed studies over that of one that ran through."""
    imported()
    quietly()
    chance = random.Random(5)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        np.save(folder / "frame.npy", frame_of_cells(SIDE))
        ended(begun(lambda: sigmaraw(_words(folder, "first", n))))  # compiles
        begin = time.perf_counter()
        whole = ended(begun(lambda: sigmaraw(_words(folder, "whole", n))))
        length, wanted = time.perf_counter() - begin, _digest(folder / "whole")
        equal = stopped = kept = 0
        work: list[float] = []
        while stopped < kills:
            name, words = f"killed{stopped}", _words(folder, f"killed{stopped}", n)
            first, _ = _killed(words, chance.uniform(0.0, length))
            if first.code != -signal.SIGKILL:  # it was done before
                words.append("--overwrite")
                first, _ = _killed(words, chance.uniform(0.0, length / 2))
                if first.code != -signal.SIGKILL:
                    continue
            stopped += 1
            here = (folder / name / NAME).exists()
            kept += here
            again = ["validate", "--resume", str(folder / name), "-q"] if here else [*words, "--overwrite"]
            second = ended(begun(lambda again=again: sigmaraw(again)))
            equal += second.code == 0 and _digest(folder / name) == wanted
            work.append((first.processor + second.processor) / whole.processor)
            print(f"  {stopped:3d}: {equal} equal digests, {kept} had kept blocks, {work[-1]:.2f} x the work", flush=True)
        print(f" {kills} studies killed at random points: {equal} equal digests, {kept} resumed, {kills - kept} begun anew")
        print(f"  work {np.mean(work):.2f} x ({whole.processor:.1f} s of the processor without a kill), at most {max(work):.2f} x")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:3]))
