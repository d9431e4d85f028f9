"""A block of replicas: coded in threads while the model predicts, with the same numbers as one after the other."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from sigmaraw.codecs import codec
from sigmaraw.contracts import Measurement
from sigmaraw.errors import CodecFailed, PredictionFailed
from sigmaraw.noise import NoiseModel, replica_mode
from sigmaraw.study.plan import WorkItem
from sigmaraw.study.work import Job, StudyImage

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

    def apply(self, raw: Any, hint: Any = None) -> Any:
        self.threads.add(threading.get_ident())
        self.called.set()
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
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("codec")]
