"""U-Nets from one description, and trained networks as pipelines: masks, classes, stains, volumes."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import tifffile
import torch

import sigmaraw as sr
from sigmaraw.errors import IntegrityError, InvalidModel, InvalidOption, ShapeMismatch
from sigmaraw.pipelines.demo_weights import SHIPPED
from sigmaraw.pipelines.stain import segmented
from sigmaraw.pipelines.unet import UNet, UNetDescription
from sigmaraw.testing import check_pipeline
from sigmaraw.training import Trained, train
from tests.training.conftest import cells, config  # noqa: F401 (a fixture)


def test_the_shipped_weights_are_a_network_of_this_description() -> None:
    network = UNet(UNetDescription(widths=(8, 16, 32, 64)))
    network.load_state_dict(safetensors.torch.load_file(SHIPPED))


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize("activation", ["relu", "elu"])
def test_a_description_gives_maps_of_the_inputs_size(dims: int, norm: str, activation: str) -> None:
    described = UNetDescription(dims=dims, widths=(4, 6, 8), norm=norm, activation=activation, outputs=3)  # type: ignore[arg-type]
    network = UNet(described).eval()
    x = torch.randn((2, 1, *[8] * dims))
    y = network(x)
    assert y.shape == (2, 3, *[8] * dims)
    alone = network(x[:1])
    assert torch.allclose(alone, y[:1], atol=1e-5), "an image's answer does not depend on the batch"
    assert network.encoded(x)[-1].shape == (2, 8, *[2] * dims)


def test_weights_start_as_he_says() -> None:
    torch.manual_seed(0)
    weight = UNet(UNetDescription(widths=(64, 128))).down[1].first.weight
    n = weight.numel()
    expected = math.sqrt(2 / (64 * 9))
    assert float(weight.detach().std()) == pytest.approx(expected, rel=4 / math.sqrt(2 * n))  # SE of a standard deviation: 1/√(2n)


@pytest.fixture(scope="module")
def stain(cells: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:  # noqa: F811
    made = config("image", "stains", "pcc", training__epochs=4, training__steps=25)
    return train(made, tmp_path_factory.mktemp("stain"), folder=cells)


@pytest.fixture(scope="module")
def mask(cells: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:  # noqa: F811
    return train(config(training__epochs=4, training__steps=25), tmp_path_factory.mktemp("mask"), folder=cells)


def test_a_mask_network_is_a_pipeline(mask: Trained, cells: Path) -> None:  # noqa: F811
    pipeline = sr.pipeline(f"trained:{mask.weights}")
    check_pipeline(pipeline)
    frame = tifffile.imread(cells / "images" / "cell-0.tif")
    truth = tifffile.imread(cells / "masks" / "cell-0.tif") > 0
    found = pipeline.mask(frame)  # type: ignore[attr-defined]
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.8
    assert pipeline.config()["model_sha256"] == mask.sha256
    assert pipeline.bottleneck(frame).shape == (8,)  # type: ignore[attr-defined]
    with pytest.raises(InvalidOption, match="segment"):
        sr.pipeline(f"trained:{mask.weights},segment=local")


def test_a_predicted_stain_is_segmented_and_measured(stain: Trained, cells: Path) -> None:  # noqa: F811
    pipeline = sr.pipeline(f"trained:{stain.weights},min_size=5")
    check_pipeline(pipeline)
    frame = tifffile.imread(cells / "images" / "cell-0.tif")
    values = pipeline(frame)
    predicted = pipeline.stain(frame)  # type: ignore[attr-defined]
    found = pipeline.mask(frame)  # type: ignore[attr-defined]
    from scipy import ndimage

    labels, _ = ndimage.label(found, np.ones((3, 3)))
    kept = np.isin(labels, np.flatnonzero(np.bincount(labels.ravel()) >= 5)) & (labels > 0)
    assert values["area"] == kept.sum() and values["total_intensity"] == pytest.approx(predicted[kept].sum(dtype=float))
    truth = tifffile.imread(cells / "stains" / "cell-0.tif")
    assert np.corrcoef(predicted.ravel(), truth.ravel())[0, 1] > 0.8
    assert {row.unit for row in pipeline.measurements} == {"1", "px"}
    with pytest.raises(InvalidOption, match="measure"):
        sr.pipeline(f"trained:{stain.weights},measure=soft")


def test_volumes_and_classes(cells: Path, tmp_path: Path) -> None:  # noqa: F811
    data = {"images": "volumes/*.npy", "targets": "solids/*.npy", "volume": True, "split": {"validation": 0.0, "test": 0.0}}
    volume = train(config(data=data, training__tile=[4, 8, 8], training__epochs=1), tmp_path / "v", folder=cells)
    pipeline = sr.pipeline(f"trained:{volume.weights},min_size=0")
    image = np.load(cells / "volumes" / "cell-1.npy")[:5, :23]
    assert pipeline.mask(image).shape == image.shape  # type: ignore[attr-defined]
    assert pipeline(image)["area"] == pipeline.mask(image).sum()  # type: ignore[attr-defined]
    with pytest.raises(ShapeMismatch, match="volume"):
        pipeline(image[0])
    classes = train(
        config("classes", "classes", "dice-ce", data__classes=3, training__epochs=4, training__steps=25), tmp_path / "c", folder=cells
    )
    frame = tifffile.imread(cells / "images" / "cell-0.tif")
    truth = tifffile.imread(cells / "classes" / "cell-0.tif")
    areas = [sr.pipeline(f"trained:{classes.weights},channel={k},min_size=0")(frame)["area"] for k in (1, 2)]
    assert sum(areas) == pytest.approx((truth > 0).sum(), rel=2 * 1.0 / 5)  # edges of discs of r = 5 px found to d = 1 px: 2d/r


def test_weights_and_record_belong_together(mask: Trained, tmp_path: Path) -> None:
    for path in (mask.weights, mask.record):
        shutil.copy(path, tmp_path)
    record = json.loads((tmp_path / "model.json").read_text())
    for change, kind in (
        ({"sha256": "0" * 64}, IntegrityError),
        ({"schema": "other"}, InvalidModel),
        ({"model": {"task": "mask", "pre": "zscore", "network": {"widths": [4, 9]}}}, InvalidModel),
        ({"model": {"task": "mask", "pre": "zscore", "network": {"widths": [10**9]}}}, InvalidModel),
        ({"model": {"task": "mask", "pre": "os.system"}}, InvalidModel),
    ):
        (tmp_path / "model.json").write_text(json.dumps({**record, **change}))
        with pytest.raises(kind):
            sr.pipeline(f"trained:{tmp_path / 'model.safetensors'}")


def test_stains_are_segmented_by_each_threshold() -> None:
    y, x = np.mgrid[:80, :80]
    ring = ((np.hypot(y - 20, x - 20) < 10) & (np.hypot(y - 20, x - 20) > 4)).astype(float)
    bar = ((abs(y - 60) < 2) & (abs(x - 50) < 25)) | ((abs(x - 50) < 2) & (abs(y - 60) < 18))
    stain = ring + bar + 0.002 * x
    found = segmented(stain, "otsu", 0.5, 0, 0.0)
    assert found[20, 20] and found[60, 40], "holes are filled"
    solid = segmented(stain, "otsu", 0.5, 0, 0.7)
    assert solid[20, 20] and not solid[60, 40], "a cross fills too little of its hull"
    assert not segmented(np.ones((9, 9)), "otsu", 0.5, 0, 0.0).any()
    assert np.array_equal(segmented(stain, "fixed", 0.9, 0, 0.0), segmented(stain > 0.9, "fixed", 0.5, 0, 0.0))
    local = segmented(stain, "local", 0.5, 41, 0.0)
    assert local[20, 13] and not local[70, 5] and (local <= found).mean() == 1.0
