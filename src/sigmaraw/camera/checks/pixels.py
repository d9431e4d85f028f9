"""Pixels that are hit in single frames, and pixels that see no light."""

from __future__ import annotations

import math

from sigmaraw.camera.checks.evidence import SeriesEvidence
from sigmaraw.camera.checks.result import Check, CheckName, against, unknown
from sigmaraw.camera.measuring.steadiness import SPIKE_FRAMES

_BRIGHT = 0.1  # of saturation: from there on shot noise hides pixels that are noisy in the dark


def outliers_in_time(evidence: SeriesEvidence) -> Check:
    """Return the share of a level's noise that single frames of few pixels carry, %."""
    darks = [e.steady for e in evidence.dark if e.foreign == 0 and e.steady is not None and e.steady.spike_share is not None]
    bright = [evidence.flat[i].steady for i in evidence.used() if evidence.data.x[i] > _BRIGHT * evidence.upper_dn]
    shares = [(one.spike_share or 0.0, one, "dark") for one in darks]
    shares += [(one.noisy_share, one, "flat") for one in bright if one is not None]
    if not shares:
        return unknown(CheckName.TIME_OUTLIERS, f"no dark level has {SPIKE_FRAMES} frames, and no flat is bright")
    share, worst, kind = max(shares, key=lambda item: item[0])
    text = (
        f"single frames of few pixels carry {100 * share:.2g} % of the noise of a {kind} level: "
        f"{math.sqrt(worst.pixel_variance):.3g} DN rms, {math.sqrt(worst.median_variance):.3g} DN in the median pixel"
    )
    return against(CheckName.TIME_OUTLIERS, 100.0 * share, text)


def unlit_pixels(evidence: SeriesEvidence) -> Check:
    """Return the share of pixels that do not respond to light, %."""
    dead = evidence.dead
    share = 100.0 * dead.count / evidence.data.flats[0].n_pixels
    where = f", {dead.rows} rows and {dead.columns} columns among them" if dead.rows or dead.columns else ""
    text = f"{dead.count} pixels ({share:.3g} %) do not respond to light{where}; they are left out of PRNU, DSNU and offset"
    return against(CheckName.UNLIT_PIXELS, share, text)
