"""What verdicts rest on where no camera stands behind the images."""

from __future__ import annotations

from sigmaraw.record import Content

_BASES = {
    "repeats": "σ_raw is the spread of real repeats; verdicts rest on it, and on margins where the plan states them.",
    "margins": "there is no σ_raw. Verdicts rest on the margins that the plan states; without a margin a measurement stays INCONCLUSIVE.",
    "references": "there is no σ_raw. Verdicts rest on agreement with the observers' references.",
    "none": "there is no σ_raw. No margin was stated and no repeats were given, so that only identical pixels can pass.",
}


def basis_line(record: Content) -> str:
    """Return what verdicts rest on where no camera stands behind the images; "" where one does."""
    if record.camera.source != "no camera":
        return ""
    basis = record.decision.basis if record.decision else ""
    return f"No camera stands behind these images: {_BASES.get(basis, _BASES['none'])}"
