"""Sentences that a report builds from a record: what the result does not cover, limits and margins."""

from __future__ import annotations

from sigmaraw.record import Content
from sigmaraw.record.camera import RICIAN
from sigmaraw.record.design import LimitsRow
from sigmaraw.reports.basis import basis_line
from sigmaraw.reports.kinds import kind_notes
from sigmaraw.reports.numbers import given, with_unit

_MODES = {
    "around-raw": (
        "Replicas were drawn around the raw frame itself (mode around-raw). The raw frame already carries noise, and each replica adds "
        "noise to it. For measurements that are not linear in the pixel values, σ_raw and the mean of the replicas' predictions can "
        "therefore be wrong. The column “Centre” shows how far that mean lies from the prediction on the raw frame."
    ),
    "bootstrap": (
        "Replicas were drawn around a denoised estimate of the raw frame (mode bootstrap). They are only as good as that estimate: "
        "structure that the denoiser removed is missing from them, and noise that it left is in them twice. Two checks test this. The "
        "first compares the denoiser's residuals with white noise of the expected variance (mode_diagnostics in the record). The second, "
        "the double bootstrap, starts the mode from four of its own replicas and asks whether it finds the same σ_raw. A result carries "
        "a warning where a check fails."
    ),
    "mean-n": (
        "Replicas were drawn around the mean of a few repeated acquisitions (mode mean-n). That mean keeps some noise, so "
        "σ_raw is multiplied by √(n/(n − 1)). Drift of lamp, stage or sample between the repeats does not count as noise here, but it "
        "blurs the mean."
    ),
    "simex": (
        "Replicas were drawn around the raw frame with 1, 1.5, 2 and 3 times its noise (mode simex). The results at these noise levels "
        "were extrapolated to a frame without noise. Spread, centre and shift are extrapolated values; all other figures of a codec "
        "describe the replicas as drawn. The extrapolation makes uncertainties 1.4 (line) to 4.3 (parabola) times wider."
    ),
    "repeats": (
        "Replicas are real repeated acquisitions (mode repeats). Drift of lamp, stage or sample between the repeats counts as noise here."
    ),
}


def several(count: int, noun: str) -> str:
    """Return a number with its noun, in the plural where it is not 1."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def limitations(record: Content) -> list[str]:
    """Return what the result does not show, from the record's mode, camera, images and replicas."""
    images = len({row.image for row in record.results})
    points = [
        f"Results hold for {several(images, 'image')} each: replicas say how sure the answer is for that image alone. Statements about "
        "images like these rest on how much these images differ; they do not cover other kinds of samples or other instruments.",
        "A limit in units of σ_raw shrinks as scenes become brighter or larger; the change that matters to you does not. "
        "To claim that a change is too small to matter, state a margin in the measurement's own unit in the plan.",
        "Several codecs were compared. The claim “this codec passes on all measurements” needs no adjustment for multiple "
        "comparisons; the claim “at least one codec passes” does."
        if len(record.codecs) > 1
        else "One codec was examined: nothing is said about other settings of it.",
        "The verdicts show agreement with the raw frame, not correctness: a model that is wrong on raw frames can pass.",
    ]
    modes = sorted({row.mode.partition(":")[0] for row in record.results})
    points += [_MODES[mode] for mode in modes if mode in _MODES]
    if record.camera.calibrated is False and record.camera.source != RICIAN:
        points.append(
            "The camera was not calibrated: gain, offset and read noise are stated values, with the uncertainty given for them or none."
        )
    if basis_line(record):
        points.append(basis_line(record))
    if record.plan.scalars:
        points.append("The camera's mean values were used in place of its per-pixel maps, as the plan asks.")
    return points + kind_notes(record)


REVALIDATION = (
    "another camera, or the same camera after service, at another gain setting, temperature or read-out mode",
    "another codec, codec setting or version of a codec library",
    "another model, model version, threshold or preprocessing",
    "scenes outside the range of brightness, density or texture examined here",
)


def limits_shown(record: Content) -> dict[str, str]:
    """Return the plan's limits as printed, or the default where the plan does not list one."""
    limits = record.plan.limits or LimitsRow()
    rms = given(limits.rms) or "1"
    counts = given(limits.rms_counts, 3) or rms
    for_counts = "" if limits.rms_counts in (None, limits.rms) else f" ({counts} for counts)"
    return {"k": given(limits.k) or "1", "spread": given(limits.spread) or "1.25", "rms": f"{rms}{for_counts}"}


def margins(record: Content) -> list[str]:
    """Return the plan's margins in the measurements' own units."""
    listed = record.plan.limits.margin if record.plan.limits else {}
    return [f"{name}: ±{with_unit(given(value), record.units.get(name, ''))}" for name, value in listed.items()]
