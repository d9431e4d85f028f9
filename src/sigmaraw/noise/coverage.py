"""u_mode from the coverage study: the deviation of each mode's σ_raw from the spread of fresh acquisitions, by kind of measurement."""

from __future__ import annotations

import functools
import json
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sigmaraw.contracts import Measurement

_STUDIES = ("coverage.json", "coverage_masks.json")  # of examples/06_coverage_tables.py and 09_coverage_masks.py


@functools.cache
def _tables() -> dict[str, dict[str, tuple[float, str]]]:
    """Return per mode and kind u_mode and the study that measured it."""
    found: dict[str, dict[str, tuple[float, str]]] = {}
    for name in _STUDIES:
        study = json.loads(resources.files("sigmaraw.noise").joinpath(name).read_text(encoding="utf-8"))
        for mode, kinds in study["u_mode"].items():
            found.setdefault(mode, {}).update({kind: (float(value), study["source"]) for kind, value in kinds.items()})
    return found


def kind_measured(mode: str, measurement: Measurement) -> bool:
    """Return whether the coverage study has measured the kind of a measurement in a mode."""
    return measurement.kind in _tables()[mode]


def measured_u_mode(mode: str, measurement: Measurement) -> tuple[float, str]:
    """Return the relative standard uncertainty of σ_raw in a mode, and its source.

    u = rms of ln(σ_est/σ_true) over frames and scenes, at the light level where it is largest; frames whose result warns
    that σ_raw is not determined (two answers, a failed double bootstrap, extrapolated too far) are left out. A kind that was not measured
    takes the largest of all; the source then says so, and also where a pipeline outside the study states its kind.

    Raises
    ------
    KeyError
        The mode was not measured.

    References
    ----------
    formula 2.3; the tables are made by examples/06_coverage_tables.py and 09_coverage_masks.py, decisions/0015.
    """
    row = _tables()[mode]
    if measurement.kind in row:
        value, study = row[measurement.kind]
        how = measurement.kind if measurement.studied else f"{measurement.kind} (stated, not measured on this pipeline)"
    else:
        largest = max(row, key=lambda kind: row[kind][0])
        value, study = row[largest]
        how = f"{f'kind {measurement.kind!r}' if measurement.kind else 'kind'} not measured, the largest of all ({largest})"
    return value, f"{mode}, {how}: rms of ln(σ_est/σ_true) in {study}"
