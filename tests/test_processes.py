"""What a process keeps, where pages are counted and not seconds, and how its idle threads and its exit are arranged."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

_TIMEOUT = "OPENBLAS_THREAD_TIMEOUT"
_VERSION = "try: main(['--version'])\nexcept SystemExit: pass"
_FAULTS = """
import resource, sys
import numpy as np
from sigmaraw.processes import keep_freed_memory

if sys.argv[1] == "kept":
    assert keep_freed_memory()
np.ones(1 << 16)  # glibc keeps twice the largest that it has seen freed: 1 MiB
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    [np.ones(1 << 18) for _ in range(4)]  # four of 2 MiB are held and freed together
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def _faults(word: str) -> int:
    return int(subprocess.run([sys.executable, "-c", _FAULTS, word], check=True, capture_output=True, text=True, timeout=120).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left as they are")
def test_freed_memory_is_used_again_without_asking_the_system() -> None:
    # Each pass writes 4 × 512 pages of 4 KiB: all of them new where memory goes back, those of the first pass alone where it is kept.
    pages = 4 * (2 << 20) // 4096
    assert _faults("kept") < 3 * pages < _faults("given back")


def _said(code: str) -> list[str]:
    environment = {name: value for name, value in os.environ.items() if name != _TIMEOUT}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_idle_threads_of_openblas_sleep_at_once_unless_something_else_is_stated() -> None:
    look = f"import os, sys; from sigmaraw.cli import main; print('numpy' in sys.modules)\n{_VERSION}\nprint(os.environ['{_TIMEOUT}'])"
    early, *_, ticks = _said(look)  # NumPy reads the variable when it is imported
    assert (early, ticks) == ("False", "4")
    assert _said(f"import os; os.environ['{_TIMEOUT}'] = '20'; {look}")[-1] == "20"


def test_garbage_is_left_where_it_is_at_the_exit_after_what_was_registered_since() -> None:
    say = "lambda: print('frozen' if gc.get_freeze_count() else 'searched')"
    code = f"import atexit, gc; from sigmaraw.cli import main; atexit.register({say})\n{_VERSION}\natexit.register({say})"
    assert _said(code)[-2:] == ["searched", "frozen"]
