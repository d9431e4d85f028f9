"""How often a harmless codec passes: per row, and as a codec on all four of Otsu's measurements, for 1 to 30 images.

    OMP_NUM_THREADS=1 python -m tests.statistics.power --scenes 6 --truth 3000

Predictions are those of `near_lossless.py`: fresh frames of virtual nuclei before and after the codec. Studies are drawn from them with
replacement, each image one of the scenes, two raw groups. Without u_mode, so that only the statistics are judged.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sigmaraw.statistics import Evidence, RowLimits, judge_images, measure
from sigmaraw.study.plan import RMS, RMS_OF_COUNTS
from tests.statistics.near_lossless import predictions

IMAGES = (1, 3, 10, 30)
REPLICAS = (100, 300, 600)


@dataclass(frozen=True)
class Scene:
    """Predictions of one scene on fresh frames: (measurement, replica), before and after the codec."""

    names: Sequence[str]
    discrete: Sequence[bool]
    raw: np.ndarray
    decoded: np.ndarray

    def truth(self, column: int) -> tuple[float, float, float]:
        """Return ε, ρ and RMS(D)/σ_raw from all predictions."""
        x, y = self.raw[column], self.decoded[column]
        sigma = float(x.std(ddof=1))
        return float((y - x).mean()) / sigma, float(y.std(ddof=1)) / sigma, math.sqrt(float(((y - x) ** 2).mean())) / sigma


def limits_of(discrete: bool) -> RowLimits:
    """Return the default plan's limits."""
    return RowLimits(rms=RMS_OF_COUNTS if discrete else RMS)


def harmless(truth: tuple[float, float, float]) -> bool:
    """Return whether a row is one that ought to pass."""
    epsilon, ratio, rms = truth
    return abs(epsilon) <= 0.3 and 0.9 <= ratio <= 1.11 and rms <= 0.7


def evidence(scenes: Sequence[Scene], which: np.ndarray, column: int, n: int, index: np.ndarray) -> Evidence:
    """Return the evidence of images (image,) drawn from scenes; index : (image, 2, n) of the predictions that each group has."""
    rows = np.arange(len(which))
    raw = np.stack([scenes[which[i]].raw[column][index[i]] for i in rows])
    decoded = np.stack([scenes[which[i]].decoded[column][index[i, 1]] for i in rows])
    discrete = bool(scenes[0].discrete[column])
    step = np.ones(len(which)) if discrete else np.ptp(raw.reshape(len(which), -1), axis=1)
    return measure(raw, decoded, 1, step=step, discrete=discrete)


def rates(scenes: Sequence[Scene], images: int, n: int, studies: int, seed: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Return per measurement the share of rows and of codecs that pass, and the share of studies in which all four pass."""
    random, names = np.random.default_rng([seed, images, n]), scenes[0].names
    which = random.integers(0, len(scenes), studies * images)
    index = random.integers(0, scenes[0].raw.shape[1], (studies * images, 2, n))
    rows, codecs = np.zeros(len(names)), np.zeros((len(names), studies), dtype=bool)
    for column in range(len(names)):
        limits = limits_of(scenes[0].discrete[column])
        found = evidence(scenes, which, column, n, index)
        rows[column] = found.inside(limits).all(axis=0).mean()
        for study in range(studies):
            of_study = found.take(np.arange(study * images, (study + 1) * images))
            codecs[column, study] = judge_images(of_study, limits).verdict == "PASS"
    return rows, codecs.mean(axis=1), float(codecs.all(axis=0).mean())


def oracle(scenes: Sequence[Scene], column: int, n: int, studies: int, seed: int) -> float:
    """Return the share of single images that a test would pass which knew the standard error of each estimate: no test does better by much.

    Its limits are the estimates with 1.645 true standard errors, and no guard against tails.
    """
    random, limits, z = np.random.default_rng([seed, n]), limits_of(scenes[0].discrete[column]), 1.6449
    shares = []
    for scene in range(len(scenes)):
        which = np.full(studies, scene)
        found = evidence(scenes, which, column, n, random.integers(0, scenes[0].raw.shape[1], (studies, 2, n)))
        shift, ratio, rms = (np.asarray(part) for part in (found.shift, found.ln_ratio, found.rms))
        within = np.abs(shift) + z * shift.std(ddof=1) <= limits.k
        within &= np.abs(ratio) + z * ratio.std(ddof=1) <= math.log(float(limits.spread))
        within &= rms + z * rms.std(ddof=1) <= limits.rms
        shares.append(within.mean())
    return float(np.mean(shares))


def main() -> None:
    """Print the truth of each row, and the shares that pass."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--scenes", type=int, default=6)
    parser.add_argument("--truth", type=int, default=3000)
    parser.add_argument("--background", type=float, default=4.0, help="e⁻; the noise is √(background + 2.3) DN")
    parser.add_argument("--codec", default="jpegls:near=1")
    parser.add_argument("--rows", type=int, default=300, help="rows per cell, at least")
    options = parser.parse_args()
    scenes = [Scene(*predictions(seed, options.background, options.truth, options.codec)) for seed in range(options.scenes)]
    names = scenes[0].names
    for column, name in enumerate(names):
        truths = np.array([scene.truth(column) for scene in scenes])
        kind = sum(harmless(tuple(row)) for row in truths)
        sys.stdout.write(
            f"{name}: |ε| ≤ {np.abs(truths[:, 0]).max():.2f}, ρ {truths[:, 1].min():.2f}–{truths[:, 1].max():.2f}, "
            f"RMS {truths[:, 2].min():.2f}–{truths[:, 2].max():.2f}, harmless in {kind} of {len(scenes)} scenes\n"
        )
    for n in REPLICAS:
        shares = ", ".join(f"{name} {oracle(scenes, column, n, 200, 2):.2f}" for column, name in enumerate(names))
        sys.stdout.write(f"one image, n {n}, with known standard errors: {shares}\n")
    head = " | ".join(names)
    sys.stdout.write(f"| images | n | rows: {head} | codec: {head} | all |\n")
    for images in IMAGES:
        for n in REPLICAS:
            studies = max(options.rows // images, 30)
            rows, codecs, joint = rates(scenes, images, n, studies, 1)
            cells = [" | ".join(f"{value:.2f}" for value in part) for part in (rows, codecs)]
            sys.stdout.write(f"| {images} | {n} | {cells[0]} | {cells[1]} | {joint:.2f} ({studies} studies) |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
