"""One page of BBBC022 with a published nuclei U-Net: real image, real network, two model formats, one table.

The full study (seven codecs, n = 20) is examples/03_real_nuclei.py; here three of them with n = 3.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw.study.scoring import FROM_DOUBLE_BOOTSTRAP


@pytest.fixture(scope="module")
def example() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "examples" / "03_real_nuclei.py"
    spec = importlib.util.spec_from_file_location("real_nuclei", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["real_nuclei"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def records(example: ModuleType, shared_data: Path) -> dict[str, sr.Record]:
    codecs = ("lossless", "noiseaware:q=1", "jpeg2000:ratio=10")
    assert set(codecs) <= set(example.CODECS)
    return {kind: example.study(shared_data, kind, 3, codecs) for kind in example.MODELS}


def _table(record: sr.Record) -> list[dict[str, Any]]:
    return record.document["results"]


def test_both_formats_give_the_same_predictions(records: dict[str, sr.Record]) -> None:
    """Same graph, two runtimes that add in another order: a pixel at the threshold itself may fall either way, and nothing else.

    Counts are equal; areas in all predictions but one, there by a pixel or two; hence ε̂ to .1: two pixels in one of three
    replicas, where σ_raw is seven.
    """
    columns = [row["name"] for row in records["onnx"].document["measurements"]]
    for name in ("raw_prediction", "codec_prediction"):
        first, second = (records[kind].dataset[name].values for kind in ("onnx", "torch"))
        off = {column: np.abs(first - second)[..., index] for index, column in enumerate(columns)}
        assert not off["count"].any()
        assert off["area"].max() <= 2
        assert np.count_nonzero(off["area"]) <= 1
        same = off["area"] == 0
        for column in ("total_intensity", "mean_intensity"):
            np.testing.assert_allclose(first[..., columns.index(column)][same], second[..., columns.index(column)][same], rtol=1e-6)
    pairs = list(zip(*(_table(records[kind]) for kind in ("onnx", "torch")), strict=True))
    assert len(pairs) == 3 * 4
    for one, other in pairs:
        assert (one["codec"], one["measurement"]) == (other["codec"], other["measurement"])
        assert one["epsilon_hat"] == pytest.approx(other["epsilon_hat"], abs=0.1, nan_ok=True)
    assert sum(one["verdict"] != other["verdict"] for one, other in pairs) <= 1  # where that pixel lies on a limit's edge


def test_the_model_is_among_the_inputs(records: dict[str, sr.Record]) -> None:
    for kind, name in (("onnx", "weights.onnx"), ("torch", "weights.pt")):
        (row,) = [row for row in records[kind].document["inputs"] if row["role"] == "model"]
        assert row["path"].endswith(name)
        assert row["sha256"] == records[kind].document["pipeline"]["model_sha256"]


def test_what_is_found_on_the_raw_image_is_plausible(records: dict[str, sr.Record]) -> None:
    """Some thirty nuclei are in view; the network was trained on other images and merges a few."""
    chi = {row["measurement"]: row["chi_raw"] for row in _table(records["onnx"])}
    assert 15 <= chi["count"] <= 40
    assert 300 < chi["area"] / chi["count"] < 1500
    assert chi["mean_intensity"] == pytest.approx(chi["total_intensity"] / chi["area"])


def test_lossless_is_identical_and_the_camera_is_marked_as_stated(records: dict[str, sr.Record]) -> None:
    document = records["onnx"].document
    assert document["camera"]["calibrated"] is False
    assert {row["verdict"] for row in document["results"] if row["codec"] == "lossless"} == {"PASS"}
    assert "not calibrated" in records["onnx"].table()


def test_of_a_network_that_was_not_studied_u_mode_is_that_of_its_double_bootstrap(records: dict[str, sr.Record]) -> None:
    """Decision 0021: √(.066² + δ²), .066 at least; the study's largest where a measurement's double bootstrap says nothing."""
    for record in records.values():
        assert record.document["pipeline"]["u_mode"] == "largest"
        rows = {row["measurement"]: row for row in _table(record)}
        sources = f"kind not measured(: {FROM_DOUBLE_BOOTSTRAP}|, the largest of all)"
        for row in rows.values():
            assert re.search(sources, row["u_mode_source"]), row["u_mode_source"]
            assert row["u_mode"] >= 0.066
        said = " ".join(record.table().split())
        estimated = [name for name, row in rows.items() if FROM_DOUBLE_BOOTSTRAP in row["u_mode_source"]]
        others = [name for name in rows if name not in estimated]
        for names, sentence in (
            (estimated, "has not measured the kind of these measurements"),
            (others, "or the coverage study has not measured it"),
        ):
            assert (f"{sentence}: {', '.join(names)}. " in said) == bool(names)
