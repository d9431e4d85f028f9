"""What the coverage study found, cell by cell and in a table over frames; u_mode, and how often the warnings warn.

    python examples/06_coverage_tables.py --cells out/coverage --out out/coverage-tables

Reads what `04_coverage.py` drew. A cell is one mode on one frame of one scene at one light level, and one feature. Per mode, feature
and level: the geometric mean over cells of σ_est/σ_true with its 95 % interval exp(mean ± t·s/√m), and the centre shift
(mean over replicas − true mean)/σ_true. ε̂ is compared with its true value, mean(f(C(x)) − f(x)) over fresh frames by σ_true.

Left out: cells in which fewer than 20 fresh frames differ from the most frequent value (a count that never varies); counted beside the
tables: those in which a feature switches between two answers, in the fresh frames or in the replicas.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from sigmaraw.contracts import Measurement
from sigmaraw.files import atomic_path
from sigmaraw.noise import marginal, repeat_checks, residuals
from sigmaraw.noise.simex import Simex
from sigmaraw.statistics import double_bootstrap, peak_ratio
from sigmaraw.statistics.extrapolation import extrapolated_log_spread, extrapolated_mean, far_warning
from sigmaraw.statistics.spread import pool
from sigmaraw.statistics.warnings import centre_warning, peak_warning, shift_warning

Row = dict[str, Any]
CLASSICAL = (
    Measurement("mean", "DN", "m", "mean of all pixels", kind="mean"),
    Measurement("otsu-area", "px", "A", "pixels above Otsu's threshold", kind="adaptive-area"),
    Measurement("count", "1", "N", "connected objects above Otsu's threshold", discrete=True, kind="count"),
    Measurement("total-intensity", "DN", "I", "sum of pixels above Otsu's threshold", kind="intensity"),
    Measurement("raw-threshold-area", "px", "A_t", "pixels above a fixed level, half way up", kind="area"),
    Measurement("texture", "DN", "T", "standard deviation of the Laplacian", kind="texture"),
)
NETWORK = (
    Measurement("network-count", "1", "N_u", "objects that the U-Net finds", discrete=True, kind="network-count"),
    Measurement("network-area", "px", "A_u", "their pixels", kind="network-area"),
    Measurement("network-dice", "1", "D_u", "Dice of their mask with the true outlines", kind="network-dice"),
)
CODECS = ("noise-aware", "jpeg2000", "jpeg80")
FEWEST_EVENTS = 20
ORDERS = {"simex": Simex(), "simex, linear": Simex("linear")}


def cells(folder: Path) -> Iterator[Row]:
    """Yield one row per mode, scene, light level, frame and feature."""
    for path in sorted(folder.glob("*-frame*.npz")):
        # A file is whole or not there: a study that is still being drawn can be summed up.
        found = dict(np.load(path))
        truth = dict(np.load(folder / f"scene{int(found['scene'])}-{float(found['level_e']):g}e-truth.npz"))
        mode, repeats = str(found["mode"]), int(found["repeats"])
        name = f"{mode}, n = {repeats}" if repeats > 1 else mode
        for label in ORDERS if mode == "simex" else (name,):
            for part, features in (("classical", CLASSICAL), ("network", NETWORK)):
                for column, feature in enumerate(features):
                    row = one_cell(label, found, truth, part, column, feature)
                    if row is not None:
                        yield row


def one_cell(label: str, found: Row, truth: Row, part: str, column: int, feature: Measurement) -> Row | None:
    """Return a cell's ratio, centre, warnings and ε̂; None where the truth hardly varies."""
    true = truth[part][:, column]
    if len(true) - np.unique(true, return_counts=True)[1].max() < FEWEST_EVENTS:
        return None
    sigma, drawn = float(true.std(ddof=1)), found[part][:, column]
    known = estimate(label, drawn, float(found["factor"]), feature.discrete)
    sigma_est = math.exp(known.log)
    first = drawn[: len(drawn) // (4 if label in ORDERS else 1)]
    row = {
        "mode": label,
        "level_e": float(found["level_e"]),
        "scene": int(found["scene"]),
        "frame": int(found["frame"]),
        "feature": feature.name,
        "kind": feature.kind,
        "ratio": sigma_est / sigma,
        "u_log": math.hypot(known.u_log, log_uncertainty(true, feature.discrete)),
        "centre": (known.centre - float(true.mean())) / sigma,
        "shift": frame_shift(found, part, column, known),
        "true_shape": peak_ratio(true),
        "shape": peak_ratio(first),
        "marginal": float(np.ravel(found["marginal"])[0]) if "marginal" in found else 1.0,
        "warnings": warnings_of(label, found, part, column, feature, known),
    }
    coded = {codec: coded_part(part, codec) for codec in CODECS if coded_part(part, codec) in found}
    row["epsilon"] = {codec: epsilons(label, part, key, found, truth, column, sigma, sigma_est) for codec, key in coded.items()}
    row["warnings"] += [f"shift by {codec}" for codec, entry in row["epsilon"].items() if entry["own_shift_warns"]]
    return row


def coded_part(part: str, codec: str) -> str:
    """Return the name under which a part's features of decoded images stand."""
    return codec if part == "classical" else f"{part}, {codec}"


@dataclass(frozen=True)
class Estimate:
    """ln σ_est with its standard uncertainty, the replicas' centre with its own, and whether it was extrapolated too far."""

    log: float
    u_log: float
    centre: float
    u_centre: float = 0.0
    far: bool = False


def estimate(label: str, drawn: NDArray[np.float64], factor: float, discrete: bool) -> Estimate:
    """Return what a mode says of a feature's spread and centre; extrapolated where it does so."""
    if label in ORDERS:
        rule = ORDERS[label].extrapolation
        levels = rule.arrange(drawn[np.newaxis])
        log_sigma, centre = extrapolated_log_spread(levels, rule), extrapolated_mean(levels, rule)
        far = math.isinf(log_sigma.value) or bool(far_warning(log_sigma.value, levels))
        return Estimate(log_sigma.value, log_sigma.u, centre.value, centre.u, far)
    s = float(drawn.std(ddof=1)) * factor
    return Estimate(math.log(s) if s > 0 else -math.inf, log_uncertainty(drawn, discrete), float(drawn.mean()))


def log_uncertainty(values: NDArray[np.float64], discrete: bool) -> float:
    """Return the standard uncertainty of ln s."""
    moments = pool(values[np.newaxis], discrete)
    return math.sqrt(float((moments.log_influence() ** 2).sum()) + moments.log_floor)


def frame_shift(found: Row, part: str, column: int, known: Estimate) -> float:
    """Return the replicas' centre less the frame's own prediction, in σ_est and the centre's own uncertainty; 0 with repeats."""
    on_frame = f"on frame, {part}"
    sigma = math.exp(known.log)
    if on_frame not in found or sigma == 0:
        return 0.0
    return (known.centre - float(found[on_frame][column])) / math.hypot(sigma, known.u_centre)


def warnings_of(label: str, found: Row, part: str, column: int, feature: Measurement, known: Estimate) -> list[str]:
    """Return the names of what `validate` would warn of."""
    names = []
    drawn = found[part][:, column]
    if centre_warning(frame_shift(found, part, column, known)):
        names.append("centre")
    if known.far:
        names.append("far")
    if label not in ORDERS and peak_warning(drawn[np.newaxis]):
        names.append("peak")
    if f"again, {part}" in found and double_bootstrap(drawn[np.newaxis], found[f"again, {part}"][:, :, column], feature.discrete).warnings:
        names.append("found again")
    if "marginal" in found:
        value = np.append(np.ravel(found["marginal"]), 0.0)
        if marginal.diagnostic(float(value[0]), float(value[1])).warns(feature) and label not in ORDERS:
            names.append("marginal variance")
    for name, value in json.loads(str(found["checks"])):
        check = (
            residuals.diagnostic(name, value)
            if name.startswith("residual")
            else repeat_checks.diagnostic(name, value, int(found["repeats"]))
        )
        if check.warns(feature):
            names.append(name)
    return names


def epsilons(label: str, part: str, coded: str, found: Row, truth: Row, column: int, sigma: float, sigma_est: float) -> Row:
    """Return ε̂ as estimated and as it is, each with its standard uncertainty (Monte Carlo), and how far off the frame's own shift is.

    part, coded : names of a part's features and of those of its decoded images.
    """

    def score(values: Row, spread: float, rule: Any = None) -> tuple[float, float]:
        difference = values[coded][:, column] - values[part][: len(values[coded]), column]
        if rule is not None:
            step = rule.cluster * len(rule.levels)
            difference = difference[: len(difference) // step * step]
            shift = extrapolated_mean(rule.arrange(difference[np.newaxis]), rule)
            return shift.value / spread, shift.u / spread
        return float(difference.mean()) / spread, float(difference.std(ddof=1)) / math.sqrt(difference.size) / spread

    true, u_true = score(truth, sigma)
    rule = ORDERS[label].extrapolation if label in ORDERS else None
    est, u_est = score(found, sigma_est, rule) if sigma_est > 0 else (math.nan, math.nan)
    own = own_shift(found, part, coded, column, label)
    return {"true": true, "u_true": u_true, "est": est, "u_est": u_est, "own_shift_warns": own}


def own_shift(found: Row, part: str, coded: str, column: int, label: str) -> bool:
    """Return whether `validate` would warn that the frame's own shift is no draw of the replicas'; never of repeats or levels."""
    if f"on frame, {coded}" not in found or label in ORDERS:
        return False
    difference = found[coded][:, column] - found[part][: len(found[coded]), column]
    return bool(shift_warning(float(found[f"on frame, {coded}"][column] - found[f"on frame, {part}"][column]), difference))


# --- what counts as right ---------------------------------------------------------------------------------------------
def switches(row: Row) -> bool:
    """Return whether a cell's feature takes two answers, in the fresh frames or in the replicas."""
    return bool(peak_shape(row["true_shape"]) or (peak_shape(row["shape"]) and row["mode"] not in ORDERS))


def peak_shape(ratio: float) -> bool:
    """Return whether a peak ratio is that of two answers, or of a usual one and one far off."""
    return not 0.8 <= ratio <= 1.35


def sigma_right(row: Row) -> bool:
    """Return whether σ_est/σ_true lies in [0.8, 1.25]."""
    return 0.8 <= row["ratio"] <= 1.25


def epsilon_wrong(entry: Row, chance: float = 2.0) -> bool:
    """Return whether |ε̂_true| > 3u and ε̂ has the other sign or is off by more than 25 % + 0.3, and more than chance explains.

    chance : how many standard uncertainties (Monte Carlo) of the difference are let pass.
    """
    true, est = entry["true"], entry["est"]
    allowed = chance * math.hypot(entry["u_true"], entry["u_est"])
    if not abs(true) > 3 * entry["u_true"]:
        return False
    return math.isnan(est) or (true * est <= 0 and abs(est) > allowed) or abs(est - true) > 0.25 * abs(true) + 0.3 + allowed


def is_right(row: Row) -> bool:
    """Return whether σ ratio, centre (within 5 σ) and every ε̂ of a cell are right."""
    return sigma_right(row) and abs(row["centre"]) <= 5 and not any(map(epsilon_wrong, row.get("epsilon", {}).values()))


def judged(row: Row) -> Row:
    """Return what is right and wrong about a cell, as it goes into rows.json. A shift by another codec is no warning of an ε̂."""
    wrong = [codec for codec, entry in row["epsilon"].items() if epsilon_wrong(entry)]
    general = any(not name.startswith("shift by") for name in row["warnings"])
    unwarned = [codec for codec in wrong if not general and f"shift by {codec}" not in row["warnings"]]
    return {
        "switches": switches(row),
        "sigma_right": sigma_right(row),
        "epsilon_wrong": wrong,
        "epsilon_unwarned": unwarned,
        "right": is_right(row),
    }


def alarms(rows: Sequence[Row]) -> dict[str, dict[str, str]]:
    """Return per mode how often a result warns where it is right, and where σ ratio, centre or ε̂ is not. rows : judged."""

    def warns(row: Row) -> bool:
        return bool(row["warnings"])

    tests: dict[str, tuple[Callable[[Row], bool], Callable[[Row], bool]]] = {
        "right": (lambda row: row["right"], warns),
        "sigma ratio and epsilon-hat right": (lambda row: row["sigma_right"] and not row["epsilon_wrong"], warns),
        "sigma ratio outside [0.8, 1.25]": (lambda row: not row["sigma_right"], warns),
        "centre more than 5 sigma off": (lambda row: abs(row["centre"]) > 5, warns),
        "an epsilon-hat of wrong sign or size": (lambda row: bool(row["epsilon_wrong"]), lambda row: not row["epsilon_unwarned"]),
    }
    found: dict[str, dict[str, str]] = {}
    for mode in dict.fromkeys(row["mode"] for row in rows):
        for name, (test, warned) in tests.items():
            chosen = [warned(row) for row in rows if row["mode"] == mode and test(row)]
            found.setdefault(mode, {})[name] = f"{sum(chosen)} of {len(chosen)} warned"
    return found


# --- tables -----------------------------------------------------------------------------------------------------------
def summary(rows: Sequence[Row]) -> list[Row]:
    """Return per mode, feature and level: geometric mean of the ratios with intervals, centre, u_mode."""
    order = dict.fromkeys((row["mode"], row["feature"], row["level_e"]) for row in rows)
    return [_summed([row for row in rows if (row["mode"], row["feature"], row["level_e"]) == key]) for key in order]


def _summed(chosen: Sequence[Row]) -> Row:
    logs = np.log(np.maximum([row["ratio"] for row in chosen], 1e-3))  # σ_est = 0: as far off as it gets
    chance = float(np.mean([min(row["u_log"], 1.0) ** 2 for row in chosen]))
    reach = float(stats.t.ppf(0.975, len(logs) - 1) * logs.std(ddof=1) / math.sqrt(len(logs))) if len(logs) > 1 else math.nan
    beyond = float(stats.norm.ppf(0.9995)) * math.sqrt(chance / len(logs))
    return {
        **{name: chosen[0][name] for name in ("mode", "feature", "kind", "level_e")},
        "cells": len(chosen),
        "ratio": math.exp(logs.mean()),
        "ci": [math.exp(logs.mean() - reach), math.exp(logs.mean() + reach)],
        "ci_999": [math.exp(logs.mean() - beyond), math.exp(logs.mean() + beyond)],
        "range": [math.exp(logs.min()), math.exp(logs.max())],
        "rms_log": math.sqrt(max(float(np.mean(logs**2)) - chance, float(np.mean(logs**2)) / 2)),
        "centre": float(np.mean([row["centre"] for row in chosen])),
        "warned": float(np.mean([bool(row["warnings"]) for row in chosen])),
    }


def determined(row: Row) -> bool:
    """Return whether no warning of a cell says that σ_raw itself is not determined."""
    return not switches(row) and not {"peak", "far", "found again"} & set(row["warnings"])


def uncertainties(table: Sequence[Row]) -> dict[str, dict[str, float]]:
    """Return u_mode per mode and kind: the rms of ln(σ_est/σ_true) at the light level where it is largest.

    Monte Carlo error is taken off, but of the mean square no more than half.

    table : of cells that are `determined`; a result that warns of σ_raw itself asks for more than a wider uncertainty.
    """
    found: dict[str, dict[str, float]] = {}
    for row in table:
        if row["mode"].startswith(("repeats", "simex, ")):  # repeats are the truth; the default of simex is the parabola
            continue
        kinds = found.setdefault(row["mode"].partition(",")[0], {})
        kinds[row["kind"]] = max(kinds.get(row["kind"], 0.0), round(row["rms_log"], 3))
    return found


def main() -> None:
    """Write all rows, the table over frames and u_mode; print how often the warnings warn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=Path, default=Path("out/coverage"))
    parser.add_argument("--out", type=Path, default=Path("out/coverage-tables"))
    options = parser.parse_args()
    rows = [row | judged(row) for row in cells(options.cells)]
    steady = [row for row in rows if not row["switches"]]
    table = summary(steady)
    print(f"{len(rows) - len(steady)} of {len(rows)} cells in which a feature switches between two answers are not in the table")
    one_peak = [row for row in rows if not peak_shape(row["true_shape"])]
    for title, chosen in (("all cells", rows), ("cells whose true values are one peak", one_peak)):
        print(f"\n{title}: {json.dumps(alarms(chosen), indent=1)}")
    for row in table:
        if row["mode"].startswith(("mean-n", "repeats")) and (row["ci_999"][0] > 1.1 or row["ci_999"][1] < 0.9):
            print("99.9 % interval does not meet [0.9, 1.1]:", row["mode"], row["feature"], f"{row['level_e']:g} e-, {row['ratio']:.3f}")
    u_mode = {"source": source_of(rows), "u_mode": uncertainties(summary([row for row in rows if determined(row)]))}
    for name, content in (("u_mode", u_mode), ("rows", rows), ("table", table), ("alarms", alarms(rows))):
        with atomic_path(options.out / f"{name}.json") as temporary:
            temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def source_of(rows: Sequence[Row]) -> str:
    """Return in words what u_mode was measured on."""
    scenes, frames = len({row["scene"] for row in rows}), len({(row["scene"], row["level_e"], row["frame"]) for row in rows})
    return f"examples/04_coverage.py, {scenes} scenes of 256 px at {len({row['level_e'] for row in rows})} light levels, {frames} frames"


if __name__ == "__main__":
    main()
