"""The camera dataset: which variables a profile has, how it is put together, and what a file must fulfil to be taken for one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sigmaraw.camera.checks.result import Check, checks_from_json
from sigmaraw.camera.maps.classes import PixelClass, flag_attributes
from sigmaraw.camera.maps.spatial import KINDS, PARTS_DRAWN
from sigmaraw.camera.taps.stored import check_taps
from sigmaraw.camera.values import Estimate, NotDetermined
from sigmaraw.errors import InvalidProfile
from sigmaraw.netcdf import Arrays
from sigmaraw.quantities import attributes as quantity

SCHEMA = "sigmaraw/camera/1"
SCALARS = (
    "gain",
    "gain_unweighted",
    "photon_transfer_chi2",
    "brighter_fatter",
    "gain_break",
    "gain_above_break",
    "intercept_above_break",
    "offset",
    "dark_variance",
    "read_noise",
    "dark_noise",
    "dark_current",
    "dark_current_from_variance",
    "saturation",
    "saturation_capacity",
    "dynamic_range",
    "snr_max",
    "sensitivity_threshold",
    "linearity_error",
    "prnu",
    "prnu_row",
    "prnu_column",
    "prnu_pixel",
    "dsnu",
    "dsnu_row",
    "dsnu_column",
    "dsnu_pixel",
)
REQUIRED = ("gain", "offset", "read_noise", "dark_noise", "saturation", "dark_current", "prnu", "dsnu")
CLASS_MAP = "pixel_class_map"  # profiles of earlier versions have none
MAPS = ("offset_map", "read_noise_map", "gain_map", "defect_mask")
SERIES = ("level_mean", "level_variance", "level_variance_se", "level_used")
SOURCES = ("calibrated", "stated values")
_MAX_PIXELS = 1 << 30


def assemble(
    scalars: Mapping[str, Estimate],
    maps: Mapping[str, np.ndarray],
    levels: Mapping[str, np.ndarray],
    extra: Mapping[str, Mapping[str, Any]],
    attributes: Mapping[str, Any],
    drawn: Mapping[str, tuple[tuple[str, ...], np.ndarray]] | None = None,
    complete: bool = True,
) -> Arrays:
    """Return the dataset, units stamped from the table of quantities.

    Parameters
    ----------
    scalars : dict of str to Estimate
        Value and standard error of every scalar.
    maps : dict of str to ndarray
        Maps (y, x) by name.
    levels : dict of str to ndarray
        Photon-transfer series (level) by name.
    extra : dict of str to dict of str to object
        Further attributes of single variables.
    attributes : dict of str to object
        Attributes of the dataset.
    drawn : dict of str, tuple of (tuple of str to ndarray) or None
        Profiles, spectra and histograms: dimensions and values by name.
    complete : bool
        False where taps are still to be added; the dataset is checked then.
    """
    variables: dict[str, tuple[tuple[str, ...], Any, dict[str, Any]]] = {}
    for name in SCALARS:
        estimate = scalars[name]
        reason = {} if estimate.reason is None else {"not_determined": str(estimate.reason)}
        variables[name] = ((), np.float64(estimate.value), {**quantity(name), **reason, **extra.get(name, {})})
        variables[f"{name}_se"] = ((), np.float64(estimate.se), {**quantity(f"{name}_se"), **reason})
    for name, array in maps.items():
        variables[name] = (("y", "x"), np.ascontiguousarray(array), {**quantity(name), **extra.get(name, {})})
    for name, array in levels.items():
        variables[name] = (("level",), np.ascontiguousarray(array), quantity(name))
    for name, (dims, array) in (drawn or {}).items():
        variables[name] = (dims, np.ascontiguousarray(array), quantity(name))
    for name in [name for name in variables if f"{name}_se" in variables]:
        variables[name][2]["unc_comps"] = f"{name}_se"
        variables[f"{name}_se"][2].update(error_attributes(variables[f"{name}_se"][0]))
    dataset = Arrays(variables, attrs={"schema": SCHEMA, **attributes})
    if complete:
        check(dataset, "the profile")
    return dataset


def error_attributes(dims: Sequence[str]) -> dict[str, str]:
    """Return what a standard error says of its errors, named as obsarray names it: normal, and independent along each dimension.

    A scalar's error is one and the same in every use of its value; it has no dimension along which errors could differ.

    References
    ----------
    obsarray, uncertainty variables: `pdf_shape`, `err_corr_1_dim`, `err_corr_1_form` ….

    Examples
    --------
    >>> error_attributes(("level",))
    {'pdf_shape': 'gaussian', 'err_corr_1_dim': 'level', 'err_corr_1_form': 'random'}
    """
    made = {"pdf_shape": "gaussian"}
    for number, dim in enumerate(dims, start=1):
        made |= {f"err_corr_{number}_dim": dim, f"err_corr_{number}_form": "random"}
    return made


def check(dataset: Arrays, name: str) -> None:
    """Check that all required variables are there and every value lies in its domain.

    Parameters
    ----------
    dataset : Arrays
        A dataset, from a file that may hold anything.
    name : str
        What the message calls it.

    Raises
    ------
    InvalidProfile
        If a required variable is missing or a value lies out of its domain.
    """
    if dataset.attrs.get("schema") != SCHEMA:
        raise _invalid(name, f"says schema '{str(dataset.attrs.get('schema'))[:40]}'", f"'{SCHEMA}'")
    for key in REQUIRED:
        for variable in (key, f"{key}_se"):
            if variable not in dataset.variables:
                raise _invalid(name, f"lacks the variable {variable}", f"0-d {', '.join(REQUIRED)}, each with its _se")
    for label, column in dataset.variables.items():
        if column.dtype.kind not in "fiu":
            raise _invalid(name, f"has the variable {str(label)[:40]} of type {column.dtype}", "numbers")
    _check_attributes(dataset, name)
    _check_scalars(dataset, name)
    _check_maps(dataset, name)
    _check_levels(dataset, name)
    _check_drawn(dataset, name)
    check_taps(dataset, SCALARS)


def _invalid(name: str, found: str, expected: str) -> InvalidProfile:
    return InvalidProfile(f"{name} {found}", expected, "make the profile again with sigmaraw calibrate or sigmaraw camera")


def _check_attributes(dataset: Arrays, name: str) -> None:
    whole: dict[str, int] = {}
    for key in ("bits", "valid_lo_dn", "valid_hi_dn"):
        value = dataset.attrs.get(key)
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool):
            raise _invalid(name, f"has {key} = {str(value)[:40]}", "a whole number")
        whole[key] = int(value)
    if not 1 <= whole["bits"] <= 16:
        raise _invalid(name, f"has bits = {whole['bits']}", "1 to 16")
    if not 0 <= whole["valid_lo_dn"] < whole["valid_hi_dn"] < 1 << whole["bits"]:
        raise _invalid(name, f"is valid from {whole['valid_lo_dn']} to {whole['valid_hi_dn']} DN", f"a range within {whole['bits']} bits")
    for key in ("linear_hi_dn", "transfer_hi_dn"):
        limit = dataset.attrs.get(key, 0.0)
        if isinstance(limit, bool) or not isinstance(limit, (int, float, np.integer, np.floating)) or not math.isfinite(limit):
            raise _invalid(name, f"has {key} = {str(limit)[:40]}", "a level in DN")
    if dataset.attrs.get("source") not in SOURCES:
        raise _invalid(name, f"has source '{str(dataset.attrs.get('source'))[:40]}'", " or ".join(SOURCES))


def stored_checks(dataset: Arrays, name: str = "the profile") -> tuple[Check, ...]:
    """Return the checks that a dataset's attribute `checks` holds; none in profiles from stated values and in older ones.

    Parameters
    ----------
    dataset : Arrays
        A camera dataset, from a file that may hold anything.
    name : str
        What the message calls it.

    Raises
    ------
    InvalidProfile
        If the attribute is no JSON list of checks.
    """
    checks = checks_from_json(dataset.attrs.get("checks", "[]"))
    if checks is None:
        raise _invalid(
            name, "has an attribute 'checks' that holds no checks", "a JSON list of {name, outcome, evidence, value, limit, unit}"
        )
    return checks


def _check_scalars(dataset: Arrays, name: str) -> None:
    columns = dataset.variables
    full = (1 << int(dataset.attrs["bits"])) - 1
    domains = {
        "gain": (0.0, math.inf),
        "offset": (-math.inf, float(full)),
        "read_noise": (-math.inf, math.inf),
        "dark_noise": (-math.inf, math.inf),
    }
    for key in [key for key in SCALARS if key in columns]:
        for variable in (key, f"{key}_se"):
            if variable not in columns or columns[variable].ndim != 0 or columns[variable].dtype != np.float64:
                raise _invalid(name, f"lacks {variable} as a 0-d float64", "0-d float64 scalars")
        value, error = float(columns[key]), float(columns[f"{key}_se"])
        if error < 0 or math.isinf(error) or math.isinf(value):
            raise _invalid(name, f"has {key} = {value:g}, {key}_se = {error:g}", "finite values or NaN, errors not negative")
        if math.isnan(value) and columns[key].attrs.get("not_determined") == NotDetermined.TAPS_DIFFER and "tap_layout" in dataset.attrs:
            continue  # the taps have it
        if key in domains and not domains[key][0] < value < domains[key][1]:
            raise _invalid(name, f"has {key} = {value:g}", "a finite value: gain above 0, offset below full scale, noise from 0")
        if key in ("offset", "read_noise", "dark_noise") and value < 0:
            raise _invalid(name, f"has {key} = {value:g}", "at least 0")


def _check_maps(dataset: Arrays, name: str) -> None:
    present = [key for key in MAPS if key in dataset.variables]
    if not present:
        return
    if len(present) < len(MAPS):
        raise _invalid(name, f"has {', '.join(present)} only", f"all of {', '.join(MAPS)}, or none")
    for key in (*MAPS, *(f"{key}_se" for key in MAPS if f"{key}_se" in dataset.variables)):
        variable = dataset.variables[key]
        if variable.dims != ("y", "x") or not 0 < variable.size <= _MAX_PIXELS:
            raise _invalid(name, f"has {key} of dimensions {variable.dims}", "maps (y, x)")
        if key.endswith("_se"):
            good = not bool((variable.values < 0).any() or np.isinf(variable.values).any())
        elif key == "defect_mask":
            good = bool(np.isin(variable.values, (0, 1)).all())
        else:
            lowest = variable.values.min()  # NaN where one value is
            good = bool(np.isfinite(variable.values).all()) and bool(lowest > 0 if key == "gain_map" else lowest >= 0)
        if not good:
            raise _invalid(name, f"has values in {key} out of their domain", "finite; gain above 0, offset and noise from 0, mask 0 or 1")

    if CLASS_MAP in dataset.variables:
        column = dataset.variables[CLASS_MAP]
        valid = column.dims == ("y", "x") and column.dtype.kind in "iu" and bool(np.isin(column.values, list(PixelClass)).all())
        if not valid or column.attrs.get("flag_meanings") != flag_attributes(None)["flag_meanings"]:
            raise _invalid(name, f"has a {CLASS_MAP} of other classes", f"(y, x), whole numbers 0 to {max(PixelClass)}")
        missing = column.attrs.get("not_determined")
        if missing is not None and missing not in tuple(NotDetermined):
            raise _invalid(name, f"has a {CLASS_MAP} with the reason '{str(missing)[:40]}'", f"one of {', '.join(NotDetermined)}")


def _check_levels(dataset: Arrays, name: str) -> None:
    present = [key for key in SERIES if key in dataset.variables]
    if not present:
        return
    if len(present) < len(SERIES):
        raise _invalid(name, f"has {', '.join(present)} only", f"all of {', '.join(SERIES)}, or none")
    for key in SERIES:
        if dataset.variables[key].dims != ("level",) or not np.isfinite(dataset.variables[key].values).all():
            raise _invalid(name, f"has {key} with dimensions {dataset.variables[key].dims}", "finite values (level)")


def _check_drawn(dataset: Arrays, name: str) -> None:
    for kind in KINDS:
        present = [key for part in PARTS_DRAWN if (key := f"{kind}_{part}") in dataset.variables]
        if not present:
            continue
        columns = [dataset.variables[key] for key in present]
        whole = len(present) == len(PARTS_DRAWN) and all(column.ndim == 1 and np.isfinite(column.values).all() for column in columns)
        if not whole or columns[-1].size != columns[-2].size + 1 or not columns[-2].size:
            raise _invalid(name, f"has incomplete {kind} profiles, spectra or histogram", "finite series, one more edge than bins")
        rows, across, along_x, along_y = (column.size for column in columns[:4])
        if (along_x, along_y) != (across // 2 + 1, rows // 2 + 1):
            raise _invalid(name, f"has {kind} spectra that do not belong to its profiles", "n // 2 + 1 frequencies for n pixels")
