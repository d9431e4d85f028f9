"""u_mode from the coverage study: how far each mode's σ_raw was from the spread of fresh acquisitions, by kind of measurement."""

from __future__ import annotations

import functools
import json
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sigmaraw.contracts import Measurement


@functools.cache
def _table() -> dict[str, Any]:
    text = resources.files("sigmaraw.noise").joinpath("coverage.json").read_text(encoding="utf-8")
    table: dict[str, Any] = json.loads(text)
    return table


def measured_u_mode(mode: str, measurement: Measurement) -> tuple[float, str]:
    """Return the relative standard uncertainty of σ_raw in a mode, and where it comes from.

    u = rms of ln(σ_est/σ_true) over frames and scenes, at the light level where it is largest; frames whose result warns
    that σ_raw is not determined (two answers, not found again, extrapolated too far) are left out. A kind that was not measured
    takes the largest of all.

    Raises
    ------
    KeyError : the mode was not measured.

    Reference: SCIENCE 2.3; the table is made by examples/06_coverage_tables.py.
    """
    table = _table()
    row = table["u_mode"][mode]
    known = measurement.kind in row
    value = float(row[measurement.kind] if known else max(row.values()))
    kind = measurement.kind if known else "kind not measured, the largest of all"
    return value, f"{mode}, {kind}: rms of ln(σ_est/σ_true) in {table['source']}"
