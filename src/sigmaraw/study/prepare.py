"""Before the first replica: codecs, checks and predictions on each image itself."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sigmaraw.camera import CameraProfile
from sigmaraw.codecs import require_near
from sigmaraw.contracts import Codec, FindsObjects, Pipeline, ReplicaMode, RoundTrip
from sigmaraw.errors import InvalidOption, InvalidPlan
from sigmaraw.noise import NoiseModel, RicianNoise, split_repeats
from sigmaraw.record.codecs import Settings
from sigmaraw.record.design import InputRow
from sigmaraw.study.delta import Linear, linearise
from sigmaraw.study.evidence import finding_checks
from sigmaraw.study.first_replica import FirstReplica, first_replica, searches
from sigmaraw.study.head_start import HeadStart
from sigmaraw.study.inputs import Inputs, named
from sigmaraw.study.no_camera import NoCamera
from sigmaraw.study.objects import Followed, ObjectsOfImage
from sigmaraw.study.plan import BLOCK, DEFAULT_N, NO_REPLICAS, Plan
from sigmaraw.study.predicting import predict, predict_following
from sigmaraw.study.quality import ImageQuality
from sigmaraw.study.reference_rules import Scores, between
from sigmaraw.study.references import References
from sigmaraw.study.replica_checks import ReplicaDiagnostics
from sigmaraw.study.sameness import LINEAR_REPLICAS, linear_in_noise, replicas_of, study_differences
from sigmaraw.study.seen import objects_in, seen_by
from sigmaraw.study.side_by_side import Later, held_together, side_by_side
from sigmaraw.study.study_image import StudyImage
from sigmaraw.study.trips import Trip, compare, distort

Progress = Callable[[int, int, str], None]
"""Called as progress(done, total, what) while a study runs."""


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


@dataclass(frozen=True)
class Prepared:
    """An image with its codecs resolved on x, the checks on its replicas, and the predictions on x itself.

    Parameters
    ----------
    differences : ndarray
        (measurement,), between answers on the study's first image in other company; for each image the same.
    linear_in_noise : ndarray
        (measurement,), whether it is linear in the noise on the study's first image; for each image the same.
    slices : tuple of Scores, optional
        For the rule cunha, of each codec, the objects after it against those before it, slice by slice.
    resolved : list of Settings, optional
        The chain of each codec with every default; a frozen target as asked, not as met on this image.
    firsts : tuple of Trip or None, optional
        Of each codec, the round trip of the first replica, where it is made and kept already.
    """

    image: StudyImage
    diagnostics: ReplicaDiagnostics
    chi_raw: NDArray[np.float64]
    floor: NDArray[np.float64]
    chi_codec: NDArray[np.float64]
    differences: NDArray[np.float64]
    linear_in_noise: NDArray[np.bool_]
    resolved: list[Settings] = field(default_factory=list)
    quality: list[ImageQuality] = field(default_factory=list)
    linear: dict[str, Linear] = field(default_factory=dict)
    objects: ObjectsOfImage | None = None
    slices: tuple[Scores, ...] = ()
    firsts: tuple[Trip | None, ...] = ()


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


def prepare(setting: Setting, report: Progress, head: HeadStart | None = None) -> list[Prepared]:
    """Return every image with its codecs resolved on x, so that replicas start their searches from there.

    head : told of each codec as soon as it is known how the study's first image uses it.
    """
    prepared: list[Prepared] = []
    for index in range(len(setting.inputs.images)):
        path, frame = setting.inputs.sources[index]
        with named(f"image {index + 1}" if path is None else f"{path} frame {frame}"):
            prepared.append(_checked_and_coded(setting, index, prepared[:1], report, head if index == 0 else None))
    return prepared


def _checked_and_coded(setting: Setting, index: int, first: Sequence[Prepared], report: Progress, head: HeadStart | None) -> Prepared:
    """Return one image, its checks and its codecs at work side by side. first, head : as in `_prepared` and `prepare`."""
    images, specs = setting.inputs.images, setting.plan.codecs
    image = images[index]
    calls = [functools.partial(ReplicaDiagnostics.of, image, setting.mode, setting.plan.seed, finding_checks(image))]
    coded = [functools.partial(_coded, setting, image, index, group, spec, head) for group, spec in enumerate(specs, 1)]

    def show(position: int) -> None:
        report(index * len(specs) + position, len(images) * len(specs), f"image {index + 1}: {specs[position]}")

    with side_by_side(calls, image.frame.nbytes, "checks") as checks, side_by_side(coded, image.frame.nbytes) as trips:
        return _prepared(setting, image, index, first, trips, checks[0], show)


@dataclass(frozen=True)
class _Coded:
    """A codec as it is used on an image, the image's round trip, and that of the first replica where it is made ahead of the others."""

    codec: Codec
    resolved: Settings
    trip: RoundTrip
    shorter: bool
    quality: ImageQuality
    first: FirstReplica | None


def _coded(setting: Setting, image: StudyImage, index: int, group: int, spec: str, head: HeadStart | None) -> _Coded:
    """Return a codec's round trip of an image, checked.

    The first replica is coded too where the others start from it, or where it does for the image that `codec_difference` puts between.
    """
    asked = codec_of(spec, setting.profile, image, allow_exec=spec in setting.allow_exec, objects=setting.codecs)
    codec = asked.freeze(image.frame)
    distorted = distort(codec, image.frame) if setting.plan.coded_share < 1.0 else None
    if distorted is not None and head is not None:
        head.begin(group, codec, None, None, distorts=True)  # what is distorted seeks no setting
    trip = codec.apply(image.frame)
    require_near(codec, trip.achieved, "this image")
    shorter = distorted is not None
    if distorted is not None:
        compare(codec, distorted, trip.decoded, f"image {index}")
    quality = ImageQuality.of(index, setting.profile.bits, image, codec, trip)
    wanted = searches(trip.hint) or (index == 0 and not shorter and held_together(len(setting.plan.codecs), image.frame.nbytes))
    first = None
    if wanted and setting.mode.draws_noise:
        first = first_replica(image, index, setting.mode, setting.plan.seed, group, codec, trip.hint)
        if head is not None and not shorter:
            head.begin(group, codec, trip.hint, first.later_hint, distorts=False, first=first.trip)
    return _Coded(codec, asked.resolved(), trip, shorter, quality, first)


def _prepared(
    setting: Setting,
    image: StudyImage,
    index: int,
    first: Sequence[Prepared],
    coded: Sequence[Later[_Coded]],
    checks: Later[ReplicaDiagnostics],
    show: Callable[[int], None],
) -> Prepared:
    """Return an image with its predictions. first : the study's first image, where this is another one."""
    pipeline, specs = seen_by(setting.pipeline, image), setting.plan.codecs
    ready = image
    resolved, quality, chi_codec, firsts, slices = [], [], [], [], []
    before = objects_in(pipeline, image.frame) if setting.plan.rule == "cunha" else None
    decoded: list[NDArray[np.integer]] = []
    together = held_together(len(specs), image.frame.nbytes)
    followed, again = _followed(setting, pipeline, image.frame), []
    for position, spec in enumerate(specs):
        show(position)
        made = coded[position].result()
        trip = made.trip
        ready = ready.with_codec(made.codec, trip.hint, made.first.later_hint if made.first else None, made.shorter)
        firsts.append(made.first.trip if made.first and together else None)
        if not decoded or together:
            decoded.append(trip.decoded)
        resolved.append(made.resolved)
        quality.append(made.quality)  # the decoded image itself is kept only for the checks below, and only where it is small
        predicted, shown = predict_following(pipeline, trip.decoded[np.newaxis], followed, f"image {index} after '{spec}'")
        chi_codec.append(predicted[:, 0])
        again += [shown] if shown else []
        if before is not None:
            slices.append(between(before, objects_in(pipeline, trip.decoded)))
    chi_raw, second = (predict(pipeline, image.frame[np.newaxis], f"image {index}")[:, 0] for _ in range(2))
    if first:
        differences, linear_noise = first[0].differences, first[0].linear_in_noise
    else:
        linear_noise = _linear_in_noise(setting, image, pipeline)
        allowed, since = setting.allow_nondeterminism, [one is not None for one in firsts]
        differences = study_differences(ready, pipeline, setting.mode, setting.plan.seed, decoded, allowed, since)
    diagnostics = checks.result()
    linear = linearise(image, pipeline, setting.mode)
    floor = second - chi_raw
    objects = ObjectsOfImage(followed, tuple(again)) if followed else None
    answers = (chi_raw, floor, np.stack(chi_codec), differences, linear_noise)
    return Prepared(ready, diagnostics, *answers, resolved, quality, linear, objects, tuple(slices), tuple(firsts))


def _followed(setting: Setting, pipeline: Pipeline, frame: NDArray[np.integer]) -> Followed | None:
    """Return the objects of the image itself, where the plan follows objects."""
    return Followed.of(pipeline, frame) if setting.plan.objects and isinstance(pipeline, FindsObjects) else None


def _linear_in_noise(setting: Setting, image: StudyImage, pipeline: Pipeline) -> NDArray[np.bool_]:
    """Return per measurement whether it is linear in the noise; not asked where the mode has studied every kind or draws no noise."""
    measurements = setting.pipeline.measurements
    if not setting.mode.draws_noise or all(setting.mode.studied_kind(measurement) for measurement in measurements):
        return np.zeros(len(measurements), dtype=np.bool_)
    return linear_in_noise(pipeline, replicas_of(image, setting.mode, setting.plan.seed, LINEAR_REPLICAS))


def answer_differences(prepared: Sequence[Prepared]) -> NDArray[np.float64]:
    """Return the largest difference between answers on the same image, (image, measurement), the measurements' units."""
    return np.stack([np.fmax(np.abs(entry.floor), entry.differences) for entry in prepared])
