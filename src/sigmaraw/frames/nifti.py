"""NIfTI by nibabel: CT and MRI volumes, and series of them."""

from __future__ import annotations

import gzip
import math
from pathlib import Path
from typing import Any

import numpy as np

from sigmaraw.contracts.readers import Decoded, Layout, Reader, Selection
from sigmaraw.errors import ColourImage, NotIntegerData
from sigmaraw.frames.decoding import decoding_by, library, require_plausible, unreadable

KIND = "NIfTI"
_LARGEST_BYTES = 1 << 32
_HEADERS = {348: "Nifti1Image", 540: "Nifti2Image"}


class NiftiReader(Reader):
    """NIfTI-1 and NIfTI-2 in one file, plain or gzip-compressed."""

    name = "nifti"
    formats = "NIfTI-1 and NIfTI-2"
    suffixes = (".nii", ".nii.gz")
    package = "nibabel"
    extra = "nifti"

    def read(self, path: Path, selection: Selection) -> Decoded:
        """Return the slices as stored, (t, z, y, x) flattened to planes.

        The x axis of the file, the one that changes fastest, is a plane's x; nothing is turned or resampled.

        Raises
        ------
        UnreadableFile
            Not NIfTI, damaged, or with more than four axes.
        ColourImage
            RGB voxels.
        NotIntegerData
            Scaled by a slope other than 1, or by an intercept that is no whole number.
        """
        del selection
        nibabel = library(path, "nibabel", self.extra)
        with decoding_by("nibabel", path, KIND):
            return _decoded(path, nibabel)


def _decoded(path: Path, nibabel: Any) -> Decoded:
    content = _content(path)
    size = {int.from_bytes(content[:4], order) for order in ("little", "big")} & set(_HEADERS)
    if not size:
        raise unreadable(path, KIND, "no NIfTI header")
    image = getattr(nibabel, _HEADERS[size.pop()]).from_bytes(content)
    header = image.header
    dtype, shape = header.get_data_dtype(), tuple(int(side) for side in header.get_data_shape())
    if dtype.names or dtype.kind == "V":
        raise ColourImage(f"{path} has voxels of {len(dtype.names or ())} samples", "one grey value per voxel", "export one channel")
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if not 2 <= len(shape) <= 4 or min(shape) < 1:
        raise unreadable(path, KIND, f"axes of {'x'.join(map(str, shape))} voxels, not x, y, z and time")
    needed = math.prod(shape) * dtype.itemsize
    require_plausible(path, KIND, needed, len(content))
    if int(header.get_data_offset()) + needed > len(content):
        raise unreadable(path, KIND, f"{needed} bytes of voxels announced in {len(content)}")
    stored = np.asarray(image.dataobj.get_unscaled()).reshape(shape, order="F")
    planes = stored.T  # NIfTI's first axis changes fastest: (x, y, z, t) becomes (t, z, y, x)
    layout = Layout({2: "", 3: "Z", 4: "TZ"}[planes.ndim], planes.shape[:-2])
    metadata = {"spacing": _spacing(header, min(len(shape), 3)), "spacing_unit": _unit(header)}
    made = np.ascontiguousarray(planes).reshape(-1, *planes.shape[-2:])
    return Decoded(made, "nibabel", None, metadata, layout, offset=_offset(path, image.dataobj))


def _content(path: Path) -> bytes:
    """Return the file's bytes, unpacked: a read to the end finds one that is cut off."""
    if not path.name.lower().endswith(".gz"):
        return path.read_bytes()
    with gzip.open(path) as stream:
        content = stream.read(_LARGEST_BYTES + 1)
    require_plausible(path, KIND, len(content), path.stat().st_size)
    return content


def _offset(path: Path, proxy: Any) -> int:
    """Return the whole number that the file adds to each stored value. Raises NotIntegerData for any other scaling."""
    slope, intercept = float(proxy.slope), float(proxy.inter)  # 1 and 0 where the file says that values stand as they are stored
    if slope != 1.0 or not float(intercept).is_integer() or abs(intercept) > 65535:
        raise NotIntegerData(
            f"{path} scales its values by {slope:g} and adds {intercept:g} (scl_slope, scl_inter)",
            "the integers that the scanner stored",
            "convert the DICOM files without scaling (dcm2niix does so where all slices have one slope), or give the DICOM files",
        )
    return int(intercept)


def _spacing(header: Any, axes: int) -> tuple[float, ...]:
    return tuple(abs(float(side)) for side in header.get_zooms()[:axes])[::-1]


def _unit(header: Any) -> str:
    known = {"mm": "mm", "meter": "m", "micron": "µm"}
    return known.get(str(header.get_xyzt_units()[0]), "mm")
