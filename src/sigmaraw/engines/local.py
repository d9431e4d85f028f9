"""One work item after the other, in this process; JAX and torch use the cores inside an item."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class LocalEngine:
    """Implements contracts.Engine."""

    name = "local"

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """Yield function(item) in the order of the items, as each is ready.

        A function that has a method `stream` of many items works on several at a time, with the same results.
        """
        stream = getattr(function, "stream", None)
        return map(function, items) if stream is None else stream(items)
