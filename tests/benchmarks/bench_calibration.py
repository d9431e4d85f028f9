"""One-pass moments against numpy.fromfile of the same bytes and plain NumPy; whole calibrations against the package emva1288.

emva1288 needs NumPy 1.26 and so an environment of its own: SIGMARAW_EMVA1288_PYTHON names its Python, else that part is left out.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import tifffile

import sigmaraw as sr
from sigmaraw.camera.measuring import kernels
from sigmaraw.camera.measuring.level import LevelMeter
from sigmaraw.camera.measuring.onepass import CHUNK_PIXELS
from sigmaraw.camera.measuring.workers import read_ahead, workers
from sigmaraw.frames import Level
from sigmaraw.frames.streaming import FrameBuffer
from tests.benchmarks.timing import both_clocks

SIDE, COUNT = 2048, 16
OTHER = "SIGMARAW_EMVA1288_PYTHON"
# What its own command line does before it draws.
_PROCESS = """
import sys, time
from emva1288.process.data import Data1288
from emva1288.process.loader import LoadImageData
from emva1288.process.parser import ParseEmvaDescriptorFile
from emva1288.process.results import Results1288
begin = time.perf_counter()
images = ParseEmvaDescriptorFile(sys.argv[1], loglevel=50).images
results = Results1288(Data1288(LoadImageData(images, loglevel=50).data, loglevel=50).data, loglevel=50)
values = [results.K, results.sigma_d, results.SNR_max, results.LE_max, results.DSNU1288, results.PRNU1288]
print(time.perf_counter() - begin)
"""


def main() -> None:
    """Print both parts."""
    with tempfile.TemporaryDirectory() as folder:
        _moments(Path(folder))
        _whole(Path(folder))


def _frames(random: np.random.Generator, mean: float, count: int, side: int) -> np.ndarray:
    noise = random.standard_normal((count, side, side), dtype=np.float32)
    return np.rint(100 + mean + np.sqrt(0.5 * mean + 4) * noise).astype(np.uint16)


def _moments(folder: Path) -> None:
    path = folder / "level.tif"
    tifffile.imwrite(path, _frames(np.random.default_rng(1), 800, COUNT, SIDE), photometric="minisblack")
    level = Level("flat", "level", paths=(path,))

    def plain() -> None:
        total, squares = np.zeros((SIDE, SIDE)), np.zeros((SIDE, SIDE))
        for frame in tifffile.imread(path):
            value = frame.astype(np.float64)
            total += value
            squares += value * value

    # As in a calibration: one level after the other is read into the same memory, a thread reading ahead, and summed in the same memory.
    buffers = (FrameBuffer(), FrameBuffer())

    def moments(**options: bool) -> None:
        meter = LevelMeter("level", **options)
        for frames in read_ahead(level.stream().chunks(CHUNK_PIXELS, *buffers)):
            meter.add(frames, crew)
        meter.result(crew).pixels.give_back(crew)

    def without_kernel() -> None:
        kernel, kernels.compiled = kernels.compiled, None
        try:
            moments()
        finally:
            kernels.compiled = kernel

    if kernels.compiled is None:
        print(" the compiled kernel was not built: NumPy does its work")
    threads = min(os.cpu_count() or 1, 8)
    print(f" {COUNT} frames of {SIDE} x {SIDE} px in one TIFF; reading and plain NumPy on one thread, the others on {threads}")
    with workers() as crew:
        taken = both_clocks(
            {
                "numpy.fromfile reads": lambda: np.fromfile(path, np.uint16),
                "tifffile reads": lambda: tifffile.imread(path),
                "plain NumPy moments": plain,
                "moments of pixels and pairs": moments,
                "the same without the kernel": without_kernel,
                "the same with sums for classes": lambda: moments(shape_sums=True),
            }
        )
    read, plainly, pixels = taken["numpy.fromfile reads"], taken["plain NumPy moments"], COUNT * SIDE * SIDE
    for name, (elapsed, processor) in taken.items():
        print(
            f"  {name:<36} {pixels / elapsed / 1e6:5.0f} Mpixel/s {elapsed / read[0]:5.2f} x fromfile, {elapsed / plainly[0]:5.2f} x plain;"
            f" {1e9 * processor / pixels:5.2f} ns of processor a pixel, {processor / read[1]:5.2f} x, {processor / plainly[1]:5.2f} x"
        )
    path.unlink()


def _whole(folder: Path) -> None:
    """A descriptor series of pairs: what `calibrate` takes of it and what emva1288 does."""
    random, side = np.random.default_rng(2), 1024
    lines = ["v 1", f"n 12 {side} {side}"]
    for kind, means in (("d", [0.0] * 20), ("b", list(np.linspace(150, 3900, 20)))):
        for index, mean in enumerate(means):
            lines.append(f"{kind} {1e6 * (index + 1)}" + (f" {2 * mean}" if kind == "b" else ""))
            for number, frame in enumerate(_frames(random, mean, 16 if index == 10 else 2, side).clip(0, 4095)):
                name = f"{kind}{index}_{number}.tif"
                tifffile.imwrite(folder / name, frame)
                lines.append(f"i {name}")
    table = folder / "EMVA1288_Data.txt"
    table.write_text("\n".join(lines))
    print(f" 20 levels and 20 darks, one of each of 16 frames, the others of 2, {side} x {side} px, single files")
    sr.calibrate(table)
    begin = time.perf_counter()
    sr.calibrate(table)
    ours = time.perf_counter() - begin
    print(f"  sigmaraw calibrate, all cores {ours:18.2f} s")
    if OTHER not in os.environ:
        print(f"  emva1288: left out, {OTHER} does not name the Python of its environment")
        return
    done = subprocess.run([os.environ[OTHER], "-c", _PROCESS, str(table)], capture_output=True, text=True, check=True)
    theirs = float(done.stdout)
    print(f"  emva1288, one thread, without figures {theirs:10.2f} s   {theirs / ours:6.2f} x as long")


if __name__ == "__main__":
    main()
