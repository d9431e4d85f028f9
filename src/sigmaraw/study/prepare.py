"""Before the first replica: what the plan needs is resolved on each image itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.camera import CameraProfile
from sigmaraw.codecs import require_near
from sigmaraw.contracts import Codec, Pipeline, ReplicaMode
from sigmaraw.errors import InvalidOption, InvalidPlan
from sigmaraw.noise import NoiseModel, split_repeats
from sigmaraw.study.delta import Linear, linearise
from sigmaraw.study.inputs import Inputs
from sigmaraw.study.plan import BLOCK, DEFAULT_N, Plan
from sigmaraw.study.quality import ImageQuality
from sigmaraw.study.scoring import Construction
from sigmaraw.study.work import Scene, predict

Progress = Callable[[int, int, str], None]
"""Called as progress(done, total, what) while a study runs."""


@dataclass(frozen=True)
class Design:
    """Replicas per group (to begin with, where the plan adds some); whether groups have streams of their own; with real repeats,
    the frames of each group."""

    n: int
    independent: bool
    repeats: tuple[range, ...] | None = None
    reason: str = ""


@dataclass(frozen=True)
class Setting:
    """What a study runs with: the plan and everything that was looked up for it. `fixed` is the time before anything was read.
    allow_exec : the specifications that may run programs. codecs : by specification, functions and objects from Python."""

    plan: Plan
    profile: CameraProfile
    model: Pipeline
    mode: ReplicaMode
    inputs: Inputs
    design: Design
    files: list[dict[str, Any]]
    fixed: str
    allow_exec: frozenset[str] = frozenset()
    codecs: Mapping[str, Codec] = field(default_factory=dict)


@dataclass(frozen=True)
class Prepared:
    """A scene with its codecs resolved on x, what is known of its replicas before they are drawn, and what was predicted on x itself."""

    scene: Scene
    construction: Construction
    chi_raw: NDArray[np.float64]
    floor: NDArray[np.float64]
    chi_codec: NDArray[np.float64]
    quality: list[ImageQuality] = field(default_factory=list)
    linear: dict[str, Linear] = field(default_factory=dict)


def codec_of(
    spec: str, profile: CameraProfile, scene: Scene | None = None, *, allow_exec: bool = False, objects: Mapping[str, Codec] | None = None
) -> Codec:
    """Return the codec of a specification for one scene; without a scene, only to see that the specification is right."""
    if objects and spec in objects:
        return objects[spec]
    from sigmaraw.codecs import codec

    # The scene's own model carries the maps of its cut-out; before there is a scene, scalars do for the check.
    model = NoiseModel.from_profile(profile, scalars=True) if scene is None else scene.model
    return codec(spec, model, allow_exec=allow_exec)


def check_margins(plan: Plan, model: Pipeline) -> None:
    """Refuse a margin for what the pipeline does not measure. Raises InvalidPlan."""
    names = [measurement.name for measurement in model.measurements]
    for name in plan.margin:
        if name not in names:
            raise InvalidPlan(f"margin for '{name}'", f"one of {', '.join(names)}", "name a measurement of this pipeline")


def design_of(plan: Plan, mode: ReplicaMode, inputs: Inputs) -> Design:
    """Return how many replicas each group has; where they are the repeats themselves, as many as there are unless the plan says."""
    if plan.adaptive is not None:
        if not mode.draws_noise:
            raise InvalidOption(f"-n {plan.n} with mode {plan.mode}", "a number: repeats are as many as were taken", "leave -n out")
        if mode.extrapolation is not None:
            found = f"-n {plan.n} with mode {plan.mode}, whose levels are not drawn one by one"
            raise InvalidOption(found, "a number of replicas per level", "state -n")
        return Design(plan.adaptive.first(plan.groups, BLOCK), True)
    stated = plan.n if isinstance(plan.n, int) else None
    if mode.draws_noise:
        n = stated or DEFAULT_N
        return Design(mode.extrapolation.replicas(n) if mode.extrapolation else n, True)
    available = min(len(scene.source) for scene in inputs.scenes)
    split = split_repeats(available, plan.groups, stated)
    return Design(len(split.groups[0]), split.independent, split.groups, split.reason)


def prepare(setting: Setting, report: Progress) -> list[Prepared]:
    """Return every scene with its codecs resolved on x, so that replicas start their searches from there."""
    scenes, specs = setting.inputs.scenes, setting.plan.codecs
    prepared = []
    for index, scene in enumerate(scenes):
        codecs, hints, quality, chi_codec = [], [], [], []
        for position, spec in enumerate(specs):
            report(index * len(specs) + position, len(scenes) * len(specs), f"image {index + 1}: {spec}")
            allowed = spec in setting.allow_exec
            codec = codec_of(spec, setting.profile, scene, allow_exec=allowed, objects=setting.codecs).freeze(scene.frame)
            trip = codec.apply(scene.frame)
            require_near(codec, trip.achieved, f"image {index + 1}")
            codecs.append(codec)
            hints.append(trip.hint)
            quality.append(ImageQuality.of(index, setting.profile.bits, scene, trip))  # the decoded image itself is not kept
            chi_codec.append(predict(setting.model, trip.decoded[np.newaxis], f"image {index} after '{spec}'")[:, 0])
        chi_raw, again = (predict(setting.model, scene.frame[np.newaxis], f"image {index}")[:, 0] for _ in range(2))
        ready = dataclasses.replace(scene, codecs=tuple(codecs), hints=tuple(hints))
        prepared.append(
            Prepared(
                ready,
                Construction.of(scene, setting.mode, setting.plan.seed),
                chi_raw,
                again - chi_raw,
                np.stack(chi_codec),
                quality,
                linearise(scene, setting.model, setting.mode),
            )
        )
    return prepared
