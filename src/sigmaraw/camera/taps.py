"""Sensors that are several in one: regions with a readout tap of their own, or planes of a colour filter array (CFA).

Each tap is calibrated from its own pixels by the same code as a whole sensor; `tap_*` variables hold the results along `tap`. Per-pixel
maps are put together from the taps' own, since a pixel leans to the mean, and is compared with neighbours, of its own kind.
"""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sigmaraw.errors import InvalidOption, InvalidProfile, ShapeMismatch
from sigmaraw.frames import DarkMaps, Level, Series
from sigmaraw.quantities import TABLE
from sigmaraw.quantities import attributes as quantity

LEVELS = ("level_mean", "level_variance", "level_variance_se", "level_model", "level_used")
# Checks of a level's histogram or curve: of a mixture of taps neither has the shape that is asked for.
_OF_EACH_TAP = (
    "missing-codes",
    "black-clipping",
    "white-clipping",
    "hidden-quantisation",
    "too-few-levels",
    "too-few-pairs",
    "nonlinear-exposure",
)
_WORST_FIRST = ("fail", "unknown", "pass")
_REMARKS = ("not_determined", "flag", "upper_limit")
_MOST_TAPS = 64
Window = tuple[slice, slice]


@dataclass(frozen=True)
class TapLayout:
    """Which pixel belongs to which tap: `rows` × `columns` regions, or a pattern of that size that repeats (`letters`, a CFA)."""

    rows: int
    columns: int
    letters: str = ""

    def __str__(self) -> str:
        return f"cfa {self.letters}" if self.letters else f"taps {self.rows}x{self.columns}"

    @property
    def labels(self) -> tuple[str, ...]:
        """One name a tap: the CFA's letters, numbered where one occurs twice (R, G1, G2, B); else row,column of the region."""
        if not self.letters:
            return tuple(f"{row},{column}" for row, column in itertools.product(range(self.rows), range(self.columns)))
        total, seen = Counter(self.letters), Counter[str]()
        names = []
        for letter in self.letters:
            seen[letter] += 1
            names.append(letter if total[letter] == 1 else f"{letter}{seen[letter]}")
        return tuple(names)

    def windows(self, shape: tuple[int, ...]) -> tuple[Window, ...]:
        """Return the pixels of each tap on a sensor (y, x), in the order of `labels`.

        Raises
        ------
        ShapeMismatch : a sensor that does not divide into such regions, or is smaller than the pattern.
        """
        places = itertools.product(range(self.rows), range(self.columns))
        height, width = shape
        if self.letters:
            if height < self.rows or width < self.columns:
                raise ShapeMismatch(f"frames of {height} × {width} pixels", f"at least the pattern {self.letters}", "give whole frames")
            return tuple((slice(row, None, self.rows), slice(column, None, self.columns)) for row, column in places)
        if height % self.rows or width % self.columns:
            raise ShapeMismatch(
                f"{self} of a sensor of {height} × {width} pixels", "equal regions", "cut overscan and borders off, or correct --taps"
            )
        y, x = height // self.rows, width // self.columns
        return tuple((slice(row * y, (row + 1) * y), slice(column * x, (column + 1) * x)) for row, column in places)

    def index(self, sensor: tuple[int, int], shape: tuple[int, int], corner: tuple[int, int]) -> NDArray[np.intp]:
        """Return the tap of every pixel (y, x) of a frame of `shape` whose first pixel is `corner` of a sensor of that size.

        Raises
        ------
        ShapeMismatch : regions, and a frame that leaves the sensor.
        """
        (y, x), (height, width) = corner, shape
        if not self.letters and (y + height > sensor[0] or x + width > sensor[1]):
            raise ShapeMismatch(f"frames of {height} × {width} pixels at {y},{x}", f"a part of {sensor[0]} × {sensor[1]}", "correct --roi")
        rows, columns = np.arange(y, y + height), np.arange(x, x + width)
        if self.letters:
            return (rows % self.rows)[:, None] * self.columns + (columns % self.columns)[None, :]
        return (rows * self.rows // sensor[0])[:, None] * self.columns + (columns * self.columns // sensor[1])[None, :]


def parse_layout(taps: str | None, cfa: str | None) -> TapLayout | None:
    """Return the layout of ``taps`` (rows x columns of regions, "2x2") or ``cfa`` (four letters, "RGGB"); None where neither is given.

    Raises
    ------
    InvalidOption : both, or a text that is no such thing.
    """
    if taps is not None and cfa is not None:
        raise InvalidOption("both taps and cfa", "one of them", "calibrate by region, or by colour plane")
    if cfa is not None:
        if len(cfa) != 4 or not (cfa.isascii() and cfa.isalpha()):
            raise InvalidOption(f"cfa '{cfa[:20]}'", "four letters, the first row from left to right, then the second", "give e.g. RGGB")
        return TapLayout(2, 2, cfa.upper())
    if taps is None:
        return None
    parts = taps.lower().split("x")
    sizes = [int(part) for part in parts if part.isdecimal() and len(part) < 4]
    if len(parts) != 2 or len(sizes) != 2 or 0 in sizes or not 1 < math.prod(sizes) <= _MOST_TAPS:
        raise InvalidOption(f"taps '{taps[:20]}'", f"rows x columns of 2 to {_MOST_TAPS} regions", "give e.g. 2x2 or 1x4")
    return TapLayout(sizes[0], sizes[1])


def part_of_series(series: Series, window: Window, label: str) -> Series:
    """Return the series of one tap's pixels; frames are cut when they are read."""

    def cut(level: Level) -> Level:
        return replace(level, part=window, name=f"{level.name} (tap {label})")

    maps = series.maps
    if maps is not None:
        maps = DarkMaps(maps.offset_dn[window], maps.read_noise_dn[window], maps.files)
    dark, flat = (tuple(map(cut, levels)) for levels in (series.dark, series.flat))
    return replace(series, dark=dark, flat=flat, maps=maps, name=f"{series.name} (tap {label})", size=None)


def with_taps(whole: xr.Dataset, parts: list[xr.Dataset], layout: TapLayout, scalars: tuple[str, ...]) -> xr.Dataset:
    """Return the whole sensor's dataset with `tap_*` (tap) of its taps added, and with maps put together from theirs.

    Parameters
    ----------
    parts : the taps' own datasets in the order of the layout's labels. scalars : names that become `tap_<name>` and `tap_<name>_se`.
    """
    dataset = whole.copy(deep=True)
    windows = layout.windows(whole["gain_map"].shape)
    for name in (name for name in whole.variables if whole[name].dims == ("y", "x")):
        for window, part in zip(windows, parts, strict=True):
            dataset[name].values[window] = part[name].values
    for name in scalars:
        remarks = [{key: part[name].attrs[key] for key in _REMARKS if key in part[name].attrs} for part in parts]
        extra = {"remarks": json.dumps(remarks)} if any(remarks) else {}
        for variable, more in ((name, extra), (f"{name}_se", {})):
            values = np.array([float(part[variable]) for part in parts])
            dataset[f"tap_{variable}"] = (("tap",), values, {**quantity(f"tap_{variable}"), **more})
    for name in LEVELS:
        dataset[f"tap_{name}"] = (("tap", "level"), np.stack([part[name].values for part in parts]), quantity(f"tap_{name}"))
    dataset.attrs.update(
        tap_layout=str(layout),
        tap_labels=" ".join(layout.labels),
        tap_sensor="{}x{}".format(*whole["gain_map"].shape),
        checks=json.dumps(_checks(whole, parts, layout)),
        notes="\n".join([*filter(None, [str(whole.attrs["notes"])]), *_notes(whole, parts, layout)]),
    )
    # The mixture of planes that saturate apart may look bent although none is; each tap's own end counts.
    limits = [float(part.attrs["linear_hi_dn"]) for part in parts if "linear_hi_dn" in part.attrs]
    dataset.attrs.pop("linear_hi_dn", None)
    return dataset.assign_attrs(linear_hi_dn=min(limits)) if limits else dataset


def _checks(whole: xr.Dataset, parts: list[xr.Dataset], layout: TapLayout) -> list[dict[str, Any]]:
    """The whole sensor's checks; those of histograms and curves, and all where it has none, by the worst tap."""
    found = []
    of_all = {row["name"]: row for row in json.loads(whole.attrs["checks"]) if row["name"] not in _OF_EACH_TAP}
    of_taps = [{row["name"]: row for row in json.loads(part.attrs["checks"])} for part in parts]
    for name in of_taps[0]:
        own = zip(layout.labels, (rows[name] for rows in of_taps), strict=True)
        named = [{**row, "evidence": f"tap {label}: {row['evidence']}"} for label, row in own]
        found.append(of_all.get(name) or min(named, key=lambda row: _WORST_FIRST.index(row["outcome"])))
    return found


def _notes(whole: xr.Dataset, parts: list[xr.Dataset], layout: TapLayout) -> list[str]:
    """What a tap's calibration says beyond the whole sensor's: notes, and checks that fail."""
    common = set(str(whole.attrs["notes"]).split("\n"))
    of_all = {row["name"] for row in json.loads(whole.attrs["checks"])}.difference(_OF_EACH_TAP)
    notes = _mixture(whole, parts)
    for label, part in zip(layout.labels, parts, strict=True):
        notes += [f"tap {label}: {line}" for line in str(part.attrs["notes"]).split("\n") if line and line not in common]
        failed = [row for row in json.loads(part.attrs["checks"]) if row["outcome"] == "fail" and row["name"] in of_all]
        notes += [f"tap {label}: check {row['name']} fails: {row['evidence']}" for row in failed]
    return notes


def _mixture(whole: xr.Dataset, parts: list[xr.Dataset]) -> list[str]:
    """A note where the whole sensor's gain is none of its taps': levels that light the taps unequally bend the curve of all pixels."""
    gain, gains = float(whole["gain"]), [float(part["gain"]) for part in parts]
    slack = 2.0 * max(float(part["gain_se"]) for part in (whole, *parts))
    if math.isnan(gain) or min(gains) - slack <= gain <= max(gains) + slack:
        return []
    span = f"{min(gains):.4g} to {max(gains):.4g}"
    return [f"the gain of all pixels, {gain:.4g} DN/e-, is none of the taps' ({span}): their light differs from level to level; use theirs"]


# --- reading a profile ------------------------------------------------------------------------------------------------
def stored_layout(dataset: xr.Dataset) -> TapLayout | None:
    """Return the layout that a profile states, None where it has no taps. Raises InvalidProfile for one that is none."""
    text = dataset.attrs.get("tap_layout")
    if text is None:
        return None
    kind, _, value = str(text)[:40].partition(" ")
    try:
        layout = parse_layout(value if kind == "taps" else None, value if kind == "cfa" else None)
    except InvalidOption:
        layout = None
    if layout is None:
        raise InvalidProfile(f"tap_layout = '{str(text)[:40]}'", "'taps 2x2' or 'cfa RGGB'", "calibrate again")
    return layout


def sensor_shape(dataset: xr.Dataset) -> tuple[int, int]:
    """Return (y, x) of the sensor whose taps a profile holds. Raises InvalidProfile for a text that is no shape."""
    parts = str(dataset.attrs.get("tap_sensor"))[:40].split("x")
    if len(parts) != 2 or not all(part.isdecimal() and 0 < int(part) < 1 << 20 for part in parts):
        raise InvalidProfile(f"tap_sensor = '{str(dataset.attrs.get('tap_sensor'))[:40]}'", "pixels like 1040x2152", "calibrate again")
    return int(parts[0]), int(parts[1])


def check_taps(dataset: xr.Dataset, scalars: tuple[str, ...]) -> None:
    """Raise InvalidProfile unless the `tap_*` variables fit the layout, and gain, offset and noise lie in their domains."""
    names = [str(name) for name in dataset.variables if str(name).startswith("tap_")]
    layout = stored_layout(dataset)
    if layout is None and not names:
        return
    remedy = "calibrate again"
    if layout is None or dataset.attrs.get("tap_labels") != " ".join(layout.labels):
        raise InvalidProfile("taps without their layout and labels", "the attributes tap_layout and tap_labels", remedy)
    sensor_shape(dataset)
    wanted = {f"tap_{name}{end}" for name in scalars if name in dataset.variables for end in ("", "_se")}
    missing = sorted(wanted.difference(names))
    if missing:
        raise InvalidProfile(f"taps without {missing[0]}", "every scalar of the profile for each tap", remedy)
    for name in names:
        values = dataset[name]
        if values.dims[:1] != ("tap",) or values.shape[0] != len(layout.labels) or np.isinf(values.values).any():
            raise InvalidProfile(f"{name} with dimensions {values.dims} {values.shape}", f"{len(layout.labels)} finite values", remedy)
    for name, lowest in (("gain", 0.0), ("offset", -math.inf), ("read_noise", -1e-300), ("dark_noise", -1e-300)):
        if not (dataset[f"tap_{name}"].values > lowest).all():  # NaN is not
            raise InvalidProfile(f"tap_{name} = {dataset[f'tap_{name}'].values}", "finite values in their domain", remedy)
    for name in names:
        if name.endswith("_se") and bool((dataset[name].values < 0).any()):
            raise InvalidProfile(f"{name} below 0", "standard errors from 0", remedy)
        tap_remarks(dataset, name)


def tap_remarks(dataset: xr.Dataset, name: str) -> list[dict[str, Any]]:
    """Return reasons, flags and upper limits of a `tap_*` variable, one entry a tap. Raises InvalidProfile for another text."""
    count = dataset[name].shape[0]
    text = dataset[name].attrs.get("remarks")
    try:
        rows = [{} for _ in range(count)] if text is None else json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        rows = None
    good = isinstance(rows, list) and len(rows) == count and all(isinstance(row, dict) and _is_remark(row) for row in rows)
    if rows is None or not good:
        raise InvalidProfile(f"{name} with remarks that are none", f"a JSON list of {count} objects", "calibrate again")
    return rows


def _is_remark(row: Mapping[str, Any]) -> bool:
    words = all(isinstance(row[key], str) for key in ("not_determined", "flag") if key in row)
    limit = row.get("upper_limit", 0.0)
    return set(row) <= set(_REMARKS) and words and isinstance(limit, (int, float)) and not isinstance(limit, bool) and math.isfinite(limit)


def tap_summary(dataset: xr.Dataset) -> dict[str, Any] | None:
    """Return {layout, labels, scalars: {name: {value [tap], se [tap], unit, symbol, definition}}} as JSON values; None without taps."""
    layout = stored_layout(dataset)
    if layout is None:
        return None

    def numbers(name: str) -> list[float | None]:
        return [float(value) if math.isfinite(value) else None for value in dataset[name].values]

    scalars = {}
    for name in (str(name) for name in dataset.variables if str(name).startswith("tap_") and dataset[name].dims == ("tap",)):
        if not name.endswith("_se"):
            row = TABLE[name.removeprefix("tap_")]
            scalars[row.name] = {
                "value": numbers(name), "se": numbers(f"{name}_se"), "unit": row.unit, "symbol": row.symbol, "definition": row.definition,
                "remarks": tap_remarks(dataset, name),
            }  # fmt: skip
    return {"layout": str(layout), "labels": list(layout.labels), "scalars": scalars}
