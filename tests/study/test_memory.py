"""Peak memory does not grow with the number of replicas, and a volume is held a few times, not n times."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

# One process, its peak read after each study: what was reached before is what the next has to exceed.
STUDIES = """
import json, resource
import numpy as np, sigmaraw as sr
from sigmaraw.study import replica_checks
# Checks of the frame against its camera: they hold the same however many replicas there are, and take four fifths of the time.
replica_checks.frame_noise_checks = lambda *_: ()
camera = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=2, bits=12)
peaks = []
for shape, n in (((512, 512), 50), ((512, 512), 200), ((8, 512, 512), 4)):
    raw = np.random.default_rng(1).poisson(200, shape).astype(np.uint16)
    options = {"codecs": ["lossless"], "pipeline": "intensity", "mode": "around-raw", "volume": raw.ndim == 3}
    sr.validate([raw], camera, n=n, **options)
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
print(json.dumps(peaks))
"""
# One arena: with one a thread, what an allocator keeps depends on how threads were scheduled.
ENVIRONMENT = {**os.environ, "MALLOC_ARENA_MAX": "1"}


@pytest.fixture(scope="module")
def peaks_mib() -> list[float]:
    if sys.platform != "linux":
        pytest.skip("peak resident memory in KiB is Linux's")
    done = subprocess.run([sys.executable, "-c", STUDIES], capture_output=True, text=True, check=True, env=ENVIRONMENT)
    return list(json.loads(done.stdout))


def test_peak_memory_does_not_grow_with_n(peaks_mib: list[float]) -> None:
    """512² frames, n = 50 and then 200, two groups: 300 more replicas of .5 MiB are 150 MiB if they are kept, decoded ones as much."""
    assert peaks_mib[1] - peaks_mib[0] < 60


def test_a_volume_is_held_a_few_times_not_n_times(peaks_mib: list[float]) -> None:
    """8 × 512², 4 MiB, four replicas: 165 to 175 MiB were measured; in float64, or as arrays of the kernel, they would be 64 MiB more."""
    assert peaks_mib[2] - peaks_mib[1] < 205
