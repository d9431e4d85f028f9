"""How often the watch alarms when nothing has changed, and how soon when something has: the full counts.

    python -m tests.watch.acceptance            # about six minutes of one core
    python -m tests.watch.acceptance --quick    # a tenth of the runs

Figures of docs/explanation/watch.md. Features are drawn, not taken from images, but for the residuals of the last part.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats

from sigmaraw.noise import NoiseModel
from sigmaraw.virtual import VirtualCamera, nuclei_scene
from sigmaraw.watch.features import residuals_of
from sigmaraw.watch.mmd import mmd_test
from sigmaraw.watch.online import OnlineMmd, mean_run_time, statistics
from sigmaraw.watch.sequential import ConformalMartingale, Strangeness, log_exceedance_evidence

DIMS = 8
SHIFTS = {0: 0.0, 1: 0.25, 2: 0.5, 3: 0.75, 4: 1.0}
"""Mean shift of every second feature at each severity, in standard deviations."""


def offline_size(runs: int, duplicated: bool, seed: int = 1) -> dict[str, float]:
    """Return the share of null tests with p ≤ .05, and its standard error: 20 against 20 images, three crops each.

    Crops of one image are alike (intraclass correlation .5). With `duplicated`, one image of the new set has thirty copies of a crop.
    """
    random = np.random.default_rng(seed)
    rejected = 0
    for run in range(runs):
        images = random.standard_normal((40, 1, 4)) + random.standard_normal((40, 3, 4))
        ids = np.repeat(np.arange(40), 3)
        crops = images.reshape(-1, 4)
        if duplicated:
            crops, ids = np.concatenate([crops, np.repeat(crops[-1:], 30, axis=0)]), np.concatenate([ids, np.full(30, 39)])
        names = np.array([f"image {k}" for k in range(40)])[ids]
        old = ids < 20
        found = mmd_test(crops[old], crops[~old], names[old].tolist(), names[~old].tolist(), permutations=199, seed=run)
        rejected += found.p <= 0.05
    return _share(rejected, runs)


def run_times(runs: int, reference: int = 2000, window: int = 10, seed: int = 2) -> dict[str, Any]:
    """Return the mean null run time at each set value, its standard error and ratio; fresh frames, one calibrated detector each."""
    random = np.random.default_rng(seed)
    features = random.standard_normal((reference, DIMS))
    found = {}
    for wanted in (32, 64, 128, 256):
        detector = OnlineMmd.calibrated(features, window, wanted, seed)
        length = 3 * wanted + window
        streams = (random.standard_normal((length, DIMS)) for _ in range(runs))
        scaled = ((stream - detector.centre) / detector.spread for stream in streams)
        values = statistics(detector.reference, scaled, detector.bandwidth, window)  # type: ignore[arg-type]
        measured = mean_run_time(values, detector.threshold, window)
        alarmed = int((values > detector.threshold).any(axis=1).sum())
        found[str(wanted)] = {"measured": measured, "ratio": measured / wanted, "ratio_se": (1 - window / wanted) / math.sqrt(alarmed)}
    return found


def auc(windows: int, seed: int = 3) -> dict[str, dict[str, float]]:
    """Return the ROC-AUC of the online statistic, changed against unchanged windows: by severity at W = 10, and by W at severity 2."""
    random = np.random.default_rng(seed)
    reference = random.standard_normal((400, DIMS))
    direction = (np.arange(DIMS) % 2 == 0).astype(float)

    def one(window: int, severity: int) -> float:
        detector = OnlineMmd.calibrated(reference, window, 256, seed, runs=50)
        parts = []
        for shift in (0.0, SHIFTS[severity]):
            streams = random.standard_normal((windows, window, DIMS)) + shift * direction
            parts.append(statistics(detector.reference, (streams - detector.centre) / detector.spread, detector.bandwidth, window)[:, 0])
        ranks = stats.rankdata(np.concatenate(parts))
        return float((ranks[windows:].sum() - windows * (windows + 1) / 2) / windows**2)

    return {
        "severity, W 10": {str(level): one(10, level) for level in SHIFTS},
        "W, severity 2": {str(window): one(window, 2) for window in (2, 5, 10, 15, 20)},
    }


def sequential_null(runs: int, frames: int, alpha: float = 0.01, seed: int = 4) -> dict[str, float]:
    """Return how many null runs of so many frames ever alarm; Ville's bound is α."""
    random = np.random.default_rng(seed)
    alarms = 0
    for run in range(runs):
        reference = random.standard_normal((200, 3))
        strange = Strangeness(reference[::2])
        martingale = ConformalMartingale([strange(row) for row in reference[1::2]], run)
        alarms += any(martingale.add(strange(row)) >= -math.log(alpha) for row in random.standard_normal((frames, 3)))
    return {"runs": runs, "frames": frames, "alarms": alarms}


def gain_change(runs: int, quiet: int = 800, change: float = 1.2, alpha: float = 0.01, seed: int = 5) -> dict[str, float]:
    """Return how soon a 20 % higher gain is found by the noise residuals: 120 frames of reference, `quiet` more, then the change.

    Residuals are those of 128 × 128 px frames of virtual scenes, each another one; runs differ in their order.
    """
    old, new = _residuals(1.0, 120 + quiet, seed), _residuals(change, 200, seed + 1)
    random = np.random.default_rng(seed)
    bound, delays, false = -math.log(alpha), [], 0
    for run in range(runs):
        mixed = old[random.permutation(len(old))]
        strange = Strangeness(mixed[:120:2])
        martingale = ConformalMartingale([strange(row) for row in mixed[1:120:2]], run)
        if any(martingale.add(strange(row)) >= bound for row in mixed[120:]):
            false += 1
            continue
        after = (martingale.add(strange(row)) >= bound for row in new[random.permutation(len(new))[:50]])
        delays.append(next((k + 1 for k, alarm in enumerate(after) if alarm), 51))
    found = np.array(delays)
    return {
        "runs": runs,
        "alarms before": false,
        "within 50": float((found <= 50).mean()),
        "median delay": float(np.median(found)),
        "90 % within": float(np.quantile(found, 0.9)),
    }


def _residuals(factor: float, count: int, seed: int) -> np.ndarray:
    """Return residual features of frames of different scenes, by a camera whose gain is `factor` times the stated one."""
    stated = VirtualCamera(shape=(128, 128), seed=seed)
    camera = VirtualCamera(shape=(128, 128), seed=seed, gain=factor * stated.gain)
    model = NoiseModel(stated.gain, stated.offset_dn, stated.read_noise_e, stated.bits)
    found = []
    for index in range(count):
        scene = nuclei_scene((128, 128), 8, seed=1000 * seed + index)
        found.append(residuals_of(camera.acquire(scene.mean_e, 1, [seed, index])[0], model))
    return np.stack(found)


def exceedance_null(runs: int, frames: int, share: float = 0.05, alpha: float = 0.01, seed: int = 6) -> dict[str, float]:
    """Return how many runs at the very edge of the null ever alarm."""
    draws = np.random.default_rng(seed).random((runs, frames)) < share
    counts = np.cumsum(draws, axis=1)
    bound = -math.log(alpha)
    alarms = sum(any(log_exceedance_evidence(int(s), k + 1, share) >= bound for k, s in enumerate(row)) for row in counts)
    return {"runs": runs, "frames": frames, "alarms": alarms}


def _share(count: int, runs: int) -> dict[str, float]:
    share = count / runs
    return {"share": share, "se": math.sqrt(0.05 * 0.95 / runs)}


def main() -> None:
    """Run all parts and print their figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="", help="parts whose name holds this")
    given = parser.parse_args()
    part = 10 if given.quick else 1
    parts: dict[str, Callable[[], Any]] = {
        "offline size, 1,000 nulls": lambda: offline_size(1000 // part, False),
        "offline size, a crop copied 30 times": lambda: offline_size(1000 // part, True),
        "online run time, 2,000 runs": lambda: run_times(2000 // part),
        "AUC, 400 windows a side": lambda: auc(400),
        "sequential, 100 null runs of 10,000 frames": lambda: sequential_null(100 // part, 10_000),
        "gain 20 % higher": lambda: gain_change(200 // part),
        "exceedance, 100 null runs of 10,000 frames": lambda: exceedance_null(100 // part, 10_000),
    }
    for name, run in parts.items():
        if given.only not in name:
            continue
        began = time.monotonic()
        print(name, json.dumps(run(), indent=1), f"{time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
