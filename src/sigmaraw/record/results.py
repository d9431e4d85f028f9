"""The rows of a study's answers: results, tests, checks, and what is undefined."""

from __future__ import annotations

from typing import Annotated

from sigmaraw.record.fields import OWN_UNIT, Interval, Number, Row, field, quantity
from sigmaraw.record.words import Verdict

Image = Annotated[int, field("number of the image in `images`, from 0")]
CodecName = Annotated[str, field("specification of the codec as typed")]
MeasurementName = Annotated[str, field("name of the measurement in `measurements`")]


class TestRow(Row, frozen=True, kw_only=True):
    """A two-sample test of equality."""

    __test__ = False  # no test case for pytest to collect

    statistic: Annotated[Number, field("largest distance between the two empirical distribution functions", "1")]
    p: Annotated[Number, field("probability of a statistic at least as large if both samples come from one distribution", "1")]
    method: Annotated[str, field("how p was computed")] = ""


class DeltaRow(Row, frozen=True, kw_only=True):
    """The law of propagation of uncertainty beside the replicas; the same for all codecs of an image."""

    reason: Annotated[str, field("why it was accepted or not, or why a number is missing")]
    accepted: Annotated[bool | None, field("whether it may stand for replicas; null where the replicas are too few to decide")] = None
    sigma: Annotated[Number, field("σ_raw from the derivatives, √(Σ(∂χ/∂x)²V)", OWN_UNIT)] = None
    ratio: Annotated[Number, field("sigma over σ_raw of the replicas", "1")] = None
    u_ratio: Annotated[Number, field("standard uncertainty of ratio", "1")] = None
    interval: Annotated[Interval | None, field("95 % coverage interval from the derivatives", OWN_UNIT)] = None
    replicas_interval: Annotated[Interval | None, field("95 % coverage interval of the replicas", OWN_UNIT)] = None
    d_low: Annotated[Number, field("distance of the lower ends of the two intervals", OWN_UNIT)] = None
    d_high: Annotated[Number, field("distance of the upper ends of the two intervals", OWN_UNIT)] = None
    u_low: Annotated[Number, field("standard uncertainty of d_low", OWN_UNIT)] = None
    u_high: Annotated[Number, field("standard uncertainty of d_high", OWN_UNIT)] = None
    tolerance: Annotated[Number, field("numerical tolerance δ of the comparison", OWN_UNIT)] = None
    n_dig: Annotated[int | None, field("significant digits of σ_raw that count as meaningful", "1")] = None


class WarningRow(Row, frozen=True, kw_only=True):
    """One warning of a result."""

    code: Annotated[str, field("short name of the kind of warning")]
    text: Annotated[str, field("the warning")]
    bears: Annotated[bool, field("whether it could change the verdict; such warnings keep `--check` from 0")] = False


_OF_SHIFT = "in σ_raw, or in the measurement's unit where the plan has a margin for it"


class EvidenceRow(Row, frozen=True, kw_only=True):
    """What the limits of a result's three parts are computed from, by formula 2.3 to 2.5 and 2.9: check.py reads these."""

    n: Annotated[int, field("replicas of the codec's group", "1")]
    sigma_dof: Annotated[Number, field("degrees of freedom of σ_raw; null is infinite: σ_raw plays no part", "1")] = None
    u_relative: Annotated[Number, field("relative standard uncertainty of σ_raw from mode and calibration", "1")]
    shift: Annotated[Number, field(f"mean paired shift, {_OF_SHIFT}")]
    u_normal: Annotated[Number, field("standard uncertainty of shift for normal predictions, in the unit of shift")]
    dof_normal: Annotated[Number, field("degrees of freedom of u_normal", "1")]
    u_shift: Annotated[Number, field("standard uncertainty of shift by influences, guarded, in the unit of shift")]
    dof_shift: Annotated[Number, field("degrees of freedom of u_shift", "1")]
    ln_ratio: Annotated[Number, field("ln of the spread ratio; null: −∞ where spread_ratio is 0, else undefined", "1")] = None
    morgan: Annotated[Number, field("1 − r² of predictions before and after the codec; 0 where the jackknife alone serves", "1")]
    u_ratio: Annotated[Number, field("standard uncertainty of ln_ratio by the jackknife, guarded", "1")]
    dof_ratio: Annotated[Number, field("degrees of freedom of u_ratio", "1")]
    same_spread: Annotated[bool, field("whether predictions after the codec are those before it, shifted by a constant at most")]
    rms: Annotated[Number, field(f"RMS paired shift, {_OF_SHIFT}")]
    square: Annotated[Number, field("rms squared")]
    u_rms: Annotated[Number, field("standard uncertainty of ln rms by the jackknife, guarded", "1")]
    dof_rms: Annotated[Number, field("degrees of freedom of u_rms", "1")]
    f_dof: Annotated[Number, field("degrees of freedom of ΣD²; null: the F distribution does not serve", "1")] = None
    rare: Annotated[bool, field("whether most paired shifts are equal, so that the share of the others has Clopper–Pearson limits")]
    events: Annotated[Number, field("how many paired shifts differ from the usual one, where few do", "1")]
    event_shift: Annotated[Number, field("mean size of their difference from it, in the unit of shift; null is unbounded")] = None
    event_square: Annotated[Number, field("mean of what they add to square; null is unbounded")] = None
    event_variance: Annotated[Number, field("what one of them does to the variance over the variance; null is unbounded", "1")] = None
    few_others: Annotated[Number, field("how many predictions after the codec are not the usual one; null unless few are", "1")] = None
    few_variance: Annotated[Number, field("spread ratio squared", "1")] = None
    few_width: Annotated[Number, field("squared range of predictions over their variance before the codec", "1")] = None


class LookRow(Row, frozen=True, kw_only=True):
    """The look at which a result was decided, where that was not the last."""

    level: Annotated[float, field("one-sided level of that look", "1")]
    evidence: Annotated[EvidenceRow, field("evidence from the replicas until then")]


class ResultRow(Row, frozen=True, kw_only=True):
    """One codec on one measurement of one image."""

    image: Image
    codec: CodecName
    measurement: MeasurementName
    chi_raw: Annotated[Number, quantity("chi_raw")]
    chi_codec: Annotated[Number, quantity("chi_codec")]
    verdict: Annotated[Verdict, field("PASS, FAIL or INCONCLUSIVE, by shift, spread ratio and RMS shift")]
    reason: Annotated[str, field("which part decided the verdict")] = ""
    sigma_raw: Annotated[Number, quantity("sigma_raw")]
    sigma_raw_ci: Annotated[Interval | None, field("95 % interval of sigma_raw", OWN_UNIT)] = None
    epsilon: Annotated[Number, quantity("epsilon")]
    epsilon_hat: Annotated[Number, quantity("epsilon_hat")]
    epsilon_hat_ci: Annotated[Interval | None, field("95 % interval of epsilon_hat, from u_mc", "1")] = None
    u: Annotated[Number, field("standard uncertainty of epsilon_hat, all parts, in σ_raw", "1")] = None
    u_mc: Annotated[Number, field("part of u that the number of replicas causes, in σ_raw", "1")] = None
    u_mode: Annotated[Number, field("relative standard uncertainty of σ_raw from the replica mode", "1")] = None
    u_cal: Annotated[Number, field("relative standard uncertainty of σ_raw from the camera's calibration", "1")] = None
    dof: Annotated[Number, field("degrees of freedom of u", "1")] = None
    guard_factor: Annotated[Number, field("coverage factor k of guard: Student's t at 95 %, one-sided, with dof", "1")] = None
    guard: Annotated[
        Number, field("expanded uncertainty U = k·u of epsilon_hat, in σ_raw; for display, the verdict's bound comes from evidence", "1")
    ] = None
    limit: Annotated[Number, field("limit on |epsilon_hat|: k, or the margin over sigma_raw", "1")] = None
    spread_ratio: Annotated[Number, quantity("spread_ratio")] = None
    spread_ratio_ci: Annotated[Interval | None, field("90 % interval of spread_ratio", "1")] = None
    rms_d: Annotated[Number, quantity("rms_d")] = None
    rms_d_upper: Annotated[Number, field("upper one-sided 95 % limit of rms_d", "1")] = None
    shift: Annotated[Number, field("mean paired shift over replicas", OWN_UNIT)] = None
    u_shift: Annotated[Number, field("standard error of shift", OWN_UNIT)] = None
    dof_shift: Annotated[Number, field("degrees of freedom of u_shift", "1")] = None
    shift_range: Annotated[Interval | None, field("smallest and largest paired shift over replicas", OWN_UNIT)] = None
    pixels_identical: Annotated[bool | None, field("whether the codec gave back every pixel of the image and of all its replicas")] = None
    rms_shift_upper: Annotated[Number, field("upper one-sided 95 % limit of the RMS paired shift", OWN_UNIT)] = None
    ks: Annotated[TestRow | None, field("Kolmogorov–Smirnov test of decoded against raw replicas, of independent groups")] = None
    ks_null: Annotated[TestRow | None, field("the same test of two groups of raw replicas, as a check: its p should not be small")] = None
    null_flag_rate: Annotated[Number, field("share of pairs of raw replicas that are more than σ_raw apart", "1")] = None
    centre_shift: Annotated[Number, field("mean of the replicas' predictions minus chi_raw, in σ_raw", "1")] = None
    method: Annotated[
        str, field("how uncertainties were computed: normal (normal distribution), influence (influence functions) or extrapolation")
    ] = ""
    spread_factor: Annotated[Number, field("sigma_raw over the spread of the replicas' predictions", "1")] = None
    shift_percent: Annotated[Number, field("shift over the size of chi_raw", "%")] = None
    u_shift_percent: Annotated[Number, field("standard error of shift over the size of chi_raw", "%")] = None
    decided_at: Annotated[int | None, field("replicas per group at the look that decided; null without looks, or undecided", "1")] = None
    warnings: Annotated[tuple[WarningRow, ...], field("warnings of this result")] = ()
    u_mode_source: Annotated[str, field("where u_mode comes from")] = ""
    mode: Annotated[str, field("replica mode with its settings")] = ""
    n: Annotated[int | None, field("replicas per group; per noise level where there are several", "1")] = None
    double_bootstrap: Annotated[
        Number, field("RMS of ln(σ*/σ_raw) over the groups of the double bootstrap, Monte Carlo error taken off", "1")
    ] = None
    delta: Annotated[DeltaRow | None, field("the law of propagation beside the replicas")] = None
    evidence: Annotated[EvidenceRow | None, field("what the verdict and the statements rest on; null where numbers are undefined")] = None
    look: Annotated[LookRow | None, field("the look that decided; null where that was the last, or there were none")] = None


class TukeyRow(Row, frozen=True, kw_only=True):
    """One contrast of Tukey's test; the reference group is `raw`."""

    image: Image
    measurement: MeasurementName
    group1: Annotated[str, field("first group: raw, or a codec")]
    group2: Annotated[str, field("second group: a codec")]
    mean_difference: Annotated[Number, field("mean of group2 minus mean of group1", OWN_UNIT)] = None
    p_adjusted: Annotated[Number, field("p, adjusted for the number of contrasts", "1")] = None
    reject: Annotated[bool | None, field("whether the groups differ, at 5 % over all contrasts of the test")] = None
    reason: Annotated[str | None, field("why a number is missing")] = None
    ci: Annotated[Interval | None, field("95 % interval of mean_difference, simultaneous", OWN_UNIT)] = None
    design: Annotated[str, field("the variant of the test")] = ""


class UndefinedRow(Row, frozen=True, kw_only=True):
    """A number that has no value, and why. A null place is every image, codec or measurement."""

    image: Annotated[int | None, field("number of the image")] = None
    codec: Annotated[str | None, field("specification of the codec as typed")] = None
    measurement: Annotated[str | None, field("name of the measurement")] = None
    field: Annotated[str, field("name of the field without a value")]
    reason: Annotated[str, field("short name of the reason")]
    count: Annotated[int | None, field("undefined predictions behind it; 1 where the data do not determine it", "1")] = None


class DiagnosticRow(Row, frozen=True, kw_only=True):
    """One check of what the replica mode rests on, on one image."""

    image: Image
    name: Annotated[str, field("name of the check")]
    value: Annotated[Number, field("value that was found, in the unit that the definition names")] = None
    low: Annotated[Number, field("lowest value that passes")] = None
    high: Annotated[Number, field("highest value that passes")] = None
    definition: Annotated[str, field("definition of the value")] = ""
    passed: Annotated[bool | None, field("whether value lies in [low, high]")] = None
    kinds: Annotated[tuple[str, ...], field("kinds of measurement that a failure casts doubt on; empty is all")] = ()


class FloorRow(Row, frozen=True, kw_only=True):
    """What the pipeline answers a second time on the same image."""

    image: Image
    measurement: MeasurementName
    difference: Annotated[Number, field("second answer minus first; other than 0 the pipeline is not deterministic", OWN_UNIT)] = None
    largest: Annotated[
        Number, field("largest difference between answers on the same image, together, in reverse, one by one and coded twice", OWN_UNIT)
    ] = None
