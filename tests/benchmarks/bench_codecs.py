"""Each family against the bare call of the library behind it, on the same frame."""

from __future__ import annotations

import imagecodecs
import numpy as np
from tests.benchmarks.timing import show, side_by_side

import sigmaraw as sr


def main() -> None:
    """Print encode + decode rates on one noisy 1024 × 1024 frame, 12 bit."""
    random = np.random.default_rng(1)
    y, x = np.mgrid[:1024, :1024]
    mean = 40 + 300 * np.exp(-((y % 128 - 64) ** 2 + (x % 128 - 64) ** 2) / 600)
    frame = np.clip(np.rint(100 + 0.46 * (random.poisson(mean) + random.normal(0, 1.6, mean.shape))), 0, 4095).astype(np.uint16)
    bare = {
        "jpegls:near=2": lambda: imagecodecs.jpegls_decode(imagecodecs.jpegls_encode(frame, level=2)),
        "jpeg2000:level=90": lambda: imagecodecs.jpeg2k_decode(imagecodecs.jpeg2k_encode(frame, level=90, numthreads=1), numthreads=1),
        "jpegxl:lossless=true": lambda: imagecodecs.jpegxl_decode(
            imagecodecs.jpegxl_encode(frame, lossless=True, effort=7, numthreads=1), numthreads=1
        ),
    }
    for spec, library in bare.items():
        codec = sr.codec(spec)
        print(f" {spec}, CR {frame.nbytes / codec.roundtrip(frame)[1]:.2f}")
        seconds = side_by_side({"bare library": library, "sigmaraw": lambda codec=codec: codec.roundtrip(frame)}, rounds=3)
        show(seconds, "bare library", frame.nbytes / 1e6, "MB")
