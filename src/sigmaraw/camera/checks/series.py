"""Does the series support its answer? Named checks that pass, fail or stay unknown, each with its evidence.

A check that compares with noise fails only when chance gives its statistic in less than one series in a thousand *and* the effect
is of a size that matters (`limit`). Its false-alarm rate and power are measured: docs/explanation/checks.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sigmaraw.camera.checks import codes, correlations, curve, frames, pixels, stability, sufficiency
from sigmaraw.camera.checks.evidence import SeriesEvidence
from sigmaraw.camera.checks.result import Check, CheckName

_CHECKS: Mapping[CheckName, Callable[[SeriesEvidence], Check]] = {
    CheckName.LAMP_DRIFT: stability.lamp_drift,
    CheckName.DARK_DRIFT: stability.dark_drift,
    CheckName.CORRELATED_PIXELS: correlations.correlated_pixels,
    CheckName.ROW_NOISE: correlations.line_check(CheckName.ROW_NOISE, "row"),
    CheckName.COLUMN_NOISE: correlations.line_check(CheckName.COLUMN_NOISE, "column"),
    CheckName.MISSING_CODES: codes.missing_codes,
    CheckName.BLACK_CLIPPING: codes.black_clipping,
    CheckName.WHITE_CLIPPING: codes.white_clipping,
    CheckName.HIDDEN_QUANTISATION: codes.hidden_quantisation,
    CheckName.TOO_FEW_LEVELS: sufficiency.too_few_levels,
    CheckName.TOO_FEW_PAIRS: sufficiency.too_few_pairs,
    CheckName.NONLINEAR_EXPOSURE: stability.nonlinear_exposure,
    CheckName.DUPLICATED_FRAMES: sufficiency.duplicated_frames,
    CheckName.SHUFFLED_FRAMES: sufficiency.shuffled_frames,
    CheckName.DARK_FLAT_MIXUP: sufficiency.dark_flat_mixup,
    CheckName.IMAGE_LAG: frames.image_lag,
    CheckName.FLAT_LINES: frames.flat_lines,
    CheckName.EXPOSURE_ORIGIN: frames.exposure_origin,
    CheckName.TRANSFER_CURVE: curve.transfer_curve,
    CheckName.TIME_OUTLIERS: pixels.outliers_in_time,
    CheckName.UNLIT_PIXELS: pixels.unlit_pixels,
}


def run_checks(evidence: SeriesEvidence) -> tuple[Check, ...]:
    """Return every check in the order of `CheckName`. With maps in place of darks, checks of dark frames stay unknown.

    Parameters
    ----------
    evidence : SeriesEvidence
        What the checks rest on, of all levels.
    """
    return tuple(_CHECKS[name](evidence) for name in CheckName)
