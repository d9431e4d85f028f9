"""From predictions to the record's rows: which numbers meet in which test."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Diagnostic, Measurement, ReplicaMode
from sigmaraw.noise.marginal import marginal_check
from sigmaraw.statistics import Assessment, Limits, Reason, assess, assess_extrapolated, double_bootstrap, tukey
from sigmaraw.study.plan import Plan
from sigmaraw.study.work import Scene

_MOST_FOR_ALL_PAIRS = 12  # codecs: 78 contrasts; 40 codecs would have 820 and take seconds for each image and measurement


@dataclass(frozen=True)
class Predictions:
    """Everything predicted, float64.

    raw : (group, replica, image, measurement). decoded : (codec, replica, image, measurement).
    chi_raw : (image, measurement), f(x). chi_codec : (codec, image, measurement), f(C(x)).
    independent : groups drew from streams of their own.
    again : (start, replica, image, measurement), raw replicas of groups that start from a replica of group 0.
    """

    raw: NDArray[np.float64]
    decoded: NDArray[np.float64]
    chi_raw: NDArray[np.float64]
    chi_codec: NDArray[np.float64]
    independent: bool
    again: NDArray[np.float64]


@dataclass(frozen=True)
class Construction:
    """What is known of one image's replicas before any prediction.

    u_cal : relative standard uncertainty of σ_raw from the calibration, 1. spread_factor : σ_raw over the replicas' spread, 1.
    diagnostics : checks of what the mode's construction rests on.
    """

    u_cal: float
    spread_factor: float
    diagnostics: tuple[Diagnostic, ...]

    @classmethod
    def of(cls, scene: Scene, mode: ReplicaMode, seed: int) -> Construction:
        """Return what the mode, the camera and the first replicas say of a scene."""
        u_cal = scene.model.relative_spread_uncertainty(scene.frame) if mode.draws_noise else 0.0
        marginal = marginal_check(scene.source, mode, scene.model, seed)
        of_camera = scene.model.diagnostics(scene.frame) if mode.draws_noise else ()
        return cls(u_cal, mode.spread_factor(scene.source), (*marginal, *mode.diagnostics(scene.source, scene.model), *of_camera))

    def warnings(self, measurement: Measurement) -> list[str]:
        """Return what failed checks say of a measurement."""
        return [entry.text for entry in self.diagnostics if entry.warns(measurement)]


def diagnostic_rows(constructions: Sequence[Construction]) -> list[dict[str, Any]]:
    """Return the record's `mode_diagnostics`, one row per image and check."""
    fields = ("name", "value", "low", "high", "definition", "passed")
    return [
        {"image": image, **{name: getattr(entry, name) for name in fields}, "kinds": list(entry.kinds)}
        for image, construction in enumerate(constructions)
        for entry in construction.diagnostics
    ]


def score_all(
    plan: Plan, predictions: Predictions, measurements: Sequence[Measurement], mode: ReplicaMode, constructions: Sequence[Construction]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the record's `results` and `undefined` rows, per image, codec and measurement.

    constructions : per image, what is known of its replicas.
    """
    results: list[dict[str, Any]] = []
    undefined: list[dict[str, Any]] = []
    for image in range(predictions.raw.shape[2]):
        for index, codec in enumerate(plan.codecs):
            for column, measurement in enumerate(measurements):
                u_mode, u_mode_source = mode.u_mode(measurement)
                limits = Limits(k=plan.k, spread=plan.spread, rms=plan.rms, margin=plan.margin.get(measurement.name))
                raw, decoded = _rows(predictions, image, column), predictions.decoded[index, :, image, column]
                own = index + 1 if predictions.independent else 0
                known: dict[str, Any] = {"raw": raw, "decoded": decoded, "own": own, "limits": limits}
                known |= {"chi_raw": float(predictions.chi_raw[image, column]), "u_mode": u_mode}
                known |= {"chi_codec": float(predictions.chi_codec[index, image, column]), "u_cal": constructions[image].u_cal}
                if mode.extrapolation is not None:
                    outcome = assess_extrapolated(**known, rule=mode.extrapolation)
                else:
                    shape: dict[str, Any] = {"independent": predictions.independent, "spread_factor": constructions[image].spread_factor}
                    outcome = assess(**known, **shape, discrete=measurement.discrete)
                again = double_bootstrap(raw, predictions.again[:, :, image, column], measurement.discrete)
                key = {"image": image, "codec": codec, "measurement": measurement.name}
                chi = {"chi_raw": predictions.chi_raw[image, column], "chi_codec": predictions.chi_codec[index, image, column]}
                n = predictions.raw.shape[1] // (len(mode.extrapolation.levels) if mode.extrapolation else 1)
                tail = {"u_mode_source": u_mode_source, "mode": plan.mode, "n": n, "sigma_again": again.value}
                row = {**key, **chi, **_fields(outcome), **tail}
                row["warnings"] += [*again.warnings, *constructions[image].warnings(measurement)]
                results.append(row)
                undefined += [{**key, "field": name, "reason": str(reason), "count": count} for name, reason, count in outcome.undefined]
    return results, undefined


def _rows(predictions: Predictions, image: int, column: int) -> NDArray[np.float64]:
    """Return the raw predictions (group, replica); groups that share their frames are one group."""
    rows = predictions.raw[:, :, image, column]
    return rows if predictions.independent else rows[:1]


def _fields(outcome: Assessment) -> dict[str, Any]:
    row = {entry.name: getattr(outcome, entry.name) for entry in dataclasses.fields(outcome) if entry.name != "undefined"}
    for name in ("ks", "ks_null"):
        test = row[name]
        row[name] = None if test is None else {"statistic": test.statistic, "p": test.p, "method": test.method}
    row["verdict"], row["reason"] = str(outcome.verdict), str(outcome.reason)
    row["warnings"] = list(outcome.warnings)
    return row


def tukey_all(
    plan: Plan, predictions: Predictions, measurements: Sequence[Measurement], mode: ReplicaMode
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the record's `tukey` rows and what is undefined: Tukey HSD over {raw 0, C_1 … C_G} per image and measurement.

    With many codecs, as a sweep has them, only contrasts with raw are returned: those between codecs grow as their square.
    """
    reference = "raw" if len(plan.codecs) > _MOST_FOR_ALL_PAIRS else None
    rows: list[dict[str, Any]] = []
    undefined: list[dict[str, Any]] = []
    for image in range(predictions.raw.shape[2]):
        for column, measurement in enumerate(measurements):
            key = {"image": image, "measurement": measurement.name}
            if not predictions.independent or mode.extrapolation is not None:
                why = "groups share their frames" if mode.extrapolation is None else str(Reason.EXTRAPOLATED)
                undefined.append({**key, "codec": None, "field": "tukey", "reason": why, "count": 1})
                continue
            groups = {"raw": predictions.raw[0, :, image, column]}
            groups |= {codec: predictions.decoded[index, :, image, column] for index, codec in enumerate(plan.codecs)}
            comparisons, design = tukey(groups, reference=reference)
            for comparison in comparisons:
                row = dataclasses.asdict(comparison)
                if not math.isfinite(comparison.p_adjusted):
                    missing = {**key, "codec": comparison.group2, "field": "tukey", "reason": str(comparison.reason), "count": 1}
                    undefined.append(missing)
                row["reason"] = None if comparison.reason is None else str(comparison.reason)
                ci = [row.pop("low"), row.pop("high")]
                rows.append({**key, **row, "ci": ci, "design": design})
    return rows, undefined
