"""Arrays that are read ahead arrive in order, whole, and so does an error."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from sigmaraw.camera.measuring.workers import read_ahead
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
