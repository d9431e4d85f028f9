"""A study with its network on a GPU beside the parts that it cannot do without, and where its time goes; for `bench_gpu`."""

from __future__ import annotations

import collections
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sigmaraw as sr  # before JAX: it keeps JAX from taking the whole device

import jax  # isort: skip
import numpy as np

from sigmaraw.codecs import centred, learning
from sigmaraw.noise import NoiseModel, iter_replicas, replica_mode
from sigmaraw.pipelines.batching import SIZES
from sigmaraw.pipelines.threads import available_cores, submit
from sigmaraw.study.plan import BLOCK, WorkItem
from sigmaraw.study.study_image import StudyImage
from sigmaraw.study.trips import CODED_SHARE, distort, drawn_for_coding, trip
from sigmaraw.study.work import Job
from tests.benchmarks.bench_codecs import frame_of_cells

CODECS = ("noiseaware:q=1", "jpeg2000:ratio=10", "lossless:jpegxl")
CAMERA = sr.CameraProfile.from_values(gain=0.46, offset=100, read_noise=1.6, bits=12)
MODEL = NoiseModel(0.46, 100.0, 1.6, 12)
MOST_OF_PARTS, LEAST_OF_NETWORK, LEAST_GPIXEL = 1.5, 0.5, 5.0  # what is aimed at
_PERIOD_S = 0.003


@dataclass(frozen=True)
class Bare:
    """Seconds of an image through the network alone at its best batch, and of a study's round trips on all cores."""

    image_s: float
    codecs_s: float


def clocked(run: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds of a call, and what it returns."""
    begin = time.perf_counter()
    result = run()
    return time.perf_counter() - begin, result


def aim(what: str, value: float, limit: float, met: bool, unit: str = "") -> None:
    """Print a figure beside what is aimed at."""
    sign = "<=" if (value <= limit) == met else ">="
    print(f"  {what:<66}{value:9.3f}{unit} (aim {sign} {limit:g}): {'met' if met else 'NOT MET'}", flush=True)


# --- the parts --------------------------------------------------------------------------------------------------------
def network_alone(pipeline: Any, side: int, rounds: int) -> float:
    """Return the seconds of an image by the network alone at the best of the batches whose answers have the bits of single images."""

    def measured() -> dict[int, float]:
        found = {}
        for size in (1, *reversed(SIZES)):
            tiles = pipeline._probe_tiles((1, side, side), size)
            pipeline._call_probe(tiles)
            taken, _ = clocked(lambda tiles=tiles: [pipeline._call_probe(tiles) for _ in range(rounds)])
            found[size] = taken / rounds / size
        return found

    by_size = submit("device", measured, threads=1).result()
    chosen = submit("device", pipeline._size, (1, side, side), BLOCK, threads=1).result()
    print(
        f"  {pipeline.spec}, network alone, ms an image: "
        + ", ".join(f"{1e3 * each:.3f} in batches of {size}" for size, each in by_size.items())
    )
    print(f"  {pipeline.spec}, chosen by a study: {chosen}")
    return min(by_size.values())


def codecs_alone(frame: np.ndarray, n: int) -> float:
    """Return the seconds of the round trips that a study of n replicas cannot spare, on all cores."""
    replicas = np.concatenate([np.asarray(block) for block in iter_replicas(frame, CAMERA, n, "around-raw")])
    calls: list[Callable[[], Any]] = []
    for group, spec in enumerate(CODECS, 1):
        codec = sr.codec(spec, CAMERA).freeze(frame)
        made = codec.apply(frame)
        shorter = distort(codec, frame) is not None
        hint = centred(codec.apply(replicas[0], learning(made.hint)).hint)
        for number, replica in enumerate(replicas):
            full = not shorter or number % BLOCK == 0 or drawn_for_coding(CODED_SHARE, 0, 0, group, number)
            calls.append(lambda c=codec, h=hint, r=replica, f=full, s=shorter, w=spec: trip(c, h, r, full=f, shorter=s, where=w))
    return clocked(lambda: [future.result() for future in [submit("codec", call) for call in calls]])[0]


# --- the whole --------------------------------------------------------------------------------------------------------
class Samples:
    """Where threads are, asked every few milliseconds: a profile of all of them together."""

    def __init__(self) -> None:
        self.seen: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Samples:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(_PERIOD_S):
            names = {thread.ident: thread.name for thread in threading.enumerate()}
            for ident, frame in sys._current_frames().items():
                name = names.get(ident, "?").rpartition("_")[0] or names.get(ident, "?")
                if ident != self._thread.ident:
                    self.seen[name][_place(frame)] += 1

    def show(self, most: int = 7) -> None:
        """Print where each kind of thread was most, waiting for work left out."""
        for name, places in sorted(self.seen.items()):
            busy = {place: count for place, count in places.items() if "thread.py:_worker" not in place}
            total = sum(busy.values())
            if total * _PERIOD_S < 0.05:
                continue
            print(f"   {name}: {total * _PERIOD_S:.2f} s busy or waiting inside")
            for place, count in collections.Counter(busy).most_common(most):
                print(f"    {count * _PERIOD_S:7.2f} s  {place}")


def _place(frame: Any) -> str:
    """Return the innermost function, and the innermost ones of this package above it."""
    innermost, ours = frame, []
    while frame is not None and len(ours) < 3:
        if "sigmaraw" in frame.f_code.co_filename and "benchmarks" not in frame.f_code.co_filename:
            ours.append(f"{Path(frame.f_code.co_filename).name}:{frame.f_code.co_name}:{frame.f_lineno}")
        frame = frame.f_back
    return " < ".join([f"{Path(innermost.f_code.co_filename).name}:{innermost.f_code.co_name}", *ours])


class Stages:
    """A study's progress, as marks in time: when its replicas began, and when they were done."""

    def __init__(self) -> None:
        self.begin, self.first, self.last = time.perf_counter(), 0.0, 0.0

    def __call__(self, done: int, total: int, what: str) -> None:
        if what == "replicas":
            self.first = self.first or time.perf_counter()
            self.last = time.perf_counter()

    def show(self) -> None:
        """Print what was spent before the replicas, on them and after them."""
        end = time.perf_counter()
        before, replicas, after = self.first - self.begin, self.last - self.first, end - self.last
        print(f"   before the replicas {before:.2f} s, replicas {replicas:.2f} s, after them {after:.2f} s")


def whole_study(spec: str, side: int, n: int, bare: Bare, mode: str = "around-raw", profile: bool = True) -> None:
    """Print the time of a real study, warm, beside the larger of its parts."""
    frame, passes = frame_of_cells(side), n * (2 * len(CODECS) + 1)

    def study() -> tuple[Any, Stages]:
        stages = Stages()
        return sr.validate(frame, CAMERA, codecs=CODECS, pipeline=spec, n=n, mode=mode, seed=1, progress=stages), stages

    first, (before, stages) = clocked(study)
    print(f"  validate, {side} x {side} px, {spec}, {mode}, {len(CODECS)} codecs, n {n} ({passes} passes): first time {first:.2f} s")
    stages.show()
    taken, (record, stages) = clocked(study)
    stages.show()
    larger = max(bare.image_s * passes, bare.codecs_s)
    print(f"   parts: network alone {bare.image_s * passes:.2f} s, codecs on {available_cores()} cores {bare.codecs_s:.2f} s")
    aim(f"warm {taken:.2f} s, over the larger part", taken / larger, MOST_OF_PARTS, taken <= MOST_OF_PARTS * larger)
    same = record.document["digest"] == before.document["digest"]
    verdicts = collections.Counter(f"{row['codec']} {row['verdict']}" for row in record.document["results"])
    print(
        f"   digest {record.document['digest'][:16]}, {'the same both times' if same else 'ANOTHER ONE THE FIRST TIME'}; {dict(verdicts)}"
    )
    if profile:
        with Samples() as samples:
            study()
        samples.show()


def frames_per_second(pipeline: Any, side: int, frames: int, image_s: float) -> None:
    """Print how many replicas a second go through the network, drawn, masked and measured, beside the network alone."""
    frame = frame_of_cells(side)
    job = Job((StudyImage(frame, frame, MODEL),), pipeline, replica_mode("around-raw"), 3)
    items = [WorkItem(0, 0, first, BLOCK) for first in range(0, frames, BLOCK)]
    list(job.stream(items[:4]))
    taken, _ = clocked(lambda: list(job.stream(items)))
    share = image_s * frames / taken
    aim(
        f"{frames / taken:.0f} frames/s through {pipeline.spec}, share of the network alone",
        share,
        LEAST_OF_NETWORK,
        share >= LEAST_OF_NETWORK,
    )
    with Samples() as samples:
        list(job.stream(items))
    samples.show(4)
    host = np.concatenate([np.asarray(block) for block in iter_replicas(frame, MODEL, min(frames, 100), "around-raw")])
    taken, _ = clocked(lambda: pipeline.batch(host))
    share = image_s * len(host) / taken
    print(f"   pipeline.batch of {len(host)} frames from the host: {len(host) / taken:.0f} frames/s, {share:.2f} of the network alone")


def bootstrap_speed(side: int, numbers: tuple[int, ...]) -> None:
    """Print pixels per second of mode bootstrap, its estimate and scene made once and kept on the device."""
    frame, mode = frame_of_cells(side), replica_mode("bootstrap")

    def call(n: int) -> None:
        for block in iter_replicas(frame, MODEL, n, mode, device=True):
            block.block_until_ready()

    taken, _ = clocked(lambda: call(10))
    print(f"  bootstrap, {side} x {side} px: the first ten replicas, with the denoised estimate and the scene, {taken:.2f} s")
    for n in numbers:
        call(n)
        taken = float(np.median([clocked(lambda n=n: call(n))[0] for _ in range(5)]))
        rate = n * side * side / taken / 1e9
        aim(f"bootstrap, {n} replicas of {side} x {side} px", rate, LEAST_GPIXEL, rate >= LEAST_GPIXEL, " Gpixel/s")


def precisions(spec: str, names: tuple[str, ...], side: int, n: int, rounds: int) -> None:
    """Print what lower precisions save, and how they change answers on n replicas."""
    images = np.concatenate([np.asarray(block) for block in iter_replicas(frame_of_cells(side), MODEL, n, "around-raw")])
    exact = sr.pipeline(spec).batch(images)
    for name in names:
        pipeline = sr.pipeline(f"{spec}{',' if ':' in spec else ':'}precision={name}")
        found = pipeline.batch(images)
        change = {key: float(np.nanmax(np.abs(found[key] - values) / np.maximum(np.abs(values), 1))) for key, values in exact.items()}
        other = int(np.count_nonzero(found["area"] != exact["area"]))
        network_alone(pipeline, side, rounds)
        print(
            f"   precision={name}: area differs on {other} of {len(images)}; largest relative change "
            + str({k: f"{v:.1e}" for k, v in change.items()})
        )


def main(spec: str, side: int, n: int, frames: int, numbers: tuple[int, ...], lower: tuple[str, ...], rounds: int = 10) -> None:
    """Print all of it; the network alone is timed over `rounds` calls."""
    begin = time.perf_counter()

    def section(title: str) -> None:
        print(
            f" {title} ({time.perf_counter() - begin:.0f} s so far, JAX on {jax.default_backend()}, {available_cores()} cores)", flush=True
        )

    section("the parts")
    pipeline: Any = sr.pipeline(spec)
    image_s = network_alone(pipeline, side, rounds)
    codecs_alone(frame_of_cells(64), BLOCK)  # self-tests, and what is compiled
    bare = Bare(image_s, codecs_alone(frame_of_cells(side), n))
    section("a whole study")
    whole_study(spec, side, n, bare)
    section("frames through the network")
    frames_per_second(pipeline, side, frames, image_s)
    section("bootstrap")
    bootstrap_speed(side, numbers)
    whole_study(spec, side, n, bare, "bootstrap", profile=False)
    section("precision")
    precisions(spec, lower, side, min(100, frames), rounds)
    section("end")
