"""HDF5 and NeXus by h5py: one data set of a file, ``scan.h5::/entry/data``."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts.readers import Decoded, Layout, Opened, Reader, Selection
from sigmaraw.errors import NotIntegerData
from sigmaraw.frames.decoding import decoding_by, library, require_grey, require_plausible, unreadable, unreadable_choice

KIND = "HDF5"
_MOST_NODES = 10_000
_SCALING = {"scale_factor": 1.0, "add_offset": 0.0, "scaling_factor": 1.0, "offset": 0.0}
_LETTERS = {"z": "Z", "t": "T", "time": "T", "frame": "T", "frame_number": "T", "c": "C", "channel": "C"}


class Hdf5Reader(Reader):
    """One data set of an HDF5 or NeXus file."""

    name = "hdf5"
    formats = "HDF5, NeXus, Imaris and ilastik's files; the data set after ::"
    suffixes = (".h5", ".hdf5", ".hdf", ".nxs", ".ims")
    package = "h5py"
    extra = "hdf5"

    def read(self, path: Path, selection: Selection) -> Decoded:
        """Return all planes of the data set that is asked for, or of the only one with two or more axes.

        Raises
        ------
        UnreadableFile
            Not HDF5, damaged, without that data set, with several of which none is named, or with pixels in other files.
        NotIntegerData
            Attributes that scale the values.
        """
        with _opened(path, selection, self.extra) as (data, layout):
            planes = np.ascontiguousarray(data[...]).reshape(-1, *data.shape[-2:])
            return Decoded(planes, "h5py", layout=layout)

    def open(self, path: Path, selection: Selection) -> Opened | None:
        """Return planes to be read a few at a time; None where several axes are stacked."""
        with _opened(path, selection, self.extra) as (data, layout):
            if data.ndim != 3:
                return None
            shape, dtype, name = data.shape, data.dtype, data.name
        h5py = library(path, "h5py", self.extra)

        def read(first: int, out: NDArray[Any]) -> None:
            with decoding_by("h5py", path, KIND), h5py.File(path, "r") as file:
                out[...] = file[name][first : first + len(out)]

        return Opened((int(shape[0]), int(shape[1]), int(shape[2])), dtype, read, layout=layout)


@contextlib.contextmanager
def _opened(path: Path, selection: Selection, extra: str) -> Iterator[tuple[Any, Layout]]:
    """Yield the data set and its axes, checked."""
    h5py = library(path, "h5py", extra)
    with decoding_by("h5py", path, KIND), h5py.File(path, "r") as file:
        data = _chosen(path, file, selection.dataset, h5py)
        if data.is_virtual or data.external:
            raise unreadable(path, KIND, f"{data.name} keeps its pixels in other files")
        if not 2 <= data.ndim <= 4 or 0 in data.shape:
            raise unreadable(path, KIND, f"{data.name} of shape {data.shape}, not (frame, y, x)")
        if data.dtype.kind not in "uif":
            raise NotIntegerData(f"{path}::{data.name} holds {data.dtype}", "grey integers", "name another data set")
        if data.ndim >= 3 and data.shape[-1] in (3, 4) and min(data.shape[-3:-1]) > 4:
            require_grey(path, int(data.shape[-1]))
        require_plausible(path, KIND, math.prod(data.shape) * data.dtype.itemsize, path.stat().st_size)
        _refuse_scaled(path, data)
        yield data, _layout(data)


def _chosen(path: Path, file: Any, name: str | None, h5py: Any) -> Any:
    """Return the data set of a name, else the file's only image. Links into other files are never followed."""
    if name is None:
        found = _images(path, file, h5py)
        if len(found) == 1:
            return file[found[0]]
        listed = ", ".join(found[:8]) or "none with two axes or more"
        example = found[0] if found else "/entry/data"
        raise unreadable_choice(path, f"{len(found)} data sets: {listed}", f"name one: {path.name}::{example}")
    wanted = "/" + name.strip("/")
    parts, place = [part for part in wanted.split("/") if part], file
    for depth, part in enumerate(parts):
        link = place.get(part, getlink=True) if isinstance(place, h5py.Group) else None
        if link is None or isinstance(link, h5py.ExternalLink):
            what = "leads into another file" if link is not None else "does not exist"
            found = _images(path, file, h5py)
            listed = ", ".join(found[:8]) or "none"
            raise unreadable_choice(path, f"{len(found)} data sets ({listed}); {'/' + '/'.join(parts[: depth + 1])} {what}", "name one")
        place = place[part]
    if place.file.filename != file.filename or not isinstance(place, h5py.Dataset):
        listed = ", ".join(_images(path, file, h5py)[:8]) or "none"
        raise unreadable_choice(path, f"no data set {wanted[:80]}; {listed}", "name a data set of this file")
    return place


def _images(path: Path, file: Any, h5py: Any) -> list[str]:
    """Return the paths of all data sets of two axes or more, text and tables left out."""
    found: list[str] = []
    seen = 0

    def visit(name: str, node: Any) -> None:  # visits no link that leads elsewhere
        nonlocal seen
        seen += 1
        if seen > _MOST_NODES:
            raise unreadable(path, KIND, f"more than {_MOST_NODES} groups and data sets")
        if isinstance(node, h5py.Dataset) and node.ndim >= 2 and node.dtype.kind in "uif":
            found.append("/" + name)

    file.visititems(visit)
    return found


def _refuse_scaled(path: Path, data: Any) -> None:
    for key, neutral in _SCALING.items():
        value = data.attrs.get(key, neutral)
        if np.size(value) != 1 or float(np.ravel(value)[0]) != neutral:
            raise NotIntegerData(f"{path}::{data.name} scales its values by {key}={str(value)[:30]}", "raw DN", "save them unscaled")


def _layout(data: Any) -> Layout:
    """Return the axes before y and x, as dimension labels name them; Q where they do not."""
    labels = [str(dimension.label).lower() for dimension in data.dims]
    letters = "".join(_LETTERS.get(label, "Q") for label in labels[:-2])
    return Layout(letters, tuple(int(side) for side in data.shape[:-2]))
