"""Work items on local Dask workers: separate processes, started fresh (JAX must not be forked)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, nullcontext
from typing import Any, Self, TypeVar

from sigmaraw import extras
from sigmaraw.errors import InvalidOption
from sigmaraw.processes import keep_freed_memory

Item = TypeVar("Item")
Result = TypeVar("Result")

WORKERS = 2
_ANSWERS_IN_S = 10


class DaskEngine:
    """Implements contracts.Engine with a LocalCluster of `workers` single-threaded processes, or with a cluster that runs already.

    The function is sent to each worker once; results are taken in the order of the items, so that whoever sums them
    gets the same bytes as from the local engine. Entered as a context manager, it keeps its workers over several calls of `map`.
    """

    name = "dask"

    def __init__(self, workers: int = WORKERS, scheduler: str | None = None) -> None:
        """Raise MissingExtra where Dask is not installed: before a study begins. scheduler : address of a cluster that runs already."""
        try:
            import distributed  # noqa: F401 (only whether it is there)
        except ModuleNotFoundError as error:
            raise extras.missing("engine 'dask'", "dask", "dask[distributed]") from error
        self.workers, self.scheduler = workers, scheduler
        self._open: ExitStack | None = None
        self._client: Any = None
        self._sent: tuple[Any, Any] = (None, None)

    def __enter__(self) -> Self:
        self._open = ExitStack()
        return self

    def __exit__(self, *_: object) -> None:
        stack, self._open, self._client, self._sent = self._open, None, None, (None, None)
        if stack is not None:
            stack.close()

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """Yield function(item) in the order of the items. An exception in a worker is raised here unchanged."""
        with nullcontext() if self._open is not None else self:
            client = self._started()
            if self._sent[0] is not function:
                self._sent = (function, client.scatter(function, broadcast=True, hash=False))
            futures = [client.submit(_call, self._sent[1], item, pure=False) for item in items]
            for future in futures:
                yield future.result()
                future.release()

    def _started(self) -> Any:
        """Return the client of the workers, started at the first call."""
        import dask
        from distributed import Client, LocalCluster

        if self._client is None and self._open is not None and self.scheduler is not None:
            try:
                self._client = self._open.enter_context(Client(self.scheduler, timeout=_ANSWERS_IN_S))
            except (OSError, ValueError) as error:
                raise InvalidOption(
                    f"no Dask scheduler at {self.scheduler}",
                    "the address of one that runs, such as tcp://host:8786",
                    "start it, or correct it",
                ) from error
        elif self._client is None and self._open is not None:
            settings = {
                "distributed.worker.multiprocessing-method": "spawn",
                "distributed.worker.daemon": False,
                "distributed.admin.low-level-log-length": 0,
            }
            # Two processes share the cores: without this each would start as many threads as there are cores.
            threads = {"OMP_NUM_THREADS": "1"} if (os.cpu_count() or 1) <= self.workers else {}
            self._open.enter_context(dask.config.set(settings))
            cluster = LocalCluster(
                n_workers=self.workers, threads_per_worker=1, processes=True, dashboard_address=":0", env=threads, silence_logs=40
            )
            self._client = self._open.enter_context(Client(self._open.enter_context(cluster)))
        return self._client


def _call(function: Callable[[Item], Result], item: Item) -> Result:
    keep_freed_memory()
    return function(item)
