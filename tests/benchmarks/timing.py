"""How benchmarks take time: contenders in turn, so that a busy machine slows all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping


def side_by_side(contenders: Mapping[str, Callable[[], object]], rounds: int = 5) -> dict[str, float]:
    """Return the median seconds of each contender over `rounds` turns, after one turn that is not counted (compilation)."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for round_number in range(rounds + 1):
        for name, run in contenders.items():
            begin = time.perf_counter()
            run()
            if round_number:
                seconds[name].append(time.perf_counter() - begin)
    return {name: statistics.median(values) for name, values in seconds.items()}


def show(seconds: Mapping[str, float], reference: str, work: float, unit: str) -> None:
    """Print speed in `unit` per second and how many times faster than `reference` each contender is."""
    for name, value in seconds.items():
        print(f"  {name:<34} {work / value:10.1f} {unit}/s   {seconds[reference] / value:6.2f} x {reference}")


def both_clocks(contenders: Mapping[str, Callable[[], object]], rounds: int = 5) -> dict[str, tuple[float, float]]:
    """Return per contender the median seconds by the clock and of processor time, all threads together; turns as in `side_by_side`.

    On a shared machine the second is what one core would have taken, whatever else ran.
    """
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    for round_number in range(rounds + 1):
        for name, run in contenders.items():
            begin, processor = time.perf_counter(), time.process_time()
            run()
            if round_number:
                seconds[name].append((time.perf_counter() - begin, time.process_time() - processor))
    return {name: (statistics.median(a for a, _ in rows), statistics.median(b for _, b in rows)) for name, rows in seconds.items()}
