"""CameraProfile: the camera dataset behind a frozen face, to and from netCDF-4."""

from __future__ import annotations

import functools
import hashlib
import json
import math
import os
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sigmaraw.camera.checks.result import Check, CheckOutcome, checks_to_json
from sigmaraw.camera.dataset import SCALARS, SERIES, assemble, check, stored_checks
from sigmaraw.camera.maps.classes import class_table
from sigmaraw.camera.maps.spatial import spatial_summary
from sigmaraw.camera.scalars import Scalar
from sigmaraw.camera.taps.stored import tap_summary
from sigmaraw.camera.values import Estimate, NotDetermined, format_estimate
from sigmaraw.errors import InputNotFound, InvalidProfile, UnreadableFile
from sigmaraw.files import atomic_path
from sigmaraw.netcdf import Arrays, TooLarge
from sigmaraw.quantities import TABLE

if TYPE_CHECKING:
    import xarray as xr

_LARGEST_BYTES = 1 << 35  # of a sensor's maps
_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True, eq=False, repr=False, init=False)
class CameraProfile:
    """A camera's calibration or stated values.

    Every scalar is an attribute, with its standard error beside it: `gain` and `gain_se`, `offset`, `read_noise`, … in the units of the
    table of quantities; NaN where it is not determined.

    Parameters
    ----------
    dataset : xarray.Dataset or Arrays
        Scalars 0-d float64, each with `<name>_se`; maps (y, x); photon-transfer levels (level). Its arrays become read-only.
    checks : tuple of Check, optional
        Of the calibration. Default: those that the dataset's attribute `checks` holds.

    Raises
    ------
    InvalidProfile
        If a variable is missing or a value lies out of its domain.

    Examples
    --------
    >>> import sigmaraw as sr
    >>> camera = sr.CameraProfile.from_values(gain=0.46, offset=100, read_noise=1.6, bits=12)
    >>> camera.gain, camera.read_noise
    (0.46, 1.6)
    >>> camera
    <CameraProfile: not calibrated, 12 bit, gain 0.46 DN/e-, offset 100 DN, read noise 1.6 e->
    """

    arrays: Arrays
    checks: tuple[Check, ...]

    gain, gain_se = Scalar.pair("gain")
    gain_unweighted, gain_unweighted_se = Scalar.pair("gain_unweighted")
    photon_transfer_chi2, photon_transfer_chi2_se = Scalar.pair("photon_transfer_chi2")
    brighter_fatter, brighter_fatter_se = Scalar.pair("brighter_fatter")
    gain_break, gain_break_se = Scalar.pair("gain_break")
    gain_above_break, gain_above_break_se = Scalar.pair("gain_above_break")
    intercept_above_break, intercept_above_break_se = Scalar.pair("intercept_above_break")
    offset, offset_se = Scalar.pair("offset")
    dark_variance, dark_variance_se = Scalar.pair("dark_variance")
    read_noise, read_noise_se = Scalar.pair("read_noise")
    dark_noise, dark_noise_se = Scalar.pair("dark_noise")
    dark_current, dark_current_se = Scalar.pair("dark_current")
    dark_current_from_variance, dark_current_from_variance_se = Scalar.pair("dark_current_from_variance")
    saturation, saturation_se = Scalar.pair("saturation")
    saturation_capacity, saturation_capacity_se = Scalar.pair("saturation_capacity")
    dynamic_range, dynamic_range_se = Scalar.pair("dynamic_range")
    snr_max, snr_max_se = Scalar.pair("snr_max")
    sensitivity_threshold, sensitivity_threshold_se = Scalar.pair("sensitivity_threshold")
    linearity_error, linearity_error_se = Scalar.pair("linearity_error")
    prnu, prnu_se = Scalar.pair("prnu")
    prnu_row, prnu_row_se = Scalar.pair("prnu_row")
    prnu_column, prnu_column_se = Scalar.pair("prnu_column")
    prnu_pixel, prnu_pixel_se = Scalar.pair("prnu_pixel")
    dsnu, dsnu_se = Scalar.pair("dsnu")
    dsnu_row, dsnu_row_se = Scalar.pair("dsnu_row")
    dsnu_column, dsnu_column_se = Scalar.pair("dsnu_column")
    dsnu_pixel, dsnu_pixel_se = Scalar.pair("dsnu_pixel")

    def __init__(self, dataset: xr.Dataset | Arrays, checks: tuple[Check, ...] | None = None) -> None:
        arrays = Arrays.of(dataset)
        check(arrays, "the profile")
        if checks is not None:
            arrays = Arrays(arrays.variables, {**arrays.attrs, "checks": checks_to_json(checks)})
        object.__setattr__(self, "arrays", arrays)
        object.__setattr__(self, "checks", stored_checks(arrays) if checks is None else checks)
        for variable in arrays.variables.values():
            variable.values.flags.writeable = False

    @functools.cached_property
    def dataset(self) -> xr.Dataset:
        """The profile as an xarray dataset, its arrays read-only."""
        return self.arrays.to_xarray()

    def __repr__(self) -> str:
        return f"<CameraProfile: {', '.join(self._facts())}>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{escape(format_estimate(row['value'], row['se']))}</td><td>{escape(row['unit'])}</td>"
            f"<td>{escape(row['definition'])}</td></tr>"
            for name, row in self.summary()["scalars"].items()
            if row["value"] is not None
        )
        heading = "<tr><th>quantity</th><th>value</th><th>unit</th><th>definition</th></tr>"
        return f"<div><b>CameraProfile</b>: {escape(', '.join(self._facts()))}<table>{heading}{rows}</table></div>"

    def __dir__(self) -> list[str]:
        return sorted(name for name in {*vars(type(self)), *self.__dict__} if not name.startswith("_"))

    def _facts(self) -> list[str]:
        """What one line says of the profile."""
        named = [str(self.arrays.attrs[key]) for key in ("camera", "serial", "mode") if key in self.arrays.attrs]
        facts = [*named, "calibrated" if self.calibrated else "not calibrated", f"{self.bits} bit"]
        for name in ("gain", "offset", "read_noise"):
            value, error = getattr(self, name), getattr(self, f"{name}_se")
            shown = format_estimate(None if math.isnan(value) else value, None if math.isnan(error) else error)
            facts.append(f"{name.replace('_', ' ')} {shown} {TABLE[name].unit}")
        if self.map_shape is not None:
            facts.append("maps {} × {}".format(*self.map_shape))
        failed = [check.name for check in self.checks if check.outcome is CheckOutcome.FAIL]
        return [*facts, *([f"failed checks: {' '.join(failed)}"] if failed else [])]

    def digest(self) -> str:
        """Return the SHA-256 of every value of the profile, its maps included."""
        found = hashlib.sha256()
        for name in sorted(map(str, self.arrays.variables)):
            values = self.arrays.variables[name].values
            found.update(f"{name} {values.dtype} {values.shape} ".encode())
            found.update(values.tobytes() if values.dtype.kind in "biuf" else str(values.tolist()).encode())
        return found.hexdigest()

    @property
    def header_settings(self) -> dict[str, str]:
        """Keys of the frames' headers that an image of this camera must agree in, such as GAIN; empty where none were stated."""
        try:
            found = json.loads(str(self.arrays.attrs.get("header_settings", "{}")))
        except (ValueError, RecursionError):
            return {}
        return {key: value for key, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}

    @property
    def bits(self) -> int:
        """Bit depth of the camera's converter."""
        return int(self.arrays.attrs["bits"])

    @property
    def calibrated(self) -> bool:
        """Whether the values were measured from frames; False for stated values."""
        return bool(self.arrays.attrs["source"] == "calibrated")

    @property
    def map_shape(self) -> tuple[int, int] | None:
        """(y, x) of the per-pixel maps; None where there are none and the profile fits any shape."""
        if "gain_map" not in self.arrays.variables:
            return None
        y, x = self.arrays.variables["gain_map"].shape
        return int(y), int(x)

    @property
    def valid_range(self) -> tuple[int, int]:
        """Lowest and highest pixel value, DN, for which the profile speaks."""
        return int(self.arrays.attrs["valid_lo_dn"]), int(self.arrays.attrs["valid_hi_dn"])

    @property
    def linear_limit_dn(self) -> float | None:
        """Level, DN, up to which variance grows as K·(m − o), within 2 %; None where no departure from it was found."""
        limit = self.arrays.attrs.get("linear_hi_dn")
        return None if limit is None else float(limit)

    @classmethod
    def from_values(
        cls,
        *,
        gain: float,
        offset: float,
        read_noise: float,
        bits: int,
        gain_se: float | None = None,
        read_noise_se: float | None = None,
        saturation: float | None = None,
    ) -> CameraProfile:
        """Return a profile from stated values, as from a datasheet: fits frames of any shape, marked as not calibrated.

        Parameters
        ----------
        gain : float
            K, DN/e-, above 0.
        offset : float
            Dark level, DN.
        read_noise : float
            e- rms; dark noise is taken to be the same.
        bits : int
            Bit depth, 1 to 16.
        gain_se : float or None
            Standard error of the gain, DN/e-. Default: not stated.
        read_noise_se : float or None
            Standard error of the read noise, e-. Default: not stated.
        saturation : float or None
            DN, offset included. Default: not stated.

        Returns
        -------
        CameraProfile
            A profile without maps, for frames of any shape.

        Raises
        ------
        InvalidProfile
            If a value is no finite number of its domain.
        """
        if isinstance(bits, bool) or not isinstance(bits, (int, np.integer)) or not 1 <= bits <= 16:
            raise InvalidProfile(f"bits = {bits}", "a whole number from 1 to 16", "give the camera's bit depth")
        full_scale = (1 << int(bits)) - 1
        _in_domain("gain", gain, above=0.0, unit="DN/e-")
        _in_domain("offset", offset, above=None, below=full_scale, unit="DN")
        _in_domain("read_noise", read_noise, above=None, unit="e-")
        for name, value in (("gain_se", gain_se), ("read_noise_se", read_noise_se)):
            if value is not None:
                _in_domain(name, value, above=None, unit=TABLE[name.removesuffix("_se")].unit)
        if saturation is not None:
            _in_domain("saturation", saturation, above=offset, below=full_scale + 0.5, unit="DN")
        missing = Estimate.missing(NotDetermined.STATED_VALUES)
        noise = Estimate(float(read_noise), _or_nan(read_noise_se))
        scalars = dict.fromkeys(SCALARS, missing) | {
            "gain": Estimate(float(gain), _or_nan(gain_se)),
            "offset": Estimate(float(offset)),
            "read_noise": noise,
            "dark_noise": noise,
        }
        if saturation is not None:
            scalars["saturation"] = Estimate(float(saturation))
        attributes = {
            "bits": int(bits),
            "bits_source": "stated",
            "source": "stated values",
            "valid_lo_dn": 0,
            "valid_hi_dn": full_scale,
            "notes": "made from stated values: not calibrated",
        }
        return cls(assemble(scalars, {}, {}, {}, attributes))

    def to_netcdf(self, path: str | os.PathLike[str]) -> Path:
        """Write the dataset as netCDF-4, whole or not at all, and return the path. Values and attributes return exactly.

        Parameters
        ----------
        path : str or path-like
            File to write.

        Returns
        -------
        Path
            The file.
        """
        maps = {name for name, variable in self.arrays.variables.items() if variable.ndim == 2}
        with atomic_path(path) as temporary:
            self.arrays.write(temporary, deflated=maps)
        return Path(path)

    @classmethod
    def from_netcdf(cls, path: str | os.PathLike[str]) -> CameraProfile:
        """Read a profile, checked variable by variable.

        Parameters
        ----------
        path : str or path-like
            A camera profile (.nc).

        Returns
        -------
        CameraProfile
            The profile in the file.

        Raises
        ------
        InputNotFound
            If there is no such file.
        UnreadableFile
            If it is not netCDF-4, or is cut off.
        InvalidProfile
            If it holds no camera profile.
        """
        path = Path(path)
        if not path.is_file():
            raise InputNotFound(f"{path} does not exist", "a camera profile (.nc)", "make one with sigmaraw calibrate or sigmaraw camera")
        with path.open("rb") as stream:
            if stream.read(len(_HDF5_MAGIC)) != _HDF5_MAGIC:
                raise UnreadableFile(
                    f"{path} is not a netCDF-4 file", "a camera profile (.nc)", "make it again with sigmaraw calibrate or sigmaraw camera"
                )
        try:
            arrays = Arrays.read(path, _LARGEST_BYTES)
        except TooLarge as error:
            raise InvalidProfile(f"{path} unfolds to {error.size} bytes", "the maps of one sensor", "check the file") from error
        except (OSError, ValueError, RuntimeError, TypeError, KeyError, AttributeError, IndexError, MemoryError) as error:
            reason = " ".join(str(error).split())[:120]
            raise UnreadableFile(
                f"{path} cannot be read as netCDF-4 ({reason})", "a whole camera profile", "copy or make it again"
            ) from error
        check(arrays, str(path))
        return cls(arrays)

    def summary(self) -> dict[str, Any]:
        """Return the profile without its maps as JSON values; NaN is None.

        Returns
        -------
        dict of str to object
            Scalars with units, levels, checks and notes.
        """
        data = self.arrays
        shape = self.map_shape
        levels = {key: data[key].values if key in data.variables else np.empty(0) for key in SERIES}
        return {
            "calibrated": self.calibrated,
            "source": data.attrs["source"],
            "bits": self.bits,
            "valid_range_dn": list(self.valid_range),
            "map_shape": None if shape is None else list(shape),
            "identity": {key: data.attrs[key] for key in ("camera", "serial", "mode") if key in data.attrs},
            "series_sha256": data.attrs.get("series_sha256"),
            "scalars": {key: self._scalar(key) for key in SCALARS if key in data.variables},
            "levels": {
                "mean_dn": [_number(value) for value in levels["level_mean"]],
                "variance_dn2": [_number(value) for value in levels["level_variance"]],
                "variance_se_dn2": [_number(value) for value in levels["level_variance_se"]],
                "model_dn2": [_number(value) for value in data["level_model"].values] if "level_model" in data.variables else [],
                "residual_se": _residuals(data),
                "used": [bool(value) for value in levels["level_used"]],
            },
            "dark": {
                "mean_dn": _number(data["offset"].values),
                "variance_dn2": _number(data["dark_variance"].values) if "dark_variance" in data else None,
            },
            "defects": int(data["defect_mask"].values.sum()) if shape is not None else None,
            "pixel_classes": class_table(data),
            "transfer": {
                "model": data.attrs.get("transfer_model"),
                "chi2": data.attrs.get("transfer_chi2"),
                "bic": {key.removeprefix("transfer_bic_"): value for key, value in data.attrs.items() if key.startswith("transfer_bic_")},
                "linear_to_dn": self.linear_limit_dn,
            },
            **({"taps": taps} if (taps := tap_summary(data)) else {}),
            "checks": [check.as_dict() for check in self.checks],
            "notes": [line for line in str(data.attrs.get("notes", "")).split("\n") if line],
        }

    def figures(self) -> dict[str, Any]:
        """Return the figures of a datasheet as JSON values: see `camera.maps.spatial.spatial_summary`.

        Returns
        -------
        dict of str to object
            Profiles, spectrograms and histograms of the maps; empty for profiles without them.
        """
        return spatial_summary(self.arrays)

    def _scalar(self, name: str) -> dict[str, Any]:
        row = TABLE[name]
        entry = {
            "value": _number(self.arrays.variables[name].values),
            "se": _number(self.arrays.variables[f"{name}_se"].values),
            "unit": row.unit,
            "symbol": row.symbol,
            "definition": row.definition,
        }
        for key in ("not_determined", "flag", "upper_limit"):
            if key in self.arrays.variables[name].attrs:
                entry[key] = _plain(self.arrays.variables[name].attrs[key])
        return entry


def _in_domain(name: str, value: float, *, unit: str, above: float | None, below: float = math.inf) -> None:
    """Raise InvalidProfile unless `value` is a finite real number, > above (≥ 0 where None) and < below."""
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    low = 0.0 if above is None else above
    if not number or not math.isfinite(value) or value >= below or value < low or (above is not None and value == low):
        limit = f" and below {below:g}" if math.isfinite(below) else ""
        raise InvalidProfile(
            f"{name} = {value}", f"a finite number {'from' if above is None else 'above'} {low:g}{limit}, in {unit}", f"correct {name}"
        )


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _residuals(data: Arrays) -> list[float | None]:
    """(variance − model)/SE of each level, None where the level is not in the fit."""
    if "level_model" not in data.variables:
        return []
    with np.errstate(divide="ignore", invalid="ignore"):
        residual = (data["level_variance"].values - data["level_model"].values) / data["level_variance_se"].values
    return [_number(value) for value in residual]


def _number(value: Any) -> float | None:
    return float(value) if math.isfinite(float(value)) else None


def _plain(value: Any) -> Any:
    """NetCDF attributes come back as NumPy scalars."""
    return value.item() if isinstance(value, np.generic) else value
