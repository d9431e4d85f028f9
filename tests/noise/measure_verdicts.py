"""Verdicts with right and wrong cameras: how often a wrong one passes what the right one fails, or fails what the right one passes.

    OMP_NUM_THREADS=1 python -m tests.noise.measure_verdicts --sides 32 64 --runs 1

Frames are drawn by NumPy (`measure_evidence`). Each frame is one study of two codecs: one that harms (JPEG of eight bits) and one that
hardly does (JPEG-LS, errors up to 1 DN), with the right camera and with every wrong one; n = 40, u_cal 0 with both.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter

import numpy as np

import sigmaraw as sr
from sigmaraw.record.results import ResultRow
from tests.noise.measure_evidence import RIGHT, frame, scene

CODECS = ("to8bit:minmax+jpeg:quality=60", "jpegls:near=1")
PIPELINES = ("intensity", "otsu", "unet-demo")
WRONG: dict[str, dict[str, float]] = {
    "K × 1/6": {"gain": 0.5 / 6},
    "K × 1/2": {"gain": 0.25},
    "K × 2": {"gain": 1.0},
    "K × 6.5": {"gain": 3.25},
    "σ_r × 1/4": {"read_noise": 0.5},
    "σ_r × 4": {"read_noise": 8.0},
    "offset − 40 DN": {"offset": 60.0},
    "offset + 40 DN": {"offset": 140.0},
}


def camera(**values: float) -> sr.CameraProfile:
    """Return a camera with these values in place of the right ones."""
    right = {"gain": RIGHT.gain_dn_per_e, "offset": RIGHT.offset_dn, "read_noise": RIGHT.read_noise_e}
    return sr.CameraProfile.from_values(**(right | values), bits=12, gain_se=0.005, read_noise_se=0.02)  # type: ignore[arg-type]


def rows(image: np.ndarray, pipeline: str, profile: sr.CameraProfile, n: int) -> list[ResultRow]:
    """Return a study's rows; none where the frame cannot be the camera's and is refused."""
    try:
        return list(sr.validate(image, profile, codecs=CODECS, pipeline=pipeline, n=n, seed=5).content.results)
    except sr.errors.SigmarawError:
        return []


def clear(row: ResultRow, right: str) -> bool:
    """Return whether the right camera gives this verdict, a FAIL with a shift of 1.5 σ_raw at least."""
    return row.verdict == right and (right == "PASS" or abs(row.epsilon_hat or 0.0) >= 1.5)


def main() -> None:
    """Print a table: per pipeline and camera, of rows that the right camera clearly fails, or passes, what the wrong one says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sides", type=int, nargs="+", default=[32, 64])
    parser.add_argument("--peaks", type=float, nargs="+", default=[10.0, 100.0, 1000.0])
    parser.add_argument("--scenes", nargs="+", default=["cells", "points"])
    parser.add_argument("--pipelines", nargs="+", default=list(PIPELINES))
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("-n", type=int, default=40)
    asked = parser.parse_args()
    counts: Counter[tuple[str, ...]] = Counter()
    for pipeline in asked.pipelines:
        for side in asked.sides:
            for peak in asked.peaks:
                for kind in asked.scenes:
                    for run in range(asked.runs):
                        random = np.random.default_rng([run, side, int(peak), len(kind), 31])
                        image = frame(scene(kind, side, peak, random), random)
                        right = rows(image, pipeline, camera(), asked.n)
                        counts[pipeline, "right", "bears"] += any(w.bears for row in right for w in row.warnings)
                        counts[pipeline, "right", "frames"] += 1
                        for name, values in WRONG.items():
                            wrong = rows(image, pipeline, camera(**values), asked.n)
                            for before, after in zip(right, wrong, strict=False):
                                if before.reason == "identical":
                                    continue
                                for verdict in ("FAIL", "PASS"):
                                    if clear(before, verdict):
                                        counts[pipeline, name, verdict, after.verdict] += 1
    _write(asked.pipelines, counts)


def _write(pipelines: list[str], counts: Counter[tuple[str, ...]]) -> None:
    head = ("pipeline", "camera", "right FAIL", "of them PASS", "right PASS", "of them FAIL", "of them PASS")
    sys.stdout.write("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|\n")
    for pipeline in pipelines:
        for name in WRONG:
            of = {(a, b): counts[pipeline, name, a, b] for a in ("FAIL", "PASS") for b in ("PASS", "FAIL", "INCONCLUSIVE")}
            failed, passed = (sum(count for (a, _), count in of.items() if a == verdict) for verdict in ("FAIL", "PASS"))
            cells = (failed, of["FAIL", "PASS"], passed, of["PASS", "FAIL"], of["PASS", "PASS"])
            sys.stdout.write(f"| {pipeline} | {name} | " + " | ".join(map(str, cells)) + " |\n")
        bears, frames = counts[pipeline, "right", "bears"], counts[pipeline, "right", "frames"]
        sys.stdout.write(f"| {pipeline} | right | {bears} of {frames} frames with a warning that bears |  |  |  |  |\n")


if __name__ == "__main__":
    main()
