"""The checks of a calibration series: their names, outcomes and limits, one result, and its form in a file."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from sigmaraw.camera.fitting.dark import HIDDEN_BELOW_DN2


class CheckName(StrEnum):
    """What is checked; the words are those of profile, table and datasheet."""

    LAMP_DRIFT = "lamp-drift"
    DARK_DRIFT = "dark-drift"
    CORRELATED_PIXELS = "correlated-pixels"
    ROW_NOISE = "row-noise"
    COLUMN_NOISE = "column-noise"
    MISSING_CODES = "missing-codes"
    BLACK_CLIPPING = "black-clipping"
    WHITE_CLIPPING = "white-clipping"
    HIDDEN_QUANTISATION = "hidden-quantisation"
    TOO_FEW_LEVELS = "too-few-levels"
    TOO_FEW_PAIRS = "too-few-pairs"
    NONLINEAR_EXPOSURE = "nonlinear-exposure"
    DUPLICATED_FRAMES = "duplicated-frames"
    SHUFFLED_FRAMES = "shuffled-frames"
    DARK_FLAT_MIXUP = "dark-flat-mixup"
    IMAGE_LAG = "image-lag"
    FLAT_LINES = "line-noise-in-flats"
    EXPOSURE_ORIGIN = "exposure-origin"
    TRANSFER_CURVE = "transfer-curve"
    TIME_OUTLIERS = "outliers-in-time"
    UNLIT_PIXELS = "unlit-pixels"


class CheckOutcome(StrEnum):
    """How a check ended."""

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"  # the series holds too little to tell


# Where an effect starts to matter. Units as in `Check.unit`.
LIMITS: dict[CheckName, tuple[float, str]] = {
    CheckName.LAMP_DRIFT: (0.3, "%"),  # of the signal, rms over the repeats of a level
    CheckName.DARK_DRIFT: (0.05, "1"),  # of the dark noise, rms over frames
    CheckName.CORRELATED_PIXELS: (0.02, "1"),  # correlation of neighbours
    CheckName.ROW_NOISE: (0.05, "1"),  # of the dark noise
    CheckName.COLUMN_NOISE: (0.05, "1"),
    CheckName.MISSING_CODES: (0.0, "1"),  # codes
    CheckName.BLACK_CLIPPING: (0.1, "%"),  # of the dark values at the lowest code
    CheckName.WHITE_CLIPPING: (0.1, "%"),  # of a fitted level's values at the highest code
    CheckName.HIDDEN_QUANTISATION: (HIDDEN_BELOW_DN2, "DN2"),
    CheckName.TOO_FEW_LEVELS: (5.0, "1"),  # levels in the fit
    CheckName.TOO_FEW_PAIRS: (2.0, "%"),  # relative standard error of the gain
    CheckName.NONLINEAR_EXPOSURE: (0.5, "%"),  # mean absolute deviation from the line
    CheckName.DUPLICATED_FRAMES: (0.0, "1"),  # copies
    CheckName.SHUFFLED_FRAMES: (0.0, "1"),  # frames
    CheckName.DARK_FLAT_MIXUP: (0.0, "1"),  # frames or levels
    CheckName.IMAGE_LAG: (0.01, "1"),  # correlation of successive frames: K is wrong by as much
    CheckName.FLAT_LINES: (0.07, "1"),  # of a pixel's noise: K is half a percent too large
    CheckName.EXPOSURE_ORIGIN: (1.0, "1"),  # of the dark noise
    CheckName.TRANSFER_CURVE: (1.0, "%"),  # of the variance, rms over levels
    CheckName.TIME_OUTLIERS: (5.0, "%"),  # of a level's variance
    CheckName.UNLIT_PIXELS: (0.1, "%"),  # of the pixels
}


@dataclass(frozen=True)
class Check:
    """The result of one check.

    Parameters
    ----------
    name : str
        One of `CheckName`; another word only in a profile of another version.
    outcome : CheckOutcome
        Whether the series passed.
    evidence : str
        One sentence: what was measured.
    value : float or None
        The effect, in `unit`; None where the outcome is unknown.
    limit : float or None
        The size, in `unit`, from which the effect matters.
    unit : str
        Unit of value and limit.
    """

    name: str
    outcome: CheckOutcome
    evidence: str
    value: float | None
    limit: float | None
    unit: str

    def as_dict(self) -> dict[str, Any]:
        """Return the check as JSON values.

        Returns
        -------
        dict
            The fields by name.
        """
        return {**asdict(self), "name": str(self.name), "outcome": str(self.outcome)}


def result(name: CheckName, outcome: CheckOutcome, evidence: str, value: float | None) -> Check:
    """Return a check with its limit and unit from `LIMITS`.

    Parameters
    ----------
    name : CheckName
        The check.
    outcome : CheckOutcome
        How it ended.
    evidence : str
        One sentence: what was measured.
    value : float or None
        Size of the effect, in the unit of `LIMITS`; None where unknown.
    """
    limit, unit = LIMITS[name]
    return Check(name, outcome, evidence, None if value is None else float(value), limit, unit)


def against(name: CheckName, value: float, evidence: str, *, significant: bool = True) -> Check:
    """Return FAIL where the effect is beyond its limit and chance does not explain it, else PASS.

    Parameters
    ----------
    name : CheckName
        The check.
    value : float
        Size of the effect, in the unit of `LIMITS`.
    evidence : str
        One sentence: what was measured.
    significant : bool
        Whether chance does not explain the effect.
    """
    return result(name, CheckOutcome.FAIL if significant and value > LIMITS[name][0] else CheckOutcome.PASS, evidence, value)


def unknown(name: CheckName, why: str) -> Check:
    """Return the check as unknown, with the reason as its evidence.

    Parameters
    ----------
    name : CheckName
        The check.
    why : str
        What the series lacks.
    """
    return result(name, CheckOutcome.UNKNOWN, why, None)


def checks_to_json(checks: Iterable[Check]) -> str:
    """Return checks as the text that a profile's attribute `checks` holds.

    Parameters
    ----------
    checks : iterable of Check
        In the order of the report.

    Returns
    -------
    str
        A JSON list of objects, one a check.
    """
    return json.dumps([check.as_dict() for check in checks])


def checks_from_json(text: object) -> tuple[Check, ...] | None:
    """Return the checks that a text holds; None where it holds none in that form.

    Parameters
    ----------
    text : object
        The attribute `checks` of a profile, from a file that may hold anything.
    """
    try:
        rows = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(rows, list) or not all(isinstance(row, dict) and _is_check(row) for row in rows):
        return None
    return tuple(
        Check(row["name"], CheckOutcome(row["outcome"]), row["evidence"], row.get("value"), row.get("limit"), row["unit"]) for row in rows
    )


def _is_check(row: Mapping[str, Any]) -> bool:
    words = all(isinstance(row.get(key), str) for key in ("name", "outcome", "evidence", "unit"))
    numbers = all(
        row.get(key) is None or (isinstance(row[key], (int, float)) and not isinstance(row[key], bool) and math.isfinite(row[key]))
        for key in ("value", "limit")
    )
    return words and numbers and row["outcome"] in tuple(CheckOutcome)
