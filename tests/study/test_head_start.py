"""Blocks that begin while the codecs are still tried: the same record, and a study that is refused leaves nothing of them behind."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw.contracts import RoundTrip
from sigmaraw.errors import AnswersDiffer, CodecFailed
from sigmaraw.study import Plan, run
from sigmaraw.study.head_start import HeadStart
from sigmaraw.study.store import NAME, BlockStore

CAMERA = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=2.0, bits=12)
FRAME = np.random.default_rng(1).poisson(300, (40, 36)).astype(np.uint16) + 100
STUDY: dict[str, Any] = {"pipeline": "intensity", "n": 12, "mode": "around-raw", "seed": 4}


class Coder:
    """A codec from outside: what `act` makes of a frame, given the number of the call from 1; the image itself comes first."""

    spec = "coder"

    def __init__(self, act: Any) -> None:
        self.act, self.calls, self._lock = act, 0, threading.Lock()

    def apply(self, raw: Any, hint: Any = None) -> RoundTrip:
        with self._lock:
            self.calls += 1
            number = self.calls
        return RoundTrip(self.act(raw, number), raw.nbytes, {"ratio": 1.0})

    def roundtrip(self, raw: Any) -> Any:
        return raw.copy(), raw.nbytes

    def resolved(self) -> Any:
        return {"spec": self.spec, "full_spec": self.spec, "steps": []}

    def freeze(self, raw: Any) -> Any:
        return self


def without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["sigmaraw.study.run"], "_head_start", lambda *_: contextlib.nullcontext())


def test_the_record_is_the_same_with_and_without(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    close = HeadStart.close
    monkeypatch.setattr(HeadStart, "close", lambda self: taken.append(len(self.started)) or close(self))
    codecs = ["lossless", "jpegls:near=2", "noiseaware:q=1,effort=3", "jpeg2000:ratio=4"]
    found = [sr.validate([FRAME, FRAME[::-1].copy()], CAMERA, codecs=codecs, **STUDY).document["digest"]]
    assert taken == [0], "each block that was begun was taken"
    without(monkeypatch)
    found.append(sr.validate([FRAME, FRAME[::-1].copy()], CAMERA, codecs=codecs, **STUDY).document["digest"])
    assert found[0] == found[1]


def test_blocks_begin_while_another_codec_is_still_tried() -> None:
    """The slow codec waits, on the image itself, for the third replica of the other one."""
    heard = threading.Event()

    def slow(raw: Any, number: int) -> Any:
        assert number > 1 or heard.wait(60)
        return raw

    def quick(raw: Any, number: int) -> Any:
        if number == 4:
            heard.set()
        return raw

    first, second = Coder(slow), Coder(quick)
    first.spec, second.spec = "slow", "quick"
    sr.validate(FRAME, CAMERA, codecs=[first, second], workers=2, **STUDY)
    assert (first.calls, second.calls) == (14, 14)


@pytest.mark.requirement("R-GUARD")
def test_a_codec_that_answers_otherwise_is_refused_before_its_replicas_fail_and_leaves_nothing(tmp_path: Path) -> None:
    def drifting(raw: Any, number: int) -> Any:
        if number > 3 and not np.array_equal(raw, FRAME):
            raise CodecFailed("a replica", "none", "none")
        time.sleep(0.005)
        return (raw + np.uint16(40 * number)).astype(raw.dtype)

    coder = Coder(drifting)
    with pytest.raises(AnswersDiffer, match="decodes the same image differently"):
        sr.validate(FRAME, CAMERA, codecs=[coder], **STUDY)
    count = coder.calls
    time.sleep(0.05)
    assert coder.calls == count, "nothing runs on"
    coder = Coder(drifting)
    store = BlockStore(tmp_path / "out", wait_s=0.0, commit_s=0.0)
    plan = Plan(("coder",), "intensity", n=12, mode="around-raw", seed=4)
    with pytest.raises(AnswersDiffer):
        run(plan, [FRAME], CAMERA, codecs={"coder": coder}, store=store)
    assert not (tmp_path / "out" / NAME).exists()
