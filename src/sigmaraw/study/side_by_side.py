"""Calls that do not depend on each other, side by side: what a study does before its replicas."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Generic, Protocol, TypeVar

from sigmaraw.pipelines.threads import cancel, submit

_TOGETHER_BYTES = 64 << 20  # of images that are worked on side by side: above it one after the other

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


def held_together(count: int, nbytes: int) -> bool:
    """Return whether that many images of that many bytes are small enough to be held at once."""
    return count * nbytes <= _TOGETHER_BYTES


@contextlib.contextmanager
def side_by_side(calls: Sequence[Callable[[], Result]], nbytes: int, purpose: str = "codec") -> Iterator[Sequence[Later[Result]]]:
    """Make calls in the threads of a purpose, each on an image of that many bytes; large ones when they are asked for.

    Within the context the results can be taken, in any order; after it nothing of the calls runs on.
    """
    if not held_together(len(calls), nbytes):
        yield [Asked(call) for call in calls]
        return
    futures: list[Future[Result]] = [submit(purpose, call) for call in calls]
    try:
        yield futures
    finally:
        cancel(futures)
