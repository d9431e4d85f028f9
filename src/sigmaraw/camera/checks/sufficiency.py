"""Whether there are enough levels and frames, each in its place."""

from __future__ import annotations

import math

import numpy as np

from sigmaraw.camera.checks.evidence import SeriesEvidence
from sigmaraw.camera.checks.result import LIMITS, Check, CheckName, CheckOutcome, against, result, unknown


def too_few_levels(evidence: SeriesEvidence) -> Check:
    """Check whether enough flat levels are in the gain fit.

    Parameters
    ----------
    evidence : SeriesEvidence
        What the checks rest on, of all levels.
    """
    name, count = CheckName.TOO_FEW_LEVELS, len(evidence.used())
    text = f"{count} flat levels in the gain fit, from {min(evidence.data.x[evidence.used()]):.4g} DN above dark"
    return result(name, CheckOutcome.FAIL if count < LIMITS[name][0] else CheckOutcome.PASS, text, float(count))


def too_few_pairs(evidence: SeriesEvidence) -> Check:
    """Check whether the standard error of the gain is small enough.

    Parameters
    ----------
    evidence : SeriesEvidence
        What the checks rest on, of all levels.
    """
    gain = evidence.fit.weighted
    percent = 100.0 * gain.se / gain.value
    pairs = sum(evidence.data.flats[index].n_pairs for index in evidence.used())
    return against(CheckName.TOO_FEW_PAIRS, percent, f"the gain's standard error is {percent:.2g} % from {pairs} pairs of frames")


def duplicated_frames(evidence: SeriesEvidence) -> Check:
    """Check whether frames are copies of others.

    Parameters
    ----------
    evidence : SeriesEvidence
        What the checks rest on, of all levels.
    """
    hashes = [value for level in (*evidence.dark, *evidence.flat) for value in level.hashes]
    copies = len(hashes) - len(set(hashes))
    return against(CheckName.DUPLICATED_FRAMES, float(copies), f"{copies} of {len(hashes)} frames are copies of others")


def shuffled_frames(evidence: SeriesEvidence) -> Check:
    """Check whether flat frames lie at another level's mean.

    Parameters
    ----------
    evidence : SeriesEvidence
        What the checks rest on, of all levels.
    """
    name = CheckName.SHUFFLED_FRAMES
    if len(evidence.data.flats) < 2:
        return unknown(name, "one flat level only")
    count = sum(int(np.count_nonzero(frames)) for frames in evidence.shuffled)
    levels = sum(bool(frames.any()) for frames in evidence.shuffled)
    return against(name, float(count), f"{count} flat frames in {levels} levels lie at another level's mean")


def dark_flat_mixup(evidence: SeriesEvidence) -> Check:
    """Frames far off their level's median; flat levels that are as dark as the dark although light is stated.

    Parameters
    ----------
    evidence : SeriesEvidence
        What the checks rest on, of all levels.
    """
    foreign = sum(level.foreign for level in evidence.dark) + sum(
        int(np.count_nonzero(~level.keep & ~shuffled)) for level, shuffled in zip(evidence.flat, evidence.shuffled, strict=True)
    )
    unlit, x, light = 0, evidence.data.x, evidence.light
    if light is not None and light[evidence.fit.used].max() > 0:
        slope = float(np.median(x[evidence.fit.used & (light > 0)] / light[evidence.fit.used & (light > 0)]))
        for index, level in enumerate(evidence.data.flats):
            error = math.sqrt(level.mean_var + evidence.data.darks[evidence.data.dark_index[index]].mean_var)
            unlit += slope * light[index] > 20.0 * error and x[index] < 0.1 * slope * light[index]
    text = f"{foreign} frames are far off the median of their level, {unlit} flat levels are dark although light is stated"
    return against(CheckName.DARK_FLAT_MIXUP, float(foreign + unlit), text)
