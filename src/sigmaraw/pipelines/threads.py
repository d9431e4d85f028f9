"""The one place that decides how many threads compute, and keeps them for as long as the process lives.

A network's sums depend on how many threads share them: the demonstration U-Net gives other last bits with two threads
than with one. So every image is computed by exactly one thread, always, and images are computed side by side: how many
at a time changes the speed and no bit. Threads last, since libraries keep plans and memory by thread: cuDNN looks for its
algorithms anew in every new one.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from sigmaraw.processes import available_cores

THREADS_PER_IMAGE = 1

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Lasting:
    """The process's pools, by purpose and number of threads; none is inherited by a forked child."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pools: dict[tuple[str, int], ThreadPoolExecutor] = {}
        self.here = threading.local()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def pool(self, purpose: str, threads: int) -> ThreadPoolExecutor:
        with self._lock:
            key = (purpose, threads)
            if key not in self._pools:
                self._pools[key] = ThreadPoolExecutor(threads, f"sigmaraw-{purpose}")
            return self._pools[key]

    def _forget(self) -> None:
        self._lock, self._pools, self.here = threading.Lock(), {}, threading.local()


_LASTING = _Lasting()


def each(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Return function(item) of every item, in order, one thread per item and one item per core at a time.

    Also a single item is computed in a worker, where torch is held to one thread whatever the caller has set. Within a worker items
    are computed one after the other.
    """
    items = list(items)
    if getattr(_LASTING.here, "working", False):
        return [function(item) for item in items]
    return [future.result() for future in _all_or_none([submit("images", function, item) for item in items])]


def submit(purpose: str, function: Callable[..., Result], *arguments: Any, threads: int | None = None) -> Future[Result]:
    """Return what function(*arguments) will give, computed by a lasting thread of the pool of that purpose.

    Parameters
    ----------
    purpose : str
        Names the pool: work of one purpose never waits for that of another.
    function : callable
        What to call.
    *arguments : object
        What to call it with.
    threads : int, optional
        How many threads the pool has; None takes one per core.

    Returns
    -------
    Future
        With the result, or the exception.
    """
    pool = _LASTING.pool(purpose, max(1, available_cores() if threads is None else threads))
    return pool.submit(_in_worker, function, *arguments)


def cancel(futures: Iterable[Future[Any]]) -> None:
    """Cancel what has not begun, and wait for the rest: nothing of it runs on afterwards."""
    futures = list(futures)
    for future in futures:
        future.cancel()
    for future in futures:
        if not future.cancelled():
            future.exception()


def _all_or_none(futures: list[Future[Result]]) -> list[Future[Result]]:
    """Return the futures once all are done; where one fails, or the caller is interrupted, the rest is cancelled first."""
    try:
        for future in futures:
            future.result()
    except BaseException:
        cancel(futures)
        raise
    return futures


def _in_worker(function: Callable[..., Result], *arguments: Any) -> Result:
    _LASTING.here.working = True
    # Only where a pipeline has loaded torch, be it after the thread was made. Its setting is per thread.
    torch = sys.modules.get("torch")
    if torch is not None and not getattr(_LASTING.here, "one_thread", False) and hasattr(torch, "set_num_threads"):
        torch.set_num_threads(THREADS_PER_IMAGE)
        _LASTING.here.one_thread = True
    return function(*arguments)
