"""The plan of a study with everything that was looked up for it, and what is refused before an image is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sigmaraw.camera import CameraProfile
from sigmaraw.contracts import Codec, Pipeline, ReplicaMode
from sigmaraw.errors import InvalidOption, InvalidPlan
from sigmaraw.noise import NoiseModel, RicianNoise, split_repeats
from sigmaraw.record.design import InputRow
from sigmaraw.study.inputs import Inputs
from sigmaraw.study.no_camera import NoCamera
from sigmaraw.study.plan import BLOCK, DEFAULT_N, NO_REPLICAS, Plan
from sigmaraw.study.references import References
from sigmaraw.study.study_image import StudyImage


@dataclass(frozen=True)
class ReplicaDesign:
    """How many replicas each group has, and from where they come.

    Parameters
    ----------
    n : int
        Replicas per group; where the plan adds replicas, the number to begin with.
    independent : bool
        Whether each group has a separate random stream.
    repeats : tuple of range, optional
        With real repeats, the frames of each group.
    reason : str, default ""
        Why groups are not independent.
    """

    n: int
    independent: bool
    repeats: tuple[range, ...] | None = None
    reason: str = ""


@dataclass(frozen=True)
class Setting:
    """The plan of a study and everything that was looked up for it.

    Parameters
    ----------
    plan : Plan
        The plan.
    profile : CameraProfile, NoCamera or RicianNoise
        The camera, or what stands in its place.
    pipeline : Pipeline
        The pipeline, loaded.
    mode : ReplicaMode
        The replica mode, with its settings.
    inputs : Inputs
        The images.
    design : ReplicaDesign
        How many replicas each group has.
    files : tuple of InputRow
        The record's `inputs`.
    planned : str
        Time before anything was read, ISO 8601.
    allow_exec : frozenset of str, optional
        The specifications that may run programs.
    codecs : mapping of str to Codec, optional
        Functions and objects from Python, by their specification.
    allow_nondeterminism : bool, default False
        Differences between answers on one image go into u, however large.
    references : References, optional
        Masks by observers.
    """

    plan: Plan
    profile: CameraProfile | NoCamera | RicianNoise
    pipeline: Pipeline
    mode: ReplicaMode
    inputs: Inputs
    design: ReplicaDesign
    files: tuple[InputRow, ...]
    planned: str
    allow_exec: frozenset[str] = frozenset()
    codecs: Mapping[str, Codec] = field(default_factory=dict)
    allow_nondeterminism: bool = False
    references: References | None = None


def codec_of(
    spec: str,
    profile: CameraProfile | NoCamera | RicianNoise,
    image: StudyImage | None = None,
    *,
    allow_exec: bool = False,
    objects: Mapping[str, Codec] | None = None,
) -> Codec:
    """Return the codec of a specification for one image; without an image, only to see that the specification is right."""
    if objects and spec in objects:
        return objects[spec]
    from sigmaraw.codecs import codec

    # An image's noise model carries the maps of its cut-out; before there is an image, scalars do for the check.
    if not isinstance(profile, CameraProfile):  # codecs that ask for a camera ask for its gain and dark level
        return codec(spec, None, allow_exec=allow_exec)
    noise_model = NoiseModel.from_profile(profile, scalars=True) if image is None else image.noise_model
    return codec(spec, noise_model, allow_exec=allow_exec)


def check_margins(plan: Plan, pipeline: Pipeline) -> None:
    """Refuse a margin or an endpoint for what the pipeline does not measure. Raises InvalidPlan."""
    names = [measurement.name for measurement in pipeline.measurements]
    for name in plan.protocol.endpoints if plan.protocol else ():
        if name not in names:
            raise InvalidPlan(f"endpoint '{name}'", f"one of {', '.join(names)}", "name a measurement of this pipeline")
    for name in plan.margin:
        if name not in names:
            raise InvalidPlan(f"margin for '{name}'", f"one of {', '.join(names)}", "name a measurement of this pipeline")


def check_specimens(plan: Plan, images: int) -> None:
    """Refuse another number of specimens than of images. Raises InvalidPlan."""
    if plan.specimens and len(plan.specimens) != images:
        raise InvalidPlan(f"{len(plan.specimens)} specimens and {images} images", "the specimen of each image", "name one per frame")


def design_of(plan: Plan, mode: ReplicaMode, inputs: Inputs) -> ReplicaDesign:
    """Return how many replicas each group has; where they are the repeats themselves, as many as there are unless the plan says."""
    if mode.name == NO_REPLICAS:
        if plan.n is not None:
            raise InvalidOption(f"-n {plan.n} without a camera", "no -n: without noise there are no replicas", "leave -n out")
        return ReplicaDesign(0, False, reason="no camera and no repeats: no replica was drawn")
    if plan.adaptive is not None:
        if not mode.draws_noise:
            raise InvalidOption(
                f"-n {plan.n} with mode {plan.mode}", "no -n: the mode has as many replicas as frames were taken", "leave -n out"
            )
        if mode.extrapolation is not None:
            found = f"-n {plan.n} with mode {plan.mode}, whose levels are not drawn one by one"
            raise InvalidOption(found, "a number of replicas per level", "state -n")
        return ReplicaDesign(plan.adaptive.first(plan.groups, BLOCK), True)
    stated = plan.n if isinstance(plan.n, int) else None
    if mode.draws_noise:
        n = stated or DEFAULT_N
        return ReplicaDesign(mode.extrapolation.replicas(n) if mode.extrapolation else n, True)
    available = min(len(image.source) for image in inputs.images)
    split = split_repeats(available, plan.groups, stated)
    return ReplicaDesign(len(split.groups[0]), split.independent, split.groups, split.reason)
