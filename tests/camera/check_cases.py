"""Simulated series with one pitfall each, of a stated size, for the checks' false-alarm rate and power."""

from __future__ import annotations

import re

import numpy as np

import sigmaraw as sr
from sigmaraw.camera.taps.layout import TapLayout, parse_layout
from sigmaraw.frames import Series
from tests.camera.simulated_cameras import OFFSET, series

SHAPE, GAIN, NOISE, FULL = (32, 40), 0.5, 4.0, 4095
DARKS, REPEATS = 16, 4
LEVELS = np.linspace(0.03, 1.12, 14) * (FULL - OFFSET) / GAIN

# Of sensors in parts: each part's light, offset and gain, relative or DN, in turn; all parts but the last are clean.
LIGHT, OFFSETS, GAINS = (1.0, 0.9, 0.7, 0.55), (100.0, 104.0, 98.0, 108.0), (1.0, 0.85, 1.1, 0.95)

# Size of each pitfall that is a property of the noise; the others are made in `make`.
OPTIONS: dict[str, dict[str, float]] = {
    "row-noise": {"rows": 0.25},
    "column-noise": {"columns": 0.25},
    "lamp-drift": {"lamp": 0.01},
    "strong lamp drift": {"lamp": 0.03},
    "hidden-quantisation": {"noise": 0.5},
    "black-clipping": {"offset": 3.0},
    "clean, unequal pixels": {"unequal": 0.5},
}


def analog(
    rng: np.random.Generator,
    electrons: np.ndarray | float,
    count: int,
    *,
    noise: float = NOISE,
    unequal: float = 0.0,
    rows: float = 0.0,
    columns: float = 0.0,
    lamp: float = 0.0,
    dark_walk: float = 0.0,
    offset: float = OFFSET,
    relative_gain: float = 1.0,
    shape: tuple[int, int] = SHAPE,
) -> np.ndarray:
    """Frames before rounding, DN, of one fixed sensor with PRNU 1 % and DSNU 2 e⁻.

    rows, columns, dark_walk : temporal, in units of 4 e⁻. lamp : relative. unequal : standard deviation of ln σ over pixels.
    """
    fixed = np.random.default_rng(99)
    response, pattern = 1 + 0.01 * fixed.standard_normal(shape), 2.0 * fixed.standard_normal(shape)
    noise = noise * np.exp(unequal * fixed.standard_normal(shape) - unequal**2)
    light = np.asarray(electrons) * (1 + lamp * rng.standard_normal((count, 1, 1))) * response
    signal = rng.poisson(np.maximum(light, 0)) + pattern + noise * rng.standard_normal((count, *shape))
    signal = signal + NOISE * rows * rng.standard_normal((count, shape[0], 1)) + NOISE * columns * rng.standard_normal((count, 1, shape[1]))
    signal = signal + NOISE * dark_walk * np.linspace(-0.5, 0.5, count)[:, None, None]
    return offset + relative_gain * GAIN * signal


def convert(frames: np.ndarray, low: int = 0) -> np.ndarray:
    return np.clip(np.rint(frames), low, FULL).astype(np.uint16)


def make(rng: np.random.Generator, kind: str) -> Series:
    """A series with the pitfall `kind`, "clean" for none."""
    (dark, *flats), levels = stacks(rng, kind)
    return series([dark], flats, flat_ms=list(levels / levels[0]))


def stacks(
    rng: np.random.Generator, kind: str, brightness: float = 1.0, **common: float | tuple[int, int]
) -> tuple[list[np.ndarray], np.ndarray]:
    """The dark stack and the flat ones, and the light that is stated; `common` goes to `analog`."""
    options = {**common, **OPTIONS.get(kind, {})}
    shape = common.get("shape", SHAPE)
    levels = LEVELS[[0, 3, 6, 13]] if kind == "too-few-levels" else LEVELS
    repeats = {"too-few-levels": 16, "too-few-pairs": 2, "clean, pairs": 2, "shuffled pairs": 2}.get(kind, REPEATS)
    light = brightness * levels * (1 - 0.15 * levels / levels.max() if kind == "nonlinear-exposure" else 1.0)
    field = np.ones(shape)
    if kind == "white-clipping":
        field[:4, :4] = 2.5
    dark = convert(analog(rng, 0.0, DARKS, dark_walk=0.5 if kind == "dark-drift" else 0.0, **options))
    if kind == "unlit-pixels":
        field[:, -2:] = 0.0
    flats = [
        convert(_faulty(rng, kind, index, analog(rng, e * field, repeats + (kind == "image-lag"), **options))[:repeats])
        for index, e in enumerate(light)
    ]
    if kind == "exposure-origin":
        dark = convert(dark + 3.0)
    if kind == "outliers-in-time":
        dark = convert(np.where(rng.random(dark.shape) < 3e-4, dark + 80.0, dark))
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
    return [dark, *flats], levels


def _faulty(rng: np.random.Generator, kind: str, index: int, signal: np.ndarray) -> np.ndarray:
    """Frames of a flat level with a fault in time or in rows, before the converter, DN."""
    if kind == "image-lag":
        light = signal - OFFSET
        return 0.95 * light[1:] + 0.05 * light[:-1] + OFFSET
    if kind == "line-noise-in-flats":
        rows = np.arange(signal.shape[1])[None, :, None]
        phase = rng.uniform(0, 2 * np.pi, (len(signal), 1, 1))
        return (signal - OFFSET) * (1 + 0.005 * np.sin(2 * np.pi * rows / 16 + phase)) + OFFSET
    if kind == "transfer-curve" and index == 4:
        return signal + 0.5 * float(signal.std()) * rng.standard_normal(signal.shape)
    return signal


def make_parts(rng: np.random.Generator, kind: str, layout: TapLayout, shape: tuple[int, int]) -> Series:
    """A sensor of parts of a shape, each a camera of its own; the last one has the pitfall `kind`."""
    windows = layout.windows((shape[0] * layout.rows, shape[1] * layout.columns))
    whole: list[np.ndarray] = []
    for index, window in enumerate(windows):
        part = index % len(LIGHT)
        own, levels = stacks(
            rng,
            kind if index == len(windows) - 1 or kind == "clean, pairs" else "clean",
            LIGHT[part],
            shape=shape,
            offset=OFFSETS[part],
            relative_gain=GAINS[part],
        )
        whole = whole or [np.zeros((len(frames), shape[0] * layout.rows, shape[1] * layout.columns), np.uint16) for frames in own]
        for frames, placed in zip(own, whole, strict=True):
            placed[:, *window] = frames
    return series([whole[0]], whole[1:], flat_ms=list(levels / levels[0]))


def outcomes(kind: str, seed: int) -> dict[str, str]:
    """How each check ends; of "KIND @ RGGB of 16x20" (or 4x4) those of a sensor in parts, and of single parts as "NAME of a part"."""
    rng = np.random.default_rng([seed, 5])
    kind, _, parts = kind.partition(" @ ")
    if not parts:
        return _outcomes(sr.calibrate(make(rng, kind)))
    text, _, shape = parts.partition(" of ")
    option = {"taps" if text[0].isdigit() else "cfa": text}
    layout = parse_layout(option.get("taps"), option.get("cfa"))
    assert layout is not None
    height, width = map(int, shape.split("x"))
    profile = sr.calibrate(make_parts(rng, kind, layout, (height, width)), **option)
    notes = re.findall(r"^tap \S+ check (\S+) fails", "\n".join(profile.summary()["notes"]), re.MULTILINE)
    return {**_outcomes(profile), **{f"{name} of a part": "fail" for name in notes}}


def _outcomes(profile: sr.CameraProfile) -> dict[str, str]:
    return {row["name"]: row["outcome"] for row in profile.summary()["checks"]}
