"""Scalars of a camera dataset as attributes of the object that holds it."""

from __future__ import annotations

import math
from typing import Protocol, overload

from sigmaraw.netcdf import Arrays
from sigmaraw.quantities import TABLE


class HasArrays(Protocol):
    """What holds a camera's arrays."""

    @property
    def arrays(self) -> Arrays:
        """The camera's arrays."""
        ...


class Scalar:
    """A scalar of the camera as an attribute: float, NaN where the series does not determine it.

    Parameters
    ----------
    name : str
        The variable of the dataset.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        row = TABLE[name.removesuffix("_se")]
        self.__doc__ = f"{'Standard error of the ' if name.endswith('_se') else ''}{row.definition}, {row.unit}."

    @classmethod
    def pair(cls, name: str) -> tuple[Scalar, Scalar]:
        """Return the attributes of a scalar and of its standard error.

        Parameters
        ----------
        name : str
            Name in the table of quantities.
        """
        return cls(name), cls(f"{name}_se")

    @overload
    def __get__(self, profile: None, owner: type) -> Scalar: ...

    @overload
    def __get__(self, profile: HasArrays, owner: type) -> float: ...

    def __get__(self, profile: HasArrays | None, owner: type) -> float | Scalar:
        if profile is None:
            return self
        return float(profile.arrays.variables[self.name].values) if self.name in profile.arrays.variables else math.nan
