"""One page of BBBC022 with a published nuclei U-Net: real image, real network, two model formats, one table.

The full study (seven codecs, n = 20) is examples/03_real_nuclei.py; here n = 3.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import sigmaraw as sr


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
    codecs = tuple(codec for codec in example.CODECS if codec != "to8bit:minmax")
    assert len(codecs) >= 6
    return {kind: example.study(shared_data, kind, 3, codecs) for kind in example.MODELS}


def _table(record: sr.Record) -> list[dict[str, Any]]:
    return record.document["results"]


def test_both_formats_give_the_same_table(records: dict[str, sr.Record]) -> None:
    """Same graph, two runtimes: counts and areas are equal, intensities to 1e-6, verdicts the same."""
    first, second = (_table(records[kind]) for kind in ("onnx", "torch"))
    assert len(first) == len(second) == 6 * 4
    for one, other in zip(first, second, strict=True):
        assert (one["codec"], one["measurement"], one["verdict"]) == (other["codec"], other["measurement"], other["verdict"])
        for name in ("chi_raw", "chi_codec", "sigma_raw", "epsilon_hat"):
            assert one[name] == pytest.approx(other[name], rel=1e-6, abs=1e-9, nan_ok=True), (one["codec"], one["measurement"], name)


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


def test_of_a_network_that_was_not_studied_u_mode_is_the_largest(records: dict[str, sr.Record]) -> None:
    for record in records.values():
        assert record.document["pipeline"]["u_mode"] == "largest"
        rows = {row["measurement"]: row for row in _table(record)}
        assert {row["u_mode"] for row in rows.values()} == {max(row["u_mode"] for row in rows.values())}
        assert all("kind not measured, the largest of all" in row["u_mode_source"] for row in rows.values())
        assert "nothing like count, area, total_intensity, mean_intensity" in " ".join(record.table().split())
