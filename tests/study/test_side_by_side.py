"""Calls that do not depend on each other: side by side where their images are small, and nothing runs on after a failure."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from sigmaraw.contracts import Measurement
from sigmaraw.noise import sliding_dct
from sigmaraw.study.sameness import codec_difference
from sigmaraw.study.side_by_side import side_by_side


def test_small_calls_run_together_and_large_ones_when_they_are_asked_for() -> None:
    meeting = threading.Barrier(2, timeout=20)
    with side_by_side([meeting.wait, meeting.wait], 1000, "a test") as results:
        assert sorted(result.result() for result in results) == [0, 1]
    made: list[int] = []
    with side_by_side([lambda: made.append(1), lambda: made.append(2)], 1 << 30) as results:
        assert made == []
        results[1].result()
        assert made == [2]


def test_after_a_failure_nothing_runs_on() -> None:
    begun: list[int] = []

    def slow() -> None:
        begun.append(1)
        time.sleep(0.02)

    with pytest.raises(ArithmeticError), side_by_side([slow] * 50, 1000, "a failing test"):
        raise ArithmeticError
    count = len(begun)
    time.sleep(0.1)
    assert len(begun) == count < 50


@pytest.mark.parametrize("threads", [2, 5])
def test_a_denoised_image_has_the_same_bits_by_any_number_of_threads(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    image = np.random.default_rng(1).normal(20, 1, (70, 53))
    monkeypatch.setattr(sliding_dct, "available_cores", lambda: 1)
    alone = sliding_dct.SlidingDct()(image)
    monkeypatch.setattr(sliding_dct, "available_cores", lambda: threads)
    assert sliding_dct.SlidingDct()(image).tobytes() == alone.tobytes()


class _Drifting:
    """A codec that answers otherwise with each call."""

    spec = "drifting"

    def __init__(self, step: int = 1) -> None:
        self.calls, self.step = 0, np.uint16(step)

    def apply(self, raw: np.ndarray, hint: object = None) -> object:
        self.calls += 1
        return type("Trip", (), {"decoded": raw + self.step * np.uint16(self.calls)})()


class _Mean:
    spec = "mean"
    measurements = (Measurement("mean", "DN", "x", "mean pixel"),)

    def batch(self, images: np.ndarray) -> dict[str, np.ndarray]:
        return {"mean": images.reshape(len(images), -1).mean(axis=1)}


@pytest.mark.parametrize(
    ("hint", "between", "calls", "apart"),
    [((None,), False, 3, 2.0), (None, False, 3, 2.0), (None, True, 2, 1.0), ((0.5,), False, 5, 2.0), ((0.5,), True, 4, 2.0)],
)
def test_the_first_coding_of_an_image_does_for_one_of_two(
    hint: tuple[float | None, ...] | None, between: bool, calls: int, apart: float
) -> None:
    """What answers otherwise is compared twice from the same hint; one coding is spared where another image has come between."""
    codec, frame = _Drifting(), np.full((4, 5), 100, np.uint16)
    decoded = codec.apply(frame).decoded  # type: ignore[attr-defined]
    found = codec_difference(codec, hint, _Mean(), frame, frame, decoded, between=between)  # type: ignore[arg-type]
    assert codec.calls == calls
    assert found.tolist() == [apart]


@pytest.mark.parametrize("hint", [None, (0.5,)])
def test_a_codec_that_answers_alike_is_asked_once_more(hint: tuple[float | None, ...] | None) -> None:
    codec, frame = _Drifting(0), np.full((4, 5), 100, np.uint16)
    found = codec_difference(codec, hint, _Mean(), frame, frame + np.uint16(1), frame, between=True)  # type: ignore[arg-type]
    assert (codec.calls, found.tolist()) == (1, [0.0])


class _Distorting(_Drifting):
    """The same without coding."""

    def distort(self, raw: np.ndarray) -> np.ndarray:
        self.calls += 1
        return raw + np.uint16(self.calls)

    def apply(self, raw: np.ndarray, hint: object = None) -> object:
        raise AssertionError


def test_a_codec_that_distorts_is_compared_without_coding() -> None:
    codec, frame = _Distorting(), np.full((4, 5), 100, np.uint16)
    found = codec_difference(codec, None, _Mean(), frame, frame, frame + np.uint16(1), shorter=True)  # type: ignore[arg-type]
    assert (codec.calls, found.tolist()) == (2, [1.0])
