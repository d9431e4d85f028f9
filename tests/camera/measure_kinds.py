"""The table of docs/reference/camera-profile.md: python -m tests.camera.measure_kinds CAMERAS [KIND…], 128² pixels, a second a camera."""

from __future__ import annotations

import sys

import numpy as np
import test_kinds
from scipy.stats import norm

SHAPE, FIRST = (128, 128), 1000  # of the seeds, apart from those of the test

cameras, kinds = int(sys.argv[1]), sys.argv[2:] or list(test_kinds.KINDS)
test_kinds.SHAPE = SHAPE
bounds = absent = silent = 0
for name in kinds:
    found = [test_kinds.scores(test_kinds.KINDS[name], FIRST + seed) for seed in range(cameras)]
    z = {quantity: np.array([row[quantity] for row, _ in found]) for quantity in found[0][0]}
    straight = [line for _, line in found]
    bounds += sum(len(values) for values in z.values())
    # A part that is not there scores exactly 0 where its upper limit says so.
    parts = [z[part] for part in ("dsnu_row", "dsnu_column", "prnu_row", "prnu_column") if not (part == "dsnu_column" and "column" in name)]
    absent, silent = absent + sum(len(values) for values in parts), silent + sum(int((values == 0).sum()) for values in parts)
    cells = [f"{z[quantity].mean():.2f} ± {z[quantity].std(ddof=1):.2f}" for quantity in ("gain", "dark_noise", "dsnu", "prnu")]
    largest = max(float(np.abs(values).max()) for values in z.values())
    print(f"| {name} | {' | '.join(cells)} | {largest:.1f} | {min(straight):.1f} to {max(straight):.1f} |", flush=True)
print(f"{bounds} bounds, |z| ≤ {norm.isf(0.005 / (2 * bounds)):.2f}; {silent} of {absent} absent parts are said to be below a limit")
