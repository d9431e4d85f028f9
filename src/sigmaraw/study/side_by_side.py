"""Calls that do not depend on each other, side by side: what a study does before its replicas."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any, Generic, Protocol, TypeVar

from sigmaraw.pipelines.threads import cancel, submit
from sigmaraw.study.plan import BLOCK

_TOGETHER_BYTES = 64 << 20  # of images that are worked on side by side: above it one after the other
_BLOCK_BYTES = 12 << 20  # of a block's replicas: with more, what is drawn would add to what the checks of the image hold

Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)


class Later(Protocol[Result_co]):
    """What a call gives, when it is asked for."""

    def result(self) -> Result_co:
        """Return it, or raise what the call raised."""
        ...


class Asked(Generic[Result]):
    """A call that is made when it is asked for."""

    def __init__(self, call: Callable[[], Result]) -> None:
        self._call = call

    def result(self) -> Result:
        """Return what the call returns."""
        return self._call()


def known(value: Result) -> Later[Result]:
    """Return what is there already."""
    return Asked(lambda: value)


class Calls:
    """Calls in threads that end with their context: then those that have not begun are left out, and the others are waited for."""

    def __init__(self) -> None:
        self._lock, self._closed = threading.Lock(), False
        self._futures: list[Future[Any]] = []

    def later(self, call: Callable[[], Result], purpose: str = "codec") -> Later[Result]:
        """Return what a call will give, made by a thread of a purpose. May be called from any thread, also from such a call."""
        with self._lock:
            if self._closed:
                return Asked(call)
            future = submit(purpose, call)
            self._futures.append(future)
            return future

    def failure(self) -> Exception | None:
        """Return what the first call that has failed until now raised."""
        done = [future for future in self._futures if future.done() and not future.cancelled()]
        return next((error for future in done if isinstance(error := future.exception(), Exception)), None)

    def __enter__(self) -> Calls:
        return self

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._closed = True
        cancel(self._futures)


def held_together(count: int, nbytes: int) -> bool:
    """Return whether that many images of that many bytes are small enough to be held at once."""
    return count * nbytes <= _TOGETHER_BYTES


def small_beside_replicas(nbytes: int, replicas: int = BLOCK) -> bool:
    """Return whether replicas of an image of that many bytes may be held while the image itself is still looked at."""
    return replicas * nbytes <= _BLOCK_BYTES


@contextlib.contextmanager
def side_by_side(calls: Sequence[Callable[[], Result]], nbytes: int, purpose: str = "codec") -> Iterator[Sequence[Later[Result]]]:
    """Make calls in the threads of a purpose, each on an image of that many bytes; large ones when they are asked for.

    Within the context the results can be taken, in any order; after it nothing of the calls runs on.
    """
    if not held_together(len(calls), nbytes):
        yield [Asked(call) for call in calls]
        return
    with Calls() as running:
        yield [running.later(call, purpose) for call in calls]
