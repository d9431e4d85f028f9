"""What comes after the last replica of a large study: statistics and the record, its folder and its report, and how large the page is.

    python -m tests.benchmarks.bench_after [IMAGES] [N]

20 images, 8 codecs and 6 measurements are 960 rows. Aimed at: at most 10 s for statistics and report, and at most 3 MB of HTML.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import sigmaraw as sr
from tests.benchmarks.bench_codecs import frame_of_cells

SIDE = 64
CODECS = ("lossless", "jpegls:near=1", "jpegls:near=2", "jpegls:near=3", "noiseaware:q=1", "noiseaware:q=2", "to8bit:minmax", "sqrt")


def six(image: np.ndarray) -> dict[str, float]:
    """Return what a short script of a user's measures."""
    bright = image > image.mean() + image.std()
    values = image[bright]
    return {
        "mean": float(image.mean()),
        "sd": float(image.std()),
        "bright area": float(bright.sum()),
        "bright mean": float(values.mean()),
        "bright sum": float(values.sum()),
        "gradient": float(np.abs(np.diff(image.astype(float), axis=0)).mean()),
    }


def main(images: int = 20, n: int = 50) -> None:
    """Print times by the clock and of the processor, and sizes."""
    frame = frame_of_cells(SIDE)
    stack = np.stack([np.roll(frame, 7 * image, axis=1) for image in range(images)])
    camera = sr.CameraProfile.from_values(gain=0.46, offset=100, read_noise=1.6, bits=12)
    clocks = {"start": _now()}

    def report(done: int, total: int, what: str) -> None:
        clocks["replicas"] = _now()

    record = sr.validate(stack, camera, codecs=CODECS, pipeline=six, n=n, mode="around-raw", progress=report)
    clocks["statistics and record"] = _now()
    with tempfile.TemporaryDirectory() as folder:
        record.write(Path(folder) / "study")
        clocks["folder and report"] = _now()
        sizes = {path.name: path.stat().st_size / 1e6 for path in sorted((Path(folder) / "study").iterdir()) if path.is_file()}
    print(f" {len(record.content.results)} rows, n {n}, {SIDE} x {SIDE} px")
    before = clocks.pop("start")
    for name, now in clocks.items():
        print(f"  {name:<24} {now[0] - before[0]:6.1f} s by the clock, {now[1] - before[1]:6.1f} s of the processor")
        before = now
    print("  " + ", ".join(f"{name} {size:.2f} MB" for name, size in sizes.items()))


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:3]))
