"""Progress with rate and time left: a line that moves in a terminal or a notebook, now and then a line in a log file."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Self, TypeVar

Block = TypeVar("Block")
Report = Callable[[int, int, str], None]
"""Called as report(done, total, what) while a study runs."""

_LOG_SECONDS = 60.0
"""A log file gets a line at every tenth, and no later than this after the last."""
_DRAW_SECONDS = 0.1


def in_notebook() -> bool:
    """Return whether this runs in a kernel of Jupyter or of a notebook like it."""
    ipython = sys.modules.get("IPython")
    shell = getattr(ipython, "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


def reporting(progress: Report | bool | None) -> AbstractContextManager[Report]:
    """Return what reports progress, as a context manager.

    Parameters
    ----------
    progress : callable, bool or None
        A callable is taken as it is; True shows progress, False does not; None shows it in a notebook alone.
    """
    if callable(progress):
        return nullcontext(progress)
    return Progress(quiet=not (in_notebook() if progress is None else progress))


class Progress:
    """Call as progress(done, total, what); use as a context manager so that the terminal's line is ended.

    It writes to standard error, or to the cell of a notebook. Where that is closed or full the study goes on without a word.

    Parameters
    ----------
    quiet : bool
        Show nothing.
    """

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._cell = None if quiet or not in_notebook() else _Cell()
        self._terminal = self._cell is not None or bool(sys.stderr and sys.stderr.isatty())
        self._what = ""
        self._begin = self._written = 0.0
        self._tenth = -1
        self._open = False
        self._width = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def __call__(self, done: int, total: int, what: str) -> None:
        """Show how far the work is."""
        if self._quiet:
            return
        now = time.monotonic()
        if done == 0 or not self._begin:
            self._end()
            self._begin, self._tenth, self._written = now, -1, 0.0
        self._what = what
        tenth = 10 * done // max(total, 1)
        if self._terminal:
            if done >= total or now - self._written >= _DRAW_SECONDS:
                self._written = now
                self._draw(self._line(done, total, now))
            if done >= total:
                self._end()
        elif tenth != self._tenth or now - self._written >= _LOG_SECONDS:
            self._tenth, self._written = tenth, now
            self._write(f"{self._line(done, total, now)}\n")

    def count(self, blocks: Iterable[Block], total: int, what: str, size: Callable[[Any], int] = len) -> Iterator[Block]:
        """Yield the blocks and report how many items of them have passed, `size` of each."""
        done = 0
        self(0, total, what)
        for block in blocks:
            yield block
            done += size(block)
            self(done, total, what)

    def _line(self, done: int, total: int, now: float) -> str:
        elapsed = now - self._begin
        line = f"{self._what}: {done} of {total}"
        if not done > 0 or elapsed < 1:
            return line
        rate = done / elapsed
        speed = f"{rate:.3g} per s" if rate >= 1 else f"{1 / rate:.3g} s each"
        return f"{line}, {speed}, " + (f"about {duration((total - done) / rate)} left" if done < total else f"{duration(elapsed)} in all")

    def _draw(self, line: str) -> None:
        self._open = True
        if self._cell is not None:
            self._cell.show(line)
            return
        self._write(f"\r{line}{' ' * (self._width - len(line))}")
        self._width = len(line)

    def _end(self) -> None:
        if self._open and self._cell is None:
            self._write("\n")
        elif self._open:
            self._cell = _Cell()
        self._open, self._width = False, 0

    def _write(self, text: str) -> None:
        try:
            if sys.stderr is not None:
                sys.stderr.write(text)
                sys.stderr.flush()
        except (OSError, ValueError):  # a closed or full stream must not end a study
            self._quiet = True


class _Cell:
    """One line of a notebook's output that is replaced each time: what is saved with the notebook is its last state."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, line: str) -> None:
        from IPython.display import display  # type: ignore[import-not-found, unused-ignore]  # there: a kernel runs

        content = {"text/plain": line}
        if self._handle is None:
            self._handle = display(content, raw=True, display_id=True)
        else:
            self._handle.update(content, raw=True)


def duration(seconds: float) -> str:
    """Return a time in words: ``12 s``, ``3 min 20 s``, ``2 h 5 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
