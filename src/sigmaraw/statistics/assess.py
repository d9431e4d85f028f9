"""All numbers and the verdict of one measurement of one image under one codec."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from sigmaraw.errors import UndefinedStatistic
from sigmaraw.record.words import MissingValue, Reason, Verdict
from sigmaraw.statistics.decision import Limits, Place, decide
from sigmaraw.statistics.equality import TestResult
from sigmaraw.statistics.evidence import ALPHA, PARTS, Evidence, Part, RowLimits
from sigmaraw.statistics.row_parts import RawSummary, RowParts, parts_of_row
from sigmaraw.statistics.score import score_from_pool
from sigmaraw.statistics.spread import Floats, Pool, centred, power_of_two
from sigmaraw.statistics.warnings import centre_warning, group_warning, shift_warning

_NONE = (math.nan, math.nan)
_SCORES = ("epsilon_hat", "epsilon_hat_ci", "u", "u_mc", "dof", "spread_ratio", "spread_ratio_ci", "rms_d", "rms_d_upper")


@dataclass(frozen=True)
class Assessment:
    """The numbers of one row of `results[]`; NaN where undefined, with the reason in `undefined`.

    sigma_raw, sigma_raw_ci (95 %) : the measurement's unit. epsilon, epsilon_hat, epsilon_hat_ci (95 %, from u_mc), u, u_mc : σ_raw.

    Parameters
    ----------
    u_mode, u_cal : float, default 0.0
        Relative standard uncertainties from replica mode and calibration, bare numbers.
    dof : float, default math.nan
        Degrees of freedom of u.
    limit : float, default math.nan
        On |ε̂|, k or margin/σ_raw. spread_ratio with 90 % interval. rms_d, rms_d_upper (one-sided 95 %) : σ_raw.
    shift, u_shift, dof_shift, rms_shift_upper : float, default math.nan
        D̄, s_D/√N, its degrees of freedom, and the upper limit of RMS(D), in the measurement's unit; a margin applies to these.
    null_flag_rate : float, default math.nan
        Share of pairs of raw replicas more than σ_raw apart.
    centre_shift : float, default math.nan
        (mean f(R) − f(x))/σ_raw.
    method : str, default ""
        "normal" or "influence".
    spread_factor : float, default 1.0
        Ratio of σ_raw to the spread of the replicas.
    """

    verdict: Verdict
    reason: Reason
    sigma_raw: float = math.nan
    sigma_raw_ci: tuple[float, float] = _NONE
    epsilon: float = math.nan
    epsilon_hat: float = math.nan
    epsilon_hat_ci: tuple[float, float] = _NONE
    u: float = math.nan
    u_mc: float = math.nan
    u_mode: float = 0.0
    u_cal: float = 0.0
    dof: float = math.nan
    limit: float = math.nan
    spread_ratio: float = math.nan
    spread_ratio_ci: tuple[float, float] = _NONE
    rms_d: float = math.nan
    rms_d_upper: float = math.nan
    shift: float = math.nan
    u_shift: float = math.nan
    dof_shift: float = math.nan
    rms_shift_upper: float = math.nan
    ks: TestResult | None = None
    ks_null: TestResult | None = None
    null_flag_rate: float = math.nan
    centre_shift: float = math.nan
    method: str = ""
    spread_factor: float = 1.0
    undefined: tuple[MissingValue, ...] = ()
    warnings: tuple[str, ...] = ()


def assess(
    *,
    chi_raw: float,
    chi_codec: float,
    raw: Floats,
    group: int,
    decoded: Floats,
    discrete: bool,
    limits: Limits | None = None,
    u_mode: float = 0.0,
    u_cal: float = 0.0,
    independent: bool = True,
    spread_factor: float = 1.0,
    pixels_identical: bool | None = None,
    alpha: float = ALPHA,
    parts: RowParts | None = None,
) -> Assessment:
    """Return scores, tests and the verdict of one codec on one measurement of one image.

    D = f(C(R)) − f(R) is paired inside the group; σ_raw pools all groups; KS compares `decoded` with raw group 0, and raw
    predictions of that group with raw group 0 as the null check.

    Parameters
    ----------
    chi_raw, chi_codec : float
        f(x) and f(C(x)), float64, the measurement's unit.
    raw : Floats
        Raw predictions (group, replica), float64, the measurement's unit: f on every group's raw replicas; group 0 belongs to no codec.
    group : int
        The codec's group. With `independent` false, or group = 0, there is no independent raw group and KS is not available.
    decoded : Floats
        Predictions after the codec, (replica,), float64, the measurement's unit: f∘C on the replicas of the codec's group.
    discrete : bool
        Whether predictions take isolated values, as counts do.
    limits : Limits, optional
        The plan's limits.
    u_mode, u_cal : float, default 0.0
        Relative standard uncertainties of σ_raw from replica mode and calibration, bare numbers.
    spread_factor : float, default 1.0
        Ratio of σ_raw to the spread of raw predictions, where the mode's replicas vary too little, a bare number. It scales σ_raw and
        all numbers in σ_raw; differences and the spread ratio are those of the replicas as they are.
    pixels_identical : bool, optional
        Whether the codec returned every pixel of x and of the group's replicas unchanged; None takes it from the predictions. Where it is
        False and predictions are equal, the number of replicas bounds a change that none of them showed.
    alpha : float, default ALPHA
        One-sided level of each part of the verdict, a bare number; a study that looks several times at its rows takes a smaller one.
    parts : RowParts, optional
        Tests and evidence of this row, where the caller has computed those of many rows at once; they are the same by themselves.

    Raises
    ------
    UndefinedStatistic
        There are less than two replicas, or shapes do not fit.

    References
    ----------
    formula 1 and formula 2.
    """
    limits = limits or Limits()
    raw, decoded = np.asarray(raw, dtype=np.float64), np.asarray(decoded, dtype=np.float64)
    if raw.ndim != 2 or raw.shape[1] < 2 or decoded.shape != raw.shape[1:] or not 0 <= group < raw.shape[0]:
        raise UndefinedStatistic(
            f"raw predictions of shape {raw.shape}, decoded ones of shape {decoded.shape}, group {group}",
            "(group, replica) and (replica,) with at least 2 replicas, and a group that exists",
            "make more replicas (n)",
        )
    scale = power_of_two(raw, decoded, np.array([chi_raw, chi_codec]))
    if scale != 1.0:  # squares of such numbers overflow or vanish
        scaled = assess(
            chi_raw=chi_raw / scale,
            chi_codec=chi_codec / scale,
            raw=raw / scale,
            group=group,
            decoded=decoded / scale,
            discrete=discrete,
            limits=limits if limits.margin is None else replace(limits, margin=limits.margin / scale),
            u_mode=u_mode,
            u_cal=u_cal,
            independent=independent,
            spread_factor=spread_factor,
            pixels_identical=pixels_identical,
            alpha=alpha,
        )
        return _times(scaled, scale)
    if parts is None:
        parts = parts_of_row(
            raw,
            decoded,
            group,
            discrete=discrete,
            independent=independent and group > 0,
            u_relative=math.hypot(u_mode, u_cal),
            spread_factor=spread_factor,
        )
    blank = Assessment("INCONCLUSIVE", Reason.RAW_UNDEFINED, ks=parts.ks, ks_null=parts.ks_null, undefined=parts.undefined)
    limit = limits.k if limits.margin is None else math.nan
    base = replace(blank, limit=limit, u_mode=u_mode, u_cal=u_cal, spread_factor=spread_factor)
    bad_raw = int(np.count_nonzero(~np.isfinite(raw))) + (not math.isfinite(chi_raw))
    bad_codec = int(np.count_nonzero(~np.isfinite(decoded))) + (not math.isfinite(chi_codec))
    # A codec that returned every pixel has changed no prediction, also where there is none, such as the mean area of no objects.
    unmoved = pixels_identical is True and _same(chi_raw, chi_codec) and _same(raw[group], decoded)
    if parts.raw is None:
        gone = ("sigma_raw", "sigma_raw_ci", "epsilon", *_SCORES, "null_flag_rate", "centre_shift")
        return _unless_unmoved(_give_up(base, gone, Reason.RAW_UNDEFINED, bad_raw), unmoved)
    moments = parts.raw.moments
    base = _about_raw(base, raw, parts.raw, chi_raw, limits)
    in_sigma, in_unit = parts.in_sigma, parts.in_unit
    if in_sigma is None or in_unit is None or bad_raw or bad_codec:
        gone = ("epsilon", *(_SCORES if in_sigma is None else ()), *(("centre_shift",) if bad_raw else ()))
        if in_sigma is not None and in_unit is not None and (moments.variance > 0.0 or (decoded == raw[group]).all()):
            base = _scores(base, raw, decoded, group, moments, in_sigma, in_unit)
        reason = Reason.RAW_UNDEFINED if bad_raw else Reason.CODEC_UNDEFINED
        return _unless_unmoved(_give_up(base, gone, reason, bad_raw or bad_codec), unmoved)
    difference = decoded - raw[group]
    if not difference.any():
        scored = _scores(base, raw, decoded, group, moments, in_sigma, in_unit)
        same = _unchanged(scored, moments, chi_codec - chi_raw, limits)
        if pixels_identical or pixels_identical is None or same.verdict != "PASS":
            return same
        return _silent(same, in_sigma, in_unit, moments, limits, alpha)
    if moments.variance == 0.0:
        return _without_noise(base, difference, in_unit, limits, alpha)
    on_frame = chi_codec - chi_raw
    no_draw = shift_warning(on_frame, difference)
    base = replace(base, warnings=(*base.warnings, *no_draw))
    scored = _scores(base, raw, decoded, group, moments, in_sigma, in_unit)
    evidence = in_sigma if limits.margin is None else in_unit
    judged = _judge(replace(scored, epsilon=on_frame / moments.sigma), evidence, limits, alpha)
    if no_draw and judged.verdict == "PASS":
        return replace(judged, verdict="INCONCLUSIVE", reason=Reason.SHIFT_NO_DRAW)
    return judged


def _same(before: Floats | float, after: Floats | float) -> bool:
    return np.array_equal(before, after, equal_nan=True)


def _unless_unmoved(undefined: Assessment, unmoved: bool) -> Assessment:
    """Return an assessment of undefined predictions; where the codec moved none of them it passes, and what is undefined stays so."""
    return replace(undefined, verdict="PASS", reason=Reason.IDENTICAL) if unmoved else undefined


def _about_raw(base: Assessment, raw: Floats, summary: RawSummary, chi_raw: float, limits: Limits) -> Assessment:
    """Return `base` with the numbers of raw predictions alone: σ_raw, null flag rate, centre shift, limit, warnings."""
    spread = summary.spread
    centre = float(raw.mean()) - chi_raw if not (raw == chi_raw).all() else 0.0
    shift = centre / spread.value if spread.value > 0.0 else (0.0 if centre == 0.0 else math.nan)
    undefined = base.undefined
    if math.isnan(shift) and math.isfinite(chi_raw):
        undefined += (MissingValue("centre_shift", Reason.NO_RAW_VARIATION, 1),)
    limit = base.limit
    if limits.margin is not None:
        limit = limits.margin / spread.value if spread.value > 0.0 else math.nan
        undefined += () if spread.value > 0.0 else (MissingValue("limit", Reason.NO_RAW_VARIATION, 1),)
    return replace(
        base,
        sigma_raw=spread.value,
        sigma_raw_ci=(spread.low, spread.high),
        method=spread.method,
        null_flag_rate=summary.null_flag_rate,
        centre_shift=shift,
        limit=limit,
        undefined=undefined,
        warnings=(*centre_warning(shift), *group_warning(base.ks_null), *summary.warnings),
    )


def _scores(base: Assessment, raw: Floats, decoded: Floats, group: int, moments: Pool, in_sigma: Evidence, in_unit: Evidence) -> Assessment:
    """Return `base` with ε̂, spread ratio and RMS shift. σ_raw > 0, or all differences zero."""
    difference = decoded - raw[group]
    value = score_from_pool(difference, moments, group, base.u_mode, base.u_cal, 0.95)
    scored = replace(
        _in_own_unit(base, difference, in_unit),
        epsilon_hat=value.value,
        epsilon_hat_ci=(value.low, value.high),
        u=value.u,
        u_mc=value.u_mc,
        dof=value.dof,
    )
    if not difference.any():
        return replace(scored, spread_ratio=1.0, spread_ratio_ci=(1.0, 1.0), rms_d=0.0, rms_d_upper=0.0)
    undefined = base.undefined
    ratio, interval = math.nan, _NONE
    if (raw[group] == raw[group, 0]).all():
        undefined += tuple(MissingValue(field, Reason.SPREAD_UNDEFINED, 1) for field in ("spread_ratio", "spread_ratio_ci"))
    else:
        low, high = in_sigma.limits("spread", ALPHA)
        before, after = centred(raw[group]), centred(decoded)
        ratio = 1.0 if in_sigma.same_spread[0] else math.sqrt(float(after @ after) / float(before @ before))
        interval = _exp(low[0]), _exp(high[0])
        undefined += (MissingValue("spread_ratio_ci", Reason.UNBOUNDED, 1),) if math.isinf(interval[1]) else ()
    return replace(
        scored,
        spread_ratio=ratio,
        spread_ratio_ci=interval,
        rms_d=float(in_sigma.rms[0]),
        rms_d_upper=float(in_sigma.limits("rms", ALPHA)[1][0]),
        undefined=undefined,
    )


def _exp(value: float) -> float:
    return math.exp(value) if value < 700.0 else math.inf


def _in_own_unit(base: Assessment, difference: Floats, evidence: Evidence) -> Assessment:
    """Return `base` with D̄, its standard error and the upper limit of RMS(D) in the measurement's unit."""
    if not difference.any():
        return replace(base, shift=0.0, u_shift=0.0, dof_shift=difference.size - 1.0, rms_shift_upper=0.0)
    error = 0.0 if (difference == difference[0]).all() else float(difference.std(ddof=1)) / math.sqrt(difference.size)
    upper = float(evidence.limits("rms", ALPHA)[1][0])
    return replace(base, shift=float(difference.mean()), u_shift=error, dof_shift=difference.size - 1.0, rms_shift_upper=upper)


def _places(evidence: Evidence, limits: Limits, alpha: float) -> dict[str, Place]:
    """Return where the three parts of one row lie."""
    scale = 1.0 if limits.margin is None else limits.margin
    row_limits = RowLimits(limits.k if limits.margin is None else limits.margin, limits.spread, limits.rms * scale)
    inside, beyond = evidence.inside(row_limits, alpha)[:, 0], evidence.beyond(row_limits, alpha)[:, 0]
    return {part: "inside" if inside[i] else "beyond" if beyond[i] else "unsure" for i, part in enumerate(PARTS)}


def _judge(base: Assessment, evidence: Evidence, limits: Limits, alpha: float) -> Assessment:
    """Return `base` with the three-part verdict on scores that are all there."""
    where = _places(evidence, limits, alpha)
    verdict, reason = decide(where["shift"], "undefined" if math.isnan(base.spread_ratio) else where["spread"], where["rms"])
    return replace(base, verdict=verdict, reason=reason)


def _silent(same: Assessment, in_sigma: Evidence, in_unit: Evidence, moments: Pool, limits: Limits, alpha: float) -> Assessment:
    """Return the assessment where pixels change but no replica's prediction does.

    N equal answers leave at most q = 3/N of others (95 %), of the size of one step δ: RMS(D) ≤ δ√q. PASS where the three parts
    allow that much; where σ_raw = 0, where the margin does.

    References
    ----------
    formula 2.9.
    """
    same = replace(same, rms_shift_upper=float(in_unit.limits("rms", ALPHA)[1][0]))
    unsure = replace(same, verdict="INCONCLUSIVE", reason=Reason.UNCHANGED_UNSURE)
    if moments.variance == 0.0:
        if limits.margin is None:
            return unsure
        parts: tuple[Part, ...] = ("shift", "rms")
    else:
        low, high = (_exp(side[0]) for side in in_sigma.limits("spread", ALPHA))
        upper, parts = float(in_sigma.limits("rms", ALPHA)[1][0]), PARTS
        same, unsure = (replace(found, rms_d_upper=upper, spread_ratio_ci=(low, high)) for found in (same, unsure))
    where = _places(in_sigma if limits.margin is None else in_unit, limits, alpha)
    inside = all(where[part] == "inside" for part in parts)
    return replace(same, verdict="PASS", reason=Reason.UNCHANGED) if inside else unsure


def _unchanged(scored: Assessment, moments: Pool, on_frame: float, limits: Limits) -> Assessment:
    """Return the assessment where no replica's prediction changes; `on_frame` = f(C(x)) − f(x).

    Where the prediction on the frame itself changes nevertheless, the zero spread of D is not trusted: PASS only where that one
    difference is within the limit.
    """
    if on_frame == 0.0:
        return replace(scored, epsilon=0.0, verdict="PASS", reason=Reason.IDENTICAL)
    if moments.variance > 0.0:
        scored = replace(scored, epsilon=on_frame / moments.sigma)
    else:
        scored = replace(scored, undefined=(*scored.undefined, MissingValue("epsilon", Reason.NO_RAW_VARIATION, 1)))
        if limits.margin is None:
            return replace(scored, verdict="FAIL", reason=Reason.NO_RAW_VARIATION)
    inside = abs(on_frame) <= (limits.margin if limits.margin is not None else limits.k * moments.sigma)
    return replace(scored, verdict="PASS" if inside else "INCONCLUSIVE", reason=Reason.WITHIN_LIMITS if inside else Reason.FRAME_DIFFERS)


def _without_noise(base: Assessment, difference: Floats, evidence: Evidence, limits: Limits, alpha: float) -> Assessment:
    """Return the assessment where raw predictions never vary but the codec changes some: only a margin can judge it."""
    undefined = tuple(MissingValue(field, Reason.NO_RAW_VARIATION, 1) for field in ("epsilon", *_SCORES))
    found = replace(_in_own_unit(base, difference, evidence), undefined=base.undefined + undefined)
    if limits.margin is None:
        return replace(found, verdict="FAIL", reason=Reason.NO_RAW_VARIATION)
    where = _places(evidence, limits, alpha)
    verdict, reason = decide(where["shift"], "not asked", where["rms"])
    return replace(found, verdict=verdict, reason=reason)


def _times(found: Assessment, scale: float) -> Assessment:
    """Return an assessment of predictions that were divided by `scale` in the measurement's unit."""
    return replace(
        found,
        sigma_raw=found.sigma_raw * scale,
        sigma_raw_ci=(found.sigma_raw_ci[0] * scale, found.sigma_raw_ci[1] * scale),
        shift=found.shift * scale,
        u_shift=found.u_shift * scale,
        rms_shift_upper=found.rms_shift_upper * scale,
    )


def _give_up(base: Assessment, fields: tuple[str, ...], reason: Reason, count: int) -> Assessment:
    """Return `base` as INCONCLUSIVE with the missing fields named."""
    return replace(
        base,
        verdict="INCONCLUSIVE",
        reason=reason,
        undefined=base.undefined + tuple(MissingValue(field, reason, count) for field in fields),
    )
