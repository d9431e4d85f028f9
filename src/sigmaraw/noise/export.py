"""Replicas to files that others open: TIFF, netCDF, Zarr; block by block, so that n does not fill the memory."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidOption, MissingExtra
from sigmaraw.files import atomic_path

if TYPE_CHECKING:
    Blocks = Iterable[NDArray[np.integer]]

FORMATS = (".tif", ".tiff", ".nc", ".zarr")


def check_format(path: Path) -> None:
    """Refuse a name whose ending is not a format, before anything is drawn. Raises InvalidOption, MissingExtra."""
    if path.suffix not in FORMATS:
        raise InvalidOption(f"output {path}", f"a name that ends in {', '.join(FORMATS)}", "choose such a name with -o")
    if path.suffix == ".zarr":
        try:
            import zarr  # noqa: F401 (only whether it is there)
        except ModuleNotFoundError as error:
            raise MissingExtra("zarr is not installed", "it, for .zarr output", "pip install 'sigmaraw[zarr]', or write .nc") from error
        if path.exists():
            raise InvalidOption(f"output {path} exists", "a free name", "remove it, or choose another with -o")


def write_replicas(path: Path, blocks: Blocks, n: int, attributes: Mapping[str, str]) -> Path:
    """Write blocks (replica, y, x) of n replicas in all; the dtype is kept. Whole or not at all.

    Raises InvalidOption for an unknown ending or a place that cannot be written.
    """
    check_format(path)
    if path.suffix == ".zarr":
        return _write_zarr(path, blocks, n, attributes)
    with atomic_path(path) as temporary:
        if path.suffix == ".nc":
            _write_netcdf(temporary, blocks, n, attributes)
        else:
            _write_tiff(temporary, blocks, attributes)
    return path


def _dimensions(ndim: int) -> tuple[str, ...]:
    return ("replica", "z", "y", "x") if ndim == 4 else ("replica", "y", "x")


def _write_tiff(path: Path, blocks: Blocks, attributes: Mapping[str, str]) -> None:
    import tifffile

    with tifffile.TiffWriter(path, bigtiff=True) as writer:
        for block in blocks:
            for replica in np.asarray(block):
                writer.write(replica, contiguous=True, photometric="minisblack", metadata={**attributes, "dimension": "replica"})


def _write_netcdf(path: Path, blocks: Blocks, n: int, attributes: Mapping[str, str]) -> None:
    import netCDF4

    with netCDF4.Dataset(path, "w", format="NETCDF4") as dataset:
        dataset.setncatts(dict(attributes))
        variable: Any = None
        start = 0
        for block in blocks:
            values = np.asarray(block)
            if variable is None:
                names = _dimensions(values.ndim)
                for name, size in zip(names, (n, *values.shape[1:]), strict=True):
                    dataset.createDimension(name, size)
                variable = dataset.createVariable(
                    "replicas", values.dtype, names, zlib=True, complevel=1, chunksizes=(1, *values.shape[1:])
                )
                variable.units = "DN"
                variable.long_name = "raw-equivalent noise replicas"
            variable[start : start + len(values)] = values
            start += len(values)


def _write_zarr(path: Path, blocks: Blocks, n: int, attributes: Mapping[str, str]) -> Path:
    import zarr

    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.stem}-", suffix=".zarr", dir=path.parent))
    try:
        array: Any = None
        start = 0
        for block in blocks:
            values = np.asarray(block)
            if array is None:
                shape = (n, *values.shape[1:])
                chunks = (1, *values.shape[1:])
                array = zarr.create_array(store=str(temporary), shape=shape, chunks=chunks, dtype=values.dtype, overwrite=True)
                array.attrs.update({**attributes, "units": "DN", "dimension_names": list(_dimensions(values.ndim))})
            array[start : start + len(values)] = values
            start += len(values)
        temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return path
