"""Checks of time, rows and single pixels in calibration frames: what makes frames depend on each other, and pixels that are none.

    lag       s² over all frames against the variance v of successive pairs: of frames that correlate by ρ with the one before,
              v = σ²(1 − ρ) and s² = σ²(1 − 2ρ/L), so ρ = (s² − v)/(σ²(1 − 2/L))
    rows      variance of line means of flats beyond that of their pixels: it enters the variance of pairs, and K with it
    origin    mean above dark against exposure meets zero exposure at zero
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sigmaraw.camera.measuring.steadiness import SPIKE_FRAMES

if TYPE_CHECKING:
    from sigmaraw.camera.checks.series import Findings
    from sigmaraw.camera.measuring.evidence import LevelEvidence
    from sigmaraw.camera.measuring.moments import LevelMoments

_BREAK_SLACK, _BEND_MARGIN = 2.0, 6.0  # of BIC: no evidence, and strong evidence (Kass and Raftery)
_CUT_ERRORS, _CUT_SHARE = 5.0, 0.02  # standard errors, and of the variance, that a level lies off the curve
_BRIGHT = 0.1  # of saturation: from there on shot noise hides pixels that are noisy in the dark


@dataclass(frozen=True)
class Measure:
    """What a check found.

    Parameters
    ----------
    value : float
        The effect, in the unit of the check's limit.
    chance : float
        Probability of the statistic without the fault.
    text : str
        The evidence in one sentence.
    """

    value: float
    chance: float
    text: str


def _two_sided(z: float) -> float:
    return math.erfc(abs(z) / math.sqrt(2.0))


def lag(findings: Findings) -> Measure | str:
    """Return the correlation of successive frames, over the flats of the fit and over the darks; the worse counts."""
    groups = {
        "flats": [(findings.data.flats[i], findings.flat[i]) for i in findings.used() if not findings.shuffled[i].any()],
        "darks": list(zip(findings.data.darks, findings.dark, strict=False)),
    }
    found = {name: _correlation(levels) for name, levels in groups.items()}
    measured = {name: one for name, one in found.items() if one is not None}
    if not measured:
        return "no level has three frames"
    name, (value, z) = max(measured.items(), key=lambda item: abs(item[1][1]))
    chance = min(1.0, _two_sided(z) * len(measured))
    texts = ", ".join(f"{group} {one[0]:.3g}" for group, one in measured.items())
    return Measure(abs(value), chance, f"successive frames correlate in time: {texts} (chance {chance:.2g}); K is wrong by about as much in {name}")


def _correlation(levels: Sequence[tuple[LevelMoments, LevelEvidence]]) -> tuple[float, float] | None:
    """Return ρ and its z, weighted over levels by their information."""
    total = information = 0.0
    for moments, evidence in levels:
        steady, frames = evidence.steady, moments.n_frames
        if steady is None or frames < 3 or not evidence.keep.all() or moments.variance <= 0:
            continue
        # Of the same frames s² is the better estimate: the difference has the variance by which the pairs are worse.
        left = moments.variance_var * (1.0 - moments.n_pairs / (frames - 1.0)) / moments.variance**2
        scale = 1.0 - 2.0 / frames
        rho = (steady.pixel_variance / moments.variance - 1.0) / scale
        if left > 0:
            total, information = total + rho * scale**2 / left, information + scale**2 / left
    return None if information == 0 else (total / information, total / math.sqrt(information))


def flat_lines(findings: Findings) -> Measure | str:
    """Return the noise that rows or columns of flats share, relative to a pixel's noise; what darks share is taken off."""
    from scipy.special import gammaincc

    dark = {part: _dark_lines(findings, part) for part in ("row", "column")}
    best: tuple[float, float, str] | None = None
    for part in ("row", "column"):
        share = chi2 = dof = weight = 0.0
        for index in findings.used():
            evidence = findings.flat[index]
            lines, per_line = evidence.line_counts[part == "column"]
            if lines < 3 or per_line < 2 or evidence.lag_variance <= 0 or evidence.frames < 2:
                continue
            along = evidence.lag_x if part == "row" else evidence.lag_y
            own = max(evidence.lag_variance + 2.0 * along * (per_line - 1) / per_line, 0.1 * evidence.lag_variance)
            expected = own / per_line * (lines - 1) / lines + dark[part]
            freedom = 2.0 / (2.0 / ((lines - 1) * (evidence.frames - 1)) + 6.0 / evidence.lag_count)
            ratio = getattr(evidence.lines, part) / expected
            chi2, dof = chi2 + freedom * ratio, dof + freedom
            share, weight = share + freedom * (ratio - 1.0) * expected / own, weight + freedom
        if weight:
            chance = float(gammaincc(0.5 * dof, 0.5 * chi2))
            value = math.sqrt(max(share / weight, 0.0))
            if best is None or value > best[0]:
                best = (value, chance, part)
    if best is None:
        return "no flats of enough rows and columns"
    value, chance, part = best
    chance = min(1.0, 2.0 * chance)
    return Measure(value, chance, f"{part}s of flats share temporal noise of {value:.3g} of a pixel's noise (chance {chance:.2g}): K is {100 * value**2:.2g} % too large")


def _dark_lines(findings: Findings, part: str) -> float:
    """Return the variance of line means in the dark, DN², beyond that of pixels."""
    found = []
    for evidence in findings.dark:
        _, per_line = evidence.line_counts[part == "column"]
        found.append(max(getattr(evidence.lines, part) - evidence.lag_variance / per_line, 0.0))
    return float(np.mean(found)) if found else 0.0


def exposure_origin(findings: Findings, lamp: float) -> Measure | str:
    """Return how far from the dark level the flats' line meets zero exposure, in units of the dark noise.

    lamp : relative variance of the light between repeats.
    """
    light, x, upper = findings.light, findings.data.x, findings.upper_dn
    if light is None:
        return "exposures or irradiances are not known"
    inside = (x > 0) & (x <= 0.7 * upper) & ~np.array([frames.any() for frames in findings.shuffled])
    if len(np.unique(light[inside])) < 4:
        return "fewer than four different exposures in the range of the fit"
    x, light = x[inside], light[inside]
    flats = [findings.data.flats[i] for i in np.flatnonzero(inside)]
    noise = np.array([findings.flat[i].mean_noise / findings.data.flats[i].n_frames for i in np.flatnonzero(inside)])
    error = np.sqrt(noise + max(lamp, 0.0) / np.array([level.n_frames for level in flats]) * x**2)
    # Light of two levels is never known to better than the lamp's limit.
    error = np.hypot(error, 5e-4 * x)
    design = np.stack([np.ones_like(light), light], axis=1) / error[:, None]
    covariance = np.linalg.inv(design.T @ design)
    intercept, slope = covariance @ design.T @ (x / error)
    misfit = float((((x - intercept - slope * light) / error) ** 2).sum()) / (len(x) - 2)
    dark = findings.data.darks[0]
    se = math.sqrt(covariance[0, 0] * max(misfit, 1.0) + dark.mean_var)
    from scipy.stats import t

    chance = 2.0 * float(t.sf(abs(intercept) / se, len(x) - 2))
    sigma = math.sqrt(dark.variance) if dark.variance > 0 else 1.0
    text = f"the flats' line meets zero exposure {intercept:+.3g} DN from the dark level (± {se:.2g} DN, chance {chance:.2g})"
    return Measure(abs(float(intercept)) / sigma, chance, text)


def time_outliers(findings: Findings) -> Measure | str:
    """Return the share of a level's noise that single frames of few pixels carry, %."""
    darks = [e.steady for e in findings.dark if e.steady is not None and e.steady.spike_share is not None]
    bright = [findings.flat[i].steady for i in findings.used() if findings.data.x[i] > _BRIGHT * findings.upper_dn]
    shares = [(one.spike_share or 0.0, one, "dark") for one in darks]
    shares += [(one.noisy_share, one, "flat") for one in bright if one is not None]
    if not shares:
        return f"no dark level has {SPIKE_FRAMES} frames, and no flat is bright"
    share, worst, kind = max(shares, key=lambda item: item[0])
    text = (
        f"single frames of few pixels carry {100 * share:.2g} % of the noise of a {kind} level: "
        f"{math.sqrt(worst.pixel_variance):.3g} DN rms, {math.sqrt(worst.median_variance):.3g} DN in the median pixel"
    )
    return Measure(100.0 * share, 0.0, text)


def transfer_curve(findings: Findings) -> Measure | str:
    """Return how far the levels lie from the chosen transfer curve beyond noise, %; for a broken line, whether a plain fault says as much.

    A line that misses the origin (darks of another level) and a curve that bends upwards (light that differs from frame to frame) look like
    a break to a fit of two gains. Where either describes the levels as well, the break is none.
    """
    from scipy.special import gammaincc

    curve = findings.curve
    if curve is None or curve.dof < 2:
        return "too few levels"
    chosen = findings.data.select(findings.fit.used)
    predicted = curve.predict(chosen.x)
    relative = math.sqrt(max(curve.chi2 / curve.dof - 1.0, 0.0) * float(np.mean([level.variance_var for level in chosen.flats] / predicted**2)))
    chance = float(gammaincc(0.5 * curve.dof, 0.5 * curve.chi2))
    text = f"levels lie {100 * relative:.2g} % off the {findings.curve_name} curve beyond noise (χ²/dof {curve.chi2 / curve.dof:.2f}, chance {chance:.2g})"
    for name, bic in findings.plain_faults.items():
        # Of curves with more parameters the simpler one stands where it is as good; of equals the fault must be the better by far.
        if bic <= curve.bic + (_BREAK_SLACK if findings.curve_name == "piecewise" else -_BEND_MARGIN):
            return Measure(100.0, 0.0, f"{text}; {name} describes them as well or better")
    cut = _cut_off_curve(findings)
    if cut:
        return Measure(100.0, 0.0, f"{text}; {cut} level{'s' if cut > 1 else ''} left out of the fit lie{'' if cut > 1 else 's'} off it too")
    return Measure(100.0 * relative, chance, text)


def _cut_off_curve(findings: Findings) -> int:
    """Return how many levels that the fit left out as outliers lie off the chosen curve too: it does not explain them."""
    x, y, used = findings.data.x, findings.data.y, findings.fit.used
    assert findings.curve is not None
    expected = findings.curve.predict(x)
    darks = np.array([level.variance_var for level in findings.data.darks])[findings.data.dark_index]
    error = np.sqrt([level.variance_var for level in findings.data.flats] + darks)
    inside = (x > 0) & (x < x[used].max()) & ~used
    return int(np.count_nonzero(inside & (np.abs(y - expected) > np.maximum(_CUT_ERRORS * error, _CUT_SHARE * np.abs(expected)))))


def unlit(findings: Findings) -> Measure | str:
    """Return the share of pixels that do not respond to light, %."""
    count, lines = findings.dead, findings.dead_lines
    share = 100.0 * count / findings.data.flats[0].n_pixels
    where = f", {lines[0]} rows and {lines[1]} columns among them" if any(lines) else ""
    return Measure(share, 0.0, f"{count} pixels ({share:.2g} %) do not respond to light{where}; they are left out of PRNU, DSNU and offset")
