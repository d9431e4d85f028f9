"""Registered metrics: what is installed, and what those of images say of a raw image and its decoded version."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw import registry
from sigmaraw.registry import Installed


def describe(name: str | None = None) -> list[dict[str, Any]]:
    """Return one row per registered metric, those that cannot be used with the reason (JSON values).

    Parameters
    ----------
    name : str, optional
        Only this metric.

    Returns
    -------
    list of dict
        Each with name, unit, definition, compares, package, available and reason.

    Raises
    ------
    UnknownName
        It is not registered; the message says what may have been meant.
    """
    return [_row(entry) for entry in registry.installed(registry.METRICS, name)]


def _row(entry: Installed) -> dict[str, Any]:
    of_class = {key: str(getattr(entry.found, key, "")) for key in ("unit", "definition", "compares")}
    available = entry.found is not None
    return {"name": entry.name, **of_class, "package": entry.package, "available": available, "reason": entry.fault}


def image_values(raw: NDArray[np.integer], decoded: NDArray[np.integer]) -> tuple[dict[str, float], dict[str, str]]:
    """Return what the registered metrics of images say of one image, beside those that a study's rows have as fields.

    A metric that cannot be loaded, raises, or returns something else than a number gets NaN and a reason. A study does not
    end because of it, and its record names it.

    Parameters
    ----------
    raw, decoded : ndarray
        (y, x) or (z, y, x), uint8 or uint16, DN; one shape. A metric gets copies.

    Returns
    -------
    values : dict of str to float
        By the metric's name, in the metric's unit.
    reasons : dict of str to str
        By name, why a value is NaN.

    Examples
    --------
    >>> values, reasons = image_values(np.zeros((2, 2), np.uint8), np.ones((2, 2), np.uint8))
    >>> "psnr" in values  # a codec's row has it as psnr_db
    False
    """
    values: dict[str, float] = {}
    reasons: dict[str, str] = {}
    for entry in registry.installed(registry.METRICS):
        if entry.found is not None and (entry.found.compares != "images" or entry.found.record_field):
            continue
        values[entry.name], reason = _value(entry, raw, decoded)
        if reason:
            reasons[entry.name] = reason
    return values, reasons


def mean_values(rows: Sequence[Mapping[str, float | None]]) -> dict[str, float | None]:
    """Return per metric the mean over images, None where one image has none.

    Parameters
    ----------
    rows : sequence of mapping
        What `image_values` gave for each image, None in place of NaN.

    Returns
    -------
    dict of str to float or None
        By name, in the metric's unit.
    """
    columns = {name: [value for row in rows if (value := row[name]) is not None] for name in rows[0]}
    return {name: math.fsum(values) / len(rows) if len(values) == len(rows) else None for name, values in columns.items()}


def _value(entry: Installed, raw: NDArray[np.integer], decoded: NDArray[np.integer]) -> tuple[float, str]:
    """Return a metric's value and why it is NaN. Another package's code runs here, and may raise anything."""
    whose = f"metric '{entry.name}' of package {entry.package} {entry.version}".rstrip()
    if entry.found is None:
        return math.nan, entry.fault
    try:
        value = entry.found()(raw.copy(), decoded.copy())
    except Exception as error:  # noqa: BLE001 - another package's code, which may raise anything
        return math.nan, f"{whose} raised {' '.join(f'{type(error).__name__}: {error}'.split())[:160]}"
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return math.nan, f"{whose} returned {type(value).__name__}, not a number"
    return float(value), "" if math.isfinite(value) else f"{whose} returned {float(value)} for this image"
