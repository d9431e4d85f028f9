"""Whether frames depend on each other, or rows of a flat do, and whether darks belong to the flats.

image lag   s² over all frames against the variance v of successive pairs: of frames that correlate by ρ with the one before,
            v = σ²(1 − ρ) and s² = σ²(1 − 2ρ/L), so ρ = (s² − v)/(σ²(1 − 2/L)) to first order
lines       variance of line means of flats beyond that of their pixels: it enters the variance of pairs, and K with it
origin      mean above dark against exposure meets zero exposure at zero
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sigmaraw.camera.checks.evidence import SeriesEvidence, chance_of
from sigmaraw.camera.checks.result import Check, CheckName, against, unknown
from sigmaraw.camera.checks.stability import lamp_variance
from sigmaraw.camera.measuring.evidence import LevelEvidence
from sigmaraw.camera.measuring.moments import LevelMoments

_LIGHT = 5e-4  # of the signal: no lamp and shutter repeat their light better from level to level


def _two_sided(z: float) -> float:
    return math.erfc(abs(z) / math.sqrt(2.0))


def image_lag(evidence: SeriesEvidence) -> Check:
    """Return the correlation of successive frames, over the flats of the fit and over the darks; the worse counts."""
    groups = {
        "flats": [(evidence.data.flats[i], evidence.flat[i]) for i in evidence.used() if not evidence.shuffled[i].any()],
        "darks": list(zip(evidence.data.darks, evidence.dark, strict=False)),
    }
    found = {name: _correlation(levels) for name, levels in groups.items()}
    measured = {name: one for name, one in found.items() if one is not None}
    if not measured:
        return unknown(CheckName.IMAGE_LAG, "no level has three frames")
    value, z = max(measured.values(), key=lambda one: abs(one[1]))
    chance = min(1.0, _two_sided(z) * len(measured))
    texts = ", ".join(f"{group} {one[0]:.3g}" for group, one in measured.items())
    text = f"correlation of successive frames: {texts} (chance {chance:.2g}); K is wrong by about that share where it is real"
    return against(CheckName.IMAGE_LAG, abs(value), text, significant=chance < evidence.chance)


def _correlation(levels: Sequence[tuple[LevelMoments, LevelEvidence]]) -> tuple[float, float] | None:
    """Return ρ and its z, weighted over levels by their information."""
    total = information = 0.0
    for moments, seen in levels:
        steady, frames = seen.steady, moments.n_frames
        copies = len(set(seen.hashes)) < len(seen.hashes)
        if steady is None or frames < 3 or copies or not seen.keep.all() or moments.variance <= 0:
            continue
        # Of the same frames s² is the better estimate: the difference has the variance by which the pairs are worse.
        left = moments.variance_var * (1.0 - moments.n_pairs / (frames - 1.0)) / moments.variance**2
        scale = 1.0 - 2.0 / frames
        rho = (steady.pixel_variance / moments.variance - 1.0) / scale
        if left > 0:
            total, information = total + rho * scale**2 / left, information + scale**2 / left
    return None if information == 0 else (total / information, total / math.sqrt(information))


def flat_lines(evidence: SeriesEvidence) -> Check:
    """Return the noise that rows or columns of flats share, relative to a pixel's noise; what darks share is taken off."""
    dark = {part: _dark_lines(evidence, part) for part in ("row", "column")}
    best: tuple[float, float, str] | None = None
    for part in ("row", "column"):
        share = chi2 = dof = weight = 0.0
        for index in evidence.used():
            seen = evidence.flat[index]
            lines, per_line = seen.line_counts[part == "column"]
            if lines < 3 or per_line < 2 or seen.lag_variance <= 0 or seen.frames < 2:
                continue
            along = seen.lag_x if part == "row" else seen.lag_y
            own = max(seen.lag_variance + 2.0 * along * (per_line - 1) / per_line, 0.1 * seen.lag_variance)
            expected = own / per_line * (lines - 1) / lines + dark[part]
            freedom = 2.0 / (2.0 / ((lines - 1) * (seen.frames - 1)) + 6.0 / seen.lag_count)
            ratio = getattr(seen.lines, part) / expected
            chi2, dof = chi2 + freedom * ratio, dof + freedom
            share, weight = share + freedom * (ratio - 1.0) * expected / own, weight + freedom
        if weight:
            chance = chance_of(chi2, dof)
            value = math.sqrt(max(share / weight, 0.0))
            if best is None or value > best[0]:
                best = (value, chance, part)
    if best is None:
        return unknown(CheckName.FLAT_LINES, "no flats of enough rows and columns")
    value, chance, part = best
    chance = min(1.0, 2.0 * chance)
    share_text = f"{part}s of flats share temporal noise of {value:.3g} of a pixel's noise (chance {chance:.2g})"
    real = chance < evidence.chance
    text = f"{share_text}: K is up to {100 * value**2:.2g} % too large" if real else f"{share_text}, no more than chance gives"
    return against(CheckName.FLAT_LINES, value, text, significant=real)


def _dark_lines(evidence: SeriesEvidence, part: str) -> float:
    """Return the variance of line means in the dark, DN², beyond that of pixels."""
    found = []
    for seen in evidence.dark:
        _, per_line = seen.line_counts[part == "column"]
        found.append(max(getattr(seen.lines, part) - seen.lag_variance / per_line, 0.0))
    return float(np.mean(found)) if found else 0.0


def exposure_origin(evidence: SeriesEvidence) -> Check:
    """Return how far from the dark level the flats' line meets zero exposure, in units of the dark noise."""
    light, x, upper = evidence.light, evidence.data.x, evidence.upper_dn
    if light is None:
        return unknown(CheckName.EXPOSURE_ORIGIN, "exposures or irradiances are not known")
    if any(seen.foreign for seen in evidence.dark):
        return unknown(CheckName.EXPOSURE_ORIGIN, "frames among the darks are none")
    inside = (x > 0) & (x <= 0.7 * upper) & ~np.array([frames.any() for frames in evidence.shuffled])
    if len(np.unique(light[inside])) < 4:
        return unknown(CheckName.EXPOSURE_ORIGIN, "fewer than four different exposures in the range of the fit")
    x, light = x[inside], light[inside]
    flats = [evidence.data.flats[i] for i in np.flatnonzero(inside)]
    noise = np.array([evidence.flat[i].mean_noise / evidence.data.flats[i].n_frames for i in np.flatnonzero(inside)])
    error = np.sqrt(noise + max(lamp_variance(evidence)[0], 0.0) / np.array([level.n_frames for level in flats]) * x**2)
    # The light of two levels is uncertain by the lamp's limit at least.
    error = np.hypot(error, _LIGHT * x)
    design = np.stack([np.ones_like(light), light], axis=1) / error[:, None]
    covariance = np.linalg.inv(design.T @ design)
    intercept, slope = covariance @ design.T @ (x / error)
    misfit = float((((x - intercept - slope * light) / error) ** 2).sum()) / (len(x) - 2)
    dark = evidence.data.darks[0]
    se = math.sqrt(covariance[0, 0] * max(misfit, 1.0) + dark.mean_var)
    from scipy.stats import t

    chance = 2.0 * float(t.sf(abs(intercept) / se, len(x) - 2))
    sigma = math.sqrt(dark.variance) if dark.variance > 0 else 1.0
    text = f"the flats' line meets zero exposure {intercept:+.3g} DN from the dark level (± {se:.2g} DN, chance {chance:.2g})"
    value = abs(float(intercept)) / sigma
    return against(CheckName.EXPOSURE_ORIGIN, value, text, significant=chance < evidence.chance)
