"""Studies without a camera: CT, MRI, reconstructed and archived images. No σ_raw is invented.

What can decide then is a margin in the measurement's unit, the spread of real repeats (mode ``repeats``), or references by observers.
Without repeats each image is predicted once as it is and once after the codec, and there are no replicas.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import CameraNoise, Measurement, ReplicaBase, ReplicaMode, ReplicaRequest
from sigmaraw.errors import InvalidOption
from sigmaraw.noise import DEFAULT_MODE, replica_mode
from sigmaraw.record.camera import CameraRow
from sigmaraw.record.results import ResultRow, UndefinedRow, WarningRow
from sigmaraw.record.statements import DecisionRow, RulingRow, StatementRow
from sigmaraw.record.words import Reason, Verdict
from sigmaraw.statistics.image_means import by_unit, mean_over_units
from sigmaraw.statistics.images import FEWEST_FOR_MEAN, Ground, Statement, share_of_images, these_images
from sigmaraw.study.plan import NO_REPLICAS, Plan
from sigmaraw.study.reference_rules import ON_REFERENCES
from sigmaraw.study.statements import OverImages

NONE = "none"
"""What stands in place of a camera's file where there is no camera."""
_WITHOUT = ("sigma_raw", "epsilon", "epsilon_hat", "spread_ratio", "rms_d", "ks")


@dataclass(frozen=True)
class NoCamera:
    """Stands in the place of a camera's profile. bits : depth of the images, by which ratios and PSNR are reckoned."""

    bits: int = 16
    header_settings: Mapping[str, str] = field(default_factory=dict)

    def row(self) -> CameraRow:
        """Return the record's `camera`: nothing is known but the bit depth."""
        return CameraRow(calibrated=None, source="no camera", bits=self.bits)


class NoReplicas(ReplicaMode):
    """The mode of a study without a camera and without repeats: nothing is drawn."""

    name = NO_REPLICAS
    draws_noise = False

    def base(self, frame: NDArray[np.integer], noise_model: CameraNoise, request: ReplicaRequest) -> ReplicaBase:
        """Return the frame itself."""
        return ReplicaBase(frame.astype(np.float64))

    def u_mode(self, measurement: Measurement) -> tuple[float, str]:
        """Return 0: there is no σ_raw that could be uncertain."""
        return 0.0, "no replicas"


def mode_of(plan: Plan, without_camera: bool) -> ReplicaMode:
    """Return the plan's replica mode.

    Raises
    ------
    InvalidOption
        A mode that draws noise, without a camera; or none at all, with one.
    """
    if plan.mode == NO_REPLICAS:
        if plan.rule == "pomarico":
            raise InvalidOption("rule pomarico without a camera or repeats", "a rule that needs no ε", "leave --rule out")
        if not without_camera:
            raise InvalidOption("mode none with a camera", "a replica mode", "leave --mode out")
        return NoReplicas()
    mode = replica_mode(plan.mode)
    if without_camera and mode.draws_noise:
        raise InvalidOption(
            f"mode {plan.mode} without a camera",
            "no replicas (--mode none, the default here), or real repeats (--mode repeats)",
            "leave --mode out; noise is drawn from a camera's noise model only",
        )
    return mode


def has_no_camera(camera: Any) -> bool:
    """Return whether a study is meant to have no camera: None, or the word none."""
    return camera is None or (isinstance(camera, (str, os.PathLike)) and os.fspath(camera) == NONE)


def default_mode(mode: str | None, camera: Any) -> str:
    """Return the mode of a study with this camera, or None, that states no mode."""
    return mode if mode is not None else NO_REPLICAS if has_no_camera(camera) else DEFAULT_MODE


def rows_of_images(
    plan: Plan,
    measurements: Sequence[Measurement],
    chi_raw: NDArray[np.float64],
    chi_codec: NDArray[np.float64],
    identical: NDArray[np.bool_],
    differences: NDArray[np.float64],
) -> tuple[list[ResultRow], list[UndefinedRow]]:
    """Return the record's `results` and `undefined` of a study without replicas.

    A row passes where every pixel came back, or where |f(C(x)) − f(x)| plus what answers differ by anyway is within the plan's margin.

    Parameters
    ----------
    chi_raw : ndarray
        (image, measurement), f(x).
    chi_codec : ndarray
        (codec, image, measurement), f(C(x)).
    identical : ndarray of bool
        (codec, image), every pixel came back.
    differences : ndarray
        (image, measurement), between answers to the same image.
    """
    results = []
    for image in range(len(chi_raw)):
        for codec, spec in enumerate(plan.codecs):
            for column, measurement in enumerate(measurements):
                before, after = float(chi_raw[image, column]), float(chi_codec[codec, image, column])
                margin, floor = plan.margin.get(measurement.name), float(differences[image, column])
                verdict, reason = _judged(before, after, margin, floor, bool(identical[codec, image]))
                shift = after - before
                results.append(
                    ResultRow(
                        image=image,
                        codec=spec,
                        measurement=measurement.name,
                        chi_raw=before,
                        chi_codec=after,
                        verdict=verdict,
                        reason=str(reason),
                        sigma_raw=None,
                        epsilon=None,
                        epsilon_hat=None,
                        shift=shift,
                        pixels_identical=bool(identical[codec, image]),
                        shift_percent=100.0 * shift / abs(before) if before and math.isfinite(shift) else None,
                        warnings=_warnings(floor, shift, margin),
                        mode=plan.mode,
                        n=0,
                    )
                )
    undefined = [UndefinedRow(field=name, reason=str(Reason.NO_CAMERA), count=1) for name in _WITHOUT]
    undefined += [
        UndefinedRow(image=row.image, codec=row.codec, measurement=row.measurement, field="shift", reason=row.reason, count=1)
        for row in results
        if row.reason in (Reason.RAW_UNDEFINED, Reason.CODEC_UNDEFINED)
    ]
    return results, undefined


def _judged(before: float, after: float, margin: float | None, floor: float, identical: bool) -> tuple[Verdict, Reason]:
    if identical and floor == 0.0:
        return "PASS", Reason.IDENTICAL
    if not math.isfinite(before):
        return "INCONCLUSIVE", Reason.RAW_UNDEFINED
    if not math.isfinite(after):
        return "INCONCLUSIVE", Reason.CODEC_UNDEFINED
    if margin is None:
        return "INCONCLUSIVE", Reason.NO_CAMERA
    size = abs(after - before)
    if size + floor <= margin:
        return "PASS", Reason.WITHIN_MARGIN
    return ("FAIL", Reason.SHIFT_BEYOND) if size - floor > margin else ("INCONCLUSIVE", Reason.ANSWERS_DIFFER)


def _warnings(floor: float, shift: float, margin: float | None) -> tuple[WarningRow, ...]:
    if not floor > 0.0:
        return ()
    beside = f" and the margin is {margin:.3g}" if margin is not None else ""
    text = f"answers on the same image differ by {floor:.3g}, by what is predicted with it or when; the shift is {shift:.3g}{beside}"
    return (WarningRow(code="answers-differ", text=text, bears=margin is not None),)


def over_images(plan: Plan, measurements: Sequence[Measurement], results: Sequence[ResultRow]) -> list[OverImages]:
    """Return the statements over images of every codec on every measurement, in the measurement's unit.

    Each image has one shift. Student's t over images, or means of specimens, bounds the mean shift; it is held against the margin.
    """
    found = []
    for codec in plan.codecs:
        for measurement in measurements:
            rows = [row for row in results if row.codec == codec and row.measurement == measurement.name]
            found.append(_said(plan, measurement, codec, rows))
    return found


def _said(plan: Plan, measurement: Measurement, codec: str, rows: Sequence[ResultRow]) -> OverImages:
    margin = plan.margin.get(measurement.name)
    inside = np.array([0.0 if row.verdict == "PASS" else 1.0 for row in rows])
    beyond = np.array([0.0 if row.verdict == "FAIL" else 1.0 for row in rows])
    names = [plan.specimens[row.image] for row in rows] if plan.specimens else None
    undefined = sum(row.shift is None or not math.isfinite(row.shift) for row in rows)
    these, share = these_images(inside, beyond), share_of_images(inside, beyond, specimens=names)
    mean = _mean(rows, names, margin, undefined)
    verdict: Verdict
    if these.failed:
        verdict, ground = "FAIL", Ground.IMAGE_BEYOND
    elif mean.ground is Ground.FEW_IMAGES or these.verdict == "PASS":
        verdict, ground = these.verdict, these.ground
    else:
        verdict, ground = "INCONCLUSIVE", mean.ground if margin is not None else these.ground
    others = "or real repeats" if plan.rule in ON_REFERENCES else "real repeats, or references by observers"
    decides = "" if margin is not None else f"a margin in the measurement's unit, {others}"
    made = tuple(
        StatementRow(
            codec=codec,
            measurement=measurement.name,
            statement=one.name,
            verdict=one.verdict,
            reason=str(one.ground),
            value=one.value if math.isfinite(one.value) else None,
            ci=(one.low, one.high),
            unit=measurement.unit if one.name == "mean-effect" else "1",
            counted="specimen" if plan.specimens and one.name != "these-images" else "image",
            units=one.units,
            passed=None if one.name == "mean-effect" else one.passed,
            failed=None if one.name == "mean-effect" else one.failed,
            undefined=undefined,
            decides=decides if one.verdict == "INCONCLUSIVE" else "",
        )
        for one in (these, mean, share)
    )
    return OverImages(codec, measurement.name, made, verdict, str(ground))


def _mean(rows: Sequence[ResultRow], names: Sequence[str] | None, margin: float | None, undefined: int) -> Statement:
    """Return the statement on the mean shift over units."""
    shifts = np.array([math.nan if row.shift is None else row.shift for row in rows], dtype=np.float64)
    shifts = by_unit(shifts, None if names is None else np.unique(np.asarray(names), return_inverse=True)[1])
    units = shifts.size
    if undefined:
        return Statement("mean-effect", "INCONCLUSIVE", Ground.UNDEFINED, math.nan, 0.0, math.inf, units)
    size = float(abs(shifts.mean()))
    if units < FEWEST_FOR_MEAN:
        return Statement("mean-effect", "INCONCLUSIVE", Ground.FEW_IMAGES, size, 0.0, math.inf, units)
    part = mean_over_units(shifts)
    reach = float(part.high - part.value)
    low, high = max(size - reach, 0.0), size + reach
    if margin is None:
        return Statement("mean-effect", "INCONCLUSIVE", Ground.MEAN_UNSURE, size, low, high, units)
    verdict: Verdict = "PASS" if high <= margin else "FAIL" if low > margin else "INCONCLUSIVE"
    ground = {"PASS": Ground.MEAN_INSIDE, "FAIL": Ground.MEAN_BEYOND}.get(verdict, Ground.MEAN_UNSURE)
    return Statement("mean-effect", verdict, ground, size, low, high, units)


def decision(plan: Plan, said: Sequence[OverImages], images: int) -> DecisionRow:
    """Return the equivalence rule's row: how often it errs is not known, since no noise is."""
    rulings = [RulingRow(codec=one.codec, measurement=one.measurement, verdict=one.verdict, because=one.reason) for one in said]
    units = len(set(plan.specimens)) or images
    return DecisionRow(rule=plan.rule, images=units, replicas=0, rulings=tuple(rulings))
