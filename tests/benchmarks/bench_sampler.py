"""Replicas against what one would write with NumPy, torch or jax.random: Poisson, normal, round, clip, cast."""

from __future__ import annotations

import os

import jax
import numpy as np
import torch

from sigmaraw.noise import NoiseModel
from tests.benchmarks.timing import both_clocks

GAIN, OFFSET, READ = 0.46, 100.0, 1.6
FRAMES = {512: 64, 2048: 16}  # a call of `sample_blocks` whole: key, scene and blocks


def plain_numpy(rates: np.ndarray, random: np.random.Generator) -> None:
    """One frame, float32 where NumPy has it."""
    light = random.poisson(rates).astype(np.float32)
    light += READ * random.standard_normal(rates.shape, dtype=np.float32)
    np.clip(np.rint(OFFSET + GAIN * light), 0, 4095).astype(np.uint16)


def plain_torch(rates: torch.Tensor) -> None:
    """One frame, float32."""
    light = torch.poisson(rates) + READ * torch.randn(rates.shape)
    (OFFSET + GAIN * light).round().clamp(0, 4095).to(torch.int32).to(torch.uint16)


@jax.jit
def plain_jax(key: jax.Array, rates: jax.Array) -> jax.Array:
    """One frame, float32, one compiled function."""
    photons, electronics = jax.random.split(key)
    light = jax.random.poisson(photons, rates).astype(np.float32) + READ * jax.random.normal(electronics, rates.shape)
    return jax.numpy.clip(jax.numpy.rint(OFFSET + GAIN * light), 0, 4095).astype(np.uint16)


def main() -> None:
    """Print pixel rates by the clock and by processor time (one core against one core), at two sizes and two ranges of rates."""
    model = NoiseModel(GAIN, OFFSET, READ, 12)
    print(f" {len(os.sched_getaffinity(0))} cores; Mpixel/s by the clock, and per second of processor time")
    for side, frames in FRAMES.items():
        for low, high in ((0.0, 10.0), (10.0, 1000.0)):
            rates = np.random.default_rng(1).uniform(low, high, (side, side))
            random, single = np.random.default_rng(2), rates.astype(np.float32)
            as_torch, as_jax, key = torch.from_numpy(single), jax.numpy.asarray(single), jax.random.key(1)
            mean, target = model.to_dn(rates), np.empty((side, side), np.uint16)

            def ours(mean_dn: np.ndarray = mean, n: int = frames) -> None:
                for _ in model.sample_blocks(mean_dn, n, seed=1):
                    pass

            contenders = {
                "NumPy": (lambda a=rates, r=random: plain_numpy(a, r), 1),
                "torch": (lambda a=as_torch: plain_torch(a), 1),
                "jax.random": (lambda a=as_jax[: side // 8], k=key: plain_jax(k, a).block_until_ready(), 1 / 8),
                "bare uint16 write": (lambda t=target: t.fill(7), 1),
                "sigmaraw": (ours, frames),
            }
            seconds = both_clocks({name: run for name, (run, _) in contenders.items()})
            print(f" {side} x {side} px, rates {low:g} to {high:g} e-; sigmaraw draws {frames} frames a call")
            rate = {name: [size * side * side / 1e6 / value for value in seconds[name]] for name, (_, size) in contenders.items()}
            for name, (clock, processor) in rate.items():
                by_clock, by_processor = (rate["sigmaraw"][i] / (clock, processor)[i] for i in (0, 1))
                print(f"  {name:<20} {clock:10.1f} {processor:10.1f}   sigmaraw is {by_clock:8.2f} x   {by_processor:8.2f} x")


if __name__ == "__main__":
    main()
