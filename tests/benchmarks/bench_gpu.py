"""Studies and replicas on a GPU: each figure beside what is aimed at, pixels per second, the way to the model, what differs from the CPU.

Needs the installed package, JAX for CUDA (`pip install 'jax[cuda12]'`) and, for the part with the model, a torch for CUDA; nothing else:
    python -m tests.benchmarks.bench_gpu
With `--cpu` the same lines run on the CPU, on small frames: the figures then say only that the script works.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sigmaraw as sr  # before JAX: it keeps JAX from taking the whole device

import jax  # isort: skip
import jax.numpy as jnp
import numpy as np
import torch

from sigmaraw.noise import NoiseModel, blocks, iter_replicas, replica_mode
from sigmaraw.noise.keys import counter_words, key_words
from sigmaraw.noise.rate_image import make_rate_image
from sigmaraw.noise.sampler import Sampler
from sigmaraw.study.plan import WorkItem
from sigmaraw.study.study_image import StudyImage
from sigmaraw.study.work import Job
from sigmaraw.virtual import VirtualCamera, nuclei_scene
from tests.benchmarks import gpu_study

GAIN, OFFSET, READ = 0.46, 100.0, 1.6
MODEL = NoiseModel(GAIN, OFFSET, READ, 16)
TARGET = 0.25  # of the pixels that a copy writes per second
RATES = ((0.0, 10.0), (10.0, 1000.0))  # e⁻; the first takes the exact kernel for some pixels, the second the fast one for all


@dataclass(frozen=True)
class Sizes:
    """How much is drawn: sides of frames, px; frames of one call of the kernel; replicas of a whole mode; the copy's pixels."""

    sides: tuple[int, ...]
    frames: int
    replicas: int
    copied: int
    rounds: int


FULL, SMALL = Sizes((512, 2048), 64, 640, 1 << 28, 20), Sizes((64,), 4, 20, 1 << 20, 2)


def seconds(run: Callable[[], object], rounds: int) -> float:
    """Return the median time of one call, finished on the device, after one that is not counted."""
    jax.block_until_ready(run())
    taken = []
    for _ in range(rounds):
        begin = time.perf_counter()
        jax.block_until_ready(run())
        taken.append(time.perf_counter() - begin)
    return float(np.median(taken))


def copied_pixels(sizes: Sizes) -> float:
    """Return how many uint16 pixels per second a copy on the device writes: the ceiling of whatever writes them."""
    source = jnp.zeros((sizes.copied,), jnp.uint16)
    copy = jax.jit(lambda x: x ^ jnp.uint16(1))  # XLA would leave out a copy that changes nothing
    return sizes.copied / seconds(lambda: copy(source), sizes.rounds)


def sampler_of(rates: np.ndarray) -> Sampler:
    scene = make_rate_image(MODEL.to_dn(rates), rates, GAIN, READ)
    return Sampler(scene, key_words(1, "gpu", rates), lo=0, hi=65535, dtype=np.dtype(np.uint16))


def line(what: str, pixels: float, ceiling: float) -> None:
    print(f"  {what:<62}{pixels / 1e9:9.3f} Gpixel/s {pixels / ceiling:8.1%} of the copy", flush=True)


def drawing(sizes: Sizes, ceiling: float) -> None:
    """The kernel alone, then whole calls with key, scene and blocks of several sizes."""
    for side in sizes.sides:
        for low, high in RATES:
            rates = np.random.default_rng(1).uniform(low, high, (side, side))
            made, counters = sampler_of(rates), jnp.asarray(counter_words(0, 0, sizes.frames))
            taken = seconds(lambda made=made, counters=counters: made.device_block(counters), sizes.rounds)
            line(f"kernel, {side} x {side} px, {low:g} to {high:g} e-", sizes.frames * side * side / taken, ceiling)
        for room in (16 << 20, 128 << 20, 512 << 20):
            batch = min(sizes.replicas, max(1, room // (4 * side * side)))
            mean = MODEL.to_dn(rates)

            def call(mean: np.ndarray = mean, batch: int = batch) -> None:
                for block in MODEL.sample_blocks(mean, sizes.replicas, batch=batch, device=True):
                    block.block_until_ready()

            taken = seconds(call, 3)
            line(f"sample_blocks, {sizes.replicas} frames, {batch} at a time", sizes.replicas * side * side / taken, ceiling)


def frame_of(side: int) -> np.ndarray:
    """Return a noisy frame of nuclei."""
    camera = VirtualCamera(shape=(side, side))
    return camera.acquire(nuclei_scene(camera.shape, max(3, side * side // 8000), seed=3).mean_e, 1, 5)[0]


def modes(sizes: Sizes, ceiling: float) -> None:
    """Whole single-frame modes, what the host does before the first replica included."""
    for side in sizes.sides[:1]:
        frame = frame_of(side)
        for mode in ("around-raw", "bootstrap", "simex"):

            def call(frame: np.ndarray = frame, mode: str = mode) -> None:
                for block in iter_replicas(frame, MODEL, sizes.replicas, mode, device=True):
                    jax.block_until_ready(block)

            taken = seconds(call, 1)
            line(f"mode {mode}, {side} x {side} px, {sizes.replicas} replicas", sizes.replicas * side * side / taken, ceiling)


def with_model(sizes: Sizes, ceiling: float, spec: str) -> None:
    """A study's work items of group 0: replicas to the U-Net's numbers, left on the device and by way of the host."""
    pipeline = sr.pipeline(spec)
    shared = blocks.drawing_device() == pipeline.dlpack_device  # type: ignore[attr-defined]  # a torch pipeline's
    print(f"  around-raw + {spec} at {pipeline.dlpack_device}, JAX at {blocks.drawing_device()}")  # type: ignore[attr-defined]
    for side in sizes.sides:
        frame = frame_of(side)
        results = {}
        for route, device in (("left on the device", True), ("by way of the host", False)):
            if device and not shared:
                continue
            job = Job((StudyImage(frame, frame, MODEL),), pipeline, replica_mode("around-raw"), 3, device=device)
            items = [WorkItem(0, 0, first, 10) for first in range(0, max(10, sizes.replicas // 10), 10)]

            def call(job: Job = job, items: list[WorkItem] = items) -> list[Any]:
                return [job(item) for item in items]

            results[route] = np.concatenate([result.raw for result in call()], axis=1)
            count = 10 * len(items)
            rate = count / seconds(call, 1)
            line(f"{side} x {side} px, {route}, {rate:.0f} frames/s", rate * side * side, ceiling)
        if len(results) == 2:
            first, second = results.values()
            print(f"   both routes give {'the same bits' if first.tobytes() == second.tobytes() else 'OTHER NUMBERS'}")
    drawn = next(iter(iter_replicas(frame, MODEL, 2, "around-raw", device=True)))
    if shared:
        same = torch.from_dlpack(drawn).data_ptr() == drawn.unsafe_buffer_pointer()
        print(f"   torch sees a block in {'the same memory' if same else 'A COPY'}")
    host, there = sr.pipeline("unet-demo").batch(np.asarray(drawn)), pipeline.batch(np.asarray(drawn))
    for name, values in host.items():
        print(f"   {name}: {values.tolist()} on the CPU, {there[name].tolist()} here")


def differences(sizes: Sizes, device: jax.Device) -> None:
    """Print in how many pixels CPU and `device` differ, and by how much at most."""
    side = sizes.sides[0]
    for low, high in ((0.0, 4.0), (4.0, 30.0), (30.0, 3000.0), (1e4, 1e5)):
        rates = np.random.default_rng(2).uniform(low, high, (side, side))
        frames = []
        for place in (jax.devices("cpu")[0], device):
            with jax.default_device(place):
                frames.append(sampler_of(rates).block(counter_words(0, 0, sizes.frames)).astype(int))
        difference = np.abs(frames[0] - frames[1])
        share, largest = float(np.mean(difference != 0)), int(difference.max())
        print(f"  rates {low:g} to {high:g} e-: {share:.1e} of {difference.size:.1e} pixels differ, by {largest} DN at most", flush=True)


def memory(sizes: Sizes, device: jax.Device) -> None:
    """Print the device's peak for few replicas and for many: it must not grow."""
    side = sizes.sides[-1]
    mean, batch = np.full((side, side), 300.0), 4
    for n in (batch, 10 * batch, 50 * batch):
        for block in MODEL.sample_blocks(mean, n, batch=batch, device=True):
            block.block_until_ready()
        peak = (device.memory_stats() or {}).get("peak_bytes_in_use")
        peak_mib = "not told by this device" if peak is None else f"{peak / 2**20:.0f} MiB"
        print(f"  {n} frames of {side} x {side} px, {batch} at a time: peak so far {peak_mib}")


def main(cpu: bool = False) -> None:
    """Print the figures; without a GPU, why there are none."""
    try:
        device = jax.devices("cpu" if cpu else "gpu")[0]
    except RuntimeError as error:
        print(f" skipped: JAX sees no GPU ({str(error).splitlines()[0]}); --cpu runs the same on the CPU, small")
        return
    sizes = SMALL if cpu else FULL
    with jax.default_device(device):
        if cpu:
            gpu_study.main("unet-demo", 64, 5, 20, (20,), ("bf16",), rounds=1)
        elif torch.cuda.is_available():
            gpu_study.main("unet-demo:device=cuda", 512, 100, 500, (256, 1024), ("tf32", "bf16"))
        ceiling = copied_pixels(sizes)
        print(f" {device.device_kind}, JAX {jax.__version__}, torch {torch.__version__}: a copy writes {ceiling / 1e9:.3f} Gpixel/s")
        print(f" drawing (target {TARGET:.0%} of the copy)")
        drawing(sizes, ceiling)
        modes(sizes, ceiling)
        print(" to the model")
        if cpu or torch.cuda.is_available():
            with_model(sizes, ceiling, "unet-demo" if cpu else "unet-demo:device=cuda")
        else:
            print(f"  left out: torch {torch.__version__} sees no GPU")
        print(" against the CPU")
        differences(sizes, device)
        print(" memory")
        memory(sizes, device)


if __name__ == "__main__":
    main("--cpu" in sys.argv[1:])
