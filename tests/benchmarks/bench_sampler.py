"""Replicas against what one would write in NumPy: Poisson, normal, round, clip, cast."""

from __future__ import annotations

import numpy as np
from tests.benchmarks.timing import show, side_by_side

from sigmaraw.noise import NoiseModel

N = 8
GAIN, OFFSET, READ = 0.46, 100.0, 1.6


def main() -> None:
    """Print pixel rates at two frame sizes and two ranges of rates."""
    model = NoiseModel(GAIN, OFFSET, READ, 12)
    for side in (512, 2048):
        for low, high in ((0.0, 10.0), (10.0, 1000.0)):
            rates = np.random.default_rng(1).uniform(low, high, (side, side))
            random = np.random.default_rng(2)

            def plain(rates: np.ndarray = rates, random: np.random.Generator = random) -> None:
                for _ in range(N):
                    light = random.poisson(rates).astype(np.float32)
                    light += READ * random.standard_normal(rates.shape, dtype=np.float32)
                    np.clip(np.rint(OFFSET + GAIN * light), 0, 4095).astype(np.uint16)

            mean = model.to_dn(rates)

            def ours(mean_dn: np.ndarray = mean) -> None:
                for _ in model.sample_blocks(mean_dn, N, seed=1):
                    pass

            print(f" {side} x {side} px, {N} frames, rates {low:g} to {high:g} e-")
            show(side_by_side({"NumPy": plain, "sigmaraw": ours}), "NumPy", N * side * side / 1e6, "Mpixel")
