"""Does the estimated u_mode cover? For measurements as a user's function may have them, on virtual scenes with known σ_raw.

    OMP_NUM_THREADS=1 python -m tests.noise.measure_u_mode --scenes 4

Per scene, light level and frame: σ_est from 240 replicas of mode `bootstrap`, σ_true from 700 fresh frames, four groups of 100 replicas
of the double bootstrap. Printed per measurement, for results that do not warn: rms of ln(σ_est/σ_true) without its Monte Carlo part, the
median u_mode, and in how many |ln(σ_est/σ_true)| ≤ 1.96·√(u_mode² + u_MC²). The table stands in docs/decisions/0021.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage
from skimage.filters import threshold_otsu

from sigmaraw.noise import NoiseModel
from sigmaraw.noise.denoise import denoiser_of, estimate
from sigmaraw.statistics import double_bootstrap, estimated_u_mode
from sigmaraw.statistics.spread import pool
from sigmaraw.statistics.warnings import FEWEST_EVENTS, peak_warning
from sigmaraw.virtual import nuclei_scene

CAMERA = NoiseModel(0.46, 100.0, 1.6, 12)
SCENES: tuple[dict[str, Any], ...] = ({}, {"texture": 0.4}, {"radius_px": 5.0}, {"brightness_spread": 0.6})
LEVELS_E = (5.0, 20.0, 100.0, 1000.0)
SIDE, TRUTH, REPLICAS, SECOND = 72, 700, 240, 100
DISCRETE = ("objects", "large objects")
FEWEST = 20  # fresh frames off the most frequent value: of fewer σ_true is not known


def measured(image: np.ndarray, level_dn: float) -> dict[str, float]:
    """Return what a user may measure, none of it by the pipelines of the coverage study."""
    values = image.astype(np.float64)
    mask = image > threshold_otsu(image)
    smooth = ndimage.gaussian_filter(values, 1.5)
    above = smooth > smooth.mean() + smooth.std()
    sizes = np.bincount(ndimage.label(above)[0].ravel())[1:]
    slope = np.gradient(smooth)
    return {
        "area above Otsu's threshold": float(mask.sum()),
        "sum above it": float(values[mask].sum()),
        "mean above it": float(values[mask].mean()),
        "objects": float(ndimage.label(mask)[1]),
        "large objects": float((sizes >= 20).sum()),
        "area above a level": float((image > level_dn).sum()),
        "the same, smoothed": float((smooth > level_dn).sum()),
        "area above mean + sd, smoothed": float(above.sum()),
        "Laplacian's sd": float(ndimage.laplace(values).std()),
        "mean gradient": float(np.hypot(*slope).mean()),
        "standard deviation": float(values.std()),
        "largest pixel": float(values.max()),
        "90 % quantile": float(np.percentile(values, 90)),
    }


@dataclass(frozen=True)
class Cell:
    """One measurement on one frame."""

    log: float
    u_mc: float
    u_mode: float
    warns: bool

    @property
    def covered(self) -> bool:
        """Whether the error lies within 1.96 of its uncertainty."""
        return abs(self.log) <= 1.96 * math.hypot(self.u_mode, self.u_mc)


def frames(mean_dn: np.ndarray, n: int, random: np.random.Generator) -> np.ndarray:
    """Return frames of the camera, (frame, y, x), DN, drawn by NumPy."""
    rate = np.maximum(mean_dn - 100.0, 0.0) / 0.46
    light = random.poisson(rate, (n, *mean_dn.shape)) - rate + random.normal(0, 1.6, (n, *mean_dn.shape))
    return np.clip(np.rint(mean_dn + 0.46 * light), 0, 4095).astype(np.uint16)


def cells(scene: int, level: float, frame_count: int) -> list[tuple[str, Cell]]:
    """Return the cells of one scene at one light level."""
    options = SCENES[scene % len(SCENES)]
    mean = 100 + 0.46 * nuclei_scene((SIDE, SIDE), 8, level, level / 10, seed=scene + 100, **options).mean_e
    random, threshold = np.random.default_rng([scene, int(level), 9]), 100 + 0.46 * level * 0.6
    denoiser = denoiser_of("dct")

    def table(images: np.ndarray) -> dict[str, np.ndarray]:
        rows = [measured(image, threshold) for image in images]
        return {name: np.array([row[name] for row in rows]) for name in rows[0]}

    def again(image: np.ndarray, n: int) -> np.ndarray:
        return frames(estimate(image, CAMERA, denoiser), n, random)

    truth, found = table(frames(mean, TRUTH, random)), []
    for _ in range(frame_count):
        replicas = again(frames(mean, 1, random)[0], REPLICAS)
        drawn, second = table(replicas), [table(again(replica, SECOND)) for replica in replicas[:4]]
        for name in truth:
            cell = one(truth[name], drawn[name], np.stack([part[name] for part in second]), name in DISCRETE)
            found += [] if cell is None else [(name, cell)]
    return found


def one(truth: np.ndarray, drawn: np.ndarray, second: np.ndarray, discrete: bool) -> Cell | None:
    """Return a cell; None where the truth hardly varies or the replicas do not."""
    if truth.size - np.unique(truth, return_counts=True)[1].max() < FEWEST or not drawn.std() > 0.0:
        return None
    pools = [pool(values[np.newaxis], discrete) for values in (truth, drawn)]
    variances = [float((part.log_influence() ** 2).sum()) + part.log_floor for part in pools]
    u_mode = estimated_u_mode(drawn[np.newaxis], second, discrete)
    few = discrete and drawn.size - np.unique(drawn, return_counts=True)[1].max() < FEWEST_EVENTS
    warns = few or bool(peak_warning(drawn[np.newaxis]) or double_bootstrap(drawn[np.newaxis], second, discrete).warnings)
    return Cell(math.log(pools[1].sigma / pools[0].sigma), math.sqrt(sum(variances)), 0.213 if math.isnan(u_mode) else u_mode, warns)


def main(write: Callable[[str], object] = sys.stdout.write) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--scenes", type=int, default=4)
    parser.add_argument("--frames", type=int, default=2)
    parser.add_argument("--levels", type=float, nargs="+", default=list(LEVELS_E))
    asked = parser.parse_args()
    found: dict[str, list[Cell]] = {}
    for level in asked.levels:
        for scene in range(asked.scenes):
            for name, cell in cells(scene, level, asked.frames):
                found.setdefault(name, []).append(cell)
    head = ("measurement", "cells without a warning", "rms of ln(σ_est/σ_true)", "median u_mode", "covered", "covered, all cells")
    write("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|\n")
    for name, of_name in found.items():
        quiet = [cell for cell in of_name if not cell.warns]
        covered = f"{sum(cell.covered for cell in of_name)} of {len(of_name)}"
        if len(quiet) < 5:
            write(f"| {name} | {len(quiet)} of {len(of_name)} | – | – | – | {covered} |\n")
            continue
        rms = math.sqrt(max(float(np.mean([cell.log**2 - cell.u_mc**2 for cell in quiet])), 0.0))
        median, held = float(np.median([cell.u_mode for cell in quiet])), sum(cell.covered for cell in quiet)
        write(f"| {name} | {len(quiet)} of {len(of_name)} | {rms:.3f} | {median:.3f} | {held} of {len(quiet)} | {covered} |\n")
    everything = [cell for of_name in found.values() for cell in of_name if not cell.warns]
    write(f"\n{sum(cell.covered for cell in everything)} of {len(everything)} without a warning are covered\n")


if __name__ == "__main__":
    main()
