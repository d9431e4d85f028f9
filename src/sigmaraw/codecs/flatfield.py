"""Flat-field correction, as a processing step."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.processing import Processing
from sigmaraw.contracts import Parameter
from sigmaraw.errors import InvalidSpec, ShapeMismatch, UnreadableFile
from sigmaraw.frames import read_frames


class FlatField(Processing):
    """x̂ = d̄ + (x − d)·m/(f − d): the same light gives the same grey level everywhere; m is the mean of f − d, d̄ that of the dark d.

    f and d are files: means of a stack's frames. Without them, `sigma` takes the illumination from the frame itself, its Gaussian mean
    over that many px, d then being the constant `offset`. Pixels where f is not above d stay as they are.

    Reference: EMVA 1288 release 4.0 (correction of spatial nonuniformity by dark and flat).
    """

    name = "flatfield"
    parameters = (
        Parameter("flat", str, None, help="file of flat frames, for instance a TIFF; their mean is used"),
        Parameter("dark", str, None, help="file of dark frames; without it `offset`"),
        Parameter("offset", float, 0.0, minimum=0, maximum=65535, unit="DN", help="dark level where there is no file of darks"),
        Parameter("sigma", float, None, minimum=1, maximum=10000, unit="px", help="in place of flat: width of the frame's illumination"),
    )
    probes = (("sigma=30",),)

    def __init__(self, *, flat: str | None = None, dark: str | None = None, offset: float = 0.0, sigma: float | None = None) -> None:
        if (flat is None) == (sigma is None):
            found = f"'{self.name}' with {'both' if flat is not None else 'neither'} of flat and sigma"
            raise InvalidSpec(found, "one of the two", "write flatfield:flat=flat.tif, or flatfield:sigma=50")
        self.sigma = sigma
        self.flat = None if flat is None else _mean_frame(flat)
        self.dark = np.array(offset, np.float64) if dark is None else _mean_frame(dark)

    def processed(self, frame: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return the corrected frame(s), DN.

        Raises
        ------
        ShapeMismatch
            Flat or dark have another size.
        """
        from scipy.ndimage import gaussian_filter

        for what, array in (("flat", self.flat), ("dark", self.dark)):
            if array is not None and array.ndim and array.shape != frame.shape[-2:]:
                raise ShapeMismatch(
                    f"a {what} of {array.shape} px for a frame of {frame.shape[-2:]} px", "the same size", "cut it out alike"
                )
        levels = frame.astype(np.float64)
        if self.flat is not None:
            light = np.broadcast_to(self.flat - self.dark, frame.shape[-2:])
            mean = light.mean()
        else:
            light = gaussian_filter(levels, self.sigma, mode="reflect", axes=(-2, -1)) - self.dark
            mean = light.mean(axis=(-2, -1), keepdims=True)
        lit = light > 0
        share = np.where(lit, mean / np.where(lit, light, 1.0), 1.0)
        level: NDArray[np.float64] = np.mean(self.dark) + (levels - self.dark) * share
        return level if self.dark.ndim == 0 else np.where(lit, level, levels)

    def details(self) -> dict[str, Any]:
        """Return that nothing is coded here, and the SHA-256 of the flat's and dark's means."""
        arrays = {"flat_sha256": self.flat, "dark_sha256": self.dark if self.dark.ndim else None}
        return {**super().details(), **{name: _digest(array) for name, array in arrays.items()}}


def _mean_frame(path: str) -> NDArray[np.float64]:
    """Return the mean (y, x) of a file's frames, DN, read once while the file stays as it is. Raises as `_mean_of`."""
    try:
        seen = Path(path).stat()
    except OSError:
        return _mean_of(path, None)  # whose refusal names what is wrong
    return _mean_of(path, (seen.st_ino, seen.st_mtime_ns, seen.st_size))


@functools.lru_cache(maxsize=8)
def _mean_of(path: str, seen: tuple[int, int, int] | None) -> NDArray[np.float64]:
    """Return the mean of a file's frames. Raises UnreadableFile where they are volumes, and as `read_frames`."""
    data = read_frames(path).data
    if data.ndim != 3:
        raise UnreadableFile(f"{path} holds volumes {data.shape}", "frames (frame, y, x)", "name a file of frames")
    mean: NDArray[np.float64] = data.mean(axis=0, dtype=np.float64)
    return mean


def _digest(array: NDArray[np.float64] | None) -> str | None:
    return None if array is None else hashlib.sha256(np.ascontiguousarray(array, "<f8").tobytes()).hexdigest()
