"""What speaks against a row's verdict: a frame that is not the camera's, a shift that does not fit the replicas', answers that differ."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from scipy import special

from sigmaraw.contracts import Diagnostic, ReplicaMode
from sigmaraw.errors import OutsideValidRange
from sigmaraw.frames import frame_findings
from sigmaraw.frames.findings import FindingName
from sigmaraw.noise.frame_noise import LOUDER, QUIETER
from sigmaraw.noise.rician import MASKED
from sigmaraw.record.words import CodedWarning, Reason
from sigmaraw.statistics import Assessment

if TYPE_CHECKING:
    from sigmaraw.study.study_image import StudyImage

NOTED, ALLOWED = 0.01, 0.1
"""Differences between answers on one image, σ_raw: up to the first they are noted, up to the second they go into u."""
MOST_SATURATED = 0.5
"""Share of pixels at full scale from which an image is refused."""
_MAPPED = (FindingName.COMMON_DIVISOR, FindingName.MISSING_CODES)  # the grey values are not the converter's
_BY_SIGMA = (Reason.SHIFT_BEYOND, Reason.RMS_BEYOND, Reason.NO_RAW_VARIATION)


@dataclass(frozen=True)
class AgainstCamera:
    """What an image says against its noise model.

    Parameters
    ----------
    quieter : bool
        σ_raw is overstated: no PASS.
    louder : bool
        σ_raw is understated: no FAIL in units of σ_raw.
    mapped : bool
        The grey values are not the converter's: no PASS.
    """

    quieter: bool = False
    louder: bool = False
    mapped: bool = False

    @classmethod
    def of(cls, checks: Iterable[Diagnostic], mode: ReplicaMode) -> AgainstCamera:
        """Return what the checks of an image come to; real repeats need no noise model, and nothing speaks against them."""
        failed = {check.name: check for check in checks if not check.passed}
        mapped = any(name.value in failed for name in _MAPPED)
        if not mode.draws_noise:
            return cls(mapped=mapped)
        found = [failed[name] for name in ("frame_noise", "local_noise", "repeat_noise") if name in failed]
        return cls(
            any(check.value < min(check.low, QUIETER) for check in found) or MASKED in failed,
            any(check.value > max(check.high, LOUDER) for check in found),
            mapped,
        )

    def __bool__(self) -> bool:
        """Return whether anything speaks against the noise model."""
        return self.quieter or self.louder or self.mapped


def finding_checks(image: StudyImage) -> tuple[Diagnostic, ...]:
    """Return what in an image's pixels the camera cannot deliver, one failed check for each finding.

    Raises
    ------
    OutsideValidRange
        More than half of the pixels are at full scale: no answer about such an image says anything of noise.
    """
    model = image.noise_model
    if model is None:
        return ()
    frame = image.frame.astype(model.dtype, copy=False)  # the unsigned integers that the camera delivers
    found = frame_findings(frame, dark_level_dn=model.offset_dn, dark_noise_dn=model.dark_scatter_dn(), full_scale_dn=model.hi_dn)
    for one in found:
        if one.name is FindingName.MOSTLY_SATURATED and one.share > MOST_SATURATED:
            raise OutsideValidRange(one.text, f"at most {MOST_SATURATED:.0%} at full scale", "expose less, or leave the image out")
    return tuple(Diagnostic(one.name.value, one.share, 0.0, 0.0, "share of pixels or codes", one.text) for one in found)


def under_evidence(found: Assessment, against: AgainstCamera, *, identical: bool, margin: bool, difference: float) -> Assessment:
    """Return an assessment with the verdict that the evidence allows (formula 2.11).

    Parameters
    ----------
    found : Assessment
        Of predictions alone.
    against : AgainstCamera
        What the image says against its noise model.
    identical : bool
        The codec gave every pixel back: PASS whatever speaks against σ_raw.
    margin : bool
        The plan's limit is in the measurement's unit, which σ_raw does not enter.
    difference : float
        Largest difference between the pipeline's answers on one image, the measurement's unit.

    Returns
    -------
    Assessment
        The same numbers, with u, verdict, reason and warnings as the evidence has them.
    """
    if identical and found.verdict == "PASS":
        return found
    found = _with_difference(found, difference)
    if found.verdict == "PASS":
        reason = Reason.FRAME_QUIETER if against.quieter else Reason.FRAME_NOT_RAW if against.mapped else None
    else:
        by_sigma = found.verdict == "FAIL" and found.reason in _BY_SIGMA and not margin
        reason = Reason.FRAME_LOUDER if by_sigma and against.louder else None
    return found if reason is None else replace(found, verdict="INCONCLUSIVE", reason=reason)


def _with_difference(found: Assessment, difference: float) -> Assessment:
    """Return an assessment with what answers differ by in u, and the verdict that its shift then allows."""
    share = difference / found.sigma_raw if found.sigma_raw > 0.0 else math.nan
    if not share > NOTED or not math.isfinite(found.epsilon_hat):
        return found
    u = math.hypot(found.u, share)
    text = f"answers on the same image differ by {share:.2g} σ_raw, by what is predicted with it or when: u holds it"
    found = replace(found, u=u, warnings=(*found.warnings, CodedWarning(text, "answers-differ", True)))
    reach = float(special.stdtrit(min(found.dof, 1e9), 0.95)) * u if found.dof > 0.0 else math.inf
    shift = abs(found.epsilon_hat)
    lost = found.verdict == "PASS" and shift + reach > found.limit
    lost = lost or (found.reason is Reason.SHIFT_BEYOND and shift - reach <= found.limit)
    return replace(found, verdict="INCONCLUSIVE", reason=Reason.ANSWERS_DIFFER) if lost else found
