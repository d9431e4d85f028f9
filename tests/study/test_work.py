"""A block of replicas: coded in threads while the model predicts, with the same numbers as one after the other."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest

from sigmaraw.codecs import codec
from sigmaraw.contracts import Measurement
from sigmaraw.errors import CodecFailed, PredictionFailed
from sigmaraw.noise import NoiseModel, replica_mode
from sigmaraw.study.plan import WorkItem
from sigmaraw.study.study_image import StudyImage
from sigmaraw.study.work import Job

FRAME = np.random.default_rng(1).integers(200, 900, (48, 40)).astype(np.uint16)
ITEM = WorkItem(0, 1, 0, 6)


class Mean:
    """The mean pixel; `before` is called before each batch is predicted."""

    spec = "mean"
    measurements = (Measurement("mean", "DN", "x", "mean pixel"),)

    def __init__(self, before: Any = None) -> None:
        self.before = before or (lambda: None)

    def batch(self, images: Any) -> dict[str, Any]:
        self.before()
        return {"mean": images.reshape(len(images), -1).mean(axis=1)}


class Watched:
    """A codec that says when and where it is called."""

    spec = "watched"

    def __init__(self) -> None:
        self.inner = codec("jpeg2000:ratio=5,bits=12")
        self.called = threading.Event()
        self.threads: set[int] = set()
        self.calls, self.wait = 0, 0.0

    def apply(self, raw: Any, hint: Any = None) -> Any:
        self.threads.add(threading.get_ident())
        self.called.set()
        self.calls += 1
        time.sleep(self.wait)
        return self.inner.apply(raw, hint)


def block(workers: int | None, pipeline: Mean, coder: Any) -> Any:
    scene = StudyImage(FRAME, FRAME, NoiseModel(0.5, 100.0, 1.6, 12), (coder,), (None,))
    return Job((scene,), pipeline, replica_mode("around-raw"), seed=3, workers=workers)(ITEM)


def test_any_number_of_workers_gives_the_same_bits():
    first = block(0, Mean(), Watched())
    for workers in (None, 1, 3, 50):
        again = block(workers, Mean(), Watched())
        assert np.array_equal(first.raw, again.raw)
        assert np.array_equal(first.decoded, again.decoded)
        assert (first.nbytes, first.achieved) == (again.nbytes, again.achieved)
        assert first.quality == again.quality


def test_replicas_are_coded_while_the_model_predicts():
    coder = Watched()
    heard: list[bool] = []
    block(1, Mean(lambda: heard.append(coder.called.wait(60))), coder)  # the first prediction waits for the codec
    assert heard == [True, True]
    assert coder.threads == coder.threads - {threading.get_ident()}
    alone = Watched()
    order: list[bool] = []
    block(0, Mean(lambda: order.append(alone.called.is_set())), alone)
    assert order == [False, True]
    assert alone.threads == {threading.get_ident()}


@pytest.mark.parametrize("workers", [0, 2])
def test_a_failure_of_either_ends_the_block(workers):
    class Broken(Watched):
        def apply(self, raw: Any, hint: Any = None) -> Any:
            raise CodecFailed("broken", "whole", "again")

    def stop() -> None:
        raise ArithmeticError("in the model")

    with pytest.raises(CodecFailed, match="broken"):
        block(workers, Mean(), Broken())
    with pytest.raises(PredictionFailed, match=r"ArithmeticError: in the model .* on image 0, group 1"):
        block(workers, Mean(stop), Watched())
    slow = Watched()
    slow.wait = 0.05
    with pytest.raises(PredictionFailed):
        block(workers, Mean(stop), slow)
    calls = slow.calls
    time.sleep(0.2)  # lasting threads: nothing of the block runs on in them
    assert slow.calls == calls < ITEM.count


# --- several blocks at a time -----------------------------------------------------------------------------------------
def job(pipeline: Any, coder: Any, **options: Any) -> Job:
    scenes = tuple(StudyImage(frame, frame, NoiseModel(0.5, 100.0, 1.6, 12), (coder,), (None,)) for frame in (FRAME, FRAME[:, ::-1].copy()))
    return Job(scenes, pipeline, replica_mode(options.pop("mode", "around-raw")), seed=3, **options)


ITEMS = [WorkItem(image, group, start, 4) for image in (0, 1) for group in (0, 1, 2, 3) for start in (0, 4)]


@pytest.mark.parametrize(
    ("mode", "options"), [("bootstrap", {}), ("around-raw", {"workers": 0}), ("around-raw", {"batch": 2}), ("simex", {})]
)
def test_blocks_side_by_side_give_the_bits_of_one_after_the_other(mode: str, options: dict[str, Any]):
    items = ITEMS if mode == "bootstrap" else [item for item in ITEMS if item.group < 2]
    alone = [job(Mean(), Watched(), mode=mode, workers=0)(item) for item in items]
    together = list(job(Mean(), Watched(), mode=mode, **options).stream(items))
    assert [result.item for result in together] == items
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one.raw, other.raw)
        assert (one.decoded is None) == (other.decoded is None)
        assert one.decoded is None or np.array_equal(one.decoded, other.decoded)
        assert (one.nbytes, one.achieved, one.quality) == (other.nbytes, other.achieved, other.quality)


def test_the_next_block_is_coded_while_this_one_is_predicted():
    coder, seen = Watched(), []

    def predicting() -> None:
        deadline = time.monotonic() + 20
        while coder.calls < 12 and time.monotonic() < deadline:  # the codec's block and the two after it
            time.sleep(0.01)
        time.sleep(0.05)
        seen.append(coder.calls)

    list(job(Mean(predicting), coder, workers=2).stream([WorkItem(0, 1, first, 4) for first in range(0, 20, 4)]))
    assert seen[0] == 12  # and no further: the queue is bounded


def test_a_failure_gives_what_was_done_before_it_and_leaves_nothing_running():
    coder, predicted = Watched(), []

    def fail_late() -> None:
        predicted.append(1)
        if len(predicted) == 4:
            raise ArithmeticError("late")

    results = []
    with pytest.raises(PredictionFailed, match="late"):
        for result in job(Mean(fail_late), coder, workers=2).stream([WorkItem(0, 1, start, 4) for start in range(0, 40, 4)]):
            results.append(result)
    assert [result.item.start for result in results] == [0]
    calls = coder.calls
    time.sleep(0.1)
    assert coder.calls == calls <= 16


def test_an_images_scene_is_made_once(monkeypatch: pytest.MonkeyPatch):
    from sigmaraw.noise import blocks

    made = []
    monkeypatch.setattr(blocks, "make_rate_image", lambda *a, real=blocks.make_rate_image: made.append(1) or real(*a))
    study = job(Mean(), Watched(), mode="bootstrap")
    list(study.stream([WorkItem(0, group, start, 4) for group in (0, 1) for start in (0, 4, 8)]))
    assert len(made) == 1


# --- a pipeline whose calls may be side by side, as one on a GPU -------------------------------------------------------
class SideBySide(Mean):
    calls_side_by_side = 3


def test_calls_side_by_side_give_the_bits_of_one_after_the_other():
    together_at, most, lock = 0, 0, threading.Lock()
    full = threading.Event()

    def enter() -> None:
        nonlocal together_at, most
        with lock:
            together_at += 1
            most = max(most, together_at)
        if together_at == 3:
            full.set()
        full.wait(20)
        with lock:
            together_at -= 1

    items = [item for item in ITEMS if item.group < 2]
    alone = [job(Mean(), Watched(), workers=0)(item) for item in items]
    together = list(job(SideBySide(enter), Watched(), workers=2).stream(items))
    assert most == 3
    assert [result.item for result in together] == items
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one.raw, other.raw)
        assert one.decoded is None or np.array_equal(one.decoded, other.decoded)
        assert (one.nbytes, one.achieved, one.quality) == (other.nbytes, other.achieved, other.quality)


def test_a_failure_of_one_of_several_calls_gives_what_was_done_before_it_and_leaves_nothing_running():
    coder, calls, results = Watched(), [], []

    def fail_late() -> None:
        calls.append(1)
        if len(calls) > 6:
            raise ArithmeticError("late")

    with pytest.raises(PredictionFailed, match="late"):
        for result in job(SideBySide(fail_late), coder, workers=2).stream([WorkItem(0, 1, start, 4) for start in range(0, 60, 4)]):
            results.append(result)
    assert [result.item.start for result in results] == [0, 4, 8][: len(results)]
    coded, asked = coder.calls, len(calls)
    time.sleep(0.2)
    assert (coder.calls, len(calls)) == (coded, asked)


def test_more_items_are_under_way_where_cores_would_be_idle_but_only_as_many_as_may_be_held():
    assert [job(Mean(), Watched(), workers=workers).ahead() for workers in (0, 2, 16)] == [2, 3, 24]
    assert job(SideBySide(), Watched(), workers=16).ahead() == 26
    large = np.broadcast_to(np.uint16(300), (2000, 2000))
    scenes = (StudyImage(large, large, NoiseModel(0.5, 100.0, 1.6, 12)),)
    assert Job(scenes, SideBySide(), replica_mode("around-raw"), 3, workers=64).ahead() == 2  # type: ignore[arg-type]
