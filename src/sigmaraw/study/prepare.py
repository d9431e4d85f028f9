"""Before the first replica: codecs, checks and predictions on each image itself."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs import require_near
from sigmaraw.contracts import Codec, FindsObjects, Pipeline
from sigmaraw.errors import SigmarawError
from sigmaraw.record.codecs import Settings
from sigmaraw.study.delta import Linear, linearise
from sigmaraw.study.evidence import finding_checks
from sigmaraw.study.first_replica import FirstReplica, first_replica, searches
from sigmaraw.study.head_start import HeadStart
from sigmaraw.study.inputs import named
from sigmaraw.study.objects import Followed, ObjectsOfImage
from sigmaraw.study.predicting import predict, predict_following
from sigmaraw.study.quality import ImageQuality
from sigmaraw.study.reference_rules import Scores, between
from sigmaraw.study.replica_checks import ReplicaDiagnostics
from sigmaraw.study.sameness import LINEAR_REPLICAS, Sameness, linear_in_noise, replicas_of
from sigmaraw.study.seen import objects_in, seen_by
from sigmaraw.study.setting import Setting, codec_of
from sigmaraw.study.side_by_side import Asked, Calls, Later, held_together, known, side_by_side, small_beside_replicas
from sigmaraw.study.study_image import Hint, StudyImage
from sigmaraw.study.trips import Trip, compare, distort

Progress = Callable[[int, int, str], None]
"""Called as progress(done, total, what) while a study runs."""


@dataclass(frozen=True)
class Prepared:
    """An image with its codecs resolved on x, the checks on its replicas, and the predictions on x itself.

    Parameters
    ----------
    checks : Later of ReplicaDiagnostics
        The checks of mode and camera, which may still run beside the replicas.
    qualities : list of Later of ImageQuality
        Of each codec, the round trip of x; where the codec distorts, x may still be coded beside the replicas.
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
    checks: Later[ReplicaDiagnostics]
    chi_raw: NDArray[np.float64]
    floor: NDArray[np.float64]
    chi_codec: NDArray[np.float64]
    differences: NDArray[np.float64]
    linear_in_noise: NDArray[np.bool_]
    resolved: list[Settings] = field(default_factory=list)
    qualities: list[Later[ImageQuality]] = field(default_factory=list)
    linear: dict[str, Linear] = field(default_factory=dict)
    objects: ObjectsOfImage | None = None
    slices: tuple[Scores, ...] = ()
    firsts: tuple[Trip | None, ...] = ()

    @property
    def diagnostics(self) -> ReplicaDiagnostics:
        """The checks, waited for."""
        return self.checks.result()

    @property
    def quality(self) -> list[ImageQuality]:
        """The round trips of x, waited for. Raises CodecFailed where x is not decoded to what the codec distorts it to."""
        return [one.result() for one in self.qualities]


@contextlib.contextmanager
def prepare(setting: Setting, report: Progress, head: HeadStart | None = None) -> Iterator[list[Prepared]]:
    """Give every image with its codecs resolved on x, so that replicas start their searches from there.

    Within the context the checks of the last image, and its coding where a codec distorts, run on beside the replicas. What they raise
    counts as the study's failure.

    head : told of each codec as soon as it is known how the study's first image uses it.
    """
    prepared: list[Prepared] = []
    with Calls() as running:
        for index in range(len(setting.inputs.images)):
            path, frame = setting.inputs.sources[index]
            name = f"image {index + 1}" if path is None else f"{path} frame {frame}"
            trying = Trying(setting, index, name, running, head if index == 0 else None)
            with named(name):
                prepared.append(trying.prepared(prepared[:1], report))
            wait_for(prepared[-2:-1])  # no more than two images are worked on at once
        try:
            yield prepared
        except SigmarawError as error:
            raise running.failure() or error from None


def wait_for(prepared: Sequence[Prepared]) -> None:
    """Wait for what still runs of images' checks and coding. Raises what that raised."""
    for entry in prepared:
        _ = entry.diagnostics, entry.quality


@dataclass(frozen=True)
class _Coded:
    """A codec as it is used on an image, what the image decodes to, and the first replica where it is made ahead of the others."""

    codec: Codec
    resolved: Settings
    decoded: NDArray[np.integer]
    hint: Hint
    shorter: bool
    quality: Later[ImageQuality]
    first: FirstReplica | None


@dataclass(frozen=True)
class Trying:
    """One image, on which codecs, checks and pipeline are tried side by side before its replicas.

    Parameters
    ----------
    setting : Setting
        The study's.
    index : int
        The image's number.
    name : str
        The image in messages.
    running : Calls
        What may run on beside the replicas.
    head : HeadStart, optional
        As in `prepare`.
    """

    setting: Setting
    index: int
    name: str
    running: Calls
    head: HeadStart | None

    @property
    def image(self) -> StudyImage:
        """The image."""
        return self.setting.inputs.images[self.index]

    @property
    def together(self) -> bool:
        """Whether the image is small enough for all codecs to be tried at once."""
        return held_together(len(self.setting.plan.codecs), self.image.frame.nbytes)

    def prepared(self, first: Sequence[Prepared], report: Progress) -> Prepared:
        """Return the image prepared. first : the study's first image, where this is another one."""
        setting, image, specs = self.setting, self.image, self.setting.plan.codecs
        pipeline = seen_by(setting.pipeline, image)
        checks = self.running.later(self._checks, "checks") if self.together else None
        calls = [functools.partial(self._coded, group, spec) for group, spec in enumerate(specs, 1)]

        def show(position: int) -> None:
            done, total = self.index * len(specs) + position, len(setting.inputs.images) * len(specs)
            report(done, total, f"trying {specs[position]} on image {self.index + 1}")

        with side_by_side(calls, image.frame.nbytes) as coded, Calls() as asked:
            later = functools.partial(asked.later, purpose="once more") if self.together else Asked
            same = None if first else self._sameness(pipeline, later)
            answers = self._answers(pipeline, coded, same, show)
            linear_noise = first[0].linear_in_noise if first else _linear_in_noise(setting, image, pipeline)
            differences = first[0].differences if same is None else same.largest()
        if checks is None:
            checks = known(self._checks())
        elif not small_beside_replicas(image.frame.nbytes):
            checks.result()
        linear = linearise(image, pipeline, setting.mode)
        return Prepared(**vars(answers), checks=checks, differences=differences, linear_in_noise=linear_noise, linear=linear)

    def _sameness(self, pipeline: Pipeline, later: Callable[[Callable[[], Any]], Later[Any]]) -> Sameness:
        plan, mode = self.setting.plan, self.setting.mode
        return Sameness(self.image, pipeline, mode, plan.seed, allowed=self.setting.allow_nondeterminism, later=later)

    def _checks(self) -> ReplicaDiagnostics:
        """Return the checks of mode and camera on the image's replicas."""
        with named(self.name):
            return ReplicaDiagnostics.of(self.image, self.setting.mode, self.setting.plan.seed, finding_checks(self.image))

    def _coded(self, group: int, spec: str) -> _Coded:
        """Return a codec as it is used on the image, with what the image decodes to.

        The first replica is coded too where the others start from it, or where it does for the image that `codec_difference` puts between.
        """
        setting, image, head = self.setting, self.image, self.head
        asked = codec_of(spec, setting.profile, image, allow_exec=spec in setting.allow_exec, objects=setting.codecs)
        codec = asked.freeze(image.frame)
        distorted = distort(codec, image.frame) if setting.plan.coded_share < 1.0 else None
        if distorted is not None:
            if head is not None:
                head.begin(group, codec, None, None, distorts=True)  # what is distorted seeks no setting
            call = functools.partial(self._in_full, codec, distorted)
            quality = self.running.later(call) if small_beside_replicas(image.frame.nbytes) else known(call())
            return _Coded(codec, asked.resolved(), distorted, None, True, quality, None)
        trip = codec.apply(image.frame)
        require_near(codec, trip.achieved, "this image")
        quality = known(ImageQuality.of(self.index, setting.profile.bits, image, codec, trip))
        first = None
        if setting.mode.draws_noise and (searches(trip.hint) or (self.index == 0 and self.together)):
            first = first_replica(image, self.index, setting.mode, setting.plan.seed, group, codec, trip.hint)
            if head is not None:
                head.begin(group, codec, trip.hint, first.later_hint, distorts=False, first=first.trip)
        return _Coded(codec, asked.resolved(), trip.decoded, trip.hint, False, quality, first)

    def _in_full(self, codec: Codec, distorted: NDArray[np.integer]) -> ImageQuality:
        """Return the quality of the image's true round trip, which must decode to what the codec distorts it to."""
        with named(self.name):
            trip = codec.apply(self.image.frame)
            require_near(codec, trip.achieved, "this image")
            compare(codec, distorted, trip.decoded, f"image {self.index}")
            return ImageQuality.of(self.index, self.setting.profile.bits, self.image, codec, trip)

    def _answers(self, pipeline: Pipeline, coded: Sequence[Later[_Coded]], same: Sameness | None, show: Callable[[int], None]) -> _Answers:
        """Return the predictions on x and on what each codec makes of it, as soon as that is known."""
        frame, where = self.image.frame, f"image {self.index}"
        chi_raw, second = (predict(pipeline, frame[np.newaxis], where)[:, 0] for _ in range(2))
        before = objects_in(pipeline, frame) if self.setting.plan.rule == "cunha" else None
        followed = _followed(self.setting, pipeline, frame)
        ready, each, chi_codec, again, slices = self.image, [], [], [], []
        firsts: list[Trip | None] = []
        for position, spec in enumerate(self.setting.plan.codecs):
            show(position)
            made = coded[position].result()
            ready = ready.with_codec(made.codec, made.hint, made.first.later_hint if made.first else None, made.shorter)
            predicted, shown = predict_following(pipeline, made.decoded[np.newaxis], followed, f"{where} after '{spec}'")
            chi_codec.append(predicted[:, 0])
            again += [shown] if shown else []
            if before is not None:
                slices.append(between(before, objects_in(pipeline, made.decoded)))
            firsts.append(made.first.trip if made.first and self.together else None)
            if same is not None:
                if position == 0:
                    same.ask_pipeline(made.decoded)
                # What is decoded is kept for it only where it is small.
                held = made.decoded if position == 0 or self.together else None
                same.ask_codec(made.codec, made.hint, held, between=firsts[-1] is not None, shorter=made.shorter)
            each.append((made.resolved, made.quality))
        resolved, qualities = (list(entries) for entries in zip(*each, strict=True))
        objects = ObjectsOfImage(followed, tuple(again)) if followed else None
        return _Answers(ready, chi_raw, second - chi_raw, np.stack(chi_codec), resolved, qualities, objects, tuple(slices), tuple(firsts))


@dataclass(frozen=True)
class _Answers:
    """The fields of the same names of `Prepared`."""

    image: StudyImage
    chi_raw: NDArray[np.float64]
    floor: NDArray[np.float64]
    chi_codec: NDArray[np.float64]
    resolved: list[Settings]
    qualities: list[Later[ImageQuality]]
    objects: ObjectsOfImage | None
    slices: tuple[Scores, ...]
    firsts: tuple[Trip | None, ...]


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
