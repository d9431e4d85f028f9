"""How far σ_raw from one magnitude image is off, by measurement: `python -m tests.noise.measure_rician`.

For each image of the phantom at a signal-to-noise ratio the spread of a measurement over bootstrap replicas is compared with that over
fresh images. Printed: rms of ln(σ_est/σ_true), its Monte Carlo part taken off, and the mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import ndimage

import sigmaraw as sr
from sigmaraw.noise import RicianNoise
from tests.noise.test_rician import SIGMA, magnitudes, phantom

IMAGES, REPLICAS, FRESH = 16, 200, 600


def measurements(level: float) -> dict[str, Callable[[np.ndarray], float]]:
    """Return what is measured, by name. level : threshold, DN."""
    return {
        "mean": lambda image: float(image.mean()),
        "mean of air": lambda image: float(image[:12].mean()),
        "area above a level": lambda image: float((image > level).sum()),
        "the same, smoothed": lambda image: float((ndimage.gaussian_filter(image.astype(float), 1.5) > level).sum()),
        "standard deviation": lambda image: float(image.std()),
    }


def main() -> None:
    """Print a row for each signal and measurement."""
    for scale in (0.3, 1.0):
        truth, rng = scale * phantom(), np.random.default_rng(int(10 * scale))
        chosen = measurements(scale * 150.0 + SIGMA)
        fresh = np.stack([magnitudes(truth, rng) for _ in range(FRESH)])
        real = {name: np.std([measure(one) for one in fresh], ddof=1) for name, measure in chosen.items()}
        ratios: dict[str, list[float]] = {name: [] for name in chosen}
        for image in fresh[:IMAGES]:
            drawn = sr.replicas(image, RicianNoise.stated(SIGMA), n=REPLICAS).values
            for name, measure in chosen.items():
                ratios[name].append(math.log(np.std([measure(one) for one in drawn], ddof=1) / real[name]))
        chance = 1 / (2 * (REPLICAS - 1)) + 1 / (2 * (FRESH - 1))
        for name, found in ratios.items():
            rms = math.sqrt(max(float(np.mean(np.square(found))) - chance, 0.0))
            print(f"signal {scale * 150 / SIGMA:4.1f} sigma  {name:<20} rms {rms:.3f}  mean {np.mean(found):+.3f}", flush=True)


if __name__ == "__main__":
    main()
