"""Arrays with dimensions and attributes, as netCDF-4 files hold them: what a study needs of xarray (docs/decisions/0024)."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import ArrayLike, NDArray

Dims = tuple[str, ...]


class TooLarge(ValueError):
    """A file would unfold to more than it may.

    Parameters
    ----------
    size : int
        Bytes.
    """

    def __init__(self, size: int) -> None:
        super().__init__(f"it unfolds to {size} bytes")
        self.size = size


@dataclass
class Variable:
    """An array with its dimensions and attributes.

    Parameters
    ----------
    dims : tuple of str
        A name for each dimension.
    values : ndarray
        The array.
    attrs : dict of str to object
        Its attributes.
    """

    dims: Dims
    values: NDArray[Any]
    attrs: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.dims, self.values = tuple(self.dims), np.asarray(self.values)
        if len(self.dims) != self.values.ndim:
            raise ValueError(f"{len(self.dims)} names for the dimensions of an array {self.values.shape}")

    def __float__(self) -> float:
        return float(self.values)

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return self.values.shape

    @property
    def ndim(self) -> int:
        """How many dimensions it has."""
        return self.values.ndim

    @property
    def size(self) -> int:
        """How many elements it has."""
        return self.values.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of its elements."""
        return self.values.dtype


class Arrays:
    """Named arrays with attributes of their own, such as a camera's values or a study's predictions.

    Parameters
    ----------
    variables : dict of str to Variable or tuple
        The arrays, or (dims, values) or (dims, values, attributes) of each.
    attrs : dict of str to object
        What they have in common.
    """

    def __init__(self, variables: Mapping[str, Variable | tuple[Any, ...]], attrs: Mapping[str, Any] | None = None) -> None:
        self.variables: dict[str, Variable] = {}
        self.attrs = dict(attrs or {})
        for name, variable in variables.items():
            self[name] = variable

    def __contains__(self, name: object) -> bool:
        return name in self.variables

    def __getitem__(self, name: str) -> Variable:
        return self.variables[name]

    def __setitem__(self, name: str, variable: Variable | tuple[Any, ...]) -> None:
        self.variables[name] = variable if isinstance(variable, Variable) else Variable(_dims(variable[0]), *variable[1:])

    def copy(self) -> Arrays:
        """Return them with arrays and attributes of their own."""
        variables = {name: Variable(column.dims, column.values.copy(), dict(column.attrs)) for name, column in self.variables.items()}
        return Arrays(variables, self.attrs)

    @classmethod
    def of(cls, dataset: Arrays | xr.Dataset) -> Arrays:
        """Return those of an xarray dataset, which shares them, or them as they are.

        Parameters
        ----------
        dataset : Arrays or xarray.Dataset
            Named arrays.
        """
        if isinstance(dataset, Arrays):
            return dataset
        columns = {str(name): Variable(_dims(one.dims), one.values, dict(one.attrs)) for name, one in dataset.variables.items()}
        return cls(columns, {str(key): value for key, value in dataset.attrs.items()})

    def to_xarray(self) -> xr.Dataset:
        """Return them as an xarray dataset that shares the arrays."""
        import xarray as xr

        columns = {name: (column.dims, column.values, dict(column.attrs)) for name, column in self.variables.items()}
        return xr.Dataset(columns, attrs=dict(self.attrs))

    @classmethod
    def read(cls, path: str | os.PathLike[str], most_bytes: float = float("inf")) -> Arrays:
        """Return what a netCDF-4 file holds, as stored: scale factors and fill values could turn numbers into others.

        Parameters
        ----------
        path : str or path-like
            The file.
        most_bytes : float
            What it may unfold to.

        Raises
        ------
        OSError
            If it is no netCDF-4 file or is damaged.
        TooLarge
            If it unfolds to more.
        """
        import netCDF4

        with netCDF4.Dataset(path) as file:
            file.set_auto_maskandscale(False)
            size = sum(variable.size * np.dtype(variable.dtype).itemsize for variable in file.variables.values())
            if size > most_bytes:
                raise TooLarge(size)
            variables = {name: (variable.dimensions, stored(variable), _attributes(variable)) for name, variable in file.variables.items()}
            return cls(variables, _attributes(file))

    def write(self, path: str | os.PathLike[str], deflated: Container[str] = (), filled: Container[str] = ()) -> None:
        """Write a netCDF-4 file.

        Parameters
        ----------
        path : str or path-like
            The file.
        deflated : container of str
            Names of arrays that are stored compressed.
        filled : container of str
            Names of arrays that state NaN as the value of what is missing.
        """
        import netCDF4

        with netCDF4.Dataset(path, "w", format="NETCDF4") as file:
            _annotate(file, self.attrs)
            for name, column in self.variables.items():
                for dim, length in zip(column.dims, column.shape, strict=True):
                    if dim not in file.dimensions:
                        file.createDimension(dim, length)
                words = column.dtype.kind in "UO"
                packed: dict[str, Any] = {"zlib": True, "complevel": 4} if name in deflated else {}
                if name in filled:
                    packed["fill_value"] = np.nan
                made = file.createVariable(name, str if words else column.dtype, column.dims, **packed)
                made.set_auto_maskandscale(False)
                _annotate(made, column.attrs)
                made[...] = column.values.astype(object) if words else column.values


def stored(variable: Any) -> NDArray[Any]:
    """Return the array of a netCDF4 variable of a file that neither masks nor scales; text as text."""
    values = np.asarray(variable[...])
    return values.astype(str) if variable.dtype is str else values


def _dims(dims: ArrayLike | Iterable[Any]) -> Dims:
    return (dims,) if isinstance(dims, str) else tuple(map(str, dims))  # type: ignore[arg-type]


def _attributes(holder: Any) -> dict[str, Any]:
    """Return attributes as Python's own values where they are single, the value of what is missing left out."""
    found = {name: holder.getncattr(name) for name in holder.ncattrs() if name != "_FillValue"}
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in found.items()}


def _annotate(holder: Any, attributes: Mapping[str, Any]) -> None:
    for name, value in attributes.items():
        holder.setncattr(name, value)
