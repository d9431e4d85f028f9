"""Whether lamp, dark level and response stay the same from frame to frame."""

from __future__ import annotations

import math

import numpy as np

from sigmaraw.camera.checks.evidence import SeriesEvidence, chance_of
from sigmaraw.camera.checks.result import Check, CheckName, against, unknown
from sigmaraw.camera.measuring.evidence import LevelEvidence
from sigmaraw.camera.measuring.moments import LevelMoments


def _excess(level: LevelMoments, seen: LevelEvidence) -> tuple[float, float, float, int]:
    """Return (excess variance of frame means, variance that noise gives them, χ², degrees of freedom), DN²."""
    means = level.frame_means[seen.keep]
    noise = seen.mean_noise
    scatter = float(means.var(ddof=1))
    dof = len(means) - 1
    return scatter - noise, noise, dof * scatter / noise if noise > 0 else 0.0, dof


def lamp_variance(evidence: SeriesEvidence) -> tuple[float, float, int]:
    """Return the relative variance of the light between repeats, pooled over levels, with χ² and its degrees of freedom.

    Parameters
    ----------
    evidence : SeriesEvidence
        What the checks rest on, of all levels.
    """
    x, total, weight, chi2, dof = evidence.data.x, 0.0, 0.0, 0.0, 0
    for index in (index for index in evidence.used() if not evidence.shuffled[index].any()):
        excess, noise, level_chi2, level_dof = _excess(evidence.data.flats[index], evidence.flat[index])
        if noise > 0:
            share = level_dof * x[index] ** 4 / noise**2
            total, weight = total + share * excess / x[index] ** 2, weight + share
            chi2, dof = chi2 + level_chi2, dof + level_dof
    return (total / weight if weight else 0.0), chi2, dof


def lamp_drift(evidence: SeriesEvidence) -> Check:
    """Check whether the lamp is steady between the repeats of a level.

    Parameters
    ----------
    evidence : SeriesEvidence
        What the checks rest on, of all levels.
    """
    name = CheckName.LAMP_DRIFT
    relative, chi2, dof = lamp_variance(evidence)
    if dof < 2:
        return unknown(name, "too few repeats of too few levels")
    percent, chance = 100.0 * math.sqrt(max(relative, 0.0)), chance_of(chi2, dof)
    return against(
        name,
        percent,
        f"means of repeats scatter by {percent:.3g} % of the signal beyond noise (chance {chance:.2g})",
        significant=chance < evidence.chance,
    )


def dark_drift(evidence: SeriesEvidence) -> Check:
    """Check whether the mean of dark frames is steady; of several levels the worst decides (Bonferroni).

    Parameters
    ----------
    evidence : SeriesEvidence
        What the checks rest on, of all levels.
    """
    name = CheckName.DARK_DRIFT
    worst, chances = 0.0, []
    for level, seen in zip(evidence.data.darks, evidence.dark, strict=False):
        excess, _, chi2, dof = _excess(level, seen)
        if dof >= 3:
            chances.append(chance_of(chi2, dof))
            worst = max(worst, math.sqrt(max(excess, 0.0) / level.variance) if level.variance > 0 else 0.0)
    if not chances:
        return unknown(name, "no dark level has four frames")
    chance = min(1.0, min(chances) * len(chances))
    text = f"frame means of a dark level scatter by {worst:.3g} of the dark noise (chance {chance:.2g})"
    return against(name, worst, text, significant=chance < evidence.chance)


def nonlinear_exposure(evidence: SeriesEvidence) -> Check:
    """Deviation from the weighted straight line over 5–95 % of saturation, against noise and the scatter of the lamp.

    Parameters
    ----------
    evidence : SeriesEvidence
        What the checks rest on, of all levels.
    """
    name, x, light = CheckName.NONLINEAR_EXPOSURE, evidence.data.x, evidence.light
    if light is None:
        return unknown(name, "exposures or irradiances are not stated")
    inside = (x >= 0.05 * evidence.upper_dn) & (x <= 0.95 * evidence.upper_dn)
    inside &= ~np.array([frames.any() for frames in evidence.shuffled])
    if len(np.unique(light[inside])) < 4:
        return unknown(name, "fewer than four different exposures between 5 and 95 % of saturation")
    y, h = x[inside], light[inside]
    lamp = max(lamp_variance(evidence)[0], 0.0)
    flats = [level for level, kept in zip(evidence.data.flats, inside, strict=True) if kept]
    noise = np.array([e.mean_noise / level.n_frames for e, level in zip(np.array(evidence.flat, dtype=object)[inside], flats, strict=True)])
    error = np.sqrt(noise + np.array([lamp / level.n_frames for level in flats]) * y**2)
    design = np.stack([np.ones_like(h), h], axis=1)
    relative, *_ = np.linalg.lstsq(design / y[:, None], np.ones_like(y), rcond=None)
    weighted, *_ = np.linalg.lstsq(design / error[:, None], y / error, rcond=None)
    percent = 100.0 * float(np.abs(y / (design @ relative) - 1.0).mean())
    chance = chance_of(float((((y - design @ weighted) / error) ** 2).sum()), len(y) - 2)
    text = f"levels lie {percent:.3g} % off a straight line on average (chance {chance:.2g})"
    return against(name, percent, text, significant=chance < evidence.chance)
