"""The one rule for targets: what counts as met, what a study refuses, and what a codec's row says of a miss.

A target is met within 2 % (psnr: 0.5 dB; maxerr: never above). Where the coder's scale does not allow that, the codec's name in
reports carries what was achieved. A study is refused before it draws anything where the raw image itself misses by more than 10 %
(psnr: 10 % of the RMS error, 0.83 dB). Replicas that miss are counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sigmaraw.codecs.chain import Chain
from sigmaraw.errors import UnreachableTarget

REFUSED = 0.10
"""Relative miss on the raw image beyond which a study is refused."""


@dataclass(frozen=True)
class TargetOutcome:
    """What one target of a codec came to on one image.

    Parameters
    ----------
    step : str
        The name of the codec's step that has the target.
    target : str
        "ratio", "bpp", "psnr", "maxerr" or "rz".
    goal, achieved : float
        In the target's unit: 1, bit, dB, DN, 1.
    miss : float
        |achieved/goal − 1|, of psnr that of the RMS error; 0 for a bound that is kept.
    met : bool
        Whether it counts as met.
    """

    step: str
    target: str
    goal: float
    achieved: float
    miss: float
    met: bool


@dataclass(frozen=True)
class TargetSummary:
    """What a codec's targets came to in a study.

    Parameters
    ----------
    name : str
        The specification; where an image misses a target, with what was achieved, for instance ``jpegls:ratio=4.9 [ratio=4.62]``.
    images_missed : int
        Images on which a target is not met.
    replicas_missed, replicas_targeted : int
        Replicas that miss a target, and those on which one was sought; none where a setting is frozen.
    """

    name: str
    images_missed: int = 0
    replicas_missed: int = 0
    replicas_targeted: int = 0


def outcomes(codec: Any, achieved: Mapping[str, Any]) -> tuple[TargetOutcome, ...]:
    """Return what a codec's targets came to on one image; none where it has none.

    Parameters
    ----------
    codec : Codec
        As used on the image; with ``frozen=true`` the frozen one, whose setting was found on the raw image.
    achieved : mapping
        `RoundTrip.achieved` of the image.

    Returns
    -------
    tuple of TargetOutcome
        In the order of the steps.
    """
    if not isinstance(codec, Chain):
        return ()
    found = []
    for step, report in codec.target_reports(achieved):
        value, target = report.get(step.target.name), step.target
        if isinstance(value, int | float):
            found.append(
                TargetOutcome(step.name, target.name, target.goal, float(value), target.miss(float(value)), target.met(float(value)))
            )
    return tuple(found)


def require_near(codec: Any, achieved: Mapping[str, Any], image: str) -> None:
    """Refuse a study whose raw image misses a target by more than 10 %.

    Parameters
    ----------
    codec : Codec
        As for `outcomes`.
    achieved : mapping
        As for `outcomes`.
    image : str
        What the image is called in the message.

    Raises
    ------
    UnreachableTarget
        With what was achieved, and what may be asked instead.
    """
    for entry in outcomes(codec, achieved):
        if entry.miss > REFUSED:
            steps = [step for step, _ in codec.target_reports({}) if step.name == entry.step]
            knobs = {step.knob.name: achieved[step.knob.name] for step in steps if step.knob.name in achieved}
            stated = "".join(f", state {key}={value:.4g}" for key, value in knobs.items())
            if any(parameter.name == "bits" for step in steps for parameter in step.parameters):
                stated += ", state the data's bit depth with bits="
            raise UnreachableTarget(
                f"'{codec.spec}' comes no nearer than {entry.target}={entry.achieved:.4g} on {image}",
                f"{entry.target}={entry.goal:g} within {REFUSED:.0%}",
                f"ask for {entry.target}={entry.achieved:.4g}{stated}, or choose another codec",
            )


def summary(codecs: Sequence[Any], images: Sequence[Mapping[str, Any]], replicas: Sequence[Mapping[str, Any]] = ()) -> TargetSummary:
    """Return what a codec's targets came to in a study.

    Parameters
    ----------
    codecs : sequence of Codec
        Per image, the codec as used on it.
    images : sequence of mapping
        Per image, `RoundTrip.achieved` of the raw image.
    replicas : sequence of mapping
        `RoundTrip.achieved` of all replicas.

    Returns
    -------
    TargetSummary
        With the name that reports show.
    """
    found = [outcomes(codec, achieved) for codec, achieved in zip(codecs, images, strict=True)]
    missed = [entries for entries in found if not all(entry.met for entry in entries)]
    targeted = [truths for truths in map(_met, replicas) if truths]
    return TargetSummary(
        codecs[0].spec + (f" [{_achieved(found)}]" if missed else ""),
        len(missed),
        sum(not all(truths) for truths in targeted),
        len(targeted),
    )


def _achieved(found: Sequence[Sequence[TargetOutcome]]) -> str:
    """Return the achieved range over images of each target that some image misses."""
    parts = []
    for column in zip(*found, strict=True):
        if all(entry.met for entry in column):
            continue
        low, high = min(entry.achieved for entry in column), max(entry.achieved for entry in column)
        parts.append(f"{column[0].target}={low:.3g}" + (f" to {high:.3g}" if f"{low:.3g}" != f"{high:.3g}" else ""))
    return ", ".join(parts)


def _met(achieved: Mapping[str, Any]) -> list[bool]:
    return [bool(value) for key, value in achieved.items() if key.rpartition(".")[2] == "target_met"]
