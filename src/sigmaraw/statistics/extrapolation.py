"""Scores of replicas that lie on several noise levels, extrapolated to a base without noise."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from sigmaraw.contracts import Extrapolation
from sigmaraw.errors import UndefinedStatistic
from sigmaraw.record.words import CodedWarning, MissingValue, Reason
from sigmaraw.statistics.assess import Assessment
from sigmaraw.statistics.decision import Limits, decide, place, place_scaled, place_shift
from sigmaraw.statistics.distributions import t_quantile
from sigmaraw.statistics.spread import Floats, c4, centred, effective_dof
from sigmaraw.statistics.warnings import centre_warning

_NEVER = tuple(MissingValue(field, Reason.EXTRAPOLATED, 1) for field in ("ks", "ks_null", "null_flag_rate"))
FAR = 2.0  # of all that was measured, true factors lay between 0.65 and 1 (docs/explanation/replica-modes.md)
_SCORES = ("epsilon", "epsilon_hat", "epsilon_hat_ci", "u", "u_mc", "dof", "spread_ratio", "spread_ratio_ci", "rms_d", "rms_d_upper")


@dataclass(frozen=True)
class Extrapolated:
    """A number with the influence of each cluster of replicas on it: u² = Σψ².

    Parameters
    ----------
    psi : Floats
        Influence of each cluster, (level, group, cluster).
    """

    value: float
    psi: Floats

    @property
    def u(self) -> float:
        """Standard uncertainty of the Monte Carlo draw."""
        return math.sqrt(float((self.psi**2).sum()))

    @property
    def dof(self) -> float:
        """Degrees of freedom of `u`, at most those of the clusters that count."""
        return effective_dof(self.psi, max(1.0, float(np.count_nonzero(self.psi)) - self.psi.shape[0]))

    def reach(self, confidence: float) -> float:
        """Return t·u of a one-sided confidence."""
        return t_quantile(confidence, self.dof) * self.u


def extrapolated_log_spread(values: Floats, rule: Extrapolation) -> Extrapolated:
    """Return ln σ = Σ_l w_l ln(s_l/c₄), s_l² the variance about the mean of each cluster.

    Parameters
    ----------
    values : Floats
        Predictions (level, group, cluster, member), float64; the result is −inf where a level does not vary.
    """
    squares = (centred(values) ** 2).sum(axis=-1)  # (level, group, cluster)
    count = squares[0].size
    dof = count * (values.shape[-1] - 1)
    variance = squares.sum(axis=(1, 2)) / dof
    if not (variance > 0.0).all():
        return Extrapolated(-math.inf, np.zeros_like(squares))
    weights = np.asarray(rule.weights)
    logs = 0.5 * np.log(variance) - math.log(c4(dof))
    psi = (squares - squares.mean(axis=(1, 2), keepdims=True)) / (2.0 * dof * variance[:, None, None])
    return Extrapolated(float(weights @ logs), weights[:, None, None] * psi * _unbiased(count))


def extrapolated_mean(values: Floats, rule: Extrapolation) -> Extrapolated:
    """Return Σ_l w_l·x̄_l.

    Parameters
    ----------
    values : Floats
        Predictions (level, group, cluster, member), float64.
    """
    means = values.mean(axis=-1)
    count = means[0].size
    weights = np.asarray(rule.weights)
    centre = means.mean(axis=(1, 2))
    psi = (means - centre[:, None, None]) / count * _unbiased(count)
    return Extrapolated(float(weights @ centre), weights[:, None, None] * psi)


def _log_rms(shift: Extrapolated, log_spread: Extrapolated) -> Extrapolated:
    """Return ln √(D̄² + s_D²) of the extrapolated D̄ and s_D: for a base without noise no other term makes D vary."""
    square = math.exp(2.0 * log_spread.value)  # 0 where a level's differences do not vary
    second = shift.value**2 + square
    if second == 0.0:
        return Extrapolated(-math.inf, np.zeros_like(shift.psi))
    return Extrapolated(0.5 * math.log(second), (shift.value * shift.psi + square * log_spread.psi) / second)


def _unbiased(count: int) -> float:
    return math.sqrt(count / (count - 1))


def assess_extrapolated(
    *,
    chi_raw: float,
    chi_codec: float,
    raw: Floats,
    group: int,
    decoded: Floats,
    rule: Extrapolation,
    limits: Limits | None = None,
    u_mode: float = 0.0,
    u_cal: float = 0.0,
) -> Assessment:
    """Return scores and verdict of one codec on one measurement of one image, extrapolated to a base without noise.

    θ = Σ_l w_l·θ_l for ln σ_raw, the centre, D̄, ln(sd f∘C/sd f) and ln RMS(D) of each level; ε̂ = D̄/σ_raw of the extrapolated values.
    u_mc² = Σψ², ψ the influence of a cluster: clusters are independent, replicas of one share their base. Intervals take
    Student's t with the effective dof of Σψ². KS and the null flag rate compare replicas, of which there are none at that level.

    Parameters
    ----------
    chi_raw, chi_codec : float
        f(x) and f(C(x)), float64, the measurement's unit.
    raw : Floats
        Raw predictions (group, replica), float64, the measurement's unit.
    decoded : Floats
        Predictions after the codec, (replica,): f∘C on the replicas of the codec's group.
    rule : Extrapolation
        Levels, weights and clusters of the replicas.
    limits : Limits, optional
        The plan's limits.
    u_mode, u_cal : float, default 0.0
        Relative standard uncertainties of σ_raw from replica mode and calibration, bare numbers.

    Raises
    ------
    UndefinedStatistic
        Shapes do not fit, or a level has less than two clusters.

    References
    ----------
    formula 1 and formula 2.3; J. R. Cook, L. A. Stefanski, J. Am. Stat. Assoc. 89, 1314–1328 (1994).
    """
    limits = limits or Limits()
    raw, decoded = np.asarray(raw, dtype=np.float64), np.asarray(decoded, dtype=np.float64)
    step = rule.cluster * len(rule.levels)
    if raw.ndim != 2 or decoded.shape != raw.shape[1:] or raw.shape[1] % step or raw.shape[1] < 2 * step or not 0 <= group < raw.shape[0]:
        raise UndefinedStatistic(
            f"raw predictions of shape {raw.shape}, decoded ones of shape {decoded.shape}, group {group}",
            f"(group, replica) and (replica,), a multiple of {step} replicas from {2 * step}",
            "draw as many as the mode's extrapolation asks for",
        )
    blank = Assessment("INCONCLUSIVE", Reason.RAW_UNDEFINED, method="extrapolation", u_mode=u_mode, u_cal=u_cal, undefined=_NEVER)
    blank = replace(blank, limit=limits.k if limits.margin is None else math.nan)
    for values, reason in (((raw, chi_raw), Reason.RAW_UNDEFINED), ((decoded, chi_codec), Reason.CODEC_UNDEFINED)):
        bad = sum(int(np.count_nonzero(~np.isfinite(part))) for part in values)
        if bad:
            return _missing(blank, ("sigma_raw", "sigma_raw_ci", "centre_shift", *_SCORES), reason, bad)
    levels, own_levels = rule.arrange(raw), rule.arrange(decoded[np.newaxis])
    difference = own_levels - levels[:, group : group + 1]
    log_sigma = extrapolated_log_spread(levels, rule)
    if not difference.any() and chi_codec == chi_raw:
        same = replace(_about_raw(blank, levels, log_sigma, chi_raw, limits, rule), verdict="PASS", reason=Reason.IDENTICAL)
        return replace(
            same,
            epsilon=0.0,
            epsilon_hat=0.0,
            epsilon_hat_ci=(0.0, 0.0),
            u=0.0,
            u_mc=0.0,
            dof=log_sigma.dof,
            spread_ratio=1.0,
            spread_ratio_ci=(1.0, 1.0),
            rms_d=0.0,
            rms_d_upper=0.0,
            shift=0.0,
            u_shift=0.0,
            dof_shift=log_sigma.dof,
            rms_shift_upper=0.0,
        )
    base = _about_raw(blank, levels, log_sigma, chi_raw, limits, rule)
    if math.isinf(log_sigma.value):
        return _missing(base, _SCORES, Reason.NOT_EXTRAPOLATED, 1)
    scored = replace(base, epsilon=(chi_codec - chi_raw) / base.sigma_raw)
    return _judge(scored, difference, levels, own_levels, group, log_sigma, limits, rule)


def _missing(base: Assessment, fields: tuple[str, ...], reason: Reason, count: int) -> Assessment:
    return replace(
        base,
        verdict="INCONCLUSIVE",
        reason=reason,
        undefined=base.undefined + tuple(MissingValue(field, reason, count) for field in fields),
    )


def _about_raw(
    base: Assessment, levels: Floats, log_sigma: Extrapolated, chi_raw: float, limits: Limits, rule: Extrapolation
) -> Assessment:
    """Return `base` with σ_raw, its 95 % interval and the centre shift."""
    if math.isinf(log_sigma.value):
        return _missing(base, ("sigma_raw", "sigma_raw_ci", "centre_shift"), Reason.NOT_EXTRAPOLATED, 1)
    sigma, reach = math.exp(log_sigma.value), min(log_sigma.reach(0.975), 700.0)
    centre = extrapolated_mean(levels, rule)
    shift = (centre.value - chi_raw) / sigma
    return replace(
        base,
        sigma_raw=sigma,
        warnings=(*centre_warning(shift, centre.u / sigma), *far_warning(log_sigma.value, levels)),
        sigma_raw_ci=(sigma * math.exp(-reach), sigma * math.exp(reach)),
        centre_shift=shift,
        limit=limits.k if limits.margin is None else limits.margin / sigma,
    )


def far_warning(log_sigma: float, levels: Floats) -> tuple[CodedWarning, ...]:
    """Return the warning that σ_raw lies far from the spreads of the levels."""
    first = levels[0]
    factor = math.exp(log_sigma - 0.5 * math.log(float((centred(first) ** 2).sum()) / (first[..., 0].size * (first.shape[-1] - 1))))
    if 1 / FAR <= factor <= FAR:
        return ()
    text = f"the extrapolated σ_raw is {factor:.2g} times the spread at the first of the noise levels: too far to be trusted"
    return (CodedWarning(text, "far-extrapolation", bears=True),)


def _judge(
    base: Assessment,
    difference: Floats,
    levels: Floats,
    own_levels: Floats,
    group: int,
    log_sigma: Extrapolated,
    limits: Limits,
    rule: Extrapolation,
) -> Assessment:
    """Return `base` with ε̂, spread ratio, RMS shift and the three-part verdict."""
    shift = extrapolated_mean(difference, rule)
    log_rms = _log_rms(shift, extrapolated_log_spread(difference, rule))
    found = _score(base, shift, group, log_sigma)
    before, after = extrapolated_log_spread(levels[:, group : group + 1], rule), extrapolated_log_spread(own_levels, rule)
    if math.isinf(before.value) or math.isinf(after.value):
        return _missing(found, ("spread_ratio", "spread_ratio_ci", "rms_d", "rms_d_upper"), Reason.NOT_EXTRAPOLATED, 1)
    ratio = Extrapolated(after.value - before.value, after.psi - before.psi)
    in_sigma = Extrapolated(log_rms.value - log_sigma.value, _in_own_group(log_rms.psi, group, -log_sigma.psi))
    systematic = math.hypot(base.u_mode, base.u_cal)
    found = replace(
        found,
        spread_ratio=_exp(ratio.value),
        spread_ratio_ci=_interval(ratio, 0.95),
        rms_d=_exp(in_sigma.value),
        rms_d_upper=_interval(in_sigma, 0.95, systematic)[1],
        rms_shift_upper=_interval(log_rms, 0.95)[1],
    )
    if limits.margin is None:
        where = place_scaled(found.epsilon_hat, _mc_reach(found), systematic, limits.k)
        rms = place(*_interval(in_sigma, 0.95, systematic), 0.0, limits.rms)
    else:
        where = place_shift(shift.value, shift.reach(0.95), limits.margin)
        rms = place(*_interval(log_rms, 0.95), 0.0, limits.rms * limits.margin)
    verdict, reason = decide(where, place(*found.spread_ratio_ci, 1 / limits.spread, limits.spread), rms)
    return replace(found, verdict=verdict, reason=reason)


def _mc_reach(found: Assessment) -> float:
    """Return t_.95·u_mc of ε̂, with the dof of the Monte Carlo part."""
    dof = found.dof * (found.u_mc / found.u) ** 4 if found.u > 0.0 else found.dof
    return t_quantile(0.95, max(dof, 1.0)) * found.u_mc


def _score(base: Assessment, shift: Extrapolated, group: int, log_sigma: Extrapolated) -> Assessment:
    """Return `base` with ε̂ = D̄/σ_raw of the extrapolated values, and D̄ in the measurement's unit."""
    value = shift.value / base.sigma_raw
    score = Extrapolated(value, _in_own_group(shift.psi / base.sigma_raw, group, -value * log_sigma.psi))
    u = math.sqrt(score.u**2 + value**2 * (base.u_mode**2 + base.u_cal**2))
    # Type B terms count as exact, so only the Monte Carlo part limits the degrees of freedom (GUM G.4.2).
    dof = score.dof * (u / score.u) ** 4 if score.u > 0.0 else score.dof
    reach = score.reach(0.975)
    ci = (value - reach, value + reach)
    return replace(
        base, epsilon_hat=value, epsilon_hat_ci=ci, u=u, u_mc=score.u, dof=dof, shift=shift.value, u_shift=shift.u, dof_shift=shift.dof
    )


def _in_own_group(own_psi: Floats, group: int, psi: Floats) -> Floats:
    """Return psi (level, group, cluster) with own_psi (level, 1, cluster) added in one group."""
    total = psi.copy()
    total[:, group : group + 1] += own_psi
    return total


def _exp(value: float) -> float:
    return math.exp(min(value, 700.0))


def _interval(log: Extrapolated, confidence: float, systematic: float = 0.0) -> tuple[float, float]:
    """Return e^(θ ± reach), each side of a one-sided confidence; a relative uncertainty widens the logarithm in quadrature."""
    reach = math.hypot(log.reach(confidence), float(special.ndtri(confidence)) * systematic)
    return _exp(log.value - reach), _exp(log.value + reach)
