"""What verdicts rest on where no camera stands behind the images."""

from __future__ import annotations

from sigmaraw.record import Content
from sigmaraw.record.camera import RICIAN, CameraRow, ScalarRow
from sigmaraw.reports.numbers import measured, plain

_BASES = {
    "repeats": "σ_raw is the spread of real repeats; verdicts rest on it, and on margins where the plan states them.",
    "margins": "there is no σ_raw. Verdicts rest on the margins that the plan states; without a margin a measurement stays INCONCLUSIVE.",
    "references": "there is no σ_raw. Verdicts rest on agreement with the observers' references.",
    "none": "there is no σ_raw. No margin was stated and no repeats were given, so that only identical pixels can pass.",
}


def basis_line(record: Content) -> str:
    """Return what verdicts rest on where no camera stands behind the images; "" where one does."""
    if record.camera.source == RICIAN:
        return rician_words(record.camera)
    if record.camera.source != "no camera":
        return ""
    basis = record.decision.basis if record.decision else ""
    return f"No camera stands behind these images: {_BASES.get(basis, _BASES['none'])}"


def rician_words(camera: CameraRow) -> str:
    """Return what is said of stated Rician noise."""
    sigma = camera.scalars.get("rician_sigma", ScalarRow())
    error = "without a standard error" if sigma.se is None else f"standard error {plain(sigma.se, 2)} DN"
    stated = f"{measured(sigma.value, sigma.se)} DN ({error})"
    return (
        f"No camera stands behind these magnitude images: σ_raw rests on Rician noise of a stated σ of {stated}. Replicas have the bias "
        "that this noise gives to weak signals."
    )
