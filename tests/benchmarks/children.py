"""Studies in processes of their own that begin with everything imported: what they take, and how they end when they are killed."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Ended:
    """How a process ended: exit code (negative: the signal), seconds of the processor, peak memory in MB."""

    code: int
    processor: float
    peak_mb: float


def imported() -> None:
    """Import what a study needs, so that children have it. JAX is imported too, but nothing is drawn: it must not be forked at work."""
    import jax  # noqa: F401 (for the children)

    import sigmaraw.cli.validate
    import sigmaraw.study  # noqa: F401


def begun(work: Callable[[], object]) -> int:
    """Return the number of a new process that does `work` and says nothing."""
    number = os.fork()
    if number:
        return number
    code = 70
    try:
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        work()
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        os._exit(code)


def ended(number: int) -> Ended:
    """Wait for a process and return how it ended."""
    _, status, usage = os.wait4(number, 0)
    unit = 1e6 if sys.platform == "darwin" else 1e3  # ru_maxrss: bytes there, kB here
    return Ended(os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit)


def quietly() -> None:
    """Give way to whatever else the machine does."""
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
