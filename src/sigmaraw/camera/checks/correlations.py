"""Whether temporal noise is white: between neighbours, along rows and along columns."""

from __future__ import annotations

import math
from collections.abc import Callable

from sigmaraw.camera.checks.evidence import SeriesEvidence, chance_of
from sigmaraw.camera.checks.result import Check, CheckName, against, unknown


def correlated_pixels(evidence: SeriesEvidence) -> Check:
    """Check whether temporal noise of neighbours correlates.

    Parameters
    ----------
    evidence : SeriesEvidence
        What the checks rest on, of all levels.
    """
    name = CheckName.CORRELATED_PIXELS
    levels = [*evidence.dark, *(evidence.flat[index] for index in evidence.used())]
    usable = [level for level in levels if level.lag_count and level.lag_variance > 0]
    count = sum(level.lag_count for level in usable)
    if count < 100:
        return unknown(name, "too few pixels")
    found = [
        sum(level.lag_count * value / level.lag_variance for level, value in zip(usable, lags, strict=True)) / count
        for lags in ([level.lag_x for level in usable], [level.lag_y for level in usable])
    ]
    worst = max(abs(value) for value in found)
    chance = min(1.0, 2.0 * math.erfc(worst * math.sqrt(count) / math.sqrt(2.0)))  # two directions
    text = f"temporal noise of neighbours correlates by {found[0]:.3g} in rows, {found[1]:.3g} in columns (chance {chance:.2g})"
    return against(name, worst, text, significant=chance < evidence.chance)


def line_check(name: CheckName, part: str) -> Callable[[SeriesEvidence], Check]:
    """Return the check whether rows, or columns, share temporal noise.

    Parameters
    ----------
    name : CheckName
        The check that is made.
    part : str
        "row" or "column".
    """

    def check(evidence: SeriesEvidence) -> Check:
        share, chi2, dof, levels = 0.0, 0.0, 0.0, 0
        for seen in evidence.dark:
            lines, per_line = seen.line_counts[part == "column"]
            if lines < 3 or per_line < 2 or seen.lag_variance <= 0:
                continue
            # lag_variance is that of single pixels, line means subtracted; neighbours that correlate spread their line's mean further.
            along = seen.lag_x if part == "row" else seen.lag_y
            pixels = max(seen.lag_variance + 2.0 * along * (per_line - 1) / per_line, 0.1 * seen.lag_variance)
            expected = pixels / per_line * (lines - 1) / lines
            # Less certain than the number of lines says: `pixels` has an error too, 2/count of the variance and 4/count of the covariance.
            freedom = 2.0 / (2.0 / ((lines - 1) * (seen.frames - 1)) + 6.0 / seen.lag_count)
            ratio = getattr(seen.lines, part) / expected
            chi2, dof = chi2 + freedom * ratio, dof + freedom
            share = max(share, math.sqrt(max(ratio - 1.0, 0.0) / per_line))
            levels += 1
        if not levels:
            return unknown(name, "no dark frames of enough rows and columns")
        chance = chance_of(chi2, dof)
        text = f"{part}s share temporal noise of {share:.3g} of a pixel's dark noise (chance {chance:.2g})"
        return against(name, share, text, significant=chance < evidence.chance)

    return check
