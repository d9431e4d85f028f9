"""Replicas to files that others open: TIFF, netCDF, Zarr; block by block or slab by slab, so that nothing fills the memory."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw import extras
from sigmaraw.errors import InvalidOption
from sigmaraw.files import atomic_folder, atomic_path
from sigmaraw.noise.replicas import Slab

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
            raise extras.missing("output as .zarr", "zarr", "zarr") from error
        if path.exists():
            raise InvalidOption(f"output {path} exists", "a free name", "remove it, or choose another with -o")


def write_replicas(path: Path, blocks: Blocks, n: int, attributes: Mapping[str, str]) -> Path:
    """Write blocks (replica, y, x) of n replicas in all; the dtype is kept. Whole or not at all.

    Raises InvalidOption for an unknown ending or a place that cannot be written.
    """
    return write_slabs(path, _whole(blocks), n, None, attributes)


def _whole(blocks: Blocks) -> Iterator[Slab]:
    start = 0
    for block in blocks:
        values = np.asarray(block)
        yield Slab(start, slice(0, values.shape[1]), values)
        start += len(values)


def write_slabs(path: Path, slabs: Iterable[Slab], n: int, shape: tuple[int, ...] | None, attributes: Mapping[str, str]) -> Path:
    """Write slabs of n replicas, in whatever order they come; the dtype is kept. Whole or not at all.

    Raises as `write_replicas` does.

    Parameters
    ----------
    shape : tuple of int or None
        Shape of one replica, (z, y, x); None takes that of the first slab, which is then whole.
    """
    check_format(path)
    slabs = iter(slabs)
    first = next(slabs)
    writers: dict[str, Callable[[Path, Iterable[Slab], tuple[int, ...], Mapping[str, str]], None]]
    writers = {".nc": _write_netcdf, ".zarr": _write_zarr}
    write = writers.get(path.suffix, _write_tiff)
    whole = (n, *(first.block.shape[1:] if shape is None else shape))
    with (atomic_folder if path.suffix == ".zarr" else atomic_path)(path) as temporary:
        write(temporary, itertools.chain([first], slabs), whole, attributes)
    return path


def _dimensions(ndim: int) -> tuple[str, ...]:
    return ("replica", "z", "y", "x") if ndim == 4 else ("replica", "y", "x")


def _place(slab: Slab) -> tuple[slice, slice]:
    return slice(slab.start, slab.start + len(slab.block)), slab.planes


def _chunks(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return one page (y, x), so that a slab is written without reading what is beside it."""
    return (*(1 for _ in shape[:-2]), *shape[-2:])


def _write_tiff(path: Path, slabs: Iterable[Slab], shape: tuple[int, ...], attributes: Mapping[str, str]) -> None:
    """Lay out an uncompressed stack of pages, and fill it in."""
    import tifffile

    first = next(slabs := iter(slabs))
    dtype = first.block.dtype.newbyteorder("<")
    metadata = {**attributes, "axes": "QZYX"[:1] + "QZYX"[-len(shape) + 1 :], "dimension": "replica"}
    with tifffile.TiffWriter(path, bigtiff=True, byteorder="<") as writer:
        offset, _ = writer.write(shape=shape, dtype=dtype, photometric="minisblack", metadata=metadata, returnoffset=True)
    plane = math.prod(shape[2:]) * dtype.itemsize
    with path.open("r+b") as stream:
        for slab in itertools.chain([first], slabs):
            for index, replica in enumerate(slab.block):
                stream.seek(offset + ((slab.start + index) * shape[1] + slab.planes.start) * plane)
                stream.write(np.ascontiguousarray(replica, dtype).tobytes())


def _write_netcdf(path: Path, slabs: Iterable[Slab], shape: tuple[int, ...], attributes: Mapping[str, str]) -> None:
    import netCDF4

    with netCDF4.Dataset(path, "w", format="NETCDF4") as dataset:
        dataset.setncatts(dict(attributes))
        names = _dimensions(len(shape))
        for name, size in zip(names, shape, strict=True):
            dataset.createDimension(name, size)
        variable: Any = None
        for slab in slabs:
            if variable is None:
                variable = dataset.createVariable("replicas", slab.block.dtype, names, zlib=True, complevel=1, chunksizes=_chunks(shape))
                variable.units = "DN"
                variable.long_name = "raw-equivalent noise replicas"
            variable[_place(slab)] = slab.block


def _write_zarr(path: Path, slabs: Iterable[Slab], shape: tuple[int, ...], attributes: Mapping[str, str]) -> None:
    """Write page by page, in our threads: zarr leaves tasks behind where the first page of a whole block fails."""
    import zarr

    array: Any = None
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1), "zarr") as pool:
        for slab in slabs:
            if array is None:
                array = zarr.create_array(store=str(path), shape=shape, chunks=_chunks(shape), dtype=slab.block.dtype, overwrite=True)
                array.attrs.update({**attributes, "units": "DN", "dimension_names": list(_dimensions(len(shape)))})
            first = (slab.start, slab.planes.start)[: len(shape) - 2]
            written = [
                pool.submit(array.__setitem__, tuple(int(a + b) for a, b in zip(first, page, strict=True)), slab.block[page])
                for page in np.ndindex(slab.block.shape[:-2])
            ]
            wait(written)
            for page in written:
                page.result()
