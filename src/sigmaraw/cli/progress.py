"""Progress on stderr: one line that moves in a terminal, a line per tenth elsewhere, so that logs stay short."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self, TypeVar

Block = TypeVar("Block")


class Progress:
    """Call as progress(done, total, what); use as a context manager so that the terminal's line is ended."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()
        self._what = ""
        self._begin = 0.0
        self._last = -1
        self._open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def __call__(self, done: int, total: int, what: str) -> None:
        if self._quiet:
            return
        if done == 0 or not self._begin:
            self._end()
            self._begin, self._last = time.monotonic(), -1
        self._what = what
        tenth = 10 * done // max(total, 1)
        if self._terminal:
            self._open = True
            sys.stderr.write(f"\r\x1b[K{self._line(done, total)}")
            if done >= total:
                self._end()
        elif tenth != self._last:
            self._last = tenth
            sys.stderr.write(f"{self._line(done, total)}\n")
        sys.stderr.flush()

    def count(self, blocks: Iterable[Block], total: int, what: str, size: Callable[[Any], int] = len) -> Iterator[Block]:
        """Yield the blocks and report how many items of them have passed, `size` of each."""
        done = 0
        self(0, total, what)
        for block in blocks:
            yield block
            done += size(block)
            self(done, total, what)

    def _line(self, done: int, total: int) -> str:
        elapsed = time.monotonic() - self._begin
        left = f", about {elapsed * (total - done) / done:.0f} s left" if 0 < done < total and elapsed > 1 else ""
        return f"{self._what}: {done} of {total}{left}"

    def _end(self) -> None:
        if self._open:
            sys.stderr.write("\n")
            self._open = False
