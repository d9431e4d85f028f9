"""The first replica of a group is coded before the others, once, and they start from what it shows."""

from __future__ import annotations

import dataclasses
import pickle
from typing import Any

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw.codecs import codec
from sigmaraw.contracts import RoundTrip
from sigmaraw.noise import NoiseModel, iter_replicas, replica_mode
from sigmaraw.study.first_replica import first_replica
from sigmaraw.study.plan import WorkItem
from sigmaraw.study.study_image import StudyImage
from sigmaraw.study.work import BlockResult, Job

CAMERA = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=2.0, bits=12)
MODEL = NoiseModel(0.5, 100.0, 2.0, 12)
AROUND_RAW = replica_mode("around-raw")


def cells(side: int) -> np.ndarray:
    y, x = np.mgrid[:side, :side]
    light = 40 + 300 * np.exp(-((y % 64 - 32) ** 2 + (x % 64 - 32) ** 2) / 200)
    return MODEL.sample(100 + 0.5 * light, 1, seed=2)[0]


class Counting:
    """A codec whose search starts at 1 on an image, and a step beyond its start on whatever is coded from a start."""

    spec = "counting"

    def __init__(self, *, seeks: bool = True) -> None:
        self.seeks = seeks
        self.starts: list[float] = []

    def apply(self, raw: Any, hint: Any = None) -> RoundTrip:
        start = 0.0 if hint is None or hint[0] is None else hint[0]
        self.starts.append(start)
        return RoundTrip(raw.copy(), raw.nbytes, {"start": start}, (start + 1.0 if self.seeks else None,))

    def roundtrip(self, raw: Any) -> Any:
        return raw.copy(), raw.nbytes

    def resolved(self) -> Any:
        return {"spec": self.spec, "full_spec": self.spec, "steps": []}

    def freeze(self, raw: Any) -> Any:
        return self


@pytest.mark.parametrize("seeks", [True, False])
def test_each_image_is_coded_once_and_the_study_s_first_once_more(seeks: bool) -> None:
    """1 image, its 12 replicas, and the image again to see that the codec answers alike: 14 codings."""
    counting = Counting(seeks=seeks)
    sr.validate(cells(24), CAMERA, codecs=[counting], pipeline="intensity", n=12, mode="around-raw")
    assert sorted(counting.starts) == ([0.0] + [1.0] * 2 + [2.0] * 11 if seeks else [0.0] * 14)


def test_real_repeats_start_from_their_image() -> None:
    counting = Counting()
    repeats = np.stack([MODEL.sample(np.full((24, 24), 300.0), 1, seed=seed)[0] for seed in range(8)])
    sr.validate(repeats, CAMERA, codecs=[counting], pipeline="intensity", mode="repeats")
    assert set(counting.starts) == {0.0, 1.0}


def image_of(spec: str, side: int) -> tuple[StudyImage, Any]:
    """Return an image with a codec, as a study has it, and its first replica."""
    chain, image = codec(spec, MODEL), StudyImage(cells(side), cells(side), MODEL)
    hint = chain.apply(image.frame).hint
    first = first_replica(image, 0, AROUND_RAW, 3, 1, chain, hint)
    return image.with_codec(chain, hint, first.later_hint, False), first


def bits(result: BlockResult, start: int = 0) -> Any:
    return result.decoded[:, start:].tobytes(), result.nbytes[start:], result.achieved[start:]  # type: ignore[index]


def test_a_replica_depends_on_the_first_and_on_no_other() -> None:
    image, first = image_of("jpeg2000:ratio=8", 96)
    job = Job((image,), sr.pipeline("intensity"), AROUND_RAW, 3, first_trips={(0, 1): first.trip})
    whole, anew, late = (
        each(WorkItem(0, 1, start, 6 - start)) for each, start in ((job, 0), (dataclasses.replace(job, first_trips={}), 0), (job, 4))
    )
    assert bits(whole) == bits(anew), "made once or anew, the first replica's round trip is the same"
    assert bits(whole, 4) == bits(late)
    sent = pickle.loads(pickle.dumps(dataclasses.replace(job, pipeline="intensity")))  # noqa: S301 (our own)
    assert sent.first_trips == {} and bits(sent(WorkItem(0, 1, 0, 6))) == bits(whole)


@pytest.mark.parametrize("spec", ["jpeg2000:ratio=10", "noiseaware:ratio=6,effort=3"])
def test_replicas_around_the_raw_frame_take_fewer_encodes_than_from_their_image(spec: str) -> None:
    """They carry its noise and their own, and are a quarter larger than it at its setting."""
    image, first = image_of(spec, 256)
    replicas = np.concatenate(list(iter_replicas(image.frame, MODEL, 6, AROUND_RAW, 3, group=1)))
    assert np.array_equal(first.trip.decoded, image.codecs[0].apply(replicas[0], image.hint_for(0, 0)).decoded)
    from_image, from_first = (
        [image.codecs[0].apply(replica, hint).achieved for replica in replicas[1:]] for hint in (image.hints[0], image.hint_for(0, 1))
    )
    assert all(entry["target_met"] for entry in (*from_image, *from_first))
    mean = [np.mean([float(entry["evaluations"]) for entry in found]) for found in (from_image, from_first)]
    assert mean[1] <= 1.6 < mean[0]
