"""Two Dask workers against the local engine on the same blocks: seconds by the clock, workers started and everything compiled.

``python -m tests.benchmarks.bench_workers [SIDE] [N]``
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import sigmaraw as sr
from sigmaraw.engines import LocalEngine
from sigmaraw.engines.dask import DaskEngine
from sigmaraw.study.plan import BLOCK
from tests.benchmarks.bench_codecs import frame_of_cells
from tests.benchmarks.bench_study import camera

CODECS = ("jpegls:near=1", "jpegls:near=3")


class Remembering(LocalEngine):
    """The local engine; it keeps what a study gave it."""

    def __init__(self) -> None:
        self.asked: tuple[Any, list[Any]] = (None, [])

    def map(self, function: Any, items: Sequence[Any]) -> Iterator[Any]:
        """Keep the function and its items, and map them."""
        self.asked = (function, list(items))
        return super().map(function, items)


def seconds(engine: Any, job: Any, items: Sequence[Any]) -> float:
    """Return the seconds by the clock that an engine takes for all items."""
    start = time.perf_counter()
    for _ in engine.map(job, items):
        pass
    return time.perf_counter() - start


def main(side: int = 512, n: int = 200) -> None:
    """Print both times, three times in turn, and their ratio."""
    local = Remembering()
    sr.validate(frame_of_cells(side), camera(), codecs=CODECS, pipeline="otsu", n=n, mode="around-raw", engine=local)
    job, items = local.asked
    with DaskEngine(2) as workers:
        seconds(workers, job, [item for item in items if item.start < 2 * BLOCK])  # a block of each group for each worker
        for _ in range(3):
            here, there = seconds(local, job, items), seconds(workers, job, items)
            print(f"{side} px, {len(items)} blocks: local {here:.1f} s, two workers {there:.1f} s, {here / there:.2f} of local speed")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:3]))
