"""The checks of mode and camera on an image's replicas, and what they warn of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sigmaraw.contracts import Diagnostic, Measurement, ReplicaMode
from sigmaraw.noise.frame_noise import frame_noise_checks
from sigmaraw.noise.marginal import marginal_check
from sigmaraw.noise.repeat_checks import repeat_checks
from sigmaraw.record.results import DiagnosticRow
from sigmaraw.record.words import CodedWarning
from sigmaraw.study.evidence import AgainstCamera
from sigmaraw.study.study_image import StudyImage

# Evidence against the noise model, and real repeats that drift, make σ_raw wrong. The other checks of a single frame
# do not bear by themselves: they flag up to a third of small right frames (docs/explanation/statistics.md).
_BEARING_CHECKS = frozenset(
    {"frame_noise", "local_noise", "common-divisor", "missing-codes", "repeat_noise", "repeat_drift", "frame_drift"}
)

CHECKS_BY_CHANCE = frozenset({"frame_noise", "local_noise", "repeat_noise", "repeat_drift", "frame_drift"})
"""Checks that a right camera fails now and then; the others ask for grey values that no converter gives."""


@dataclass(frozen=True)
class ReplicaDiagnostics:
    """The checks of mode and camera on one image's replicas, before any prediction.

    Parameters
    ----------
    u_cal : float
        Relative standard uncertainty of σ_raw from the calibration, a bare number.
    spread_factor : float
        Ratio of σ_raw to the spread of the replicas, a bare number.
    checks : tuple of Diagnostic
        Checks of the assumptions of mode and camera.
    against : AgainstCamera
        What they say against the noise model.
    """

    u_cal: float
    spread_factor: float
    checks: tuple[Diagnostic, ...]
    against: AgainstCamera = field(default_factory=AgainstCamera)

    @classmethod
    def of(cls, image: StudyImage, mode: ReplicaMode, seed: int, findings: tuple[Diagnostic, ...] = ()) -> ReplicaDiagnostics:
        """Return the checks of an image's replicas, by mode, camera, the first replicas, and findings in its pixels."""
        noise_model = image.noise_model
        if noise_model is None:
            checks = repeat_checks(image.source, None) if mode.needs_repeats else ()
            return cls(0.0, mode.spread_factor(image.source), checks, AgainstCamera.of(checks, mode))
        u_cal = noise_model.relative_spread_uncertainty(image.frame) if mode.draws_noise else 0.0
        marginal = marginal_check(image.source, mode, noise_model, seed)
        of_camera = noise_model.diagnostics(image.frame) if mode.draws_noise else ()
        noise = frame_noise_checks(image.source, mode, noise_model, seed) if mode.draws_noise else ()
        checks = (*marginal, *mode.diagnostics(image.source, noise_model), *of_camera, *noise, *findings)
        return cls(u_cal, mode.spread_factor(image.source), checks, AgainstCamera.of(checks, mode))

    def warnings(self, measurement: Measurement) -> list[CodedWarning]:
        """Return what failed checks say of a measurement; where they speak against the noise model, of every measurement."""
        failed = [entry for entry in self.checks if entry.warns(measurement) or (self.against and not entry.passed)]
        return [CodedWarning(entry.text, entry.name, entry.name in _BEARING_CHECKS) for entry in failed]


def diagnostic_rows(diagnostics: Sequence[ReplicaDiagnostics]) -> tuple[DiagnosticRow, ...]:
    """Return the record's `mode_diagnostics`, one row per image and check."""
    return tuple(
        DiagnosticRow(
            image=image,
            name=check.name,
            value=check.value,
            low=check.low,
            high=check.high,
            definition=check.definition,
            passed=bool(check.passed),
            kinds=check.kinds,
        )
        for image, of_image in enumerate(diagnostics)
        for check in of_image.checks
    )
