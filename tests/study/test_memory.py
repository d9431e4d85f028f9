"""Peak memory does not grow with the number of replicas, and a volume is held a few times, not n times."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

STUDY = """
import resource, sys
import numpy as np, sigmaraw as sr
path, n, volume = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "volume"
camera = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=2, bits=12)
sr.validate([path], camera, codecs=["lossless"], pipeline="intensity", n=n, mode="around-raw", volume=volume)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
# One arena: with one a thread, what an allocator keeps depends on how threads were scheduled.
ENVIRONMENT = {**os.environ, "MALLOC_ARENA_MAX": "1", "MALLOC_TRIM_THRESHOLD_": "65536"}

linux = pytest.mark.skipif(sys.platform != "linux", reason="peak resident memory in KiB is Linux's")


def peak_mib(path: Path, n: int, kind: str = "frame") -> float:
    done = subprocess.run(
        [sys.executable, "-c", STUDY, str(path), str(n), kind], capture_output=True, text=True, check=True, env=ENVIRONMENT
    )
    return int(done.stdout) / 1024


def save(path: Path, shape: tuple[int, ...]) -> Path:
    np.save(path, np.random.default_rng(1).poisson(200, shape).astype(np.uint16))
    return path


@linux
def test_peak_memory_does_not_grow_with_n(tmp_path: Path) -> None:
    """512² frames, n = 50 against 400, two groups: 700 more replicas of .5 MiB, 350 MiB if they were kept. Runs scatter by some MiB."""
    path = save(tmp_path / "frame.npy", (512, 512))
    few, many = (peak_mib(path, n) for n in (50, 400))
    assert many - few < 60


@linux
def test_a_volume_is_held_a_few_times_not_n_times(tmp_path: Path) -> None:
    """8 × 1024², 16 MiB: ten replicas and what is decoded from them would be 320 MiB, in float64 1,280 MiB."""
    small = peak_mib(save(tmp_path / "small.npy", (2, 64, 64)), 10, "volume")
    large = peak_mib(save(tmp_path / "large.npy", (8, 1024, 1024)), 10, "volume")
    print(small, large)
    assert large - small < 500
