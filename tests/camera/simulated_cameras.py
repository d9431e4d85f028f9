"""Small simulated cameras for these tests: plain arithmetic, no part of the package's own sampler."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sigmaraw.frames import Level, RawFrames, Series

OFFSET, FULL_12 = 100.0, 4095


def gaussian_frames(
    rng: np.random.Generator,
    electrons: float | np.ndarray,
    *,
    gain: float | np.ndarray = 0.5,
    noise: float | np.ndarray = 2.0,
    count: int = 2,
    shape: tuple[int, int] = (128, 128),
    offset: float | np.ndarray = OFFSET,
    bits: int = 12,
) -> np.ndarray:
    """Frames round(o + K·n + N(0, K²(n + σ²))), clipped to `bits`: the variance is a camera's, the law is normal."""
    sd = np.asarray(gain * np.sqrt(electrons + np.square(noise)), dtype=np.float32)
    mean = np.asarray(offset + np.multiply(gain, electrons), dtype=np.float32)
    frames = rng.standard_normal((count, *shape), dtype=np.float32)
    frames *= sd
    frames += mean
    return np.clip(np.rint(frames), 0, (1 << bits) - 1).astype(np.uint16)


def poisson_frames(
    rng: np.random.Generator,
    electrons: np.ndarray,
    *,
    gain: np.ndarray | float,
    noise: np.ndarray | float,
    offset: np.ndarray | float = OFFSET,
    count: int = 2,
    full_well: float = np.inf,
    bits: int = 12,
) -> np.ndarray:
    """Frames round(o + K·(min(Poisson(n), full well) + N(0, σ))), clipped to `bits`."""
    charge = np.minimum(rng.poisson(electrons, (count, *np.shape(electrons))), full_well)
    analog = offset + gain * (charge + noise * rng.standard_normal(charge.shape))
    return np.clip(np.rint(analog), 0, (1 << bits) - 1).astype(np.uint16)


def series(
    darks: Sequence[np.ndarray],
    flats: Sequence[np.ndarray],
    *,
    bits: int = 12,
    dark_ms: Sequence[float | None] = (1.0,),
    flat_ms: Sequence[float | None] | None = None,
) -> Series:
    """A series in memory; flats have exposures 1, 2, 3 … ms unless said."""
    exposures = list(range(1, len(flats) + 1)) if flat_ms is None else list(flat_ms)
    raw = [RawFrames(frames, bits, "stated") for frames in (*darks, *flats)]
    dark = tuple(Level("dark", f"dark {i}", dark_ms[i], loaded=raw[i]) for i in range(len(darks)))
    flat = tuple(Level("flat", f"flat {i}", exposures[i], loaded=raw[len(darks) + i]) for i in range(len(flats)))
    return Series(dark, flat, bits=bits)
