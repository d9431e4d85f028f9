"""Reads a record folder with its arrays, as a stranger's: sizes bounded, names held against record.json."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sigmaraw.errors import InvalidRecord
from sigmaraw.netcdf import stored
from sigmaraw.record.content import Content
from sigmaraw.record.reading import clean, read_content, refuse

if TYPE_CHECKING:
    import netCDF4
    from numpy.typing import NDArray

_LARGEST_ARRAY = 50_000_000  # elements; a stranger's compressed zeros must not fill the memory


@dataclass(frozen=True)
class Crop:
    """Where a codec does worst. raw, decoded: (y, x) float64, DN. position: (y, x) of the crop's first pixel in the image."""

    codec: str
    image: int
    position: tuple[int, int]
    raw: NDArray[np.float64]
    decoded: NDArray[np.float64]


@dataclass(frozen=True)
class RecordFolder:
    """A record and its arrays.

    raw : f on each group's raw replicas, (1 + codec, replica, image, measurement) float64, group 0 first; each
        measurement's own unit.
    decoded : f on the decoded replicas, (codec, replica, image, measurement).
    thumbnails : a small grey picture of each of the first images, (y, x).
    """

    record: Content
    raw: NDArray[np.float64]
    decoded: NDArray[np.float64]
    crops: tuple[Crop, ...]
    thumbnails: tuple[NDArray[np.uint8], ...] = ()


def _array(dataset: netCDF4.Dataset, name: str, dims: tuple[str, ...]) -> NDArray[np.float64]:
    """Return numbers as stored, with the dimensions in this order; refuse what is large before it is read."""
    variable = dataset.variables.get(name)
    if variable is None or set(variable.dimensions) != set(dims) or np.dtype(variable.dtype).kind not in "fiu":
        refuse(f"result.nc without numbers '{name}' ({', '.join(dims)})", "the arrays of this record")
    if variable.size > _LARGEST_ARRAY:
        refuse(f"'{name}' of result.nc has {variable.size} elements", f"at most {_LARGEST_ARRAY}")
    return np.asarray(stored(variable).transpose([variable.dimensions.index(dim) for dim in dims]), dtype=np.float64)


def _labels(dataset: netCDF4.Dataset, name: str) -> list[str]:
    variable = dataset.variables.get(name)
    if variable is None or variable.ndim != 1 or variable.size > 10_000:
        refuse(f"result.nc without labels '{name}'", "the arrays of this record")
    return [clean(str(label)) for label in stored(variable)]


def _trimmed(raw: NDArray[np.float64], decoded: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return both pictures without the rows and columns that hold no pixel: a frame may be smaller than a crop."""
    valued = np.isfinite(raw)
    rows, columns = np.flatnonzero(valued.any(axis=1)), np.flatnonzero(valued.any(axis=0))
    inside = (slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
    return raw[inside], decoded[inside]


def _crops(dataset: netCDF4.Dataset, codecs: list[str]) -> tuple[Crop, ...]:
    if "crop_raw" not in dataset.variables:
        return ()
    raw = _array(dataset, "crop_raw", ("codec", "crop_y", "crop_x"))
    decoded = _array(dataset, "crop_decoded", ("codec", "crop_y", "crop_x"))
    positions = _array(dataset, "crop_position", ("codec", "axis"))
    images = _array(dataset, "crop_image", ("codec",))
    if (
        raw.shape != decoded.shape
        or positions.shape != (len(codecs), 2)
        or not np.isfinite(positions).all()
        or not np.isfinite(images).all()
    ):
        refuse("crops of result.nc that do not fit each other", "raw and decoded of one shape with a position (y, x)")
    kept = [index for index in range(len(codecs)) if np.isfinite(raw[index]).any()]
    return tuple(
        Crop(codecs[index], int(images[index]), (int(positions[index, 0]), int(positions[index, 1])), *_trimmed(raw[index], decoded[index]))
        for index in kept
    )


def _thumbnails(dataset: netCDF4.Dataset) -> tuple[NDArray[np.uint8], ...]:
    if "thumbnail" not in dataset.variables:
        return ()
    pictures = _array(dataset, "thumbnail", ("thumb_image", "thumb_y", "thumb_x"))
    sizes = _array(dataset, "thumbnail_shape", ("thumb_image", "axis"))
    if sizes.shape != (len(pictures), 2) or not ((sizes >= 1) & (sizes <= pictures.shape[1:])).all() or not np.isfinite(pictures).all():
        refuse("small pictures of result.nc that do not fit each other", "pictures with their shapes")
    whole = np.clip(pictures, 0, 255).astype(np.uint8)
    return tuple(picture[: int(height), : int(across)] for picture, (height, across) in zip(whole, sizes, strict=True))


def read_folder(folder: Path) -> RecordFolder:
    """Return the record of a folder with its arrays.

    Raises
    ------
    InvalidRecord : record.json or result.nc is missing or malformed, or they belong to different studies.
    """
    import netCDF4

    record = read_content(folder)
    path = Path(folder) / "result.nc"
    if not path.is_file():
        refuse(f"{path} is missing", "a record folder that holds result.nc", "give the folder that sigmaraw validate wrote")
    try:
        with netCDF4.Dataset(path) as dataset:
            dataset.set_auto_maskandscale(False)
            codecs = _labels(dataset, "codec")
            if codecs != [row.codec for row in record.codecs] or _labels(dataset, "group") != ["raw", *codecs]:
                refuse(f"{path} lists other codecs than record.json", "the arrays of this record")
            names = [row.name for row in record.measurements]
            if _labels(dataset, "measurement") != names:
                refuse(f"{path} lists other measurements than record.json", "the arrays of this record")
            raw = _array(dataset, "raw_prediction", ("group", "replica", "image", "measurement"))
            decoded = _array(dataset, "codec_prediction", ("codec", "replica", "image", "measurement"))
            crops, thumbnails = _crops(dataset, codecs), _thumbnails(dataset)
    except InvalidRecord:
        raise
    except (OSError, ValueError, RuntimeError, TypeError, KeyError, AttributeError, IndexError, OverflowError) as error:  # netCDF4's
        refuse(f"{path} cannot be read ({str(error)[:120]})", "a netCDF-4 file")
    if max(row.image for row in record.results) >= raw.shape[2]:
        refuse(f"{path} has {raw.shape[2]} images, fewer than record.json", "the arrays of this record")
    return RecordFolder(record, raw, decoded, crops, thumbnails)
