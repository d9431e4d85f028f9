"""How well each replica mode finds the spread that repeated acquisition would show, on scenes whose truth is known.

    python examples/04_coverage.py --out out/example-04

A virtual camera takes `--truth` frames of a static scene; the standard deviation of a feature over them is σ_true. Every mode
then works from frames of its own (one frame, or n repeats for mean-n) and gives σ_est from `--replicas` replicas. Per mode,
feature and light level it prints σ_est/σ_true as geometric mean over frames and scenes with its 95 % interval, and the centre
shift (mean over replicas − true mean)/σ_true.

The interval is exp(mean ± t·s/√m) of the logarithms of m frames' ratios: it holds their scatter and the Monte Carlo error.
Left out: cells where σ_true rests on fewer than 20 frames that differ from the most frequent value (a count that never varies),
and, counted beside the table, those in which a feature switches between two answers: their true values or their replicas are
not one peak, and validate warns of the latter.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage, stats
from skimage.filters import threshold_otsu

from sigmaraw.contracts import Measurement
from sigmaraw.noise import NoiseModel, replica_mode
from sigmaraw.statistics import peak_ratio
from sigmaraw.statistics.warnings import ONE_PEAK
from sigmaraw.virtual import VirtualCamera, nuclei_scene

FEATURES = (
    Measurement("mean", "DN", "m", "mean of all pixels", kind="mean"),
    Measurement("otsu-area", "px", "A", "pixels above Otsu's threshold", kind="adaptive-area"),
    Measurement("count", "1", "N", "connected objects above Otsu's threshold", discrete=True, kind="count"),
    Measurement("total-intensity", "DN", "I", "sum of pixels above Otsu's threshold", kind="intensity"),
    Measurement("raw-threshold-area", "px", "A_t", "pixels above a fixed level, half way up", kind="area"),
    Measurement("texture", "DN", "T", "standard deviation of the Laplacian", kind="texture"),
)
LEVELS_E = (5.0, 20.0, 100.0, 1000.0)
MODES = (("around-raw", 1), ("bootstrap", 1), ("mean-n", 4), ("mean-n", 16))
FEWEST_EVENTS = 20


def features(images: np.ndarray, threshold_dn: float) -> np.ndarray:
    """Return (image, feature), float64, of frames (image, y, x), DN."""
    rows = []
    for image in images:
        mask = image > threshold_otsu(image)
        texture = ndimage.laplace(image.astype(np.float64)).std()
        rows.append((image.mean(), mask.sum(), ndimage.label(mask)[1], image[mask].sum(), (image > threshold_dn).sum(), texture))
    return np.array(rows, dtype=np.float64)


def cells(
    levels: Sequence[float] = LEVELS_E, scenes: int = 2, frames: int = 6, truth: int = 1000, replicas: int = 400, side: int = 128
) -> Iterator[dict[str, Any]]:
    """Yield one row per mode, light level, scene, frame and feature: ratio, centre, warned."""
    camera = VirtualCamera(shape=(side, side), read_noise_tail=0.0, dark_current_e_per_s=0.0, prnu_percent=0.0, dsnu_e=0.0, bits=12)
    model = NoiseModel.from_profile(camera.truth_profile())
    for level, scene in itertools.product(levels, range(scenes)):
        mean_e = nuclei_scene((side, side), max(2, (side // 42) ** 2), level, level / 10, seed=scene).mean_e
        threshold = camera.offset_dn + camera.gain * level * 0.6
        reference = np.concatenate([features(camera.acquire(mean_e, 100, [scene, 0, i]), threshold) for i in range(math.ceil(truth / 100))])
        centre, sigma = reference.mean(axis=0), reference.std(axis=0, ddof=1)
        true_shape = [peak_ratio(column) for column in reference.T]
        events = [len(column) - np.unique(column, return_counts=True)[1].max() for column in reference.T]
        for (name, repeats), index in itertools.product(MODES, range(frames)):
            mode = replica_mode(name)
            stack = camera.acquire(mean_e, repeats, [scene, 1, repeats, index])
            source = stack if mode.needs_repeats else stack[0]
            blocks = mode.blocks(source, model, n=replicas, start=0, group=0, seed=index, batch=100)
            found = np.concatenate([features(np.asarray(block), threshold) for block in blocks])
            spread = found.std(axis=0, ddof=1) * mode.spread_factor(source)
            diagnostics = mode.diagnostics(source, model)
            for column, feature in enumerate(FEATURES):
                if events[column] < FEWEST_EVENTS:
                    continue
                yield {
                    "mode": name if repeats == 1 else f"{name}, n = {repeats}",
                    "level_e": level,
                    "scene": scene,
                    "frame": index,
                    "feature": feature.name,
                    "kind": feature.kind,
                    "ratio": float(spread[column] / sigma[column]),
                    "centre": float((found[:, column].mean() - centre[column]) / sigma[column]),
                    "shape": peak_ratio(found[:, column]),
                    "true_shape": true_shape[column],
                    "warned": any(entry.warns(feature) for entry in diagnostics),
                    "checks": {entry.name: entry.value for entry in diagnostics},
                }


def switches(row: dict[str, Any]) -> bool:
    """Return whether a cell's feature takes two answers, in the fresh frames or, where validate would warn, in the replicas."""
    low, high = ONE_PEAK
    return not (low <= row["true_shape"] <= high and low <= row["shape"] <= high)


def summary(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return per mode, feature and level: geometric mean of the ratios with 95 % interval, range, rms of their logarithm."""
    order = dict.fromkeys((row["mode"], row["feature"], row["level_e"]) for row in rows)
    table = []
    for mode, feature, level in order:
        chosen = [row for row in rows if (row["mode"], row["feature"], row["level_e"]) == (mode, feature, level)]
        ratios = np.array([row["ratio"] for row in chosen])
        logs = np.log(np.maximum(ratios, 1e-3))  # σ_est = 0: as far off as it gets
        reach = float(stats.t.ppf(0.975, max(len(logs) - 1, 1)) * logs.std(ddof=1) / math.sqrt(len(logs))) if len(logs) > 1 else math.nan
        table.append(
            {
                "mode": mode,
                "feature": feature,
                "kind": chosen[0]["kind"],
                "level_e": level,
                "cells": len(chosen),
                "ratio": math.exp(logs.mean()),
                "ci": [math.exp(logs.mean() - reach), math.exp(logs.mean() + reach)],
                "range": [float(ratios.min()), float(ratios.max())],
                "rms_log": float(np.sqrt(np.mean(logs**2))),
                "centre": float(np.mean([row["centre"] for row in chosen])),
                "warned": float(np.mean([row["warned"] for row in chosen])),
            }
        )
    return table


def uncertainties(table: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Return u_mode per mode and kind: the rms of ln(σ_est/σ_true) at the light level where it is largest."""
    found: dict[str, dict[str, float]] = {}
    for row in table:
        kinds = found.setdefault(row["mode"].partition(",")[0], {})
        kinds[row["kind"]] = max(kinds.get(row["kind"], 0.0), round(row["rms_log"], 3))
    return found


def is_right(row: dict[str, Any]) -> bool:
    """Return whether a cell's σ ratio lies in [.8, 1.25] and its centre within 5 σ of the truth."""
    return 0.8 <= row["ratio"] <= 1.25 and abs(row["centre"]) <= 5


def alarms(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """Return per mode how often a check of the mode, or replicas that are not one peak, warn where the cell is right and not."""
    low, high = ONE_PEAK
    found: dict[str, dict[str, str]] = {}
    for mode in dict.fromkeys(row["mode"] for row in rows):
        chosen = [(is_right(row), row["warned"] or not low <= row["shape"] <= high) for row in rows if row["mode"] == mode]
        right, wrong = ([warned for good, warned in chosen if good is kind] for kind in (True, False))
        found[mode] = {"false alarms": f"{sum(right)} of {len(right)}", "wrong and found": f"{sum(wrong)} of {len(wrong)}"}
    return found


def markdown(table: Sequence[dict[str, Any]]) -> str:
    """Return the table by mode and feature, one column a light level: ratio [interval], centre shift."""
    levels = list({row["level_e"]: None for row in table})
    lines = [
        "| mode | feature | " + " | ".join(f"{level:g} e⁻" for level in levels) + " |",
        "|---|---|" + "---|" * len(levels),
    ]
    for mode, feature in {(row["mode"], row["feature"]): None for row in table}:
        entries = []
        for level in levels:
            match = [row for row in table if (row["mode"], row["feature"], row["level_e"]) == (mode, feature, level)]
            entries.append(
                "never varies"
                if not match
                else f"{match[0]['ratio']:.2f} [{match[0]['ci'][0]:.2f}, {match[0]['ci'][1]:.2f}], {match[0]['centre']:+.1f}"
            )
        lines.append(f"| {mode} | {feature} | " + " | ".join(entries) + " |")
    return "\n".join(lines)


def main() -> None:
    """Run the study, print the table, write table, u_mode and all rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("out/example-04"))
    parser.add_argument("--scenes", type=int, default=3)
    parser.add_argument("--frames", type=int, default=6, help="frames from which each mode starts, per scene")
    parser.add_argument("--truth", type=int, default=2000, help="fresh frames behind σ_true")
    parser.add_argument("--replicas", type=int, default=600)
    parser.add_argument("--side", type=int, default=128, help="px")
    parser.add_argument("--levels", type=float, nargs="+", default=list(LEVELS_E), help="peak of the scene, e-")
    options = parser.parse_args()
    rows = list(cells(options.levels, options.scenes, options.frames, options.truth, options.replicas, options.side))
    steady = [row for row in rows if not switches(row)]
    table = summary(steady)
    print(markdown(table))
    print(f"\n{len(rows) - len(steady)} of {len(rows)} cells in which a feature switches between two answers are not in the table")
    print(json.dumps(alarms(rows), indent=1))
    source = f"examples/04_coverage.py, {options.scenes} scenes of {options.side} px, {options.frames} frames, {options.replicas} replicas"
    options.out.mkdir(parents=True, exist_ok=True)
    for name, content in (("u_mode", {"source": source, "u_mode": uncertainties(table)}), ("rows", rows), ("table", table)):
        (options.out / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
