"""Zeiss' CZI by czifile, sub-block by sub-block: nothing is resized, and a block that is missing is no black one."""

from __future__ import annotations

import itertools
import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from sigmaraw.contracts.readers import Decoded, Layout, Reader, Selection
from sigmaraw.errors import ColourImage
from sigmaraw.frames.decoding import choose_image, decoding_by, library, lossy_image, require_plausible, unreadable

KIND = "CZI"
_COMPRESSIONS = {1: "JPEG", 4: "JPEG XR, which may be lossy"}
_LOSSLESS = (0, 2)
_STACKED = "TCZ"
_METADATA = 1 << 24  # bytes of metadata that are looked through


class CziReader(Reader):
    """CZI files; of several scenes one is chosen."""

    name = "czi"
    formats = "Zeiss CZI"
    suffixes = (".czi",)
    package = "czifile"
    extra = "czi"

    def read(self, path: Path, selection: Selection) -> Decoded:
        """Return the planes of the scene that is asked for, at full resolution.

        Raises
        ------
        UnreadableFile
            Not CZI, damaged, with blocks missing, or with several scenes of which none is chosen.
        ColourImage
            Several samples a pixel.
        LossyImage
            Compressed with loss.
        """
        czifile = library(path, "czifile", self.extra)
        with decoding_by("czifile", path, KIND), czifile.CziFile(str(path), multifile=False) as file:
            return _decoded(path, file, selection)


def _decoded(path: Path, file: Any, selection: Selection) -> Decoded:
    blocks = [entry for entry in file.subblock_directory if entry.pyramid_type == 0 and entry.shape == entry.stored_shape]
    if not blocks:
        raise unreadable(path, KIND, "no pixels at full resolution")
    scenes = sorted({_place(entry)["S"] for entry in blocks})
    scene = scenes[choose_image(path, "scenes", [f"scene {number}" for number in scenes], selection.image)]
    blocks = [entry for entry in blocks if _place(entry)["S"] == scene]
    for entry in blocks:
        _check_block(path, entry, selection.lossy)
    dtypes = {np.dtype(entry.dtype) for entry in blocks}
    if len(dtypes) > 1:
        raise unreadable(path, KIND, f"blocks of {' and '.join(sorted(map(str, dtypes)))}")
    tiles = sum(1 for entry in blocks if _key(entry) == _key(blocks[0]))
    planes, sizes = _assembled(path, blocks, dtypes.pop())
    text = _metadata(file)
    bits = re.search(r"<ComponentBitCount>(\d{1,2})</ComponentBitCount>", text)
    processed = "a mosaic of stitched tiles" if tiles > 1 else ""
    return Decoded(planes, "czifile", int(bits[1]) if bits else None, _spacing(text), Layout(_STACKED, sizes), processed=processed)


def _place(entry: Any) -> dict[str, int]:
    """Return where a block lies along the axes that are no pixels, 0 where it does not say."""
    found = dict.fromkeys(("S", *_STACKED), 0)
    found |= {dimension.dimension: int(dimension.start) for dimension in entry.dimension_entries if dimension.dimension not in "XYM"}
    return found


def _key(entry: Any) -> tuple[int, ...]:
    place = _place(entry)
    return tuple(place[letter] for letter in _STACKED)


def _check_block(path: Path, entry: Any, lossy: bool) -> None:
    for dimension in entry.dimension_entries:
        name, size = dimension.dimension, int(dimension.size)
        if name not in "XY" and size != 1:
            raise unreadable(path, KIND, f"a block of {size} entries along {name}")
        if name not in "XYMS" + _STACKED and int(dimension.start) != 0:
            raise unreadable(path, KIND, f"an axis {name}, which is neither time, channel nor depth")
    if np.dtype(entry.dtype).shape or entry.shape[-1] > 1:
        raise ColourImage(f"{path} has {entry.shape[-1]} samples per pixel", "one grey value per pixel", "export the raw frames")
    if entry.compression in _LOSSLESS or (entry.compression in _COMPRESSIONS and lossy):
        return
    if entry.compression in _COMPRESSIONS:
        raise lossy_image(path, f"pixels compressed by {_COMPRESSIONS[entry.compression]}")
    raise unreadable(path, KIND, f"compression {entry.compression}, which czifile does not read: save it uncompressed in ZEN")


def _assembled(path: Path, blocks: list[Any], dtype: np.dtype[Any]) -> tuple[np.ndarray[Any, Any], tuple[int, ...]]:
    """Return (plane, y, x) and the lengths of T, C and Z; every pixel stands in a block."""
    starts = [sorted({_key(entry)[axis] for entry in blocks}) for axis in range(len(_STACKED))]
    sizes = tuple(map(len, starts))
    corners = np.array([[_pixels(entry, axis) for axis in "YX"] for entry in blocks])  # (block, axis, start and end)
    low, high = corners[:, :, 0].min(axis=0), corners[:, :, 1].max(axis=0)
    height, width = (int(side) for side in high - low)
    require_plausible(path, KIND, math.prod((*sizes, height, width)) * dtype.itemsize, path.stat().st_size)
    planes, written = np.zeros((*sizes, height, width), dtype), np.zeros((*sizes, height, width), bool)
    for entry, ((top, bottom), (left, right)) in zip(blocks, corners, strict=True):
        where = tuple(starts[axis].index(value) for axis, value in enumerate(_key(entry)))
        place: tuple[int | slice, ...] = (*where, slice(top - low[0], bottom - low[0]), slice(left - low[1], right - low[1]))
        planes[place] = entry.data_segment().data(resize=False).reshape(bottom - top, right - left)
        written[place] = True
    if not written.all():
        missing = next(index for index in itertools.product(*map(range, sizes)) if not written[index].all())
        raise unreadable(path, KIND, f"pixels are missing at {', '.join(f'{a}={b}' for a, b in zip(_STACKED, missing, strict=True))}")
    return planes.reshape(-1, height, width), sizes


def _pixels(entry: Any, axis: str) -> tuple[int, int]:
    found = next(dimension for dimension in entry.dimension_entries if dimension.dimension == axis)
    return int(found.start), int(found.start) + int(found.size)


def _metadata(file: Any) -> str:
    text = file.metadata() if file.header.metadata_position else ""
    return str(text or "")[:_METADATA]


def _spacing(text: str) -> dict[str, Any]:
    """Return the distances of pixels, which CZI states in metres."""
    found = {
        axis: float(value) * 1e6
        for axis, value in re.findall(r'<Distance Id="([XYZ])">\s*<Value>([0-9.eE+-]{1,30})</Value>', text)
        if re.fullmatch(r"[0-9.]+([eE][+-]?\d+)?", value)
    }
    if not {"X", "Y"} <= found.keys() or min(found.values()) <= 0:
        return {}
    return {"spacing": tuple(found[axis] for axis in "ZYX" if axis in found), "spacing_unit": "µm"}
