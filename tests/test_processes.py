"""What a process keeps: pages are counted, not seconds."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

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
