"""A whole study against the bare parts that it cannot do without, and against a plain script of forty lines; ratios in one run.

    python -m tests.benchmarks.bench_study [SIDE] [N] [PIPELINE]

PIPELINE is a specification, or demo-onnx, demo-torchscript, demo-exported or unet-2m (`tests.benchmarks.networks`).
The plain script draws with NumPy, codes with imagecodecs at the study's own settings, and predicts one image at a time. Bare parts are
the draws, the model's passes in blocks of ten, and what codecs cannot be spared: `distort`, or the true round trips where a study makes
them. Times are of the processor, all threads together, and by the clock; on a machine that is shared the first alone can be compared.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs as bare
import numpy as np

import sigmaraw as sr
from sigmaraw.codecs import centred, learning
from sigmaraw.noise import iter_replicas
from sigmaraw.study.trips import drawn_for_coding
from tests.benchmarks.bench_codecs import frame_of_cells
from tests.benchmarks.networks import spec_of

CODECS = ("lossless", "noiseaware:q=1", "jpegls:near=3", "jpeg2000:ratio=10")
FASTER = ("lossless", "noiseaware:q=1,backend=jpegls", "jpegls:near=3", "htj2k:ratio=10,bits=12")  # in their place, for speed
GAIN, OFFSET, READ = 0.46, 100.0, 1.6


def timed(run: Callable[[], Any]) -> tuple[float, float]:
    """Return the seconds of one call by the clock, and of the processor."""
    clock, processor = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - clock, time.process_time() - processor


def camera() -> sr.CameraProfile:
    """Return the stated camera."""
    return sr.CameraProfile.from_values(gain=GAIN, offset=OFFSET, read_noise=READ, bits=12)


def study(frame: np.ndarray, pipeline: str, n: int, codecs: tuple[str, ...] = CODECS) -> None:
    """Run the whole study."""
    sr.validate(frame, camera(), codecs=codecs, pipeline=pipeline, n=n, mode="around-raw")


def passes(frame: np.ndarray, pipeline: str, n: int) -> None:
    """The model's passes: raw replicas of each group, and decoded ones of each codec."""
    model, block = sr.pipeline(pipeline), np.repeat(frame[None], 10, axis=0)
    for _ in range(-(-n // 10) * (2 * len(CODECS) + 1)):
        model.batch(block)


def draws(frame: np.ndarray, n: int) -> None:
    """The replicas of each group."""
    for group in range(len(CODECS) + 1):
        for _ in iter_replicas(frame, camera(), n, "around-raw", group=group, batch=10):
            pass


def codecs(replicas: np.ndarray, frame: np.ndarray, n: int) -> None:
    """What a study asks of its codecs: `distort` where they have it, true round trips for the rest and for the share that is checked.

    replicas : of the frame, (replica, y, x), in turn: a target is sought on each of them, as a study must.
    """
    for group, spec in enumerate(CODECS, 1):
        codec = sr.codec(spec, camera())
        hint = codec.apply(frame).hint
        for number in range(n):
            replica = replicas[number % len(replicas)]
            if number == 0:
                hint = centred(codec.apply(replica, learning(hint)).hint)
                continue
            whole = number % 10 == 0 or drawn_for_coding(0.05, 0, 0, group, number)
            distorted = None if whole else codec.distort(replica)
            if distorted is None:
                codec.apply(replica, hint)


def plain_script(frame: np.ndarray, pipeline: str, n: int) -> None:
    """Forty lines that somebody would write: the same number of replicas, code streams and predictions, one image at a time."""
    random, model = np.random.default_rng(0), sr.pipeline(pipeline)
    electrons = np.maximum((frame - OFFSET) / GAIN, 0)
    level = sr.codec(CODECS[3]).apply(frame).achieved["level"]  # found once, which the study does for every replica

    def replica() -> np.ndarray:
        light = random.poisson(electrons) + random.normal(0, READ, frame.shape)
        return np.clip(np.rint(OFFSET + GAIN * light), 0, 4095).astype(np.uint16)

    def quantised(raw: np.ndarray) -> np.ndarray:
        root = 2 * np.sqrt(np.maximum((raw - OFFSET) / GAIN + 0.375 + READ**2, 0))
        codes = np.rint(root).astype(np.uint16)
        back = bare.jpegxl_decode(bare.jpegxl_encode(codes, lossless=True, effort=9, numthreads=1), numthreads=1).astype(float)
        return np.clip(np.rint(OFFSET + GAIN * (back**2 / 4 - 0.375 - READ**2)), 0, 4095).astype(np.uint16)

    trips: list[Callable[[np.ndarray], np.ndarray]] = [
        lambda raw: np.frombuffer(bare.zstd_decode(bare.zstd_encode(raw.tobytes(), level=9)), np.uint16).reshape(raw.shape),
        quantised,
        lambda raw: bare.jpegls_decode(bare.jpegls_encode(raw, level=3)),
        lambda raw: bare.jpeg2k_decode(bare.jpeg2k_encode(raw, level=level, numthreads=1), numthreads=1),
    ]
    for _ in range(n):
        model(replica())
    for trip in trips:
        for _ in range(n):
            raw = replica()
            model(raw)
            model(np.ascontiguousarray(trip(raw)))


def main(side: int = 256, n: int = 20, word: str = "otsu") -> None:
    """Print the study's time over that of its bare parts, and of the plain script over the study's."""
    with tempfile.TemporaryDirectory() as folder:
        compare(side, n, spec_of(word, Path(folder)))


def compare(side: int, n: int, pipeline: str) -> None:
    """Time a study, its parts and the plain script with a pipeline."""
    frame = frame_of_cells(side)
    for chosen in (CODECS, FASTER):
        study(frame[:64, :64], pipeline, 10, chosen)  # compiled, loaded, tested
    replicas = np.concatenate(list(iter_replicas(frame, camera(), 20, "around-raw")))
    parts = {
        "draws": timed(lambda: draws(frame, n)),
        "passes": timed(lambda: passes(frame, pipeline, n)),
        "codecs": timed(lambda: codecs(replicas, frame, n)),
    }
    whole, script = timed(lambda: study(frame, pipeline, n)), timed(lambda: plain_script(frame, pipeline, n))
    faster = timed(lambda: study(frame, pipeline, n, FASTER))
    print(f" {side} x {side} px, n {n}, {len(CODECS)} codecs, {pipeline}; seconds of the processor (by the clock)")
    for name, (clock, processor) in {**parts, "validate": whole, "plain script": script, "faster codecs": faster}.items():
        print(f"  {name:<14}{processor:8.2f} ({clock:.2f})")
    total = [sum(part[index] for part in parts.values()) for index in (1, 0)]
    print(f"  validate / parts {whole[1] / total[0]:.2f} ({whole[0] / total[1]:.2f}); plain script / validate {script[1] / whole[1]:.2f}")


if __name__ == "__main__":
    words = sys.argv[1:]
    main(*(int(word) for word in words[:2]), *words[2:3])
