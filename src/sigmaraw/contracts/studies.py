"""What else a study calls: metrics, engines, report formats."""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeVar, runtime_checkable

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Metric(abc.ABC):
    """A comparison of two arrays of one shape, the reference first; entry points of "sigmaraw.metrics".

    Made without arguments. A study calls every metric of images once for each raw image and codec, with the raw image and the
    decoded one, and records the value.

    Attributes
    ----------
    name, unit, definition : str
        What a listing and a report say of it; the unit is "1" for a pure number.
    compares : {"images", "masks"}
        "images" takes pixels, DN; "masks" takes bool, or integers of which 0 is background.
    takes_spacing : bool
        Whether the class takes ``spacing``, the size of a pixel along each axis; its value is then in the spacing's unit.
    less_is_better : bool
        Whether a smaller value is the better one, as with distances.
    discrete : bool
        Whether values are isolated, as shares of a number of objects are.
    record_field : str
        The field of a codec's row in which a study already records this number; "" puts it under `metrics`.

    Examples
    --------
    >>> import numpy as np
    >>> class Bias(Metric):
    ...     name, unit, definition = "bias", "DN", "mean of test - reference"
    ...     def __call__(self, reference, test):
    ...         return float(np.mean(test.astype(float) - reference))
    >>> Bias()(np.zeros((2, 2), np.uint8), np.full((2, 2), 3, np.uint8))
    3.0
    """

    name: str
    unit: str
    definition: str
    compares: ClassVar[Literal["images", "masks"]] = "images"
    takes_spacing: ClassVar[bool] = False
    less_is_better: ClassVar[bool] = False
    discrete: ClassVar[bool] = False
    record_field: ClassVar[str] = ""

    @abc.abstractmethod
    def __call__(self, reference: NDArray[Any], test: NDArray[Any]) -> float:
        """Return the value, NaN where it is undefined. The same arrays give the same value; neither is changed.

        Raises
        ------
        ShapeMismatch
            The shapes differ.
        """


Item = TypeVar("Item")
Result = TypeVar("Result")


class Engine(Protocol):
    """Maps one pure, picklable function over work items; results come in the order of the items.

    Entry points of "sigmaraw.engines", made without arguments. An engine whose workers take time to start may be a context
    manager too: a study enters it and then calls `map` several times.
    """

    name: str

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterable[Result]:
        """Yield ``function(item)`` for each item, in their order."""
        ...


class ReportFormat(Protocol):
    """Lays out a record folder and computes nothing; entry points of "sigmaraw.reports", made without arguments."""

    name: str

    def render(self, folder: Path) -> Path:
        """Write the rendering of ``record.json`` and ``result.nc`` of `folder` into the folder, and return its path.

        Raises
        ------
        InvalidRecord
            The folder holds no record that can be read. Nothing is written then.
        """
        ...


@runtime_checkable
class StyledReport(ReportFormat, Protocol):
    """A report format that comes in editions and takes a laboratory's template."""

    def styled(self, edition: Literal["short", "full"], template: Path | None) -> ReportFormat:
        """Return the same format in an edition, with what a template says.

        Parameters
        ----------
        edition : {'short', 'full'}
            How much of the record is printed.
        template : Path or None
            The laboratory's template, a TOML file.

        Raises
        ------
        InvalidOption
            The template cannot be read.
        """
        ...
