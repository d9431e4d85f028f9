"""The results of the taps beside those of the whole sensor, in one dataset."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sigmaraw.camera.checks.result import Check, CheckOutcome
from sigmaraw.camera.taps.layout import TapLayout
from sigmaraw.camera.taps.stored import REMARKS
from sigmaraw.netcdf import Arrays
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
    "exposure-origin",
    "transfer-curve",
    "unlit-pixels",
)
_WORST_FIRST = (CheckOutcome.FAIL, CheckOutcome.UNKNOWN, CheckOutcome.PASS)


@dataclass(frozen=True)
class Calibration:
    """What one set of pixels gives.

    Parameters
    ----------
    dataset : Arrays
        The camera dataset, without the attribute `checks`.
    checks : tuple of Check
        Of the same pixels.
    """

    dataset: Arrays
    checks: tuple[Check, ...]


def with_taps(whole: Calibration, parts: Sequence[Calibration], layout: TapLayout, scalars: tuple[str, ...]) -> Calibration:
    """Return the whole sensor's calibration with the results of its taps, and with maps put together from theirs.

    Parameters
    ----------
    whole : Calibration
        Of all pixels together.
    parts : sequence of Calibration
        Of each tap, in the order of the layout's labels.
    layout : TapLayout
        Which pixel belongs to which tap.
    scalars : tuple of str
        Names that become `tap_<name>` and `tap_<name>_se`, each (tap).
    """
    dataset = whole.dataset.copy()
    taps = [part.dataset for part in parts]
    sensor = dataset["gain_map"].shape
    windows = layout.windows(sensor)
    for name in (name for name in dataset.variables if dataset[name].dims == ("y", "x")):
        for window, tap in zip(windows, taps, strict=True):
            dataset[name].values[window] = tap[name].values
    for name in scalars:
        remarks = [{key: tap[name].attrs[key] for key in REMARKS if key in tap[name].attrs} for tap in taps]
        extra = {"remarks": json.dumps(remarks)} if any(remarks) else {}
        for variable, more in ((name, extra), (f"{name}_se", {})):
            values = np.array([float(tap[variable]) for tap in taps])
            dataset[f"tap_{variable}"] = (("tap",), values, {**quantity(f"tap_{variable}"), **more})
    for name in LEVELS:
        dataset[f"tap_{name}"] = (("tap", "level"), np.stack([tap[name].values for tap in taps]), quantity(f"tap_{name}"))
    dataset.attrs.update(
        tap_layout=str(layout),
        tap_labels=" ".join(layout.labels),
        tap_sensor="{}x{}".format(*sensor),
        notes="\n".join([*filter(None, [str(dataset.attrs["notes"])]), *_notes(whole, parts, layout)]),
    )
    # The mixture of planes that saturate apart may look bent although none is; the end of each tap counts.
    limits = [float(tap.attrs["linear_hi_dn"]) for tap in taps if "linear_hi_dn" in tap.attrs]
    dataset.attrs.pop("linear_hi_dn", None)
    if limits:
        dataset.attrs["linear_hi_dn"] = min(limits)
    return Calibration(dataset, merged_checks(whole.checks, [part.checks for part in parts], layout.labels))


def merged_checks(whole: Sequence[Check], parts: Sequence[Sequence[Check]], labels: Sequence[str]) -> tuple[Check, ...]:
    """Return the whole sensor's checks; those of histograms and curves, and all where it has none, by the worst tap.

    Parameters
    ----------
    whole : sequence of Check
        Of all pixels together; empty where they cannot be calibrated as one camera.
    parts : sequence of sequence of Check
        Of each tap.
    labels : sequence of str
        Names of the taps.

    Returns
    -------
    tuple of Check
        In the order of the taps' checks; the evidence of a tap's check names the tap.
    """
    of_all = {check.name: check for check in whole if check.name not in _OF_EACH_TAP}
    of_taps = [{check.name: check for check in part} for part in parts]
    merged = []
    for name in of_taps[0]:
        named = [
            replace(checks[name], evidence=f"tap {label}: {checks[name].evidence}") for label, checks in zip(labels, of_taps, strict=True)
        ]
        merged.append(of_all.get(name) or min(named, key=lambda check: _WORST_FIRST.index(check.outcome)))
    return tuple(merged)


def _notes(whole: Calibration, parts: Sequence[Calibration], layout: TapLayout) -> list[str]:
    """What a tap's calibration says beyond the whole sensor's: notes, and checks that fail."""
    common = set(str(whole.dataset.attrs["notes"]).split("\n"))
    of_all = {check.name for check in whole.checks}.difference(_OF_EACH_TAP)
    notes = _mixture(whole.dataset, [part.dataset for part in parts])
    for label, part in zip(layout.labels, parts, strict=True):
        notes += [f"tap {label}: {line}" for line in str(part.dataset.attrs["notes"]).split("\n") if line and line not in common]
        failed = [check for check in part.checks if check.outcome is CheckOutcome.FAIL and check.name in of_all]
        notes += [f"tap {label}: check {check.name} fails: {check.evidence}" for check in failed]
    return notes


def _mixture(whole: Arrays, parts: list[Arrays]) -> list[str]:
    """A note where the whole sensor's gain is none of its taps': levels that light the taps unequally bend the curve of all pixels."""
    gain, gains = float(whole["gain"]), [float(part["gain"]) for part in parts]
    slack = 2.0 * max(float(part["gain_se"]) for part in (whole, *parts))
    if math.isnan(gain) or min(gains) - slack <= gain <= max(gains) + slack:
        return []
    span = f"{min(gains):.4g} to {max(gains):.4g}"
    return [f"the gain of all pixels, {gain:.4g} DN/e-, is none of the taps' ({span}): their light differs from level to level; use theirs"]
