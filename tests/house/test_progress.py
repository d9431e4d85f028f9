"""Progress in log files, terminals and notebooks."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest

from sigmaraw import progress as module
from sigmaraw.progress import Progress, duration, reporting


class _Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    made = _Clock()
    monkeypatch.setattr(module, "time", made)
    return made


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_has_a_line_a_tenth_with_rate_and_time_left(monkeypatch: pytest.MonkeyPatch, clock: _Clock) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with Progress() as report:
        for done in range(401):
            report(done, 400, "replicas")
            clock.now += 0.5
    lines = stream.getvalue().splitlines()
    assert len(lines) == 11
    assert lines[0] == "replicas: 0 of 400"
    assert lines[5] == "replicas: 200 of 400, 2 per s, about 1 min 40 s left"
    assert lines[-1] == "replicas: 400 of 400, 2 per s, 3 min 20 s in all"


def test_a_slow_study_has_a_line_a_minute(monkeypatch: pytest.MonkeyPatch, clock: _Clock) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    report = Progress()
    for done in range(9):
        report(done, 1000, "replicas")
        clock.now += 45
    assert stream.getvalue().splitlines()[1:] == [
        "replicas: 2 of 1000, 45 s each, about 12 h 28 min left",
        "replicas: 4 of 1000, 45 s each, about 12 h 27 min left",
        "replicas: 6 of 1000, 45 s each, about 12 h 25 min left",
        "replicas: 8 of 1000, 45 s each, about 12 h 24 min left",
    ]


def test_a_terminal_has_one_line_that_is_ended(monkeypatch: pytest.MonkeyPatch, clock: _Clock) -> None:
    stream = _Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with Progress() as report:
        report(0, 20, "a long name of what is done")
        for done in range(11):
            report(done, 20, "replicas")
            clock.now += 1
    text = stream.getvalue()
    assert text.count("\n") == 2 and text.endswith("\n")
    written = [line.partition("\n")[0] for line in text.split("\r")[1:]]
    shown = ""
    for line in written[1:]:
        assert len(line) >= len(shown.rstrip()), "what stood there before is covered"
        shown = line
    assert shown.rstrip() == "replicas: 10 of 20, 1 per s, about 10 s left"


@pytest.mark.parametrize("stream", [None, "closed", "full"])
def test_a_stream_that_cannot_be_written_ends_progress_alone(monkeypatch: pytest.MonkeyPatch, stream: str | None) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    made = None if stream is None else Full() if stream == "full" else io.StringIO()
    if stream == "closed":
        monkeypatch.setattr(sys, "stderr", made)
        report = Progress()
        made.close()  # type: ignore[union-attr]
    else:
        monkeypatch.setattr(sys, "stderr", made)
        report = Progress()
    for done in range(3):
        report(done, 2, "replicas")


def test_a_notebook_has_one_output_that_is_replaced(monkeypatch: pytest.MonkeyPatch, clock: _Clock) -> None:
    shown: list[list[str]] = []

    class Handle:
        def update(self, content: dict[str, str], raw: bool) -> None:
            shown[-1].append(content["text/plain"])

    def display(content: dict[str, str], raw: bool, display_id: bool) -> Handle:
        shown.append([content["text/plain"]])
        return Handle()

    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))  # type: ignore[arg-type]
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with reporting(None) as report:
        for what in ("trying lossless on image 1", "replicas"):
            for done in range(3):
                report(done, 2, what)
                clock.now += 2
    last = "2 of 2, 2 s each, 4 s in all"
    assert [cell[-1] for cell in shown] == [f"trying lossless on image 1: {last}", f"replicas: {last}"]
    assert stream.getvalue() == ""


def test_what_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    calls: list[tuple[int, int, str]] = []
    with reporting(lambda *given: calls.append(given)) as report:
        report(1, 2, "a")
    for quiet in (None, False):
        with reporting(quiet) as report:
            report(1, 2, "b")
    assert calls == [(1, 2, "a")] and stream.getvalue() == ""
    with reporting(True) as report:
        report(1, 2, "c")
    assert stream.getvalue() == "c: 1 of 2\n"


def test_durations() -> None:
    assert [duration(value) for value in (0.4, 59.6, 61, 3661)] == ["0 s", "1 min 0 s", "1 min 1 s", "1 h 1 min"]
