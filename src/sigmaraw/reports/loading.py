"""Reads a record folder as a stranger's: shapes and types checked, control characters made visible, nothing executed."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from sigmaraw.errors import InvalidRecord
from sigmaraw.reports.replica_number import check_replica_number
from sigmaraw.reports.taps import check_tap_summary
from sigmaraw.study.record import SCHEMA, VERDICTS, read_document

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

_LARGEST_ARRAY = 50_000_000  # elements; a stranger's compressed zeros must not fill the memory

# What each list holds: words, whole numbers, numbers or null, pairs [low, high] or null.
_WORDS = {
    "inputs": ("sha256",),
    "images": (),
    "measurements": ("name", "unit"),
    "codecs": ("codec", "verdict"),
    "results": ("codec", "measurement", "verdict"),
    "tukey": ("measurement", "group1", "group2"),
    "undefined": ("field", "reason"),
}
_WHOLE = {"results": ("image",), "tukey": ("image",), "images": ("image",)}
_NUMBERS = {
    "codecs": (
        "psnr_camera_db",
        "psnr_camera_range_dn",
        "compression_ratio",
        "compression_ratio_significant",
        "nbytes",
        "psnr_db",
        "psnr_range_dn",
        "max_error_dn",
        "rz",
        "bias_dn",
        "noise_std_ratio",
        "error_lag1",
        "noise_removed",
        "noise_removed_se",
        "error_noise_correlation",
    ),
    "results": (
        "chi_raw",
        "chi_codec",
        "sigma_raw",
        "epsilon",
        "epsilon_hat",
        "u",
        "u_mc",
        "u_mode",
        "u_cal",
        "dof",
        "limit",
        "spread_ratio",
        "rms_d",
        "rms_d_upper",
        "null_flag_rate",
        "centre_shift",
        "n",
    ),
    "tukey": ("mean_difference", "p_adjusted"),
    "undefined": ("count",),
}
_PAIRS = {"results": ("sigma_raw_ci", "epsilon_hat_ci", "spread_ratio_ci"), "tukey": ("ci",)}
_TESTS = ("ks", "ks_null")
_REQUIRED_NUMBERS = {"results": ("chi_raw", "chi_codec", "sigma_raw", "epsilon", "epsilon_hat")}


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
    """

    record: dict[str, Any]
    raw: NDArray[np.float64]
    decoded: NDArray[np.float64]
    crops: tuple[Crop, ...]


def _refuse(found: str, expected: str, remedy: str = "run sigmaraw validate again, or restore the folder from a copy") -> NoReturn:
    raise InvalidRecord(visible(found), expected, remedy)


# --- words and numbers ------------------------------------------------------------------------------------------------
def visible(text: str) -> str:
    """Return the text with each control, format, surrogate and line-breaking character replaced by U+FFFD.

    Such characters can move a terminal's cursor, reverse the reading direction or break an SVG; none belongs in a record.
    """
    return "".join("\ufffd" if unicodedata.category(mark) in ("Cc", "Cf", "Cs", "Zl", "Zp") else mark for mark in text)


def clean(value: Any) -> Any:
    """Return JSON values with words made visible and numbers that are not finite as None."""
    if isinstance(value, str):
        return visible(value.replace("\r\n", " ").replace("\n", " ").replace("\t", " "))
    if isinstance(value, Mapping):
        return {clean(str(key)): clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if abs(value) < 1 << 64 else _refuse("a whole number of more than 64 bits", "numbers that a float64 holds")
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return _refuse(f"a value of type {type(value).__name__} in the record", "JSON values")


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _is_pair(value: Any) -> bool:
    return value is None or (isinstance(value, list) and len(value) == 2 and all(_is_number(end) for end in value))


# --- record.json ------------------------------------------------------------------------------------------------------
def _check_rows(record: dict[str, Any], section: str) -> None:
    rows = record.setdefault(section, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        _refuse(f"'{section}' of record.json is not a list of objects", "the record's schema")
    for position, row in enumerate(rows):
        where = f"{section}[{position}] of record.json"
        for name in _WORDS[section]:
            if not isinstance(row.get(name), str):
                _refuse(f"{where} has no word for '{name}'", "the record's schema")
        for name in _WHOLE.get(section, ()):
            if not isinstance(row.get(name), int) or isinstance(row[name], bool):
                _refuse(f"{where} has no whole number for '{name}'", "the record's schema")
        for name in _REQUIRED_NUMBERS.get(section, ()):
            if name not in row:
                _refuse(f"{where} lacks '{name}'", "the record's schema")
        for name in _NUMBERS.get(section, ()):
            if not _is_number(row.get(name)):
                _refuse(f"{where}: '{name}' is not a number", "a number or null")
        for name in _PAIRS.get(section, ()):
            if not _is_pair(row.get(name)):
                _refuse(f"{where}: '{name}' is not an interval", "[low, high] or null")


def _check_results(record: dict[str, Any]) -> None:
    codecs = {row["codec"] for row in record["codecs"]}
    measurements = {row["name"] for row in record["measurements"]}
    if not codecs or not measurements or not record["results"]:
        _refuse("record.json without codecs, measurements or results", "at least one of each")
    for row in [*record["codecs"], *record["results"]]:
        if row["verdict"] not in VERDICTS:
            _refuse(f"verdict '{row['verdict'][:40]}' in record.json", "PASS, FAIL or INCONCLUSIVE")
    for row in record["results"]:
        if row["codec"] not in codecs or row["measurement"] not in measurements or row["image"] < 0:
            _refuse(
                f"a result of record.json for '{row['codec'][:60]}' and '{row['measurement'][:60]}'", "a codec and measurement listed in it"
            )
        for name in _TESTS:
            test = row.setdefault(name, None)
            if test is not None and not (isinstance(test, dict) and all(_is_number(test.get(key)) for key in ("statistic", "p"))):
                _refuse(f"'{name}' of a result in record.json is not a test", "{statistic, p} or null")
        if not isinstance(row.setdefault("warnings", []), list):
            _refuse("'warnings' of a result in record.json is not a list", "a list of words")


def check_camera(summary: Any) -> None:
    """Refuse a camera summary of which curve and table cannot be drawn.

    Raises
    ------
    InvalidRecord : no object, scalars that are not numbers, levels of unequal length.
    """
    if not isinstance(summary, dict):
        _refuse("'camera' of the record is not an object", "a camera profile's summary")
    scalars = summary.get("scalars", {})
    if not isinstance(scalars, dict) or not all(
        isinstance(row, dict) and _is_number(row.get("value")) and _is_number(row.get("se")) for row in scalars.values()
    ):
        _refuse("'camera.scalars' of the record", "{name: {value, se, unit}}")
    levels, dark = summary.get("levels") or {}, summary.get("dark") or {}
    if not isinstance(levels, dict) or not isinstance(dark, dict):
        _refuse("'camera.levels' or 'camera.dark' of the record", "objects")
    columns = [levels.get(name) or [] for name in ("mean_dn", "variance_dn2", "variance_se_dn2", "used", "model_dn2", "residual_se")]
    if not all(isinstance(column, list) and all(isinstance(value, bool) or _is_number(value) for value in column) for column in columns):
        _refuse("'camera.levels' of the record", "lists of numbers")
    if len(columns[0]) != len(columns[1]) or any(column and len(column) != len(columns[0]) for column in columns):
        _refuse("'camera.levels' of the record", "as many variances, standard errors and marks as means")
    check_tap_summary(summary.get("taps"))
    classes = summary.get("pixel_classes") or []
    if not isinstance(classes, list) or not all(isinstance(row, dict) and _is_class(row) for row in classes):
        _refuse("'camera.pixel_classes' of the record", "a list of {name, count, fraction, definition, not_determined}")
    checks = summary.get("checks") or []
    words = ("name", "outcome", "evidence", "unit")
    if not isinstance(checks, list) or not all(
        isinstance(row, dict)
        and all(isinstance(row.get(key), str) for key in words)
        and row["outcome"] in ("pass", "fail", "unknown")
        and _is_number(row.get("value"))
        and _is_number(row.get("limit"))
        for row in checks
    ):
        _refuse("'camera.checks' of the record", "a list of {name, outcome, evidence, value, limit, unit}")
    single = [dark.get("mean_dn"), dark.get("variance_dn2"), summary.get("bits")]
    if not all(_is_number(value) for value in single) or not _is_pair(summary.get("valid_range_dn")):
        _refuse("the dark level, bit depth or valid range of 'camera' in the record", "numbers or null")


def _is_class(row: Mapping[str, Any]) -> bool:
    words = isinstance(row.get("name"), str) and isinstance(row.get("definition"), str)
    if row.get("count") is None:
        return words and isinstance(row.get("not_determined"), str)
    return words and _is_finite(row["count"]) and _is_finite(row.get("fraction"))


def check_figures(figures: Any) -> None:
    """Refuse what `CameraProfile.figures` would not return. Raises InvalidRecord."""
    pattern = {"row_profile", "column_profile", "spectrum_x", "spectrum_y", "frequency_x", "frequency_y", "histogram", "edges"}
    pairs = (("spectrum_x", "frequency_x"), ("spectrum_y", "frequency_y"))
    if not isinstance(figures, Mapping):
        _refuse("the figures of a camera", "an object")
    for kind, row in figures.items():
        good = isinstance(row, Mapping) and kind in ("dsnu", "prnu", "defects")
        if good and kind in ("dsnu", "prnu"):
            beyond = row.get("beyond")
            columns = [row.get(name) for name in pattern] + (
                [beyond.get("distance"), beyond.get("count")] if isinstance(beyond, Mapping) else [None]
            )
            good = all(isinstance(column, list) and column and all(map(_is_finite, column)) for column in columns)
            good = good and all(len(row[a]) == len(row[b]) for a, b in pairs) and len(row["edges"]) == len(row["histogram"]) + 1
            good = good and len(row["beyond"]["distance"]) == len(row["beyond"]["count"])
        elif good and kind == "defects":
            shape, positions = row.get("shape"), row.get("positions")
            good = _is_pair(shape) and all(_is_finite(side) and side > 0 for side in shape) and _is_finite(row.get("count"))
            good = good and isinstance(positions, list) and all(_is_pair(place) and all(map(_is_finite, place)) for place in positions)
            classes = row.get("classes")
            good = good and isinstance(classes, list) and len(classes) == len(positions) and all(isinstance(name, str) for name in classes)
        if not good:
            _refuse(f"figure '{str(kind)[:40]}' of a camera", "what CameraProfile.figures returns")


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def checked(record: Any) -> dict[str, Any]:
    """Return a clean copy of a record, each part that a rendering reads being of its type.

    Raises
    ------
    InvalidRecord : another schema, or a part that is missing or of another type.
    """
    if not isinstance(record, Mapping):
        _refuse("record.json holds no object", f"a record of schema {SCHEMA}")
    try:
        whole: dict[str, Any] = clean(record)
    except RecursionError:
        _refuse("record.json is nested too deeply", f"a record of schema {SCHEMA}")
    if whole.get("schema") != SCHEMA:
        _refuse(f"schema '{str(whole.get('schema'))[:60]}' in record.json", f"'{SCHEMA}'", "read it with the version that wrote it")
    for name in ("camera", "plan", "environment", "codecs", "results", "measurements", "inputs"):
        if name not in whole:
            _refuse(f"record.json without '{name}'", f"a whole record of schema {SCHEMA}")
    for name in ("plan", "environment"):
        if not isinstance(whole[name], dict):
            _refuse(f"'{name}' of record.json is not an object", "the record's schema")
    for section in _WORDS:
        _check_rows(whole, section)
    _check_results(whole)
    check_replica_number(whole)
    check_camera(whole["camera"])
    return whole


def read_record(folder: Path) -> dict[str, Any]:
    """Return the checked record of a folder.

    Raises
    ------
    InvalidRecord : no record.json, not UTF-8 JSON, or not a record.
    """
    return checked(read_document(folder))


# --- result.nc --------------------------------------------------------------------------------------------------------
def _array(dataset: xr.Dataset, name: str, dims: tuple[str, ...]) -> NDArray[np.float64]:
    if name not in dataset or set(dataset[name].dims) != set(dims) or dataset[name].dtype.kind not in "fiu":
        _refuse(f"result.nc without numbers '{name}' ({', '.join(dims)})", "the arrays of this record")
    if dataset[name].size > _LARGEST_ARRAY:
        _refuse(f"'{name}' of result.nc has {dataset[name].size} elements", f"at most {_LARGEST_ARRAY}")
    return np.asarray(dataset[name].transpose(*dims).values, dtype=np.float64)


def _labels(dataset: xr.Dataset, name: str) -> list[str]:
    if name not in dataset or dataset[name].ndim != 1 or dataset[name].size > 10_000:
        _refuse(f"result.nc without labels '{name}'", "the arrays of this record")
    return [clean(str(label)) for label in dataset[name].values]


def _trimmed(raw: NDArray[np.float64], decoded: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return both pictures without the rows and columns that hold no pixel: a frame may be smaller than a crop."""
    valued = np.isfinite(raw)
    rows, columns = np.flatnonzero(valued.any(axis=1)), np.flatnonzero(valued.any(axis=0))
    inside = (slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
    return raw[inside], decoded[inside]


def _crops(dataset: xr.Dataset, codecs: list[str]) -> tuple[Crop, ...]:
    if "crop_raw" not in dataset:
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
        _refuse("crops of result.nc that do not fit each other", "raw and decoded of one shape with a position (y, x)")
    kept = [index for index in range(len(codecs)) if np.isfinite(raw[index]).any()]
    return tuple(
        Crop(codecs[index], int(images[index]), (int(positions[index, 0]), int(positions[index, 1])), *_trimmed(raw[index], decoded[index]))
        for index in kept
    )


def read_folder(folder: Path) -> RecordFolder:
    """Return the record of a folder with its arrays.

    Raises
    ------
    InvalidRecord : record.json or result.nc is missing or malformed, or they belong to different studies.
    """
    import xarray as xr

    record = read_record(folder)
    path = Path(folder) / "result.nc"
    if not path.is_file():
        _refuse(f"{path} is missing", "a record folder that holds result.nc", "give the folder that sigmaraw validate wrote")
    try:
        with xr.open_dataset(path, engine="netcdf4", decode_times=False, decode_timedelta=False) as dataset:
            codecs = _labels(dataset, "codec")
            if codecs != [row["codec"] for row in record["codecs"]] or _labels(dataset, "group") != ["raw", *codecs]:
                _refuse(f"{path} lists other codecs than record.json", "the arrays of this record")
            names = [row["name"] for row in record["measurements"]]
            if _labels(dataset, "measurement") != names:
                _refuse(f"{path} lists other measurements than record.json", "the arrays of this record")
            raw = _array(dataset, "raw_prediction", ("group", "replica", "image", "measurement"))
            decoded = _array(dataset, "codec_prediction", ("codec", "replica", "image", "measurement"))
            crops = _crops(dataset, codecs)
    except InvalidRecord:
        raise
    except (OSError, ValueError, RuntimeError, KeyError, OverflowError) as error:  # what netCDF4 and xarray raise on bad files
        _refuse(f"{path} cannot be read ({str(error)[:120]})", "a netCDF-4 file")
    if max(row["image"] for row in record["results"]) >= raw.shape[2]:
        _refuse(f"{path} has {raw.shape[2]} images, fewer than record.json", "the arrays of this record")
    return RecordFolder(record, raw, decoded, crops)
