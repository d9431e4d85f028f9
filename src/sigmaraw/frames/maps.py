"""Maps of a camera's dark behaviour, in DN: the one place where floats are read, since maps are no frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidSeries, ShapeMismatch
from sigmaraw.files import sha256_of_file
from sigmaraw.frames.reading import decode
from sigmaraw.frames.types import SourceFile


@dataclass(frozen=True)
class DarkMaps:
    """Per-pixel dark level and temporal dark noise that stand in for dark frames.

    offset_dn : (y, x), float64, DN.
    read_noise_dn : (y, x), float64, DN: standard deviation over dark frames, quantisation included.
    """

    offset_dn: NDArray[np.float64]
    read_noise_dn: NDArray[np.float64]
    files: tuple[SourceFile, ...] = ()

    def __post_init__(self) -> None:
        offset, noise = self.offset_dn, self.read_noise_dn
        if offset.ndim != 2 or offset.shape != noise.shape:
            raise ShapeMismatch(
                f"offset map {offset.shape} and read-noise map {noise.shape}", "two (y, x) maps of one shape", "correct the maps"
            )
        for name, array in (("offset", offset), ("read-noise", noise)):
            if not np.isfinite(array).all() or (array < 0).any():
                raise InvalidSeries(f"the {name} map has negative or non-finite values", "finite DN from 0", "clean the map")
        if not (noise > 0).any():
            raise InvalidSeries("the read-noise map is zero everywhere", "temporal standard deviations in DN", "give the right map")


def read_map(path: Path) -> tuple[NDArray[np.float64], SourceFile]:
    """Return one map (y, x) as float64 DN, and its source.

    Raises
    ------
    InvalidSeries
        More than one plane, or neither floats nor integers.
    InputNotFound, UnreadableFile, ColourImage
        As for frames.
    """
    decoded = decode(path)
    if decoded.planes.shape[0] != 1 or decoded.planes.ndim != 3:
        raise InvalidSeries(f"{path} has the shape {decoded.planes.shape}", "one map (y, x)", "save one value per pixel")
    if decoded.planes.dtype.kind not in "fui":
        raise InvalidSeries(f"{path} holds {decoded.planes.dtype.name}", "real numbers in DN", "save the map as float32 or float64")
    return decoded.planes[0].astype(np.float64), SourceFile(str(path), sha256_of_file(path), decoded.reader)


def read_dark_maps(offset: Path, read_noise: Path) -> DarkMaps:
    """Return the two maps, checked against each other. Raises as `read_map` and `DarkMaps` do."""
    offset_dn, offset_file = read_map(offset)
    noise_dn, noise_file = read_map(read_noise)
    return DarkMaps(offset_dn, noise_dn, (offset_file, noise_file))
