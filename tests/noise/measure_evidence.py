"""How often the checks of a frame's noise fire: with the right camera (false downgrades) and with wrong ones (power).

``python -m tests.noise.measure_evidence --runs 6 --sides 32 64`` from the repository's root prints the tables of
docs/explanation/evidence.md. Frames are drawn by NumPy alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from sigmaraw.noise import NoiseModel
from sigmaraw.noise.frame_noise import frame_noise_checks
from sigmaraw.noise.modes import replica_mode

RIGHT = NoiseModel(0.5, 100.0, 2.0, 12)
SCENES = ("cells", "filaments", "points", "flat", "dim")
PEAKS = (10.0, 100.0, 1000.0)


def scene(kind: str, side: int, peak: float, random: np.random.Generator) -> np.ndarray:
    """Return the mean of each pixel, e⁻."""
    y, x = np.mgrid[:side, :side].astype(float)
    mean = np.full((side, side), 0.05 * peak)
    if kind == "cells":
        for _ in range(max(3, side * side // 500)):
            cy, cx, radius = *random.uniform(0, side, 2), random.uniform(4, 7)
            mean = np.maximum(mean, peak / (1 + np.exp(np.hypot(y - cy, x - cx) - radius)))
    elif kind == "filaments":
        for _ in range(side // 6):
            angle, distance = random.uniform(0, np.pi), random.uniform(-0.5, 0.5) * side
            across = (x - side / 2) * np.cos(angle) + (y - side / 2) * np.sin(angle) - distance
            mean += peak / 2 * np.exp(-(across**2) / (2 * 1.3**2))
    elif kind == "points":
        for _ in range(side * side // 60):
            cy, cx = random.uniform(0, side, 2)
            mean += peak * random.uniform(0.3, 1) * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * 1.3**2))
    elif kind == "flat":
        mean[:] = peak
    else:  # dim: a slope at a few electrons
        mean = 0.02 * peak * (1 + x / side)
    return mean


def frame(mean_e: np.ndarray, random: np.random.Generator, count: int = 1) -> np.ndarray:
    """Return a frame, DN; of `count` > 1 the rounded mean of so many."""
    light = random.poisson(mean_e, (count, *mean_e.shape)) + random.normal(0, RIGHT.read_noise_e, (count, *mean_e.shape))
    return np.rint(np.clip(np.rint(100 + 0.5 * light), 0, 4095).mean(axis=0)).astype(np.uint16)


def wrong_cameras() -> dict[str, NoiseModel]:
    """Return what the camera is stated to be."""
    gains = (1 / 6, 1 / 3, 1 / 2, 2, 3, 6.5)
    found = {f"K × {factor:.2g}": replace(RIGHT, gain_dn_per_e=0.5 * factor) for factor in gains}
    found |= {f"σ_r × {factor:g}": replace(RIGHT, read_noise_e=2.0 * factor) for factor in (0.25, 4)}
    return found | {f"offset {step:+d} DN": replace(RIGHT, offset_dn=100.0 + step) for step in (-40, 40)}


def _lines(mean: np.ndarray, random: np.random.Generator) -> np.ndarray:
    rows = frame(mean, random) + random.normal(0, 0.5, (len(mean), 1))
    return np.rint(np.clip(rows, 0, 4095)).astype(np.uint16)


def _curve(power: float) -> Callable[[np.ndarray, np.random.Generator], np.ndarray]:
    return lambda mean, random: np.rint(4095 * (frame(mean, random) / 4095.0) ** power).astype(np.uint16)


def _log(mean: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return np.rint(4095 * np.log1p(frame(mean, random)) / np.log(4096)).astype(np.uint16)


def _multiplied(mean: np.ndarray, random: np.random.Generator) -> np.ndarray:
    light = RIGHT.gain_dn_per_e * random.gamma(np.maximum(random.poisson(mean), 1e-9)) + random.normal(0, 1.0, mean.shape)
    return np.clip(np.rint(100 + light), 0, 4095).astype(np.uint16)


NOT_RAW: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "mean of 4": lambda mean, random: frame(mean, random, 4),
    "mean of 16": lambda mean, random: frame(mean, random, 16),
    "gamma .45": _curve(0.45),
    "log": _log,
    "row noise of .5 DN": _lines,
    "EMCCD gain": _multiplied,
}


def fired(image: np.ndarray, camera: NoiseModel, mode: str, seed: int) -> set[str]:
    """Return "quieter", "louder", and the names of other checks that fail."""
    found = set()
    for check in frame_noise_checks(image, replica_mode(mode), camera, seed):
        if not check.passed:
            found.add(("quieter" if check.value < check.low else "louder") if check.name in ("frame_noise", "local_noise") else check.name)
    return found


def cases(runs: int, sides: tuple[int, ...], peaks: tuple[float, ...], scenes: tuple[str, ...]) -> Iterator[tuple[str, int, float, int]]:
    """Yield every (scene, side, peak, seed)."""
    for side in sides:
        for peak in peaks:
            for kind in scenes:
                for seed in range(runs):
                    yield kind, side, peak, seed


def counted(what: str, runs: int, sides: tuple[int, ...], mode: str) -> None:
    """Print how often the checks fire: "right", "wrong" or "not-raw"."""
    names = ("quieter", "louder", "row_noise", "column_noise", "hot_pixels")
    table: dict[str, dict[str, int]] = {}
    totals: dict[str, int] = {}
    scenes = SCENES if what == "right" else ("cells", "points")
    for kind, side, peak, seed in cases(runs, sides, PEAKS, scenes):
        random = np.random.default_rng([seed, side, int(peak), SCENES.index(kind), 77])
        mean = scene(kind, side, peak, random)
        shown: dict[str, tuple[np.ndarray, NoiseModel]]
        if what == "right":
            shown = {f"{kind}, {side} px": (frame(mean, random), RIGHT)}
        elif what == "wrong":
            image = frame(mean, random)
            shown = {f"{name}, {peak:g} e⁻": (image, camera) for name, camera in wrong_cameras().items()}
        else:
            shown = {f"{name}, {peak:g} e⁻": (make(mean, random), RIGHT) for name, make in NOT_RAW.items()}
        for name, (image, camera) in shown.items():
            row = table.setdefault(name, dict.fromkeys(names, 0))
            totals[name] = totals.get(name, 0) + 1
            for found in fired(image, camera, mode, seed):
                row[found] += 1
    print(f"\n| {what} | frames | " + " | ".join(names) + " |\n|---|---|" + "---|" * len(names))
    for name, row in table.items():
        print(f"| {name} | {totals[name]} | " + " | ".join(str(row[column]) for column in names) + " |")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=6)
    parser.add_argument("--sides", type=int, nargs="+", default=[32, 64])
    parser.add_argument("--mode", default="bootstrap")
    parser.add_argument("--what", nargs="+", default=["right", "wrong", "not-raw"])
    asked = parser.parse_args()
    for what in asked.what:
        counted(what, asked.runs, tuple(asked.sides), asked.mode)


if __name__ == "__main__":
    main()
