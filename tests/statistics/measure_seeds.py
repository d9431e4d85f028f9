"""How far verdicts hang on the seed, and how often a right camera warns: whole studies of virtual frames.

    OMP_NUM_THREADS=1 python -m tests.statistics.measure_seeds seeds --seeds 100
    OMP_NUM_THREADS=1 python -m tests.statistics.measure_seeds warnings --images 1 10 30 --runs 100 40 20

`seeds` runs the same frames and codecs with many seeds. A row's distance is the least of those of its shift, ln ratio and RMS from their
limits, means over all seeds, in standard uncertainties. A limit is passed or failed at 95 % where an estimate is about 1.7 u from it, and
estimates scatter by 1 u: a row must hang on its seed at distances up to about 4 u, with probability Φ(1.7 − distance).
`warnings` draws frames anew for every run, states the right camera, and counts runs in which a row has a warning that bears on its
verdict.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

import sigmaraw as sr
from sigmaraw.record.results import ResultRow
from sigmaraw.study.plan import RMS, RMS_OF_COUNTS
from tests.noise.measure_evidence import SCENES, frame, scene
from tests.noise.measure_verdicts import camera

CODECS = ("lossless", "jpegls:near=1", "jpegls:near=4", "jpeg2000:ratio=10", "to8bit:minmax+jpeg:quality=60")
EDGES = (0, 1, 2, 3, 4, 5)
PIPELINES = ("otsu", "intensity")


def frames(kind: str, peak: float, run: int, count: int = 1, side: int = 64) -> list[np.ndarray]:
    """Return frames of one kind of scene, each of another scene."""
    random = np.random.default_rng([run, int(peak), len(kind), 77])
    return [frame(scene(kind, side, peak, random), random) for _ in range(count)]


def distances(row: ResultRow) -> tuple[float, float, float]:
    """Return how far shift, ln ratio and RMS lie below their limits, in their standard uncertainties.

    Infinite where nothing changes, NaN where replicas tell no uncertainty: rare changes of counts, or raw predictions that never vary.
    """
    found = row.evidence
    if row.reason == "identical":
        return math.inf, math.inf, math.inf
    if found is None or found.rare or found.same_spread:
        return math.nan, math.nan, math.nan
    rms_limit = RMS_OF_COUNTS if row.measurement == "count" else RMS
    gaps = (
        (1.0 - abs(found.shift), row.u),
        (math.log(1.25) - abs(found.ln_ratio), found.u_ratio),
        (rms_limit - found.rms, math.hypot(found.u_rms, found.rms * found.u_relative)),
    )
    return tuple(gap / u if u else math.inf for gap, u in gaps)  # type: ignore[return-value]


def seeds(count: int, n: int, peaks: Sequence[float], pipelines: Sequence[str]) -> None:
    """Print, per pipeline, how many rows change their verdict with the seed."""
    for pipeline in pipelines:
        rows: dict[tuple[str, float, str, str], list[ResultRow]] = defaultdict(list)
        for kind in ("cells", "points"):
            for peak in peaks:
                (image,) = frames(kind, peak, 0)
                for seed in range(count):
                    for row in sr.validate(image, camera(), codecs=CODECS, pipeline=pipeline, n=n, seed=seed).content.results:
                        rows[kind, peak, row.codec, row.measurement].append(row)
        opposed = total = 0
        changes: dict[int, list[int]] = {edge: [0, 0] for edge in EDGES}
        rare = [0, 0]
        for found in rows.values():
            verdicts = [row.verdict for row in found]
            usual = max(set(verdicts), key=verdicts.count)
            opposed, total = opposed + min(verdicts.count("PASS"), verdicts.count("FAIL")), total + len(found)
            distance = min(abs(float(np.mean(column))) for column in zip(*map(distances, found), strict=True))
            cell = rare if math.isnan(distance) else changes[max(edge for edge in EDGES if edge <= distance)]
            cell[0], cell[1] = cell[0] + sum(verdict != usual for verdict in verdicts), cell[1] + len(found)
        sys.stdout.write(
            f"{pipeline}: {total} rows of {len(rows)} (image, codec, measurement); PASS beside FAIL {opposed}; not the usual verdict\n"
        )
        for edge, (other, all_rows) in changes.items():
            sys.stdout.write(f"  from {edge} u: {other} of {all_rows} rows\n")
        sys.stdout.write(f"  rare changes, no distance: {rare[0]} of {rare[1]} rows\n")
        sys.stdout.flush()


def warnings(images: Sequence[int], runs: Sequence[int], n: int, pipelines: Sequence[str]) -> None:
    """Print, per pipeline and number of images, in how many runs with the right camera a warning bears on a verdict."""
    for pipeline in pipelines:
        for count, repeats in zip(images, runs, strict=True):
            alarms: list[str] = []
            for run in range(repeats):
                kind, peak = SCENES[run % len(SCENES)], (10.0, 100.0, 1000.0)[run // len(SCENES) % 3]
                record = sr.validate(frames(kind, peak, 1000 + run, count), camera(), codecs=CODECS[1:4], pipeline=pipeline, n=n, seed=run)
                bearing = {w.code for row in record.content.results for w in row.warnings if w.bears}
                alarms += [f"{kind} {peak:g}: {', '.join(sorted(bearing))}"] if bearing else []
            sys.stdout.write(f"{pipeline}, {count} images: {len(alarms)} of {repeats} runs {alarms}\n")
            sys.stdout.flush()


def main() -> None:
    """Read what is asked, and print it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("seeds", "warnings"))
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--peaks", type=float, nargs="+", default=[100.0])
    parser.add_argument("--images", type=int, nargs="+", default=[1, 10, 30])
    parser.add_argument("--runs", type=int, nargs="+", default=[100, 40, 20])
    parser.add_argument("--pipelines", nargs="+", default=list(PIPELINES))
    parser.add_argument("-n", type=int, default=50)
    asked = parser.parse_args()
    if asked.what == "seeds":
        seeds(asked.seeds, asked.n, asked.peaks, asked.pipelines)
    else:
        warnings(asked.images, asked.runs, asked.n, asked.pipelines)


if __name__ == "__main__":
    main()
