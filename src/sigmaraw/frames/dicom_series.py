"""The slices of a DICOM series in the order in which they lie, or were taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sigmaraw.contracts.readers import Layout
from sigmaraw.errors import ShapeMismatch
from sigmaraw.frames.decoding import unreadable

_SAME_MM = 1e-2  # positions nearer than that are one
_GAP = 1.5  # of the usual distance of slices: one is missing


@dataclass(frozen=True)
class Slices:
    """The files of a series in order.

    Parameters
    ----------
    members : list of (Path, Dataset)
        File and data set of each slice.
    layout : Layout
        What they are: Z, T, or T and Z.
    distance_mm : float
        Between neighbouring slices, mm; 0 where there is none.
    """

    members: list[tuple[Path, Any]]
    layout: Layout
    distance_mm: float


def ordered(path: Path, members: Sequence[tuple[Path, Any]]) -> Slices:
    """Return slices by their position along the normal of their planes; those of one position by their number.

    Parameters
    ----------
    path : Path
        The folder, for messages.
    members : sequence of (Path, Dataset)
        In any order.

    Raises
    ------
    ShapeMismatch
        Slices in several directions, or positions that were not taken equally often.
    UnreadableFile
        A slice is missing between its neighbours.
    """
    numbered = sorted(members, key=lambda member: (int(member[1].get("InstanceNumber", 0) or 0), member[0].name))
    if not all("ImagePositionPatient" in dataset and "ImageOrientationPatient" in dataset for _, dataset in members):
        return Slices(numbered, Layout("Q", (len(members),)), 0.0)
    directions = np.array([[float(value) for value in dataset.ImageOrientationPatient] for _, dataset in numbered])
    if np.abs(directions - directions[0]).max() > 1e-3:
        raise ShapeMismatch(f"{path} holds slices in several directions", "one stack of parallel slices", "put each stack in a folder")
    normal = np.cross(directions[0, :3], directions[0, 3:])
    places = np.array([np.dot(normal, [float(value) for value in dataset.ImagePositionPatient]) for _, dataset in numbered])
    steps = np.rint((places - places.min()) / _SAME_MM).astype(np.int64)
    often = Counter(steps.tolist())
    times = set(often.values())
    if len(times) > 1:
        raise ShapeMismatch(
            f"{path} has {min(times)} to {max(times)} slices at one position", "each position equally often", "put each volume in a folder"
        )
    count, depth = times.pop(), len(often)
    order = np.argsort(steps, kind="stable").reshape(depth, count).T.reshape(-1)  # time, then depth
    layout = Layout("Z", (depth,)) if count == 1 else Layout("T", (count,)) if depth == 1 else Layout("TZ", (count, depth))
    return Slices([numbered[index] for index in order], layout, _distance(path, np.array(sorted(often)) * _SAME_MM))


def _distance(path: Path, places: np.ndarray[Any, Any]) -> float:
    """Return the usual distance of neighbouring slices, mm. Raises UnreadableFile where one gap is much larger."""
    if len(places) < 2:
        return 0.0
    gaps = np.diff(places)
    usual = float(np.median(gaps))
    if gaps.max() > _GAP * usual:
        at = int(gaps.argmax())
        raise unreadable(path, "DICOM", f"a slice is missing: {gaps[at]:.2f} mm between slices {at} and {at + 1}, else {usual:.2f} mm")
    return usual
