"""Threads that share work on frames, strip by strip of rows.

NumPy's operations let other threads run, but each must wait for the interpreter between two of them: strips are large, so that operations
are few and long.
"""

from __future__ import annotations

import math
import os
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

_STRIP_PIXELS = 1 << 17


class Workers:
    """As many threads as there are cores, each with arrays that it keeps and reuses: fresh memory costs more than a sum over it.

    Parameters
    ----------
    pool : ThreadPoolExecutor
        Threads.
    threads : int
        Number of threads.
    """

    def __init__(self, pool: ThreadPoolExecutor, threads: int) -> None:
        self._pool, self._threads, self._local = pool, threads, threading.local()
        self._stock: defaultdict[tuple[tuple[int, ...], np.dtype[Any]], list[NDArray[Any]]] = defaultdict(list)

    def run(self, tasks: Sequence[Callable[[], object]]) -> None:
        """Do all tasks, the first ones first; the caller's thread does its share.

        Parameters
        ----------
        tasks : Sequence[callable
            Functions without arguments.
        """
        waiting = deque(tasks)

        def work() -> None:
            # One entry of the pool for each thread, not for each task: those take longer than what a strip's task does in Python.
            while waiting:
                try:
                    task = waiting.popleft()
                except IndexError:  # another thread took the last one
                    return
                task()

        helpers = [self._pool.submit(work) for _ in range(min(self._threads, len(tasks)) - 1)]
        try:
            work()
        finally:
            for helper in helpers:
                helper.result()

    def array(self, name: str, shape: tuple[int, ...], dtype: type[np.floating] = np.float32) -> NDArray[Any]:
        """Return this thread's array of that name, of any content; it holds until the next of that name is asked for.

        Parameters
        ----------
        name : str
            Name under which the memory is kept.
        shape : tuple of int
            Any shape.
        dtype : type[np.floating]
            Type of the values.
        """
        held: dict[str, NDArray[Any]] = self._local.__dict__
        size = math.prod(shape)
        if name not in held or held[name].size < size:
            held[name] = np.empty(size, dtype)
        return held[name][:size].reshape(shape)

    def take(self, shape: tuple[int, int], dtype: np.dtype[Any] | type[np.generic]) -> NDArray[Any]:
        """Return an array of any content for the caller to own: one that was given back, or a fresh one.

        Parameters
        ----------
        shape : tuple of (int, int)
            (y, x), px.
        dtype : dtype
            Type of the values.
        """
        stock = self._stock[shape, np.dtype(dtype)]
        return stock.pop() if stock else zeros(shape, dtype)

    def give_back(self, arrays: Iterable[NDArray[Any]]) -> None:
        """Take arrays that nothing refers to any more, for the next level.

        Parameters
        ----------
        arrays : iterable of ndarray
            (y, x) each.
        """
        for array in arrays:
            self._stock[array.shape, array.dtype].append(array)


@contextmanager
def workers() -> Iterator[Workers]:
    """Yield threads to share the work.

    Yields
    ------
    Workers
    """
    threads = min(os.cpu_count() or 1, 8)
    with ThreadPoolExecutor(threads) as pool:
        yield Workers(pool, threads)


def zeros(shape: tuple[int, int], dtype: np.dtype[Any] | type[np.generic]) -> NDArray[Any]:
    """Return zeros, written at once: pages that threads would touch first, side by side, cost ten times as much.

    Parameters
    ----------
    shape : tuple of (int, int)
        (y, x), px.
    dtype : dtype
        Type of the values.
    """
    found = np.empty(shape, dtype)
    found.fill(0)
    return found


def strips(shape: tuple[int, int]) -> list[slice]:
    """Return the rows of each strip: as many as `_STRIP_PIXELS` hold, one at least.

    Parameters
    ----------
    shape : tuple of (int, int)
        (y, x), px.
    """
    rows = max(1, _STRIP_PIXELS // shape[1])
    return [slice(start, min(start + rows, shape[0])) for start in range(0, shape[0], rows)]


def read_ahead(chunks: Iterable[NDArray[Any]]) -> Iterator[NDArray[Any]]:
    """Yield the same arrays; a thread reads the next one while the caller works on this one.

    Parameters
    ----------
    chunks : iterable of ndarray
        Each array must stay as it is until the next but one is asked for.

    Yields
    ------
    ndarray
        Holds until the next is asked for.
    """
    source = iter(chunks)
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, source, None)
        while (frames := coming.result()) is not None:
            coming = reader.submit(next, source, None)
            yield frames
