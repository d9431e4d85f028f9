"""What runs on beside a study's replicas: the checks of the image, and its coding where a codec distorts."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw.codecs.state import Coder
from sigmaraw.contracts import CodecContract, Encoded
from sigmaraw.errors import CodecFailed, InvalidPrediction
from sigmaraw.study.prepare import Trying
from sigmaraw.study.replica_checks import ReplicaDiagnostics
from sigmaraw.study.side_by_side import Calls

CAMERA = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=2.0, bits=12)
FRAME = np.random.default_rng(1).poisson(300, (40, 36)).astype(np.uint16) + 100
STUDY: dict[str, Any] = {"pipeline": "intensity", "n": 12, "mode": "around-raw", "seed": 4}


def test_replicas_do_not_wait_for_the_checks_of_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks wait here for the first replicas: were it the other way round, they would wait in vain."""
    predicted = threading.Event()
    made = ReplicaDiagnostics.of

    def of(*arguments: Any) -> ReplicaDiagnostics:
        assert predicted.wait(20)
        return made(*arguments)

    monkeypatch.setattr(ReplicaDiagnostics, "of", of)

    def show(done: int, total: int, what: str) -> None:
        if what == "replicas" and done:
            predicted.set()

    record = sr.validate(FRAME, CAMERA, codecs=["jpegls:near=2"], progress=show, **STUDY)
    monkeypatch.undo()
    assert record.document["digest"] == sr.validate(FRAME, CAMERA, codecs=["jpegls:near=2"], **STUDY).document["digest"]


def test_a_check_that_fails_beside_the_replicas_ends_the_study(monkeypatch: pytest.MonkeyPatch) -> None:
    def of(*arguments: Any) -> ReplicaDiagnostics:
        raise InvalidPrediction("a denoiser that fails", "a denoised image", "correct it")

    monkeypatch.setattr(ReplicaDiagnostics, "of", of)
    with pytest.raises(InvalidPrediction, match="image 1: a denoiser that fails"):
        sr.validate(FRAME, CAMERA, codecs=["jpegls:near=2"], **STUDY)


class Unable(Coder):
    """Says that nothing changes, and cannot encode the image itself."""

    name = "unable"
    contract = CodecContract(("uint16",), lossless=False)

    def encode(self, frame: Any) -> Encoded:
        if np.array_equal(frame, FRAME):
            raise CodecFailed("a frame that cannot be encoded", "another frame", "use another codec")
        return Encoded(frame.tobytes())

    def decode(self, encoded: Encoded, shape: Any, dtype: Any) -> Any:
        return np.frombuffer(encoded.payload, dtype).reshape(shape).copy()

    def distort(self, frame: Any) -> Any:
        return frame


def test_an_image_that_cannot_be_coded_in_full_ends_the_study_and_is_named() -> None:
    with pytest.raises(CodecFailed, match=r"image 2: .*cannot be encoded"):
        sr.validate([FRAME[::-1].copy(), FRAME], CAMERA, codecs=[Unable()], **STUDY)


def test_the_failure_before_the_replicas_is_told_and_not_what_follows_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both fail, the image first; without that the replica's failure would be all that a user learns."""
    failed = threading.Event()
    made = Trying._in_full

    def in_full(self: Trying, *arguments: Any) -> Any:
        try:
            return made(self, *arguments)
        finally:
            failed.set()

    monkeypatch.setattr(Trying, "_in_full", in_full)

    class Never(Unable):
        def encode(self, frame: Any) -> Encoded:
            if not np.array_equal(frame, FRAME):
                failed.wait(20)
            raise CodecFailed("the image" if np.array_equal(frame, FRAME) else "a replica", "something else", "use another codec")

    with pytest.raises(CodecFailed, match=r"image 1: .*the image"):
        sr.validate(FRAME, CAMERA, codecs=[Never()], **STUDY)


def test_a_call_that_is_begun_after_the_end_is_made_when_it_is_asked_for() -> None:
    with Calls() as calls:
        assert calls.later(lambda: threading.current_thread().name).result() != threading.current_thread().name
    assert calls.later(lambda: threading.current_thread().name).result() == threading.current_thread().name
    assert calls.failure() is None
