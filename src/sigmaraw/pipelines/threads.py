"""The one place that decides how many threads compute.

A network's sums depend on how many threads share them: the demonstration U-Net gives other last bits with two threads
than with one. So every image is computed by exactly one thread, always, and images are computed side by side: how many
at a time changes the speed and no bit.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

THREADS_PER_IMAGE = 1

Item = TypeVar("Item")
Result = TypeVar("Result")


def available_cores() -> int:
    """Return how many cores this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def each(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Return function(item) of every item, in order, one thread per item and one item per core at a time.

    Also a single item is computed in a worker, where torch is held to one thread whatever the caller has set.
    """
    items = list(items)
    with ThreadPoolExecutor(max(1, min(available_cores(), len(items))), initializer=_one_thread) as pool:
        return list(pool.map(function, items))


def _one_thread() -> None:
    # Only where a pipeline has loaded torch. Its setting is per thread, hence an initializer.
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(THREADS_PER_IMAGE)
