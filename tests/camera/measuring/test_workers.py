"""Tasks are all done; arrays that are read ahead arrive in order, whole; errors arrive too; memory passes from level to level."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from functools import partial

import numpy as np
import pytest

from sigmaraw.camera.measuring.level import LevelMeter, MeasuredLevel
from sigmaraw.camera.measuring.workers import Workers, read_ahead, workers
from sigmaraw.errors import UnreadableFile


def test_the_next_array_is_read_while_this_one_is_in_use() -> None:
    reading = [threading.Event() for _ in range(4)]

    def chunks() -> Iterator[np.ndarray]:
        for index in range(3):
            reading[index].set()
            yield np.full(2, index)
        reading[3].set()

    for index, chunk in enumerate(read_ahead(chunks())):
        assert reading[index + 1].wait(timeout=60)  # would never come if the reader waited for its caller
        assert chunk.tolist() == [index, index]
    assert index == 2


def test_an_error_of_the_reader_reaches_the_caller_after_what_was_read() -> None:
    def chunks() -> Iterator[np.ndarray]:
        yield np.zeros(1)
        raise UnreadableFile("the file ends early", "a whole file", "copy it again")

    taken = []
    with pytest.raises(UnreadableFile):
        for chunk in read_ahead(chunks()):
            taken.append(chunk)
    assert len(taken) == 1


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("count", [0, 1, 2, 50])
def test_every_task_is_done_once(threads: int, count: int) -> None:
    done: list[int] = []
    with ThreadPoolExecutor(threads) as pool:
        Workers(pool, threads).run([partial(done.append, index) for index in range(count)])
    assert sorted(done) == list(range(count))


def test_threads_share_tasks() -> None:
    """Three that wait for each other would never end on two threads."""
    meeting = threading.Barrier(3, timeout=60)
    with ThreadPoolExecutor(3) as pool:
        Workers(pool, 3).run([meeting.wait] * 3)


@pytest.mark.parametrize("bad", [0, 19])
def test_the_error_of_a_task_reaches_the_caller(bad: int) -> None:
    """An IndexError, which is also how a queue says that it is empty."""
    with workers() as crew, pytest.raises(IndexError):
        crew.run([partial([0].__getitem__, 5 if index == bad else 0) for index in range(20)])


@pytest.mark.parametrize("shape_sums", [False, True])
@pytest.mark.parametrize("count", [5, 150])
def test_memory_of_an_earlier_level_leaves_no_trace(shape_sums: bool, count: int) -> None:
    rng = np.random.default_rng(count)
    first, second = rng.integers(0, 4095, (2, count, 30, 41), np.uint16)

    def measured(frames: np.ndarray, crew: Workers) -> MeasuredLevel:
        meter = LevelMeter("a", shape_sums=shape_sums)
        for start in range(0, count, 50):
            meter.add(frames[start : start + 50], crew)
        return meter.result(crew)

    with workers() as crew:
        measured(first, crew).pixels.give_back(crew)
        later = measured(second, crew)
        assert not any(crew._stock.values())  # it took what was given back
    with workers() as crew:
        fresh = measured(second, crew)
    for take in ("mean", "variance", "still"):
        assert np.array_equal(getattr(later.pixels, take)(), getattr(fresh.pixels, take)()), take
    if shape_sums:
        for one, other in zip(later.pixels.shape_statistics(slice(0, 30)), fresh.pixels.shape_statistics(slice(0, 30)), strict=True):
            assert np.array_equal(one, other)
    assert all(np.array_equal(getattr(later.moments, each.name), getattr(fresh.moments, each.name)) for each in fields(fresh.moments))
