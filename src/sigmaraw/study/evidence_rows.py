"""The evidence of one result as the record holds it."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from sigmaraw.record.results import EvidenceRow
from sigmaraw.statistics import Evidence


def evidence_row(evidence: Evidence, at: int, scale: float = 1.0) -> EvidenceRow:
    """Return the record's row of one entry of the evidence.

    Parameters
    ----------
    scale : float
        What values in the measurement's unit were divided by.
    """
    # numbers and truths by field name
    values: dict[str, Any] = {"n": evidence.n, "sigma_dof": _finite(evidence.sigma_dof)}
    for entry in dataclasses.fields(evidence):
        if entry.name in values:
            continue
        value = getattr(evidence, entry.name)[at]
        power = {"shift": 1, "u_normal": 1, "u_shift": 1, "rms": 1, "event_shift": 1, "square": 2, "event_square": 2}.get(entry.name, 0)
        if value.dtype == np.bool_:
            values[entry.name] = bool(value)
            continue
        number = float(value)
        for _ in range(power):  # not scale**2, which may overflow
            number *= scale
        values[entry.name] = _finite(number)
    return EvidenceRow(**values)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
