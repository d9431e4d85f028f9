"""Which class a near-lossless codec falls into, per measurement, and how often it passes: errors of 1 DN under 2 to 5 DN of noise.

    OMP_NUM_THREADS=1 python tests/statistics/near_lossless.py --scenes 6 --truth 3000

Replicas are fresh frames of scenes with known truth (gain 1 DN/e⁻), so that only the statistics are judged and no replica mode. The
truth of each row (ε, ρ, RMS/σ_raw) comes from all of them; P(PASS) from disjoint groups of n, two raw groups each.
"""

from __future__ import annotations

import argparse
import math
import sys

import numpy as np

import sigmaraw as sr
from sigmaraw.statistics import RowLimits, measure, step_of
from sigmaraw.virtual import nuclei_scene


def predictions(scene_seed: int, background: float, count: int, codec: str) -> tuple[list[str], list[bool], np.ndarray, np.ndarray]:
    """Return names, which are discrete, and f(R), f(C(R)) (measurement, replica) of fresh frames."""
    scene = nuclei_scene((64, 64), 8, 12.0 * math.sqrt(background), background, scene_seed, radius_px=6.0)
    pipeline, coder = sr.pipeline("otsu"), sr.codec(codec)
    rng = np.random.default_rng([scene_seed, int(background)])
    raw, decoded = [], []
    for start in range(0, count, 50):
        electrons = rng.poisson(scene.mean_e, (min(50, count - start), 64, 64)) + 1.5 * rng.normal(size=(min(50, count - start), 64, 64))
        frames = np.clip(np.rint(100.0 + electrons), 0, 4095).astype(np.uint16)
        raw.append(pipeline.batch(frames))
        decoded.append(pipeline.batch(np.stack([coder.roundtrip(frame)[0] for frame in frames])))
    names = [m.name for m in pipeline.measurements]
    discrete = [m.discrete for m in pipeline.measurements]
    stack = [np.stack([np.concatenate([part[name] for part in parts]) for name in names]) for parts in (raw, decoded)]
    return names, discrete, stack[0], stack[1]


def passes(raw: np.ndarray, decoded: np.ndarray, n: int, discrete: bool, limits: RowLimits, u: float) -> np.ndarray:
    """Return per disjoint group of 2n replicas whether the row passes: n of the codec's group, n of another raw group."""
    studies = raw.size // (2 * n)
    groups = raw[: studies * 2 * n].reshape(studies, 2, n)
    changed = decoded[: studies * 2 * n].reshape(studies, 2, n)[:, 1]
    steps = np.array([step_of(a, b, discrete) for a, b in zip(groups, changed, strict=True)])
    evidence = measure(groups, changed, 1, step=steps, discrete=discrete, u_relative=u)
    return evidence.inside(limits).all(axis=0)


def main() -> None:
    """Print one line per background and measurement."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--scenes", type=int, default=6)
    parser.add_argument("--truth", type=int, default=3000)
    parser.add_argument("--codec", default="jpegls:near=1")
    options = parser.parse_args()
    limits, sizes = RowLimits(), (100, 300)
    sys.stdout.write("| noise | measurement | ε | ρ | RMS | class | " + " | ".join(f"P(PASS), n {n}" for n in sizes) + " | with u .1 |\n")
    for background in (4.0, 10.0, 25.0):
        found: dict[str, list[tuple[float, ...]]] = {}
        for seed in range(options.scenes):
            names, discrete, raw, decoded = predictions(seed, background, options.truth, options.codec)
            for name, counts, x, y in zip(names, discrete, raw, decoded, strict=True):
                sigma = float(x.std(ddof=1))
                truth = (float((y - x).mean()) / sigma, float(y.std(ddof=1)) / sigma, math.sqrt(float(((y - x) ** 2).mean())) / sigma)
                rates = [float(passes(x, y, n, counts, limits, 0.0).mean()) for n in sizes]
                rates.append(float(passes(x, y, sizes[-1], counts, limits, 0.1).mean()))
                found.setdefault(name, []).append((*truth, *rates))
        noise = math.sqrt(background + 1.5**2 + 1 / 12)
        for name, values in found.items():
            table = np.array(values)
            harmless = (np.abs(table[:, 0]) <= 0.3) & (table[:, 1] >= 0.9) & (table[:, 1] <= 1.11) & (table[:, 2] <= 0.7)
            worst = table[np.argmax(table[:, 2])]
            numbers = f"{np.abs(table[:, 0]).max():.2f} | {table[:, 1].min():.3f}–{table[:, 1].max():.3f} | {worst[2]:.2f}"
            rates_ = " | ".join(f"{value:.2f}" for value in table[:, 3:].mean(axis=0))
            sys.stdout.write(f"| {noise:.1f} DN | {name} | {numbers} | {harmless.sum()} of {len(table)} harmless | {rates_} |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
