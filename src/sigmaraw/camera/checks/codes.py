"""Whether codes are missing, and whether values pile up at either end of the range."""

from __future__ import annotations

from sigmaraw.camera.checks.evidence import SeriesEvidence
from sigmaraw.camera.checks.result import Check, CheckName, CheckOutcome, against, result, unknown
from sigmaraw.camera.fitting.dark import HIDDEN_BELOW_DN2
from sigmaraw.camera.measuring.evidence import CODES_NEEDED


def missing_codes(evidence: SeriesEvidence) -> Check:
    """Check whether codes inside the histograms never occur.

    Parameters
    ----------
    evidence : SeriesEvidence
        What the checks rest on, of all levels.
    """
    levels = (*evidence.dark, *evidence.flat)
    missing, tested = sum(level.missing for level in levels), sum(level.tested for level in levels)
    if tested < 10:
        return unknown(CheckName.MISSING_CODES, "too few values per code to tell an empty one from chance")
    return against(CheckName.MISSING_CODES, float(missing), f"{missing} of {tested} codes inside the levels' histograms never occur")


def black_clipping(evidence: SeriesEvidence) -> Check:
    """Check whether dark values pile up at the lowest code.

    Parameters
    ----------
    evidence : SeriesEvidence
        What the checks rest on, of all levels.
    """
    name = CheckName.BLACK_CLIPPING
    if not evidence.dark:
        return unknown(name, "no dark frames")
    # Pixels that never leave the lowest code, as those of a stamp, are dead and not clipped.
    shares = [
        max(100.0 * (max(seen.piled, level.bottom_fraction if level.minimum == 0 else 0.0)) - evidence.dead.at_floor, 0.0)
        for level, seen in zip(evidence.data.darks, evidence.dark, strict=False)
    ]
    lowest = min(level.minimum for level in evidence.data.darks)
    return against(name, max(shares), f"{max(shares):.3g} % of the dark values pile up at the lowest code ({lowest} DN)")


def white_clipping(evidence: SeriesEvidence) -> Check:
    """Check whether values of a fitted level stand at the highest code.

    Parameters
    ----------
    evidence : SeriesEvidence
        What the checks rest on, of all levels.
    """
    top = max(level.maximum for level in evidence.data.flats)
    used = [evidence.data.flats[index] for index in evidence.used()]
    share = 100.0 * max(level.top_fraction if level.maximum == top else 0.0 for level in used)
    # Of an unsaturated series the brightest level's highest value is not a stop, nor are two of a few hundred values that tie there.
    stop = top == evidence.full_scale or any(
        level.maximum == top and level.top_fraction > max(0.001, CODES_NEEDED / (level.n_pixels * level.n_frames))
        for level in evidence.data.flats
    )
    text = f"{share if stop else 0.0:.3g} % of the values of a fitted level stand at the highest code ({top} DN)"
    return against(CheckName.WHITE_CLIPPING, share if stop else 0.0, text)


def hidden_quantisation(evidence: SeriesEvidence) -> Check:
    """Check whether rounding hides the dark noise.

    Parameters
    ----------
    evidence : SeriesEvidence
        What the checks rest on, of all levels.
    """
    name, variance = CheckName.HIDDEN_QUANTISATION, evidence.data.darks[0].variance
    text = f"dark variance is {variance:.3g} DN2; below {HIDDEN_BELOW_DN2} DN2 rounding hides the noise"
    return result(name, CheckOutcome.FAIL if variance < HIDDEN_BELOW_DN2 else CheckOutcome.PASS, text, variance)
