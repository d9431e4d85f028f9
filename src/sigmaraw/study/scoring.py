"""From predictions to the record's rows: which predictions enter which test."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Measurement, ReplicaMode
from sigmaraw.record.results import DeltaRow, LookRow, ResultRow, TestRow, TukeyRow, UndefinedRow, WarningRow
from sigmaraw.record.words import CodedWarning, Reason, Verdict
from sigmaraw.statistics import (
    Assessment,
    DoubleBootstrap,
    assess,
    assess_extrapolated,
    double_bootstrap,
    estimated_u_mode,
    measure,
    step_of,
    tukey,
)
from sigmaraw.statistics.distributions import t_quantile
from sigmaraw.statistics.equality import TestResult
from sigmaraw.statistics.evidence import ALPHA
from sigmaraw.statistics.images import may_leave_out
from sigmaraw.statistics.row_parts import RawSummary, RowParts, parts_of_rows, raw_summary
from sigmaraw.statistics.spread import power_of_two
from sigmaraw.statistics.warnings import FRAME_SHIFT, SHIFT_P, shift_p
from sigmaraw.study.evidence import under_evidence
from sigmaraw.study.evidence_rows import evidence_row
from sigmaraw.study.plan import Plan
from sigmaraw.study.replica_checks import CHECKS_BY_CHANCE, ReplicaDiagnostics

FROM_DOUBLE_BOOTSTRAP = "from the double bootstrap of this measurement on this image"
"""How `u_mode_source` names an estimate of this pipeline."""
_RUN_ALARMS = 0.01  # share of runs with the right camera in which one kind of warning bears on a verdict, over all rows of the run
_MANY_CONTRASTS = 1000  # of a study: its probabilities then come from a table, which costs as much as 400 of them
_MOST_FOR_ALL_PAIRS = 12  # codecs: 78 contrasts; 40 codecs would have 820 and take seconds for each image and measurement


@dataclass(frozen=True)
class Predictions:
    """Everything predicted, float64.

    Parameters
    ----------
    raw : ndarray of float
        (group, replica, image, measurement).
    decoded : ndarray of float
        (codec, replica, image, measurement).
    chi_raw : ndarray of float
        (image, measurement), f(x).
    chi_codec : ndarray of float
        (codec, image, measurement), f(C(x)).
    independent : bool
        Each group drew from its random stream.
    double_bootstrap : ndarray of float
        (start, replica, image, measurement), raw replicas of groups that start from a replica of group 0.
    pixels_identical : ndarray of bool
        (codec, image), the codec gave every pixel of x and of all replicas back.
    """

    raw: NDArray[np.float64]
    decoded: NDArray[np.float64]
    chi_raw: NDArray[np.float64]
    chi_codec: NDArray[np.float64]
    independent: bool
    double_bootstrap: NDArray[np.float64]
    pixels_identical: NDArray[np.bool_]


@dataclass(frozen=True)
class Decided:
    """The verdicts that looks at growing n have left, row by row in the order of `Scoring.all`.

    at : replicas per group, 0 undecided. looks : the look of those that were not decided at the last.
    """

    verdicts: tuple[Verdict, ...]
    reasons: tuple[Reason, ...]
    at: tuple[int, ...]
    looks: tuple[LookRow | None, ...] = ()


@dataclass(frozen=True)
class Scoring:
    """The predictions of a study with everything that the tests need.

    Parameters
    ----------
    diagnostics : sequence of ReplicaDiagnostics
        The checks of each image.
    deltas : sequence of mapping of str to DeltaRow
        For each image, σ_raw by the law of propagation, by measurement.
    differences : ndarray
        (image, measurement), between the pipeline's answers on one image, the measurement's unit.
    alpha : float
        One-sided level of each part of a verdict.
    decided : mapping
        Verdicts of looks; a row keeps that of the look that decided it.
    linear_in_noise : ndarray of bool, optional
        (measurement,), whether it is linear in the noise.
    """

    plan: Plan
    predictions: Predictions
    measurements: Sequence[Measurement]
    mode: ReplicaMode
    diagnostics: Sequence[ReplicaDiagnostics]
    deltas: Sequence[Mapping[str, DeltaRow]]
    differences: NDArray[np.float64]
    alpha: float = ALPHA
    decided: Decided | None = None
    linear_in_noise: NDArray[np.bool_] | None = None
    _u_modes: dict[tuple[int, int], tuple[float, str]] = field(default_factory=dict, init=False, repr=False)
    _double_bootstraps: dict[tuple[int, int], DoubleBootstrap] = field(default_factory=dict, init=False, repr=False)
    _shifted: dict[tuple[int, int], int] = field(default_factory=dict, init=False, repr=False)
    _summaries: dict[tuple[int, int], RawSummary | None] = field(default_factory=dict, init=False, repr=False)
    _parts: dict[tuple[int, int], dict[int, RowParts]] = field(default_factory=dict, init=False, repr=False)

    def places(self) -> Iterator[tuple[int, int, int]]:
        """Yield (image, codec, measurement) of every row, in the record's order."""
        return itertools.product(range(self.predictions.raw.shape[2]), range(len(self.plan.codecs)), range(len(self.measurements)))

    def assessments(self) -> list[Assessment]:
        """Return what is said of every row at this level, without the parts of a record that do not decide."""
        return [self._assessment(*place) for place in self.places()]

    def look(self, image: int, codec: int, column: int) -> LookRow | None:
        """Return the evidence of a row as it is now, at this level; None where predictions are undefined or extrapolated."""
        raw, decoded = _groups(self.predictions, image, column), self.predictions.decoded[codec, :, image, column]
        if self.mode.extrapolation is not None or not (np.isfinite(raw).all() and np.isfinite(decoded).all()):
            return None
        measurement, of_image = self.measurements[column], self.diagnostics[image]
        found = measure(
            raw[np.newaxis],
            decoded[np.newaxis],
            codec + 1 if self.predictions.independent else 0,
            step=step_of(raw, decoded, measurement.discrete),
            discrete=measurement.discrete,
            u_relative=math.hypot(self.u_mode(image, column)[0], of_image.u_cal),
            spread_factor=of_image.spread_factor,
            in_unit=measurement.name in self.plan.margin,
        )
        return LookRow(level=self.alpha, evidence=evidence_row(found, 0))

    def all(self) -> tuple[list[ResultRow], list[UndefinedRow]]:
        """Return the record's `results` and `undefined` rows, per image, codec and measurement."""
        results: list[ResultRow] = []
        undefined: list[UndefinedRow] = []
        for number, place in enumerate(self.places()):
            row, missing = self.one(*place)
            results.append(row if self.decided is None else _as_decided(row, self.decided, number))
            undefined += missing
        return results, undefined

    def one(self, image: int, codec: int, column: int) -> tuple[ResultRow, list[UndefinedRow]]:
        """Return the row of one codec on one measurement of one image, and what of it is undefined."""
        measurement, name = self.measurements[column], self.plan.codecs[codec]
        assessment = self._assessment(image, codec, column)
        nested = self._nested(image, column)
        row = self._row(image, name, column, assessment, nested)
        missing = [
            UndefinedRow(
                image=image, codec=name, measurement=measurement.name, field=entry.field, reason=str(entry.reason), count=entry.count
            )
            for entry in assessment.undefined
        ]
        return row, missing

    def _assessment(self, image: int, codec: int, column: int) -> Assessment:
        """Return what predictions say of a row, with the verdict that the evidence against its image allows."""
        return under_evidence(
            self._of_predictions(image, codec, column),
            self.diagnostics[image].against,
            identical=bool(self.predictions.pixels_identical[codec, image]),
            margin=self.measurements[column].name in self.plan.margin,
            difference=float(self.differences[image, column]),
        )

    def _of_predictions(self, image: int, codec: int, column: int) -> Assessment:
        measurement, predictions, mode = self.measurements[column], self.predictions, self.mode
        plan, of_image = self.plan, self.diagnostics[image]
        raw, decoded = _groups(predictions, image, column), predictions.decoded[codec, :, image, column]
        chi_raw, chi_codec = float(predictions.chi_raw[image, column]), float(predictions.chi_codec[codec, image, column])
        group = codec + 1 if predictions.independent else 0
        limits = plan.limits(measurement)
        u_mode, _ = self.u_mode(image, column)
        if mode.extrapolation is not None:
            return assess_extrapolated(
                chi_raw=chi_raw,
                chi_codec=chi_codec,
                raw=raw,
                group=group,
                decoded=decoded,
                rule=mode.extrapolation,
                limits=limits,
                u_mode=u_mode,
                u_cal=of_image.u_cal,
            )
        return assess(
            chi_raw=chi_raw,
            chi_codec=chi_codec,
            raw=raw,
            group=group,
            decoded=decoded,
            discrete=measurement.discrete,
            limits=limits,
            u_mode=u_mode,
            u_cal=of_image.u_cal,
            independent=predictions.independent,
            spread_factor=of_image.spread_factor,
            pixels_identical=bool(predictions.pixels_identical[codec, image]),
            alpha=self.alpha,
            parts=self._parts_of(codec, column).get(image),
        )

    def _parts_of(self, codec: int, column: int) -> dict[int, RowParts]:
        """Return tests and evidence of all images at once, for one codec and measurement.

        Images whose numbers are so large or small that their squares overflow or vanish are left out: `assess` scales each of them.
        """
        if (codec, column) not in self._parts:
            predictions, discrete = self.predictions, self.measurements[column].discrete
            decoded = predictions.decoded[codec, :, :, column].T
            raw = {image: _groups(predictions, image, column) for image in range(len(decoded))}
            images = [image for image in raw if power_of_two(raw[image], decoded[image]) == 1.0]
            for image in images:
                if (image, column) not in self._summaries:
                    self._summaries[image, column] = raw_summary(raw[image], self.diagnostics[image].spread_factor, discrete)
            found = parts_of_rows(
                np.stack([raw[image] for image in images]) if images else np.empty((0, *predictions.raw.shape[:2])),
                decoded[images],
                codec + 1 if predictions.independent else 0,
                discrete=discrete,
                independent=predictions.independent,
                u_relative=np.array([math.hypot(self.u_mode(image, column)[0], self.diagnostics[image].u_cal) for image in images]),
                spread_factor=np.array([self.diagnostics[image].spread_factor for image in images]),
                summaries=[self._summaries[image, column] for image in images],
                alpha=self.alpha,
            )
            self._parts[codec, column] = dict(zip(images, found, strict=True))
        return self._parts[codec, column]

    def u_mode(self, image: int, column: int) -> tuple[float, str]:
        """Return the relative standard uncertainty of σ_raw from the mode, and where it comes from.

        The coverage study's value where it has measured the kind. Otherwise that of a mean where the measurement is linear in the noise,
        and else what the double bootstrap shows for it on this image; the study's largest where there is none. Codecs share it.
        """
        if (image, column) not in self._u_modes:
            self._u_modes[image, column] = self._u_mode(image, column)
        return self._u_modes[image, column]

    def _u_mode(self, image: int, column: int) -> tuple[float, str]:
        measurement, mode = self.measurements[column], self.mode
        studied = mode.u_mode(measurement)
        if mode.studied_kind(measurement):
            return studied
        if self.linear_in_noise is not None and self.linear_in_noise[column]:
            return mode.u_mode(replace(measurement, kind="mean"))[0], f"{mode.name}, linear in the noise (tested): that of a mean"
        raw, second = _groups(self.predictions, image, column), self.predictions.double_bootstrap[:, :, image, column]
        value = estimated_u_mode(raw, second, measurement.discrete)
        return studied if math.isnan(value) else (value, f"{mode.name}, kind not measured: {FROM_DOUBLE_BOOTSTRAP}")

    def _nested(self, image: int, column: int) -> DoubleBootstrap:
        """Return what the double bootstrap says of a measurement of an image; codecs share it."""
        if (image, column) not in self._double_bootstraps:
            raw, second = _groups(self.predictions, image, column), self.predictions.double_bootstrap[:, :, image, column]
            self._double_bootstraps[image, column] = double_bootstrap(raw, second, self.measurements[column].discrete)
        return self._double_bootstraps[image, column]

    def _row(self, image: int, codec: str, column: int, found: Assessment, nested: DoubleBootstrap) -> ResultRow:
        measurement, predictions, mode = self.measurements[column], self.predictions, self.mode
        levels, position = len(mode.extrapolation.levels) if mode.extrapolation else 1, self.plan.codecs.index(codec)
        return ResultRow(
            image=image,
            codec=codec,
            measurement=measurement.name,
            chi_raw=predictions.chi_raw[image, column],
            chi_codec=predictions.chi_codec[position, image, column],
            verdict=found.verdict,
            reason=str(found.reason),
            sigma_raw=found.sigma_raw,
            sigma_raw_ci=found.sigma_raw_ci,
            epsilon=found.epsilon,
            epsilon_hat=found.epsilon_hat,
            epsilon_hat_ci=found.epsilon_hat_ci,
            u=found.u,
            u_mc=found.u_mc,
            u_mode=found.u_mode,
            u_cal=found.u_cal,
            dof=found.dof,
            guard_factor=(factor := _guard_factor(found.dof)),
            guard=factor * found.u,
            limit=found.limit,
            spread_ratio=found.spread_ratio,
            spread_ratio_ci=found.spread_ratio_ci,
            rms_d=found.rms_d,
            rms_d_upper=found.rms_d_upper,
            shift=found.shift,
            u_shift=found.u_shift,
            dof_shift=found.dof_shift,
            shift_range=self._shift_range(image, self.plan.codecs.index(codec), column),
            pixels_identical=bool(predictions.pixels_identical[self.plan.codecs.index(codec), image]),
            rms_shift_upper=found.rms_shift_upper,
            ks=_test_row(found.ks),
            ks_null=_test_row(found.ks_null),
            null_flag_rate=found.null_flag_rate,
            centre_shift=found.centre_shift,
            method=found.method,
            spread_factor=found.spread_factor,
            shift_percent=_percent(found.shift, predictions.chi_raw[image, column]),
            u_shift_percent=_percent(found.u_shift, predictions.chi_raw[image, column]),
            warnings=self._warnings(
                found, [*found.warnings, *nested.warnings, *self.diagnostics[image].warnings(measurement)], image, position, column
            ),
            u_mode_source=self.u_mode(image, column)[1],
            mode=self.plan.mode,
            n=predictions.raw.shape[1] // levels,
            double_bootstrap=nested.value,
            delta=self.deltas[image][measurement.name],
        )

    def _shift_range(self, image: int, codec: int, column: int) -> tuple[float, float] | None:
        """Return the smallest and the largest paired shift; None where a prediction is undefined."""
        group = codec + 1 if self.predictions.independent else 0
        difference = self.predictions.decoded[codec, :, image, column] - self.predictions.raw[group, :, image, column]
        return (float(difference.min()), float(difference.max())) if np.isfinite(difference).all() else None

    def _warnings(self, found: Assessment, texts: Sequence[str], image: int, codec: int, column: int) -> tuple[WarningRow, ...]:
        """Return the rows of a result's warnings. None bears on answers that are identical for certain."""
        certain = found.reason is Reason.IDENTICAL
        made = []
        for text in texts:
            code, bears = (text.code, text.bears) if isinstance(text, CodedWarning) else ("check", True)
            made.append(WarningRow(code=code, text=str(text), bears=not certain and self._bears(code, bears, found, image, codec, column)))
        return tuple(made)

    def _bears(self, code: str, bears: bool, found: Assessment, image: int, codec: int, column: int) -> bool:
        """Return whether a warning could change the codec's verdict.

        What brings single images into doubt by chance bears where it is seen in more images than their mean may leave out. Elsewhere groups
        of raw replicas that differ, and a frame whose own shift is no draw of its replicas', bear where that would be rare over the whole
        run, not only for this row (Bonferroni).
        """
        images = len(set(self.plan.specimens)) or self.predictions.raw.shape[2]
        rows = self.predictions.raw.shape[2] * len(self.plan.codecs) * len(self.measurements)
        if code in (FRAME_SHIFT, *CHECKS_BY_CHANCE) and may_leave_out(images):
            return self._images_with(code, codec, column) > may_leave_out(images)
        if code == FRAME_SHIFT:
            return self._shift_p(image, codec, column) < _RUN_ALARMS / rows
        if code == "groups-differ":
            return found.ks_null is not None and found.ks_null.p < _RUN_ALARMS / rows
        return bears

    def _images_with(self, code: str, codec: int, column: int) -> int:
        """Return in how many images a check failed, or the frame's own shift by a codec is no draw of its replicas'."""
        if code != FRAME_SHIFT:
            return sum(any(check.name == code and not check.passed for check in one.checks) for one in self.diagnostics)
        if (codec, column) not in self._shifted:
            images = range(self.predictions.raw.shape[2])
            self._shifted[codec, column] = sum(self._shift_p(image, codec, column) < SHIFT_P for image in images)
        return self._shifted[codec, column]

    def _shift_p(self, image: int, codec: int, column: int) -> float:
        """Return how rarely a codec's replicas would give the frame's own shift; 1 where a prediction is undefined."""
        predictions, group = self.predictions, codec + 1 if self.predictions.independent else 0
        on_frame = float(predictions.chi_codec[codec, image, column] - predictions.chi_raw[image, column])
        return shift_p(on_frame, predictions.decoded[codec, :, image, column] - predictions.raw[group, :, image, column])


def _as_decided(row: ResultRow, decided: Decided, number: int) -> ResultRow:
    """Return a row with the verdict of the look that decided it."""
    at = decided.at[number]
    look = decided.looks[number] if decided.looks else None
    return msgspec.structs.replace(
        row, verdict=decided.verdicts[number], reason=str(decided.reasons[number]), decided_at=at or None, look=look
    )


def _guard_factor(dof: float) -> float:
    """Return the coverage factor of U, t at 95 % one-sided; undefined where there are no degrees of freedom."""
    return t_quantile(0.95, dof) if dof > 0 else math.nan


def _percent(value: float, reference: float) -> float | None:
    """Return a value in % of |reference|; None where that is 0 or undefined."""
    return 100.0 * value / abs(reference) if math.isfinite(reference) and reference != 0.0 and math.isfinite(value) else None


def _groups(predictions: Predictions, image: int, column: int) -> NDArray[np.float64]:
    """Return the raw predictions (group, replica); groups that share their frames are one group."""
    rows = predictions.raw[:, :, image, column]
    return rows if predictions.independent else rows[:1]


def _test_row(test: TestResult | None) -> TestRow | None:
    return None if test is None else TestRow(statistic=test.statistic, p=test.p, method=test.method)


def tukey_all(
    plan: Plan, predictions: Predictions, measurements: Sequence[Measurement], mode: ReplicaMode
) -> tuple[list[TukeyRow], list[UndefinedRow]]:
    """Return the record's `tukey` rows and what is undefined: Tukey HSD over {raw 0, C_1 … C_G} per image and measurement.

    With many codecs, as a sweep has them, only contrasts with raw are returned: those between codecs grow as their square.
    """
    reference = "raw" if len(plan.codecs) > _MOST_FOR_ALL_PAIRS else None
    pairs = len(plan.codecs) if reference else len(plan.codecs) * (len(plan.codecs) + 1) // 2
    many = predictions.raw.shape[2] * len(measurements) * pairs > _MANY_CONTRASTS  # of this study alone, so that its numbers are its own
    rows: list[TukeyRow] = []
    undefined: list[UndefinedRow] = []
    for image in range(predictions.raw.shape[2]):
        for column, measurement in enumerate(measurements):
            if not predictions.independent or mode.extrapolation is not None:
                why = "groups share their frames" if mode.extrapolation is None else str(Reason.EXTRAPOLATED)
                undefined.append(UndefinedRow(image=image, measurement=measurement.name, field="tukey", reason=why, count=1))
                continue
            groups = {"raw": predictions.raw[0, :, image, column]}
            groups |= {codec: predictions.decoded[index, :, image, column] for index, codec in enumerate(plan.codecs)}
            contrasts, design = tukey(groups, reference=reference, many=many)
            for contrast in contrasts:
                reason = None if contrast.reason is None else str(contrast.reason)
                if not math.isfinite(contrast.p_adjusted):
                    name, missing = measurement.name, str(contrast.reason)
                    undefined.append(
                        UndefinedRow(image=image, codec=contrast.group2, measurement=name, field="tukey", reason=missing, count=1)
                    )
                rows.append(
                    TukeyRow(
                        image=image,
                        measurement=measurement.name,
                        group1=contrast.group1,
                        group2=contrast.group2,
                        mean_difference=contrast.mean_difference,
                        p_adjusted=contrast.p_adjusted,
                        reject=contrast.reject,
                        reason=reason,
                        ci=(contrast.low, contrast.high),
                        design=design,
                    )
                )
    return rows, undefined
