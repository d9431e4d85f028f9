"""The rows of what a study says over its images: three statements per codec and measurement, and the plan's decision rule."""

from __future__ import annotations

from typing import Annotated, Literal

from sigmaraw.record.fields import Interval, Number, Row, field
from sigmaraw.record.results import CodecName, MeasurementName
from sigmaraw.record.words import Verdict

StatementName = Literal["these-images", "mean-effect", "share-of-images"]
STATEMENTS: tuple[StatementName, ...] = ("these-images", "mean-effect", "share-of-images")


class StatementRow(Row, frozen=True, kw_only=True):
    """One statement over images on one measurement under one codec."""

    codec: CodecName
    measurement: MeasurementName
    statement: Annotated[
        StatementName,
        field("these-images: each of them, all at once; mean-effect: the mean over images like them; share-of-images: how many"),
    ]
    verdict: Annotated[Verdict, field("PASS, FAIL or INCONCLUSIVE")]
    reason: Annotated[str, field("why")]
    value: Annotated[
        Number, field("images shown within all limits; size of the mean shift; share of images not shown within all limits; in `unit`")
    ] = None
    ci: Annotated[Interval | None, field("limits of value, one-sided 95 % each, in `unit`")] = None
    unit: Annotated[str, field("unit of value and ci: 1 is a pure number, sigma_raw the raw spread, else the measurement's")] = "1"
    counted: Annotated[Literal["image", "specimen"], field("what the statement counts")] = "image"
    units: Annotated[int, field("how many images or specimens it rests on", "1")]
    passed: Annotated[int | None, field("of them shown within all limits", "1")] = None
    failed: Annotated[int | None, field("of them shown beyond a limit", "1")] = None
    undefined: Annotated[int, field("images whose numbers are undefined; they are no evidence of a pass", "1")] = 0
    left_out: Annotated[int, field("images left out of a mean effect because their noise is in doubt", "1")] = 0
    decides: Annotated[str, field("what would decide an INCONCLUSIVE, in 80 % of studies; empty where it is decided")] = ""


class RulingRow(Row, frozen=True, kw_only=True):
    """What the decision rule says of one measurement under one codec."""

    codec: CodecName
    measurement: MeasurementName
    verdict: Annotated[Verdict, field("PASS, FAIL or INCONCLUSIVE; the worst over measurements is the codec's")]
    because: Annotated[str, field("why, in one sentence")] = ""
    margin: Annotated[Number, field("of noninferiority: the largest loss that does not matter, in the measurement's unit")] = None
    less_is_better: Annotated[bool | None, field("of noninferiority: whether a smaller value is the better one")] = None


class AgreementGroupRow(Row, frozen=True, kw_only=True):
    """How well two segmentations agree, over slices: what the rule cunha compares."""

    name: Annotated[str, field("intra-observer, inter-observer, or the codec: objects after it against those before it")]
    slices: Annotated[int, field("slices with a Jaccard index", "1")]
    jaccard: Annotated[Number, field("mean Jaccard index over them", "1")]
    jaccard_sd: Annotated[Number, field("its standard deviation", "1")] = None
    distance: Annotated[Number, field("mean of the average Hausdorff distance over slices that have one", "px")]
    p: Annotated[Number, field("p of Tukey's test of the Jaccard index against the inter-observer group", "1")] = None


class DecisionRow(Row, frozen=True, kw_only=True):
    """The plan's decision rule: how it works in a design such as this one, and what it says."""

    rule: Annotated[str, field("equivalence, pomarico, noninferiority or cunha")]
    null_flag_rate: Annotated[Number, field("probability that a codec without effect does not pass", "1")] = None
    effect_unit: Annotated[str, field("unit of the two effects")] = ""
    harmless: Annotated[Number, field("an effect that ought to pass, in `effect_unit`")] = None
    accepts_harmless: Annotated[Number, field("probability that a codec of this effect passes", "1")] = None
    harmful: Annotated[Number, field("an effect that ought not to pass, in `effect_unit`")] = None
    accepts_harmful: Annotated[Number, field("probability that a codec of this effect passes", "1")] = None
    images: Annotated[int, field("images, or specimens, in the design that the probabilities are of", "1")]
    replicas: Annotated[int, field("replicas per group in it", "1")]
    change: Annotated[Number, field("assumed: standard deviation of the paired change about its mean, in `effect_unit`")] = None
    between: Annotated[Number, field("assumed: standard deviation of the effect between images, in `effect_unit`")] = None
    basis: Annotated[
        str,
        field("what verdicts rest on: the camera's noise, stated noise, margins, real repeats or observers' references"),
    ] = ""
    groups: Annotated[tuple[AgreementGroupRow, ...], field("of the rule cunha: what it compares")] = ()
    rulings: Annotated[tuple[RulingRow, ...], field("its verdicts")] = ()
