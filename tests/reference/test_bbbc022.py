"""One page of BBBC022 with a published nuclei U-Net: real image, real network, two model formats, one table.

The full study (seven codecs, n = 20) is examples/03_real_nuclei.py; here two of them with n = 2, on a part of the page.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import tifffile

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


PART = (slice(0, 256), slice(0, 320))  # y, x; px: one window of the network, and a fifth of the pixels to code


@pytest.fixture(scope="module")
def data(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like the shared one, in which the page is cut."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "bia-notebooks").mkdir()
    (folder / "unet2d-nuclei-broad").symlink_to(shared_data / "unet2d-nuclei-broad")
    page = tifffile.imread(shared_data / "bia-notebooks" / "IXMtest_A02_s9.tif", key=0)
    tifffile.imwrite(folder / "bia-notebooks" / "IXMtest_A02_s9.tif", page[PART], photometric="minisblack")
    return folder


@pytest.fixture(scope="module")
def record(example: ModuleType, data: Path) -> sr.Record:
    codecs = ("lossless", "jpeg2000:ratio=10")
    assert set(codecs) <= set(example.CODECS)
    return example.study(data, "onnx", 2, codecs)


def test_both_formats_give_the_same_predictions(example: ModuleType, data: Path) -> None:
    """Same graph, two runtimes that add in another order: a pixel at the threshold itself may fall either way, and nothing else.

    Counts are equal, areas differ by two pixels at most, and where they do not differ intensities are equal to 1e-6.
    """
    frame = tifffile.imread(data / "bia-notebooks" / "IXMtest_A02_s9.tif", key=0)
    images = [frame, *sr.replicas(frame, sr.CameraProfile.from_values(**example.CAMERA), 1, "bootstrap", seed=22).to_numpy()]
    folder = data / "unet2d-nuclei-broad"
    onnx, torch = (sr.pipeline(example.MODELS[kind].format(folder=folder)) for kind in ("onnx", "torch"))
    columns = [measurement.name for measurement in onnx.measurements]
    first, second = (np.array([[pipeline(image)[column] for column in columns] for image in images]) for pipeline in (onnx, torch))
    off = dict(zip(columns, np.abs(first - second).T, strict=True))
    assert not off["count"].any()
    assert off["area"].max() <= 2
    same = off["area"] == 0
    assert same.any()
    for column in ("total_intensity", "mean_intensity"):
        index = columns.index(column)
        np.testing.assert_allclose(first[same, index], second[same, index], rtol=1e-6)


def test_the_model_is_among_the_inputs(record: sr.Record) -> None:
    (row,) = [row for row in record.document["inputs"] if row["role"] == "model"]
    assert row["path"].endswith("weights.onnx")
    assert row["sha256"] == record.document["pipeline"]["model_sha256"]


def test_what_is_found_on_the_raw_image_is_plausible(record: sr.Record) -> None:
    """Some ten nuclei are in view (9 by Otsu); the network was trained on other images and merges a few."""
    chi = {row["measurement"]: row["chi_raw"] for row in record.document["results"]}
    assert 6 <= chi["count"] <= 14
    assert 300 < chi["area"] / chi["count"] < 1500
    assert chi["mean_intensity"] == pytest.approx(chi["total_intensity"] / chi["area"])


def test_lossless_is_identical_and_the_camera_is_marked_as_stated(record: sr.Record) -> None:
    document = record.document
    assert document["camera"]["calibrated"] is False
    assert {row["verdict"] for row in document["results"] if row["codec"] == "lossless"} == {"PASS"}
    assert "not calibrated" in record.table()


def test_of_a_network_that_was_not_studied_u_mode_is_that_of_its_double_bootstrap(record: sr.Record) -> None:
    """Decision 0021: √(.066² + δ²), .066 at least; the study's largest where a measurement's double bootstrap says nothing."""
    assert record.document["pipeline"]["u_mode"] == "largest"
    rows = {row["measurement"]: row for row in record.document["results"]}
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
