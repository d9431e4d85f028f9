"""The coverage study on one small scene: what must come out whatever the numbers of the full one are."""

from __future__ import annotations

import math
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

STUDY = runpy.run_path(str(Path(__file__).resolve().parents[2] / "examples" / "04_coverage.py"))
TRUTH, REPLICAS = 600, 300
# Relative SE of a ratio of two standard deviations of normal predictions.
SE = math.sqrt(1 / (2 * (TRUTH - 1)) + 1 / (2 * (REPLICAS - 1)))


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return list(STUDY["cells"](levels=(30.0,), scenes=1, frames=2, truth=TRUTH, replicas=REPLICAS, side=96))


def ratios(rows: list[dict[str, Any]], mode: str, feature: str) -> list[float]:
    return [row["ratio"] for row in rows if (row["mode"], row["feature"]) == (mode, feature)]


MODES = ["around-raw", "bootstrap", "mean-n, n = 4", "mean-n, n = 16"]


@pytest.mark.parametrize("mode", MODES)
def test_the_mean_of_a_frame_is_exact_in_every_mode(rows: list[dict[str, Any]], mode: str) -> None:
    """4 SE; u_cal is 0 here, since the camera is known."""
    found = ratios(rows, mode, "mean")
    assert len(found) == 2
    assert all(abs(ratio - 1) < 4 * SE for ratio in found)


def test_texture_is_right_around_a_denoised_frame_and_off_around_a_noisy_one(rows: list[dict[str, Any]]) -> None:
    assert all(abs(ratio - 1) < 0.1 + 4 * SE for ratio in ratios(rows, "bootstrap", "texture"))
    assert all(abs(ratio - 1) < 0.1 + 4 * SE for ratio in ratios(rows, "mean-n, n = 16", "texture"))
    assert all(ratio > 1.3 - 4 * SE for ratio in ratios(rows, "around-raw", "texture"))
    centres = {mode: [abs(row["centre"]) for row in rows if (row["mode"], row["feature"]) == (mode, "texture")] for mode in MODES}
    assert min(centres["around-raw"]) > 15
    assert max(centres["bootstrap"]) < 5


def test_the_summary_is_of_its_rows(rows: list[dict[str, Any]]) -> None:
    table = STUDY["summary"](rows)
    assert {(row["mode"], row["feature"]) for row in table} == {(row["mode"], row["feature"]) for row in rows}
    (entry,) = [row for row in table if (row["mode"], row["feature"]) == ("bootstrap", "texture")]
    logs = np.log(ratios(rows, "bootstrap", "texture"))
    assert entry["ratio"] == pytest.approx(math.exp(logs.mean()))
    assert entry["rms_log"] == pytest.approx(math.sqrt((logs**2).mean()))
    # t.₉₇₅ with 1 degree of freedom is 12.706
    assert math.log(entry["ci"][1] / entry["ratio"]) == pytest.approx(12.706 * logs.std(ddof=1) / math.sqrt(2), rel=1e-3)
    found = STUDY["uncertainties"](table)
    assert set(found) == {"around-raw", "bootstrap", "mean-n"}
    worst = max(row["rms_log"] for row in table if row["mode"].startswith("mean-n") and row["kind"] == "texture")
    assert found["mean-n"]["texture"] == pytest.approx(worst, abs=6e-4)


def test_cells_that_switch_and_cells_that_are_right_are_told_apart() -> None:
    base = {"mode": "m", "true_shape": 1.0, "shape": 1.0, "ratio": 1.0, "centre": 0.0, "warned": False}
    assert not STUDY["switches"](base)
    assert STUDY["switches"](base | {"shape": 3.0})
    assert STUDY["switches"](base | {"true_shape": 0.6})
    assert STUDY["alarms"]([base, base | {"shape": 3.0}, base | {"ratio": 2.0}, base | {"centre": -9.0, "warned": True}]) == {
        "m": {"false alarms": "1 of 2", "wrong and found": "1 of 2"}
    }
