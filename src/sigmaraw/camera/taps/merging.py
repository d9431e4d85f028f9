"""The results of the taps beside those of the whole sensor, in one dataset."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import xarray as xr

from sigmaraw.camera.taps.layout import TapLayout
from sigmaraw.camera.taps.stored import REMARKS
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
        remarks = [{key: part[name].attrs[key] for key in REMARKS if key in part[name].attrs} for part in parts]
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
