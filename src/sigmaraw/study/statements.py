"""From rows to what is said over images: three statements per codec and measurement, and the codec's verdict."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import special

from sigmaraw.contracts import Measurement
from sigmaraw.record.results import EvidenceRow, ResultRow
from sigmaraw.record.statements import StatementRow
from sigmaraw.record.words import NO_NUMBER, Reason, Verdict, worst
from sigmaraw.statistics import Evidence, RowLimits, Statement, images_that_decide, judge_images, measure, step_of, what_decides
from sigmaraw.statistics.evidence import ALPHA
from sigmaraw.statistics.images import FEWEST_FOR_MEAN, CodecStatements, Ground, mean_effect
from sigmaraw.statistics.remedy import Means
from sigmaraw.statistics.spread import power_of_two
from sigmaraw.study.evidence import AgainstCamera
from sigmaraw.study.evidence_rows import evidence_row
from sigmaraw.study.plan import Plan
from sigmaraw.study.scoring import Predictions

_MOST_COPIES = 20
_Z = float(special.ndtri(0.95))
_FROM_NUMBERS = frozenset(
    {
        Reason.WITHIN_LIMITS, Reason.SHIFT_BEYOND, Reason.SPREAD_BEYOND, Reason.RMS_BEYOND, Reason.SHIFT_UNSURE, Reason.SPREAD_UNSURE,
        Reason.RMS_UNSURE, Reason.UNCHANGED, Reason.UNCHANGED_UNSURE, Reason.SPREAD_UNDEFINED, Reason.IDENTICAL, Reason.NO_RAW_VARIATION,
        Reason.FRAME_DIFFERS, Reason.RAW_UNDEFINED, Reason.CODEC_UNDEFINED, Reason.UNDEFINED, Reason.NOT_EXTRAPOLATED,
    }
)  # fmt: skip
"""Reasons that rest on predictions; any other one of an INCONCLUSIVE says that σ_raw itself is in doubt."""
_NOTHING_AGAINST = AgainstCamera()


@dataclass(frozen=True)
class OverImages:
    """What is said over images of one measurement under one codec: rows for the record, the verdict, and evidence by image."""

    codec: str
    measurement: str
    rows: tuple[StatementRow, ...]
    verdict: Verdict
    reason: str
    evidence: dict[int, EvidenceRow] = field(default_factory=dict)


def with_evidence(results: Sequence[ResultRow], said: Sequence[OverImages]) -> tuple[ResultRow, ...]:
    """Return results with the evidence on which they and the statements rest."""
    held = {(entry.codec, entry.measurement): entry.evidence for entry in said}
    return tuple(msgspec.structs.replace(row, evidence=held.get((row.codec, row.measurement), {}).get(row.image)) for row in results)


def over_images(
    plan: Plan,
    predictions: Predictions,
    measurements: Sequence[Measurement],
    results: Sequence[ResultRow],
    *,
    against: Sequence[AgainstCamera] = (),
    extrapolated: bool = False,
    alpha: float = ALPHA,
) -> list[OverImages]:
    """Return the statements of every codec on every measurement.

    Parameters
    ----------
    plan : Plan
        The study's plan.
    predictions : Predictions
        What was predicted, float64.
    measurements : sequence of Measurement
        What the pipeline measures.
    results : sequence of ResultRow
        Their verdicts count: what keeps a row from PASS keeps its image from "within".
    against : sequence of AgainstCamera
        What each image says against its noise model; nothing where it is left out.
    extrapolated : bool
        Replicas lie on several noise levels: evidence is then built from the rows' numbers.
    alpha : float
        One-sided level of each statement, 1; less where a study looked several times at its rows.

    References
    ----------
    formula 2.12.
    """
    found = []
    for index, codec in enumerate(plan.codecs):
        for column, measurement in enumerate(measurements):
            rows = [row for row in results if row.codec == codec and row.measurement == measurement.name]
            made = _Rows(plan, predictions, measurement, column, index, rows, against, extrapolated)
            found.append(made.said(alpha))
    return found


def codec_verdicts(found: Sequence[OverImages]) -> dict[str, Verdict]:
    """Return each codec's verdict: the worst over measurements, each of which has a limit of its own."""
    codecs = dict.fromkeys(entry.codec for entry in found)
    return {codec: worst(entry.verdict for entry in found if entry.codec == codec) for codec in codecs}


@dataclass(frozen=True)
class _Rows:
    """The rows of one codec and measurement over images."""

    plan: Plan
    predictions: Predictions
    measurement: Measurement
    column: int
    codec: int
    rows: Sequence[ResultRow]
    against: Sequence[AgainstCamera]
    extrapolated: bool

    def said(self, alpha: float) -> OverImages:
        """Return the three statements."""
        margin = self.plan.margin.get(self.measurement.name)
        usable = [index for index, row in enumerate(self.rows) if self._defined(index, row, margin)]
        undefined = len(self.rows) - len(usable)
        beyond_all = [row for index, row in enumerate(self.rows) if index not in usable and row.verdict == "FAIL"]
        if not usable:
            return self._row_of(_undefined(len(self.rows), len(beyond_all)), None, None, undefined, alpha)
        evidence, scale = self._evidence(usable, margin)
        size = 1.0 if margin is None else margin / scale
        limits = RowLimits(self.plan.k if margin is None else size, self.plan.spread, self.plan.rms_limit(self.measurement) * size)
        judge = functools.partial(
            judge_images,
            evidence,
            limits,
            specimens=self._specimens(usable),
            alpha=alpha,
            undefined=undefined,
            verdicts=[self.rows[index].verdict for index in usable],
        )
        doubted = [self._doubted(index) for index in usable]
        said = judge(doubted=doubted)
        if said.mean.verdict == "FAIL" and margin is None:
            said = judge(doubted=[doubt or self._understated(index) for doubt, index in zip(doubted, usable, strict=True)])
        if beyond_all:  # no noise, and the codec changes the answer: beyond without a p-value
            these = dataclasses.replace(said.these, verdict="FAIL", ground=Ground.IMAGE_BEYOND, failed=said.these.failed + len(beyond_all))
            said = CodecStatements(these, said.mean, said.share, "FAIL", Ground.IMAGE_BEYOND)
        said = dataclasses.replace(said, mean=_scaled(said.mean, scale if margin is not None else 1.0))
        held = {self.rows[index].image: evidence_row(evidence, at, scale if margin is not None else 1.0) for at, index in enumerate(usable)}
        return dataclasses.replace(self._row_of(said, evidence, limits, undefined, alpha, usable), evidence=held)

    def _defined(self, index: int, row: ResultRow, margin: float | None) -> bool:
        """Return whether an image's numbers are all there; an image that came back bit by bit has them whatever it answers."""
        if row.reason == Reason.IDENTICAL and not self.extrapolated:
            return True  # also where its answers are undefined
        raw, decoded = self._raw(index), self._decoded(index)
        if not (np.isfinite(raw).all() and np.isfinite(decoded).all()) or row.chi_raw is None or row.chi_codec is None:
            return False
        if row.reason == Reason.IDENTICAL or margin is not None:
            return not self.extrapolated or row.shift is not None
        if self.extrapolated:
            return row.epsilon_hat is not None and row.spread_ratio is not None and row.rms_d is not None
        return bool(row.sigma_raw)

    def _doubted(self, index: int) -> bool:
        """Return whether an image's σ_raw itself is in doubt, or would be if its numbers said PASS: no PASS of the mean rests on it."""
        if self.rows[index].verdict != "INCONCLUSIVE":
            return False
        against = self._against(index)
        return self.rows[index].reason not in _FROM_NUMBERS or against.quieter or against.mapped

    def _understated(self, index: int) -> bool:
        """Return whether an undecided image's σ_raw is understated: no FAIL of the mean in units of σ_raw rests on it."""
        return self.rows[index].verdict == "INCONCLUSIVE" and self._against(index).louder

    def _against(self, index: int) -> AgainstCamera:
        return self.against[self.rows[index].image] if self.against else _NOTHING_AGAINST

    def _raw(self, index: int) -> NDArray[np.float64]:
        image = self.rows[index].image
        rows = self.predictions.raw[:, :, image, self.column]
        return self._shown(index, rows if self.predictions.independent else rows[:1])

    def _decoded(self, index: int) -> NDArray[np.float64]:
        return self._shown(index, self.predictions.decoded[self.codec, :, self.rows[index].image, self.column])

    def _shown(self, index: int, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return predictions; where none changes and some are undefined, 0 for these: that nothing changes is all that is asked of them."""
        if self.rows[index].reason != Reason.IDENTICAL:
            return values
        return np.where(np.isfinite(values), values, 0.0)

    def _evidence(self, usable: Sequence[int], margin: float | None) -> tuple[Evidence, float]:
        """Return the evidence (image), and by what power of two values in the measurement's unit were divided."""
        rows = [self.rows[index] for index in usable]
        if self.extrapolated:
            return _from_numbers(rows, margin is not None, rows[0].n or self.predictions.raw.shape[1]), 1.0
        raw, decoded = (np.stack([part(index) for index in usable]) for part in (self._raw, self._decoded))
        scale = power_of_two(raw, decoded)
        raw, decoded = raw / scale, decoded / scale
        discrete = self.measurement.discrete
        found = measure(
            raw,
            decoded,
            self.codec + 1 if self.predictions.independent else 0,
            step=np.array([step_of(x, y, discrete) for x, y in zip(raw, decoded, strict=True)]),
            discrete=discrete,
            u_relative=np.array([math.hypot(row.u_mode or 0.0, row.u_cal or 0.0) for row in rows]),
            spread_factor=np.array([row.spread_factor or 1.0 for row in rows]),
            in_unit=margin is not None,
        )
        same = np.array([row.reason == Reason.IDENTICAL for row in rows])
        still = np.array([not row.sigma_raw for row in rows])
        return _exact(_without_spread(found, still), same), scale

    def _specimens(self, usable: Sequence[int]) -> list[str] | None:
        names = self.plan.specimens
        return [names[self.rows[index].image] for index in usable] if names else None

    def _row_of(
        self,
        said: CodecStatements,
        evidence: Evidence | None,
        limits: RowLimits | None,
        undefined: int,
        alpha: float,
        usable: Sequence[int] = (),
    ) -> OverImages:
        margin = self.measurement.name in self.plan.margin
        units = {"these-images": "1", "mean-effect": self.measurement.unit if margin else "sigma_raw", "share-of-images": "1"}
        rows = tuple(
            StatementRow(
                codec=self.plan.codecs[self.codec],
                measurement=self.measurement.name,
                statement=found.name,
                verdict=found.verdict,
                reason=str(found.ground),
                value=found.value if math.isfinite(found.value) else None,
                ci=(found.low, found.high),
                unit=units[found.name],
                counted="specimen" if self.plan.specimens and found.name != "these-images" else "image",
                units=found.units,
                passed=None if found.name == "mean-effect" else found.passed,
                failed=None if found.name == "mean-effect" else found.failed,
                undefined=undefined,
                left_out=found.left_out,
                decides=self._decides(found, evidence, limits, alpha, usable),
            )
            for found in (said.these, said.mean, said.share)
        )
        return OverImages(self.plan.codecs[self.codec], self.measurement.name, rows, said.verdict, str(said.ground))

    def _decides(self, said: Statement, evidence: Evidence | None, limits: RowLimits | None, alpha: float, usable: Sequence[int]) -> str:
        """Return what would decide an undecided statement, in words."""
        if said.verdict != "INCONCLUSIVE":
            return ""
        if evidence is None or limits is None or said.ground is Ground.UNDEFINED:
            return (
                f"{NO_NUMBER}on some image the answer is not a finite number, or raw noise does not change it; look at it, or set a margin"
            )
        if said.ground is Ground.NOT_TRUSTED:
            return f"{NO_NUMBER}the camera profile does not describe these frames; calibrate the camera, or take real repeats"
        if said.name == "these-images":
            doubted = sum(self._doubted(index) for index in usable)
            if doubted:  # more replicas would show no image in doubt to be within
                return f"{NO_NUMBER}σ_raw of {doubted} image{'s' if doubted > 1 else ''} is in doubt; see the warnings of these images"
            return _replicas(evidence, limits, alpha)
        if said.name == "share-of-images":
            more = _images_for_share(said)
            return "more replicas, so that fewer images are undecided" if more is None else f"{more} more images, all within the limits"
        return self._images(evidence, limits, alpha, said.units)

    def _images(self, evidence: Evidence, limits: RowLimits, alpha: float, units: int) -> str:
        """Return how many more images would decide the mean effect: the most that one of its three parts needs."""
        if units < FEWEST_FOR_MEAN:
            more = FEWEST_FOR_MEAN - units
            return f"at least {more} more image{'s' if more > 1 else ''}, since a mean over images needs {FEWEST_FOR_MEAN}"
        if not all(np.isfinite(values).all() for values in (evidence.shift, evidence.ln_ratio, evidence.square)):
            return _replicas(evidence, limits, alpha)  # on an image nothing varies after the codec, in so few replicas
        u, edge = float(np.sqrt(np.mean(evidence.u_relative**2))), float(np.log(limits.spread))
        parts = [
            images_that_decide(evidence.shift, float(limits.k), u_relative=u, alpha=alpha),
            images_that_decide(evidence.ln_ratio, edge, alpha=alpha),
            images_that_decide(evidence.square, float(limits.rms) ** 2, lower_limit=-math.inf, u_relative=2.0 * u, alpha=alpha),
        ]
        blocked = [part for part in parts if part.means not in (Means.NOTHING, Means.IMAGES)]
        if blocked:
            return str(blocked[0])
        most = max(parts, key=lambda part: part.more_images or 0)
        return self._images_like_these(evidence, limits, alpha) if most.means is Means.NOTHING else str(most)

    def _images_like_these(self, evidence: Evidence, limits: RowLimits, alpha: float) -> str:
        """Return how many more images would decide where only the guard against skewed units stands in the way: copies of these do."""
        rows = np.arange(len(evidence))
        for copies in range(2, _MOST_COPIES):
            if mean_effect(evidence.take(np.tile(rows, copies)), limits, alpha=alpha).verdict != "INCONCLUSIVE":
                more = len(evidence) * (copies - 1)
                return f"{more} more images"
        return _replicas(evidence, limits, alpha)


def _replicas(evidence: Evidence, limits: RowLimits, alpha: float) -> str:
    """Return what would decide those images that are undecided: the most replicas that one needs, or why no number does."""
    found = [part for part in what_decides(evidence, limits, alpha) if part.means is not Means.NOTHING]
    if not found:  # each image is decided by itself: only the demand that all hold at once, or what is no number, stands in the way
        return _all_at_once(evidence, limits, alpha)
    blocked = [part for part in found if part.means is not Means.REPLICAS]
    return str(blocked[0]) if blocked else str(max(found, key=lambda part: part.n or 0))


def _all_at_once(evidence: Evidence, limits: RowLimits, alpha: float) -> str:
    """Return what would decide images of which each is decided by itself.

    An image beyond a limit is not shown to be so among so many (Holm): n replicas that show it at the level α/J do.
    """
    found = [part for part in what_decides(evidence, limits, alpha / len(evidence)) if part.means is Means.REPLICAS]
    if not found:
        return f"{NO_NUMBER}the estimates lie at the limits themselves"
    return f"n ≈ {max(part.n or 0 for part in found)}: each image is decided by itself, but not all of them at once"


def _images_for_share(said: Statement) -> int | None:
    """Return how many more images, all within, would show the share to be below its limit; None beyond a thousand."""
    outside = said.units - said.passed
    for total in range(said.units, said.units + 1000):
        if total > outside and float(special.betaincinv(outside + 1.0, total - outside, 1.0 - ALPHA)) / (1.0 - ALPHA) <= 0.10:
            return total - said.units
    return None


def _undefined(images: int, beyond: int) -> CodecStatements:
    """Return the statements where no image has finite numbers. beyond : images that changed although no noise moves them."""
    verdict: Verdict = "FAIL" if beyond else "INCONCLUSIVE"
    ground = Ground.IMAGE_BEYOND if beyond else Ground.UNDEFINED
    these = Statement("these-images", verdict, ground, 0.0, 0.0, float(images - beyond), images, 0, beyond)
    mean = Statement("mean-effect", "INCONCLUSIVE", Ground.UNDEFINED, math.nan, 0.0, math.inf, images)
    share = Statement("share-of-images", "INCONCLUSIVE", Ground.UNDEFINED, 1.0, 0.0, 1.0, images, 0, beyond)
    return CodecStatements(these, mean, share, verdict, ground)


def _scaled(said: Statement, scale: float) -> Statement:
    return said if scale == 1.0 else dataclasses.replace(said, value=said.value * scale, low=said.low * scale, high=said.high * scale)


_ZERO = (
    "shift", "ln_ratio", "rms", "u_relative", "u_normal", "u_shift", "morgan", "u_ratio", "u_rms", "events", "event_shift",
    "event_square", "event_variance", "square",
)  # fmt: skip


def _exact(evidence: Evidence, rows: NDArray[np.bool_]) -> Evidence:
    """Return the evidence with no change, for certain, in some rows: every pixel came back there."""
    # arrays by field name
    changes: dict[str, Any] = {name: np.where(rows, 0.0, getattr(evidence, name)) for name in _ZERO}
    changes |= {
        name: np.where(rows, evidence.n - 1.0, getattr(evidence, name)) for name in ("dof_normal", "dof_shift", "dof_ratio", "dof_rms")
    }
    changes |= {name: np.where(rows, np.nan, getattr(evidence, name)) for name in ("f_dof", "few_others")}
    changes |= {"rare": evidence.rare & ~rows, "same_spread": evidence.same_spread | rows}
    return dataclasses.replace(evidence, **changes)


def _without_spread(evidence: Evidence, rows: NDArray[np.bool_]) -> Evidence:
    """Return the evidence without a ratio in some rows: a margin makes it superfluous where raw predictions do not vary."""
    names = ("ln_ratio", "u_ratio", "morgan", "event_variance")
    # arrays by field name
    changes: dict[str, Any] = {name: np.where(rows, 0.0, getattr(evidence, name)) for name in names}
    changes["few_others"] = np.where(rows, np.nan, evidence.few_others)
    changes["dof_ratio"] = np.where(rows, evidence.n - 1.0, evidence.dof_ratio)
    return dataclasses.replace(evidence, **changes)


def _from_numbers(rows: Sequence[ResultRow], in_unit: bool, n: int) -> Evidence:
    """Return the evidence of rows that were extrapolated over noise levels: their estimates and intervals, taken as normal.

    The 90 % interval of the ratio and the upper limit of RMS(D) give back their uncertainties: ln(high/low)/(2 t), ln(upper/RMS)/t.
    """

    def column(values: Sequence[float | None]) -> NDArray[np.float64]:
        return np.array([math.nan if value is None else value for value in values], dtype=np.float64)

    dof = np.maximum(np.nan_to_num(column([row.dof for row in rows]), nan=float(n - 1)), 1.0)
    t = special.stdtrit(dof, 0.95)
    u_relative = np.array([0.0 if in_unit else math.hypot(row.u_mode or 0.0, row.u_cal or 0.0) for row in rows])
    low, high = (column([(row.spread_ratio_ci or (None, None))[end] for row in rows]) for end in (0, 1))
    with np.errstate(all="ignore"):
        if in_unit:
            shift, u_shift = column([row.shift for row in rows]), column([row.u_shift for row in rows])
            sigma = column([row.sigma_raw for row in rows])
            rms = np.where(np.isfinite(sigma), column([row.rms_d for row in rows]) * sigma, math.nan)
            upper = column([row.rms_shift_upper for row in rows])
        else:
            shift, u_shift = column([row.epsilon_hat for row in rows]), column([row.u_mc for row in rows])
            rms, upper = column([row.rms_d for row in rows]), column([row.rms_d_upper for row in rows])
        u_rms = np.sqrt(np.maximum((np.log(upper / rms) / t) ** 2 - (_Z * u_relative / t) ** 2, 0.0))
        u_rms = np.where(rms > 0.0, u_rms, 0.0)
        ratio = np.log(column([row.spread_ratio for row in rows]))
        u_ratio = np.log(high / low) / (2.0 * t)
    zero, none = np.zeros(len(rows)), np.full(len(rows), math.nan)
    found = Evidence(
        n=n, shift=shift, ln_ratio=ratio, rms=rms, u_relative=u_relative, u_normal=u_shift, dof_normal=dof, u_shift=u_shift, dof_shift=dof,
        morgan=zero, u_ratio=u_ratio, dof_ratio=dof, u_rms=u_rms, dof_rms=dof, f_dof=none, sigma_dof=float(n), rare=zero > 0.0, events=zero,
        event_shift=zero, event_square=zero, event_variance=zero, square=rms**2, same_spread=zero > 0.0, few_others=none, few_variance=zero,
        few_width=zero,
    )  # fmt: skip
    return _exact(found, np.array([row.reason == Reason.IDENTICAL for row in rows]))
