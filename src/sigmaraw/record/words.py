"""The words of a record: verdicts, and the reasons of verdicts and of missing values, each with its own sentence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Self

Verdict = Literal["PASS", "INCONCLUSIVE", "FAIL"]

VERDICTS: tuple[Verdict, ...] = ("PASS", "INCONCLUSIVE", "FAIL")
"""From best to worst."""


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst of some verdicts; PASS for none."""
    return max(verdicts, key=VERDICTS.index, default="PASS")


NO_NUMBER = "no number of replicas: "
"""With this begins, in `statements[].decides`, what decides where more replicas do not."""


class Explained(StrEnum):
    """An enumeration whose members are a short name that goes into the record, with the sentence that explains it as `help`."""

    help: str

    def __new__(cls, value: str, help: str) -> Self:
        """Make a member that is its text and has `help`."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.help = help
        return member


class CodedWarning(str):
    """A warning's text with the short name of its kind, and whether it could change a verdict.

    Parameters
    ----------
    text : str
        The warning.
    code : str
        Short name of its kind.
    bears : bool
        Whether a right camera and mode give it so rarely, and a wrong one so often, that a verdict should not be used beside it.
    """

    __slots__ = ("bears", "code")
    code: str
    bears: bool

    def __new__(cls, text: str, code: str, bears: bool = False) -> Self:
        """Make the text with its code."""
        made = str.__new__(cls, text)
        made.code, made.bears = code, bears
        return made


class Reason(Explained):
    """Why a verdict was given, or why a number is missing."""

    # verdicts
    IDENTICAL = "identical", "every decoded pixel equals the pixel before it, so every prediction is the same"
    UNCHANGED = (
        "no replica changed",
        "pixels differ but no replica's prediction does; at most 3/N of replicas can change (95 %), and the limits allow that",
    )
    UNCHANGED_UNSURE = (
        "too few replicas to bound rare changes",
        "pixels differ but no replica's prediction does; up to 3/N of replicas can change (95 %), more than the limits allow: draw more",
    )
    WITHIN_LIMITS = "within limits", "shift, spread ratio and RMS shift lie inside their limits, uncertainty included"
    SHIFT_BEYOND = "shift beyond limit", "the mean shift exceeds its limit by more than its uncertainty"
    SPREAD_BEYOND = "spread ratio beyond limit", "the 90 % interval of the spread ratio lies outside its limits"
    RMS_BEYOND = "RMS shift beyond limit", "the lower 95 % limit of the RMS shift exceeds its limit"
    SHIFT_UNSURE = "shift too uncertain", "the mean shift is closer to its limit than its uncertainty allows: more replicas may decide"
    SPREAD_UNSURE = "spread ratio too uncertain", "the 90 % interval of the spread ratio crosses a limit: more replicas may decide"
    RMS_UNSURE = "RMS shift too uncertain", "the 90 % interval of the RMS shift contains its limit: more replicas may decide"
    SPREAD_UNDEFINED = "spread ratio undefined", "the predictions of this group's raw replicas do not vary, so no ratio can be formed"
    NO_RAW_VARIATION = (
        "no raw variation",
        "raw noise does not change the prediction but the codec does: there is no noise to compare with; state a margin",
    )
    FRAME_DIFFERS = (
        "frame differs, replicas do not",
        "no prediction on a replica changes, but that on the frame does, by more than the limit: the replicas do not represent the frame",
    )
    FRAME_QUIETER = (
        "the frame is quieter than the camera says",
        "the frame holds less noise than replicas, so that σ_raw is overstated: no PASS rests on it",
    )
    FRAME_LOUDER = (
        "the frame is louder than the camera says",
        "the frame holds more noise than replicas, so that σ_raw is understated: no FAIL rests on it",
    )
    FRAME_NOT_RAW = "the frame is not raw", "the grey values are not the converter's: bits were shifted, or values multiplied or mapped"
    SHIFT_NO_DRAW = (
        "the frame's shift does not fit its replicas",
        "the codec's shift of the prediction on the frame itself does not fit its shifts on the replicas (p < .001)",
    )
    ANSWERS_DIFFER = (
        "answers differ on the same image",
        "the pipeline, or the codec, answers the same image differently each time; with that uncertainty the limit is too near",
    )
    # without a camera
    WITHIN_MARGIN = "within the margin", "the change of the answer is within the plan's margin; no noise was drawn"
    NO_CAMERA = (
        "no camera",
        "no camera's noise is known, so there is no σ_raw: a margin, real repeats or references by observers can decide",
    )
    # missing values
    RAW_UNDEFINED = "undefined raw predictions", "predictions on raw data are not finite numbers; none was dropped"
    CODEC_UNDEFINED = "undefined decoded predictions", "predictions on decoded data are not finite numbers; none was dropped"
    UNDEFINED = "undefined predictions", "a group holds predictions that are not finite numbers; none was dropped"
    NOTHING_VARIES = "nothing varies", "all raw predictions are equal, so their spread has no relative uncertainty"
    NOT_INDEPENDENT = "not available", "the test needs independent groups of replicas, and these are paired or shared"
    EXTRAPOLATED = "extrapolated", "the mode extrapolates over noise levels, and there are no replicas at the level that the result is for"
    NOT_EXTRAPOLATED = (
        "cannot be extrapolated",
        "at one of the noise levels predictions do not vary, or do not differ, so that the logarithm has no value there",
    )
    NO_VARIANCE = "no variance", "the groups do not vary, so the result is the limit of vanishing variance, not an estimate"
    UNBOUNDED = "unbounded", "too few replicas, or too few with different predictions, to bound the number on this side"
    # the law of propagation beside replicas
    NOT_DIFFERENTIABLE = (
        "not differentiable",
        "the pipeline gives no derivative of this measurement: it counts, cuts at a threshold, or its code offers none",
    )
    WITHIN_TOLERANCE = "within numerical tolerance", "both ends of the coverage interval agree with those of replicas"
    BEYOND_TOLERANCE = "beyond numerical tolerance", "an end of the coverage interval differs from that of replicas"
    TOLERANCE_UNSURE = "too few replicas to compare", "the ends of the replicas' coverage interval are more uncertain than the tolerance"


@dataclass(frozen=True)
class MissingValue:
    """A field without a finite value. `count` is the number of undefined predictions behind it, 1 where the data do not determine it."""

    field: str
    reason: Reason
    count: int

    def __iter__(self) -> Iterator[str | Reason | int]:
        """Unpack as (field, reason, count)."""
        return iter((self.field, self.reason, self.count))
