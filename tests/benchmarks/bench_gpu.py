"""Replicas on a GPU: pixels per second, the share of a plain device copy, and how many pixels differ from the CPU's."""

from __future__ import annotations

import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from sigmaraw.noise.device import torch_blocks

from sigmaraw.noise import NoiseModel
from sigmaraw.noise.keys import counter_words, key_words
from sigmaraw.noise.sampler import Sampler
from sigmaraw.noise.scene import make_scene

GAIN, OFFSET, READ = 0.46, 100.0, 1.6
TARGET = 0.25  # of the copy's bytes per second


def seconds(run: Callable[[], jax.Array], rounds: int = 20) -> float:
    """Return the median time of one call, finished on the device."""
    run().block_until_ready()
    taken = []
    for _ in range(rounds):
        begin = time.perf_counter()
        run().block_until_ready()
        taken.append(time.perf_counter() - begin)
    return float(np.median(taken))


def compare(rates: np.ndarray, device: jax.Device) -> tuple[float, int]:
    """Return the share of pixels in which CPU and `device` differ, and the largest difference, DN."""
    frames = []
    for place in (jax.devices("cpu")[0], device):
        with jax.default_device(place):
            scene = make_scene(OFFSET + GAIN * rates, rates, GAIN, READ)
            made = Sampler(scene, key_words(1, "gpu", rates), lo=0, hi=65535, dtype=np.dtype(np.uint16))
            frames.append(made.block(counter_words(0, 0, 8)).astype(int))
    difference = frames[0] - frames[1]
    return float(np.mean(difference != 0)), int(np.abs(difference).max())


def main() -> None:
    """Print the figures; without a GPU, why there are none."""
    try:
        device = jax.devices("gpu")[0]
    except RuntimeError as error:
        print(f" skipped: JAX sees no GPU ({str(error).splitlines()[0]})")
        return
    with jax.default_device(device):
        block = jnp.zeros((1 << 28,), jnp.uint16)
        copy = jax.jit(lambda x: x ^ jnp.uint16(1))
        ceiling = block.nbytes / seconds(lambda: copy(block))
        print(f" {device.device_kind}: copy writes {ceiling / 1e9:.0f} GB/s")
        model = NoiseModel(GAIN, OFFSET, READ, 16)
        for low, high in ((0.0, 10.0), (10.0, 1000.0)):
            rates = np.random.default_rng(1).uniform(low, high, (2048, 2048))
            scene = make_scene(model.to_dn(rates), rates, GAIN, READ)
            made = Sampler(scene, key_words(1, "gpu", rates), lo=0, hi=65535, dtype=np.dtype(np.uint16))
            counters = jnp.asarray(counter_words(0, 0, 64))
            taken = seconds(lambda made=made, counters=counters: made.device_block(counters))
            pixels = 64 * rates.size / taken
            share = 2 * pixels / ceiling
            print(f"  rates {low:g} to {high:g} e-: {pixels / 1e9:.1f} Gpixel/s, {share:.0%} of the copy (target {TARGET:.0%})")
            first = made.device_block(counters[:2])
            (tensor,) = torch_blocks([first])
            same = tensor.data_ptr() == first.unsafe_buffer_pointer()
            print(f"  torch sees it on {tensor.device}, {'the same memory' if same else 'A COPY'}")
    for low, high in ((0.0, 10.0), (10.0, 1000.0), (1e4, 1e5)):
        share, largest = compare(np.random.default_rng(2).uniform(low, high, (1024, 1024)), device)
        print(f"  rates {low:g} to {high:g} e-: {share:.1e} of the pixels differ from the CPU's, by {largest} DN at most")
