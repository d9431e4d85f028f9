"""What else a study calls: metrics, engines, report formats."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

if TYPE_CHECKING:
    from numpy.typing import NDArray


@runtime_checkable
class Metric(Protocol):
    """A comparison of two arrays of one shape, reference first."""

    name: str
    unit: str
    definition: str

    def __call__(self, reference: NDArray[Any], test: NDArray[Any]) -> float: ...


Item = TypeVar("Item")
Result = TypeVar("Result")


class Engine(Protocol):
    """Maps one pure, picklable function over work items; results come in the order of the items.

    An engine whose workers take time to start may be a context manager too: a study enters it and then calls `map` several times.
    """

    name: str

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterable[Result]: ...


class ReportFormat(Protocol):
    """Lays out a record folder; computes nothing."""

    name: str

    def render(self, folder: Path) -> Path:
        """Write the rendering of `folder`/record.json and result.nc into the folder and return its path."""
        ...
