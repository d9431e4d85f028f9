"""Scalars of a camera dataset as attributes of the object that holds it."""

from __future__ import annotations

import math
from typing import Protocol, overload

import xarray as xr

from sigmaraw.quantities import TABLE


class HasDataset(Protocol):
    """What holds a camera dataset."""

    @property
    def dataset(self) -> xr.Dataset:
        """The camera dataset."""
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
    def __get__(self, profile: HasDataset, owner: type) -> float: ...

    def __get__(self, profile: HasDataset | None, owner: type) -> float | Scalar:
        if profile is None:
            return self
        return float(profile.dataset.variables[self.name].values) if self.name in profile.dataset.variables else math.nan
