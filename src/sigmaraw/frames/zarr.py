"""OME-Zarr and plain Zarr arrays, layouts 2 and 3: one folder is one stack of frames.

The metadata is read and checked here, before the zarr library sees it: types, codecs, sizes and links of a stranger's folder are as
hostile as a file's header. Reference: OME-NGFF 0.4 and 0.5 (multiscales; the first data set is the full resolution).
"""

from __future__ import annotations

import itertools
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw import extras
from sigmaraw.contracts.readers import Decoded, Layout, Opened, Reader, Selection
from sigmaraw.errors import InputNotFound, NotIntegerData, UnreadableFile
from sigmaraw.frames.decoding import decoding, require_plausible, unreadable, unreadable_choice

KIND = "Zarr"
_LARGEST_METADATA = 1 << 22
_MOST_FILES = 1 << 18
_BLOCK = 1 << 27
# Compressors and filters that only turn bytes into bytes; object codecs such as pickle are not among them.
_CODECS_2 = {"blosc", "zlib", "gzip", "zstd", "lz4", "lzma", "bz2", "shuffle", "delta", "crc32", "adler32"}
_CODECS_3 = {"bytes", "blosc", "gzip", "zstd", "crc32c", "transpose", "sharding_indexed"}
_TYPES_2 = {"|u1", "<u2", ">u2", "<u1", ">u1"}
_SPACE = ("y", "x")
_NODES = (".zattrs", ".zarray", ".zgroup", "zarr.json")
# Attributes of the CF conventions by which xarray says that a value is not what is stored.
_SCALING = {"scale_factor": 1, "add_offset": 0}


class ZarrReader(Reader):
    """OME-Zarr images and plain Zarr arrays."""

    name = "zarr"
    formats = "OME-Zarr and Zarr folders, layouts 2 and 3"
    suffixes = (".zarr",)
    package = "zarr"
    extra = "zarr"

    def takes(self, path: Path) -> bool:
        """Return whether a folder is a Zarr one."""
        return path.is_dir() and is_zarr(path)

    def read(self, path: Path, selection: Selection) -> Decoded:
        """Return all planes, as `read_zarr`."""
        return read_zarr(path, selection)

    def open(self, path: Path, selection: Selection) -> Opened | None:
        """Return planes to be read a few at a time, as `open_zarr`."""
        return open_zarr(path, selection)


def is_zarr(path: Path) -> bool:
    """Return whether a path is a Zarr folder: by its name, or by the metadata that lies in it, as of one image of several."""
    return path.suffix.lower() == ".zarr" or (path.is_dir() and any((path / name).is_file() for name in _NODES))


def read_zarr(path: Path, selection: Selection) -> Decoded:
    """Return the planes of a Zarr array, or of the full resolution of an OME-Zarr image.

    Raises
    ------
    InputNotFound, UnreadableFile
        No folder, no array in it, missing chunks, links, impossible sizes, codecs that are not on the list.
    NotIntegerData
        Neither uint8 nor uint16, or attributes that scale them.
    """
    with decoding(path, KIND):
        array, layout = _opened(path, selection)
        return Decoded(np.asarray(array[...]).reshape(-1, *array.shape[-2:]), "zarr", layout=layout)


def open_zarr(path: Path, selection: Selection) -> Opened | None:
    """Return planes to be read a few at a time, refused as `read_zarr` does; None where several axes are stacked.

    Frames that share chunks are decoded together, up to `_BLOCK` bytes of them, and kept until others are asked for.
    """
    with decoding(path, KIND):
        array, layout = _opened(path, selection)
        if sum(size > 1 for size in layout.sizes) > 1:
            return None
        shape = (math.prod(layout.sizes), *array.shape[-2:])
        axis = next((index for index, size in enumerate(array.shape[:-2]) if size > 1), 0)
        together = array.chunks[axis] if array.ndim > 2 else 1
    depth = max(1, min(together, _BLOCK // (math.prod(shape[1:]) * array.dtype.itemsize)))
    held: dict[int, np.ndarray] = {}

    def block(start: int) -> np.ndarray:
        if start not in held:
            held.clear()
            where = tuple(slice(start, start + depth) if index == axis else slice(None) for index in range(array.ndim))
            with decoding(path, KIND):
                held[start] = np.asarray(array[where]).reshape(-1, *shape[1:])
        return held[start]

    def read(first: int, out: NDArray[Any]) -> None:
        while len(out):
            inside = first % depth
            some = block(first - inside)[inside : inside + len(out)]
            out[: len(some)] = some
            first, out = first + len(some), out[len(some) :]

    return Opened((shape[0], shape[1], shape[2]), array.dtype, read, layout=layout)


def _opened(path: Path, selection: Selection) -> tuple[Any, Layout]:
    """Return the zarr library's array, checked before, and the axes of its planes."""
    if not path.exists():
        raise InputNotFound(f"{path} does not exist", "a Zarr folder", "check the name")
    if not path.is_dir():
        raise UnreadableFile(f"{path} is not a folder", "a Zarr folder; zipped stores are not read", "unpack it")
    stored = _stored_bytes(path)
    place, axes = _image(path, selection)
    metadata = _metadata(path, place)
    _check_array(path, metadata, stored)
    _check_chunks(path, place, metadata)
    _refuse_scaled(path, place)
    layout = _layout(path, axes or _dimensions(path, place, len(metadata["shape"])), metadata["shape"])
    try:
        import zarr
    except ImportError as error:
        raise extras.missing(str(path), "zarr", "zarr") from error
    store = zarr.storage.LocalStore(place, read_only=True)
    return zarr.open_array(store=store, mode="r", zarr_format=metadata["format"]), layout


def ome_text(path: Path) -> str:
    """Return the OME-XML that a converted image keeps beside its pixels; "" where there is none."""
    xml = path / "OME" / "METADATA.ome.xml"
    if not xml.is_file() or xml.is_symlink() or xml.stat().st_size > _LARGEST_METADATA:
        return ""
    return xml.read_text(encoding="utf-8", errors="replace")


def _stored_bytes(path: Path) -> int:
    """Bytes of all files. A link could bring in what does not belong to the folder."""
    total = count = 0
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            entry = Path(folder, name)
            if entry.is_symlink():
                raise unreadable(path, KIND, f"{entry.relative_to(path)} is a link")
        count += len(files)
        if count > _MOST_FILES:
            raise unreadable(path, KIND, f"more than {_MOST_FILES} files")
        total += sum(Path(folder, name).stat().st_size for name in files)
    return total


def _json(path: Path, file: Path) -> dict[str, Any] | None:
    if not file.is_file():
        return None
    if file.stat().st_size > _LARGEST_METADATA:
        raise unreadable(path, KIND, f"{file.name} of {file.stat().st_size} bytes")
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise unreadable(path, KIND, f"{file.relative_to(path)}: {error}") from error
    if not isinstance(found, dict):
        raise unreadable(path, KIND, f"{file.relative_to(path)} holds no object")
    return found


def _image(path: Path, selection: Selection) -> tuple[Path, tuple[str, ...]]:
    """Return the folder of the array and the names of its axes, () where nothing states them."""
    node, attributes = path, _attributes(path, path)
    if attributes.get("bioformats2raw.layout") is not None and "multiscales" not in attributes:
        wanted = "0" if selection.image is None else selection.image
        count = sum(1 for entry in path.iterdir() if entry.is_dir() and entry.name.isdecimal())
        if selection.image is None and (path / "1").is_dir():
            raise unreadable_choice(path, f"{count} images", f"choose one: {path.name}#image=0, or give its folder, {path.name}/0")
        if not wanted.isdecimal() or not (path / wanted).is_dir():
            raise unreadable_choice(path, f"no image '{wanted[:20]}'", f"choose one from 0 to {count - 1}")
        node, attributes = path / wanted, _attributes(path, path / wanted)
    elif selection.image is not None:
        raise unreadable_choice(path, "one image alone", "leave #image= out")
    if "multiscales" not in attributes:
        return node, ()
    if len(attributes["multiscales"]) > 1:
        raise unreadable_choice(path, f"{len(attributes['multiscales'])} multiscale images", "give the folder of one array")
    scales = attributes["multiscales"][0]
    name = str(scales["datasets"][0]["path"])
    place = node / name
    if not place.resolve().is_relative_to(path.resolve()) or not place.is_dir():
        raise unreadable(path, KIND, f"the data set '{name[:60]}' is not in the folder")
    axes = tuple(str(axis["name"] if isinstance(axis, dict) else axis) for axis in scales.get("axes", ()))
    return place, axes


def _dimensions(path: Path, place: Path, count: int) -> tuple[str, ...]:
    """Return the names of axes that an array itself states, as xarray writes them; () where they are not t, c, z, y, x."""
    three, attributes = _json(path, place / "zarr.json"), _attributes(path, place)
    names = (three or {}).get("dimension_names") or attributes.get("_ARRAY_DIMENSIONS") or ()
    short = {"time": "t", "channel": "c", "frame": "t"}
    axes = tuple(short.get(str(name).lower(), str(name).lower()) for name in names) if isinstance(names, list) else ()
    return axes if len(axes) == count and axes[-2:] == _SPACE and set(axes) <= {"t", "c", "z", *_SPACE} else ()


def _refuse_scaled(path: Path, place: Path) -> None:
    """Refuse attributes by which a value is not what is stored."""
    attributes = _attributes(path, place)
    for name, neutral in _SCALING.items():
        if attributes.get(name, neutral) != neutral:
            raise NotIntegerData(f"{path} scales its pixels by {name}={str(attributes[name])[:30]}", "raw DN", "save them unscaled")


def _attributes(path: Path, node: Path) -> Mapping[str, Any]:
    group = _json(path, node / "zarr.json")
    if group is not None:
        attributes = group.get("attributes") or {}
        found = attributes.get("ome", attributes) if isinstance(attributes, dict) else {}
    else:
        found = _json(path, node / ".zattrs") or {}
    return found if isinstance(found, dict) else {}


def _metadata(path: Path, place: Path) -> dict[str, Any]:
    """Return the array's shape, chunks, type and names of codecs, of either layout, in one form."""
    three, two = _json(path, place / "zarr.json"), _json(path, place / ".zarray")
    if three is not None and three.get("node_type") == "array":
        grid, keys = three["chunk_grid"], three.get("chunk_key_encoding") or {"name": "default"}
        if grid["name"] != "regular" or three.get("storage_transformers"):
            raise unreadable(path, KIND, "a chunk grid or storage that is not the regular one")
        return {
            "format": 3,
            "shape": three["shape"],
            "chunks": grid["configuration"]["chunk_shape"],
            "type": three["data_type"],
            "codecs": _names_3(three["codecs"]),
            "allowed": _CODECS_3,
            "prefix": "c" if keys["name"] == "default" else "",
            "separator": (keys.get("configuration") or {}).get("separator", "/" if keys["name"] == "default" else "."),
        }
    if two is not None:
        codecs = [two.get("compressor"), *(two.get("filters") or [])]
        type_ = two["dtype"] if two["dtype"] in _TYPES_2 else None
        return {
            "format": 2,
            "shape": two["shape"],
            "chunks": two["chunks"],
            "type": {"1": "uint8", "2": "uint16"}.get(str(type_)[-1:], two["dtype"]),
            "codecs": [str(codec["id"]) for codec in codecs if codec is not None],
            "allowed": _CODECS_2,
            "prefix": "",
            "separator": two.get("dimension_separator", "."),
        }
    arrays = [entry.name for entry in sorted(path.iterdir()) if entry.is_dir() and any((entry / name).is_file() for name in _NODES)]
    if arrays:
        raise unreadable_choice(path, f"no array itself, but the folders {', '.join(arrays[:8])}", f"give one: {path.name}/{arrays[0]}")
    raise unreadable(path, KIND, "no array in it")


def _names_3(codecs: Any) -> list[str]:
    """Names of codecs, those inside shards too."""
    names = []
    for codec in codecs:
        name = codec if isinstance(codec, str) else str(codec["name"])
        names.append(name)
        if name == "sharding_indexed":
            inner = codec["configuration"]
            names += _names_3([*inner["codecs"], *inner.get("index_codecs", [])])
    return names


def _check_array(path: Path, array: Mapping[str, Any], stored: int) -> None:
    shape, chunks = array["shape"], array["chunks"]
    whole = all(isinstance(size, int) and not isinstance(size, bool) and size > 0 for size in (*shape, *chunks))
    if not whole or len(shape) != len(chunks) or not 2 <= len(shape) <= 5:
        raise unreadable(path, KIND, f"shape {str(shape)[:60]} in chunks {str(chunks)[:60]}")
    if array["type"] not in ("uint8", "uint16"):
        raise NotIntegerData(f"{path} holds {str(array['type'])[:40]} pixels", "uint8 or uint16", "save the camera's integers unconverted")
    unknown = set(array["codecs"]) - array["allowed"]
    if unknown:
        raise unreadable(path, KIND, f"codec '{min(unknown)[:40]}'; {', '.join(sorted(array['allowed']))} are taken")
    if array["separator"] not in (".", "/"):
        raise unreadable(path, KIND, "a separator of chunk names that is neither . nor /")
    size = 1 if array["type"] == "uint8" else 2
    require_plausible(path, KIND, max(math.prod(shape), math.prod(chunks)) * size, stored)


def _check_chunks(path: Path, place: Path, array: Mapping[str, Any]) -> None:
    """Refuse missing chunks, which zarr fills with a constant: a copy that broke off is no dark frame."""
    counts = [-(-size // chunk) for size, chunk in zip(array["shape"], array["chunks"], strict=True)]
    if math.prod(counts) > _MOST_FILES:
        raise unreadable(path, KIND, f"{math.prod(counts)} chunks announced")
    for index in itertools.product(*map(range, counts)):
        name = array["separator"].join([*filter(None, [array["prefix"]]), *map(str, index)])
        if not (place / name).is_file():
            raise unreadable(path, KIND, f"chunk {name} is missing; a writer may leave out empty chunks only when told to")


def _layout(path: Path, axes: tuple[str, ...], shape: list[int]) -> Layout:
    """Return the axes of an array's planes."""
    if axes and (len(axes) != len(shape) or axes[-2:] != _SPACE or not set(axes) <= {"t", "c", "z", *_SPACE} or len(set(axes)) < len(axes)):
        raise unreadable(path, KIND, f"axes {', '.join(axes)[:60]}, not t, c, z, y, x")
    if axes:
        return Layout("".join(axes[:-2]).upper(), tuple(shape[:-2]))
    stacked = tuple(size for size in shape[:-2] if size > 1)
    if len(stacked) > 2:
        raise unreadable(path, KIND, f"array of shape {tuple(shape)}, not (frame, y, x)")
    return Layout("Q" * len(stacked), stacked)
