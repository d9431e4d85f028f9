"""Simulated series with one pitfall each, of a stated size, for the checks' false-alarm rate and power."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from simulated_cameras import OFFSET, series

import sigmaraw as sr
from sigmaraw.frames import Series

SHAPE, GAIN, NOISE, FULL = (32, 40), 0.5, 4.0, 4095
DARKS, REPEATS = 16, 4
LEVELS = np.linspace(0.03, 1.12, 14) * (FULL - OFFSET) / GAIN
Frames = Callable[[np.random.Generator, float, int], np.ndarray]


# Size of each pitfall that is a property of the noise; the others are made in `make`.
OPTIONS: dict[str, dict[str, float]] = {
    "row-noise": {"rows": 0.25},
    "column-noise": {"columns": 0.25},
    "lamp-drift": {"lamp": 0.01},
    "strong lamp drift": {"lamp": 0.03},
    "hidden-quantisation": {"noise": 0.5},
    "black-clipping": {"offset": 3.0},
    "clean, unequal pixels": {"tail": 0.5},
}


def analog(
    rng: np.random.Generator,
    electrons: np.ndarray | float,
    count: int,
    *,
    noise: float = NOISE,
    tail: float = 0.0,
    rows: float = 0.0,
    columns: float = 0.0,
    lamp: float = 0.0,
    dark_walk: float = 0.0,
    offset: float = OFFSET,
) -> np.ndarray:
    """Frames before rounding, DN, of one fixed sensor with PRNU 1 % and DSNU 2 e⁻.

    rows, columns, dark_walk : temporal, in units of 4 e⁻. lamp : relative. tail : standard deviation of ln σ over pixels.
    """
    fixed = np.random.default_rng(99)
    response, pattern = 1 + 0.01 * fixed.standard_normal(SHAPE), 2.0 * fixed.standard_normal(SHAPE)
    noise = noise * np.exp(tail * fixed.standard_normal(SHAPE) - tail**2)
    light = np.asarray(electrons) * (1 + lamp * rng.standard_normal((count, 1, 1))) * response
    signal = rng.poisson(np.maximum(light, 0)) + pattern + noise * rng.standard_normal((count, *SHAPE))
    signal = signal + NOISE * rows * rng.standard_normal((count, SHAPE[0], 1)) + NOISE * columns * rng.standard_normal((count, 1, SHAPE[1]))
    signal = signal + NOISE * dark_walk * np.linspace(-0.5, 0.5, count)[:, None, None]
    return offset + GAIN * signal


def convert(frames: np.ndarray, low: int = 0) -> np.ndarray:
    return np.clip(np.rint(frames), low, FULL).astype(np.uint16)


def make(rng: np.random.Generator, kind: str) -> Series:
    """A series with the pitfall `kind`, "clean" for none."""
    options = OPTIONS.get(kind, {})
    levels = LEVELS[[0, 3, 6, 13]] if kind == "too-few-levels" else LEVELS
    repeats = {"too-few-levels": 16, "too-few-pairs": 2, "clean, pairs": 2, "shuffled pairs": 2}.get(kind, REPEATS)
    light = levels * (1 - 0.15 * levels / levels.max()) if kind == "nonlinear-exposure" else levels
    field = np.ones(SHAPE)
    if kind == "white-clipping":
        field[:4, :4] = 2.5
    dark = convert(analog(rng, 0.0, DARKS, dark_walk=0.5 if kind == "dark-drift" else 0.0, **options))
    flats = [convert(analog(rng, e * field, repeats, **options)) for e in light]
    if kind == "correlated-pixels":
        dark, *flats = (convert(0.8 * frames + 0.2 * np.roll(frames, 1, axis=2)) for frames in (dark, *flats))
    if kind == "missing-codes":
        dark, *flats = (np.where(frames % 16 == 7, frames + 1, frames) for frames in (dark, *flats))
    if kind == "duplicated-frames":
        flats[5][2] = flats[5][0]
    if kind in ("shuffled-frames", "shuffled pairs"):
        flats[6][1], flats[7][0] = flats[7][0].copy(), flats[6][1].copy()
    if kind == "dark-flat-mixup":
        dark[6] = convert(analog(rng, LEVELS[3], 1))[0]
    if kind == "too-few-pairs":
        dark, *flats = (frames[:, :12, :12] for frames in (dark, *flats))
    return series([dark], flats, flat_ms=list(levels / levels[0]))


def outcomes(kind: str, seed: int) -> dict[str, str]:
    profile = sr.calibrate(make(np.random.default_rng([seed, 5]), kind))
    return {row["name"]: row["outcome"] for row in profile.summary()["checks"]}
