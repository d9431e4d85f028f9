"""Masks by observers: which files they are, which image each belongs to, and how well observers agree.

A folder holds one mask for each image, under the image's name, or a folder for each observer, in which the masks lie or a folder for each
of the observer's readings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InputNotFound, InvalidPlan, NotIntegerData, ShapeMismatch
from sigmaraw.files import sha256_of_file
from sigmaraw.frames.decoding import natural_key
from sigmaraw.frames.installed import suffix_of
from sigmaraw.frames.reading import decode, is_companion, is_frame_file, is_litter
from sigmaraw.record.design import ImageRow, InputRow
from sigmaraw.study.plan import Plan

if TYPE_CHECKING:
    from sigmaraw.study.inputs import Inputs

_WORDS = re.compile(r"[-_ .]*(mask|masks|label|labels|seg|segmentation|gt|reference|annotation)$", re.IGNORECASE)

Masks = NDArray[Any]


@dataclass(frozen=True)
class References:
    """The masks of a study.

    Parameters
    ----------
    observers : mapping of str to tuple of tuple of ndarray
        For each observer, for each reading, the mask of each image.
    files : tuple of InputRow
        The record's rows of the files.
    """

    observers: Mapping[str, tuple[tuple[Masks, ...], ...]]
    files: tuple[InputRow, ...]

    def of_image(self, image: int) -> tuple[Masks, ...]:
        """Return every mask of an image, by observer and reading."""
        return tuple(reading[image] for readings in self.observers.values() for reading in readings)


def load_references(place: str | Path, inputs: Inputs, plan: Plan) -> References:
    """Return the masks of all images.

    Parameters
    ----------
    place : str or Path
        A folder, or one file for one input.

    Raises
    ------
    InputNotFound
        Nothing there, or an image without a mask.
    ShapeMismatch, NotIntegerData
        A mask of another shape, or with values that are no labels.
    InvalidPlan
        Masks that could be meant for an image in two ways.
    """
    path = Path(place)
    if not path.exists():
        raise InputNotFound(f"reference {path} does not exist", "a folder of masks, or one mask", "check the path")
    observers: dict[str, tuple[tuple[Masks, ...], ...]] = {}
    files: dict[Path, InputRow] = {}
    for name, folders in observer_folders(path).items():
        observers[name] = tuple(_reading(folder, inputs, plan, files) for folder in folders)
    return References(observers, tuple(files.values()))


def with_references(inputs: Inputs, references: References) -> Inputs:
    """Return the images, each with its masks."""
    images = tuple(replace(image, references=references.of_image(index)) for index, image in enumerate(inputs.images))
    return replace(inputs, images=images)


def common_spacing(inputs: Inputs) -> tuple[tuple[float, ...] | None, str]:
    """Return the size of a pixel and its unit, where all images state the same; else None and "px"."""
    axes = inputs.images[0].frame.ndim
    stated = {(image.spacing[-axes:], image.spacing_unit) for image in inputs.images}
    if len(stated) > 1:
        return None, "px"
    spacing, unit = stated.pop()
    return (spacing, unit) if len(spacing) == axes else (None, "px")


def observer_folders(path: Path) -> dict[str, list[Path]]:
    """Return for each observer the folder, or the one file, of each reading."""
    if mask_files(path) or not (folders := _folders(path)):
        return {"reference": [path]}
    return {folder.name: _folders(folder) if not mask_files(folder) and _folders(folder) else [folder] for folder in folders}


def _folders(path: Path) -> list[Path]:
    entries = sorted(path.iterdir(), key=lambda entry: natural_key(entry.name))
    return [entry for entry in entries if entry.is_dir() and not is_frame_file(entry) and not is_litter(entry)]


def mask_files(path: Path) -> list[Path]:
    """Return the file itself, or the masks that lie in a folder, in natural order."""
    if path.is_file() or is_frame_file(path):
        return [path]
    entries = sorted(path.iterdir(), key=lambda entry: natural_key(entry.name))
    return [entry for entry in entries if is_frame_file(entry) and not is_litter(entry) and not is_companion(entry)]


def stem_of(path: Path) -> str:
    """Return what names an image: a file's name without its suffix and without a word such as mask at its end.

    Examples
    --------
    >>> stem_of(Path("cells-1_mask.tif")), stem_of(Path("ct.nii.gz"))
    ('cells-1', 'ct')
    """
    suffix = suffix_of(path)
    name = path.name[: len(path.name) - len(suffix)] if suffix and path.name.lower().endswith(suffix) else path.name
    name = name.removesuffix(".ome")
    return _WORDS.sub("", name) or name


def _reading(place: Path, inputs: Inputs, plan: Plan, files: dict[Path, InputRow]) -> tuple[Masks, ...]:
    """Return the mask of each image of the study from one folder, or one file."""
    masks = mask_files(place)
    if not masks:
        raise InputNotFound(f"{place} holds no masks", "a mask for each image, under its name", "check the folder")
    by_stem: dict[str, list[Path]] = {}
    for mask in masks:
        by_stem.setdefault(stem_of(mask), []).append(mask)
    decoded: dict[Path, Masks] = {}
    found = []
    for row, image, (source, number) in zip(inputs.rows, inputs.images, inputs.sources, strict=True):
        mask = _mask_of(row, source, inputs, masks, by_stem, place)
        if mask not in decoded:
            decoded[mask] = read_mask(mask, plan.volume)
            files[mask] = InputRow(path=str(mask.absolute()), sha256=sha256_of_file(mask), role="reference", reader="mask")
        frames = decoded[mask]
        one = frames[number] if len(frames) > number else frames[0] if len(frames) == 1 and plan.frame is not None else None
        if one is None or one.shape != image.frame.shape:
            shown = frames.shape if one is None else one.shape
            raise ShapeMismatch(f"reference {mask} of {shown}", f"{image.frame.shape}, as its image", "give a mask of the same pixels")
        found.append(one)
    return tuple(found)


def _mask_of(
    row: ImageRow, source: str | None, inputs: Inputs, masks: Sequence[Path], by_stem: Mapping[str, Sequence[Path]], place: Path
) -> Path:
    """Return the file that holds an image's mask: the one of its name, else the only one, else of arrays the one of their number."""
    if source is not None:
        named = by_stem.get(stem_of(Path(source)), ())
        if len(named) > 1:
            raise InvalidPlan(
                f"{place} holds {', '.join(mask.name for mask in named)}", f"one mask of {Path(source).name}", "remove others"
            )
        if named:
            return named[0]
    if len(masks) == 1 and len({file for file, _ in inputs.sources}) == 1:
        return masks[0]
    places = sorted({entry.input or 0 for entry in inputs.rows})
    if source is None and len(masks) == len(places):
        return masks[places.index(row.input or 0)]
    what = f"image {row.image}" if source is None else Path(source).name
    raise InputNotFound(f"{place} holds no mask of {what}", "a mask for each image, under the image's name", "add it, or rename it")


def read_mask(path: Path, volume: bool) -> Masks:
    """Return (frame, y, x), or of volumes (frame, z, y, x), of whole numbers from 0.

    Raises
    ------
    NotIntegerData
        Values that are no whole numbers, or below 0.
    """
    planes = decode(path, volume=volume).planes
    if planes.dtype.kind == "f" and np.isfinite(planes).all() and (planes == np.rint(planes)).all():
        planes = planes.astype(np.int64)  # NIfTI masks are often stored as floats
    if planes.dtype.kind not in "bui" or (planes.dtype.kind == "i" and int(planes.min()) < 0):
        raise NotIntegerData(
            f"reference {path} holds {planes.dtype.name} values", "0 for background, whole numbers for objects", "export it so"
        )
    return planes.astype(np.bool_ if planes.dtype.kind == "b" else np.int32)
