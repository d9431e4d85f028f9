"""Whether the chosen transfer curve describes the levels, and whether a bend is one of the camera."""

from __future__ import annotations

import math

import numpy as np

from sigmaraw.camera.checks.evidence import SeriesEvidence, chance_of
from sigmaraw.camera.checks.result import Check, CheckName, against, unknown
from sigmaraw.camera.fitting.curves import CurveForm

_BREAK_SLACK, _BEND_MARGIN = 2.0, 6.0  # of BIC: no evidence, and strong evidence (Kass and Raftery)
_CUT_ERRORS, _CUT_SHARE = 5.0, 0.02  # standard errors, and of the variance, that a level lies off the curve


def transfer_curve(evidence: SeriesEvidence) -> Check:
    """Return how far the levels lie from the chosen transfer curve beyond noise, %; for a broken line, whether a plain fault says as much.

    A line that misses the origin (darks of another level) and a curve that bends upwards (light that differs from frame to frame) look like
    a break to a fit of two gains. Where either describes the levels as well, the break is none.
    """
    curve = evidence.curve
    if curve is None or curve.dof < 2:
        return unknown(CheckName.TRANSFER_CURVE, "too few levels")
    chosen = evidence.data.select(evidence.fit.used)
    predicted = curve.predict(chosen.x)
    noise = float(np.mean([level.variance_var for level in chosen.flats] / predicted**2))
    relative = math.sqrt(max(curve.chi2 / curve.dof - 1.0, 0.0) * noise)
    chance = chance_of(curve.chi2, curve.dof)
    misfit = f"χ²/dof {curve.chi2 / curve.dof:.2f}, chance {chance:.2g}"
    text = f"levels lie {100 * relative:.2g} % off the {curve.form} curve beyond noise ({misfit})"
    for name, bic in evidence.plain_faults.items():
        # Of curves with more parameters the simpler one stands where it is as good; of equals the fault must be the better by far.
        if bic <= curve.bic + (_BREAK_SLACK if curve.form is CurveForm.PIECEWISE else -_BEND_MARGIN):
            return against(CheckName.TRANSFER_CURVE, 100.0, f"{text}; {name} describes them as well or better")
    cut = _cut_off_curve(evidence)
    if cut:
        return against(
            CheckName.TRANSFER_CURVE,
            100.0,
            f"{text}; {cut} level{'s' if cut > 1 else ''} left out of the fit lie{'' if cut > 1 else 's'} off it too",
        )
    return against(CheckName.TRANSFER_CURVE, 100.0 * relative, text, significant=chance < evidence.chance)


def _cut_off_curve(evidence: SeriesEvidence) -> int:
    """Return how many levels that the fit left out as outliers lie off the chosen curve too: it does not explain them."""
    x, y, used = evidence.data.x, evidence.data.y, evidence.fit.used
    assert evidence.curve is not None
    expected = evidence.curve.predict(x)
    darks = np.array([level.variance_var for level in evidence.data.darks])[evidence.data.dark_index]
    error = np.sqrt([level.variance_var for level in evidence.data.flats] + darks)
    inside = (x > 0) & (x < x[used].max()) & ~used
    return int(np.count_nonzero(inside & (np.abs(y - expected) > np.maximum(_CUT_ERRORS * error, _CUT_SHARE * np.abs(expected)))))
