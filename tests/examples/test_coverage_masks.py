"""The second coverage study on one small scene: its features are what pipelines give, its rows what the first one's rules make of them."""

from __future__ import annotations

import argparse
import json
import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sigmaraw as sr

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "09_coverage_masks.py"
MASKS = runpy.run_path(str(SCRIPT))
SIZES = ["--truth", "120", "--replicas", "60", "--network", "20", "--side", "64"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("masks")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [SCRIPT.name, "--out", str(path), "--scenes", "0", "--levels", "100", "--frames", "1", *SIZES])
        MASKS["main"]()
    return path


def test_the_features_are_what_the_pipelines_measure() -> None:
    study = MASKS["MaskStudy"](0, 100.0, argparse.Namespace(truth=10, replicas=10, network=10, side=96))
    images = next(study.fresh(2, 0))
    otsu, hard, soft = (sr.pipeline(spec).batch(images) for spec in ("otsu", "unet-demo", "unet-demo:measure=soft"))
    np.testing.assert_allclose(study.classical(images)[:, 0], otsu["mean_intensity"], rtol=1e-12)
    expected = [
        hard["total_intensity"],
        hard["mean_intensity"],
        *(soft[f"soft_{name}"] for name in ("area", "total_intensity", "mean_intensity")),
    ]
    # float32 in the network: the order of its sums depends on the number of threads
    np.testing.assert_allclose(study.networks(images), np.stack(expected, axis=1), rtol=1e-5)
    kinds = {row.kind for spec in ("otsu", "unet-demo", "unet-demo:measure=soft") for row in sr.pipeline(spec).measurements}
    assert {row.kind for row in (*MASKS["CLASSICAL"], *MASKS["NETWORK"])} <= kinds


def test_every_mode_has_its_rows_and_u_mode_is_theirs(folder: Path) -> None:
    rows: list[dict[str, Any]] = list(MASKS["cells"](folder))
    features = {row.name for row in (*MASKS["CLASSICAL"], *MASKS["NETWORK"])}
    modes = {"around-raw", "bootstrap", "simex", "simex, linear", "mean-n, n = 4", "mean-n, n = 16"}
    assert {(row["mode"], row["feature"]) for row in rows} <= {(mode, feature) for mode in modes for feature in features}
    for feature in features:  # 100 e-: the cells are clear, and what is in them varies
        (row,) = [row for row in rows if (row["mode"], row["feature"]) == ("mean-n, n = 16", feature)]
        assert abs(np.log(row["ratio"])) < 4 * row["u_log"] + 0.1
    written = json.loads((folder / "u_mode.json").read_text(encoding="utf-8"))
    assert "1 scenes of 64 px at 1 light levels, 1 frames" in written["source"]
    known = [row for row in rows if row["mode"] == "around-raw" and MASKS["TABLES"]["determined"](row)]
    assert set(written["u_mode"]["around-raw"]) == {row["kind"] for row in known}
    for row in known:  # one cell: |ln ratio| with Monte Carlo error taken off, half of its square at most
        square = np.log(row["ratio"]) ** 2
        value = np.sqrt(max(square - min(row["u_log"], 1.0) ** 2, square / 2))
        assert written["u_mode"]["around-raw"][row["kind"]] == pytest.approx(value, abs=6e-4)
