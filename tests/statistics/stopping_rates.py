"""`auto:decide` in twelve named cells: how often a row at a limit is decided PASS at any look, and how many replicas a harmless row takes.

    OMP_NUM_THREADS=1 python -m tests.statistics.stopping_rates --runs 1000

Four kinds of predictions, each with one part exactly at its limit (shift ε = 1, RMS = 1, ratio = 1.25), the other parts asked for
nothing; two raw groups; looks as `StoppingRule.until(100, maximum)` takes them.
"""

from __future__ import annotations

import argparse
import math
import sys
import zlib

import numpy as np

from sigmaraw.statistics import RowLimits, StoppingRule, measure
from tests.statistics.error_rates import WIDE, draw, step

KINDS = ("normal", "t5", "exponential", "Poisson .3")
PARTS = ("shift", "rms", "ratio")
LIMITS = {
    "shift": RowLimits(1.0, WIDE, WIDE),
    "rms": RowLimits(WIDE, WIDE, 1.0),
    "ratio": RowLimits(WIDE, 1.25, WIDE),
    "harmless": RowLimits(),
}


def changed(part: str, x: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Return f(C(R)) with one part at its limit, or of a harmless codec (ε .1, D of sd .3)."""
    if part == "shift":
        return x + 1.0 + 0.5 * noise
    if part == "rms":
        return x + 0.7 + math.sqrt(0.51) * noise
    if part == "ratio":
        return x + 0.75 * noise
    return x + 0.1 + 0.3 * noise


def rate(kind: str, part: str, runs: int, maximum: int) -> tuple[float, float]:
    """Return the share of rows decided PASS, and the mean number of replicas that rows take."""
    rule = StoppingRule.until(100, maximum)
    random = np.random.default_rng(zlib.crc32(f"{kind} {part}".encode()))
    raw, noise = draw(kind, random, (runs, 2, maximum)), draw(kind, random, (runs, maximum))
    decoded, state = changed(part, raw[:, 1], noise), rule.start(runs)
    for number, (n, level) in enumerate(zip(rule.looks, rule.levels, strict=True)):
        discrete = kind.startswith("Poisson")
        found = measure(raw[..., :n], decoded[:, :n], 1, step=step(kind), discrete=discrete)
        inside, beyond = (side(LIMITS[part], level) for side in (found.inside, found.beyond))
        state = rule.look(state, number, inside.all(axis=0), beyond.any(axis=0))
    at = np.where(state.decided_at == 0, maximum, state.decided_at)
    return float(np.mean([verdict == "PASS" for verdict in state.verdict])), float(at.mean())


def main() -> None:
    """Print one line per cell."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--max", type=int, default=300)
    asked = parser.parse_args()
    head = ("predictions", *(f"wrong PASS, {part} at its limit" for part in PARTS), "harmless: PASS", "mean n")
    sys.stdout.write("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|\n")
    for kind in KINDS:
        wrong = [100 * rate(kind, part, asked.runs, asked.max)[0] for part in PARTS]
        passed, n = rate(kind, "harmless", asked.runs, asked.max)
        sys.stdout.write(f"| {kind} | " + " | ".join(f"{value:.1f} %" for value in wrong) + f" | {passed:.2f} | {n:.0f} |\n")
        sys.stdout.flush()
    sys.stdout.write(f"\nstandard error at 5 %: {100 * math.sqrt(0.0475 / asked.runs):.1f} %\n")


if __name__ == "__main__":
    main()
