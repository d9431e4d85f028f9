"""Time of a study against replicas, images and codecs, and its peak memory against replicas: exponents with their standard errors.

    python -m tests.benchmarks.bench_linear [SIDE] [N] [ROUNDS]

t = a + b·xᵖ is fitted to all runs, a being what is done once in every study; the standard error of p is that of the fit's scatter. Times
are of the processor, all threads together. Only on systems that fork.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from scipy.optimize import curve_fit

import sigmaraw as sr
from tests.benchmarks.bench_codecs import frame_of_cells
from tests.benchmarks.children import Ended, begun, ended, imported

# The codecs are of equal cost, and each is there once: "lossless" of four kinds is always coded with a look at its bytes.
CODECS = ("jpegls:near=1", "jpegls:near=2", "jpegls:near=3", "jpegls:near=4")
TIMES = (1, 2, 4, 8)


def _run(side: int, n: int, images: int, codecs: int) -> Ended:
    frame = frame_of_cells(side)
    stack = np.stack([np.roll(frame, 7 * image, axis=1) for image in range(images)])
    camera = sr.CameraProfile.from_values(gain=0.46, offset=100, read_noise=1.6, bits=12)

    def work() -> None:
        sr.validate(stack, camera, codecs=CODECS[:codecs], pipeline="otsu", n=n, mode="around-raw")

    return ended(begun(work))


def exponent(times: np.ndarray, seconds: np.ndarray) -> tuple[float, float]:
    """Return p of seconds = a + b·timesᵖ and its standard error; both (run,). Every run weighs by its own size: scatter grows with it."""
    start = (float(seconds.min()) / 2, float(seconds.max() / times.max()), 1.0)
    found, covariance = curve_fit(lambda x, a, b, p: a + b * x**p, times, seconds, start, sigma=seconds, maxfev=20_000)
    return float(found[2]), float(np.sqrt(covariance[2, 2]))


def main(side: int = 128, n: int = 200, rounds: int = 5) -> None:
    """Print exponents, and the peak memory of each number of replicas."""
    imported()
    _run(side, 10, 1, 1)  # compiles
    ways: dict[str, tuple[tuple[int, ...], Callable[[int], Ended]]] = {
        "replicas": (TIMES, lambda times: _run(side, times * n, 1, 2)),
        "images": (TIMES, lambda times: _run(side, max(n // 4, 1), 2 * times, 1)),
        "codecs": ((1, 2, 3, 4), lambda times: _run(side, 2 * n, 1, times)),
    }
    print(f" {side} x {side} px, Otsu; seconds of the processor, least of {rounds}")
    for name, (numbers, way) in ways.items():
        ran = [[way(times) for times in numbers] for _ in range(rounds)]
        seconds = np.array([[run.processor for run in row] for row in ran])
        power, error = exponent(np.tile(numbers, rounds).astype(float), seconds.ravel())
        peaks = ", ".join(f"{max(row[place].peak_mb for row in ran):.0f}" for place in range(len(numbers)))
        shown = ", ".join(f"{value:.2f}" for value in seconds.min(axis=0))
        print(f"  {name:<9} x {numbers}: {shown} s; exponent {power:.2f} +- {error:.2f}; peak memory {peaks} MB", flush=True)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:4]))
