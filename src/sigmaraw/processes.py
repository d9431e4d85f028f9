"""What the process around a study does to it: forks, models that change the working folder, memory given back, idle threads, the exit."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import functools
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sigmaraw.errors import ForkedProcess

_drawing_process: int | None = None
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # glibc's numbers for its mallopt
_MAPPED_FROM_BYTES = 32 << 20  # the most that glibc takes
_KEPT_BYTES = 64 << 20


def refuse_after_fork() -> None:
    """Remember the process that draws first, and refuse to draw in processes that were forked from it.

    JAX works in threads. A fork has none of them, but waits for them.

    Raises
    ------
    ForkedProcess
        JAX has drawn in the process from which this one was forked.
    """
    global _drawing_process
    if _drawing_process is None:
        _drawing_process = os.getpid()
    elif _drawing_process != os.getpid():
        raise ForkedProcess(
            "replicas drawn in a process that was forked after JAX had started",
            "processes that start fresh",
            "use multiprocessing.get_context('spawn'), or DataLoader(..., multiprocessing_context='spawn')",
        )


class WorkingFolders:
    """The study's working folder and the model's: a model that changes its folder keeps it, and moves nobody else's paths.

    Make it before the model is loaded. Inside ``with folders.of_model():`` the model's folder holds, elsewhere the study's.
    """

    def __init__(self) -> None:
        self._study = Path.cwd()
        self._model = self._study

    @contextmanager
    def of_model(self) -> Iterator[None]:
        """Enter the folder in which the model was left, and come back."""
        if self._model != self._study:
            os.chdir(self._model)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # a model may remove the folder that it stands in
                self._model = Path.cwd()
            os.chdir(self._study)


def available_cores() -> int:
    """Return how many cores this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@functools.cache
def keep_freed_memory() -> bool:
    """Let this process keep up to 64 MiB of memory that it has freed, and return whether it could be told so.

    A study makes and frees arrays of a frame's size again and again. glibc keeps twice the largest that it has seen freed, and Dask has
    its workers keep 64 KiB; all else goes back to the system, which clears every page anew. That took a third of a worker's processor
    time, and 7 and 9 % of the demonstration's in two pairs of runs. Call it in processes that are this package's own. Other C libraries
    are left as they are.
    """
    if sys.platform != "linux":
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return False
    settings = (_M_MMAP_THRESHOLD, _MAPPED_FROM_BYTES), (_M_TRIM_THRESHOLD, _KEPT_BYTES)
    return all(library.mallopt(which, size) == 1 for which, size in settings)


def let_idle_threads_sleep() -> None:
    """Have OpenBLAS's threads sleep as soon as they are idle, unless something else is stated. Call it before NumPy is imported.

    After a product of matrices, and at the start, each of them spins for a tenth of a second: on two cores .3 s of the smallest study's
    processor time, and on more cores more. How many threads share a product, and so its bits, stays as it was.
    """
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")  # 2⁴ ticks of the processor's clock, the least that it takes


@functools.cache
def search_no_garbage_at_exit() -> None:
    """Let the interpreter end without a search of all objects for garbage. Call it in this package's own processes, before JAX starts.

    The search took .3 s of a study's time, for memory that the system takes back anyway. Whatever else runs at the exit runs as before,
    JAX's clean-up first. Only a file that nobody closed, and that garbage alone still holds, is no longer flushed.
    """
    atexit.register(gc.freeze)  # functions that are registered later are called sooner
