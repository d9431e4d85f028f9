"""Time of a study against replicas, images and codecs, and its peak memory against replicas: exponents, from differences.

    python -m tests.benchmarks.bench_linear [SIDE] [N]

With what is done once in every study left out: t(4x) - t(2x) over t(2x) - t(x) is 2^p. Times are of the processor, all threads together.
Only on systems that fork.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable

import numpy as np

import sigmaraw as sr
from tests.benchmarks.bench_codecs import frame_of_cells
from tests.benchmarks.children import Ended, begun, ended, imported

# The codecs are of equal cost, and each is there once: "lossless" of four kinds is always coded with a look at its bytes.
CODECS = ("jpegls:near=1", "jpegls:near=2", "jpegls:near=3", "jpegls:near=4")
TIMES = (1, 2, 4)


def _run(side: int, n: int, images: int, codecs: int) -> Ended:
    frame = frame_of_cells(side)
    stack = np.stack([np.roll(frame, 7 * image, axis=1) for image in range(images)])
    camera = sr.CameraProfile.from_values(gain=0.46, offset=100, read_noise=1.6, bits=12)

    def work() -> None:
        sr.validate(stack, camera, codecs=CODECS[:codecs], pipeline="otsu", n=n, mode="around-raw")

    return ended(begun(work))


def main(side: int = 128, n: int = 50, rounds: int = 3) -> None:
    """Print exponents, and the peak memory of each number of replicas."""
    imported()
    _run(side, 10, 1, 1)  # compiles
    ways: dict[str, Callable[[int], Ended]] = {
        "replicas": lambda times: _run(side, times * n, 1, 2),
        "images": lambda times: _run(side, n, 2 * times, 1),
        "codecs": lambda times: _run(side, 2 * n, 1, times),
    }
    print(f" {side} x {side} px, Otsu; seconds of the processor, least of {rounds}")
    for name, way in ways.items():
        ran = [[way(times) for times in TIMES] for _ in range(rounds)]
        seconds = [min(row[place].processor for row in ran) for place in range(len(TIMES))]
        exponent = math.log2(max(seconds[2] - seconds[1], 1e-9) / max(seconds[1] - seconds[0], 1e-9))
        peaks = ", ".join(f"{max(row[place].peak_mb for row in ran):.0f}" for place in range(len(TIMES)))
        shown = ", ".join(f"{value:.2f}" for value in seconds)
        print(f"  {name:<10} x 1, 2, 4: {shown} s; exponent {exponent:.2f}; peak memory {peaks} MB", flush=True)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:4]))
