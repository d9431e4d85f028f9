"""Real trained networks besides the nuclei U-Net: a spot detector (ONNX, any size) and a 3-D brain segmentation."""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import sigmaraw as sr
from tests.pipelines.make_models import exported

_LONG = "SIGMARAW_LONG_TESTS"


# --- ufish: fluorescent spots, MIT ------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def ufish() -> Path:
    """The weights in the installed package ufish, which is not imported."""
    found = importlib.util.find_spec("ufish")
    if found is None or not found.submodule_search_locations:
        pytest.skip("the package ufish, whose wheel holds the weights (0.7 MB), is not installed")
    return Path(found.submodule_search_locations[0]) / "model" / "weights" / "v1.0-alldata-ufish_c32.onnx"


def spots(shape: tuple[int, int], places: list[tuple[int, int]]) -> np.ndarray:
    """Spots of σ 1.2 px, 400 DN high, on 200 DN with Poisson noise."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    light = np.full(shape, 200.0)
    for row, column in places:
        light += 400 * np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * 1.2**2))
    return np.random.default_rng(5).poisson(light).astype(np.uint16)


@pytest.mark.parametrize("shape", [(128, 160), (100, 90)])
def test_the_spot_network_finds_every_spot_in_images_of_any_size(ufish: Path, shape: tuple[int, int]) -> None:
    places = [(15, 20), (15, 60), (50, 40), (80, 20), (85, 75)]
    frame = spots(shape, places)
    pipeline: Any = sr.pipeline(f"onnx:{ufish},pre=zscore,post=none,threshold=0.5,min_size=1")
    mask = pipeline.mask(frame)
    assert pipeline(frame)["count"] == len(places)
    assert all(mask[place] for place in places)
    assert pipeline.tiling(shape).window == (-(-shape[0] // 16) * 16, -(-shape[1] // 16) * 16)


# --- brainchop's MeshNet: white and grey matter, MIT ------------------------------------------------------------------
class MeshNet(torch.nn.Sequential):
    """Dilated convolutions 3 × 3 × 3 of 5 channels and a last one of 1 × 1 × 1, weights from the files of TensorFlow.js."""

    def __init__(self, folder: Path) -> None:
        described = json.loads((folder / "model.json").read_text())
        numbers, at, weights = np.fromfile(folder / "group1-shard1of1.bin", "<f4"), 0, {}
        for entry in described["weightsManifest"][0]["weights"]:
            count = int(np.prod(entry["shape"]))
            weights[entry["name"]] = torch.from_numpy(numbers[at : at + count].reshape(entry["shape"]).copy())
            at += count
        assert at == numbers.size
        layers: list[torch.nn.Module] = []
        for entry in described["modelTopology"]["model_config"]["config"]["layers"]:
            if entry["class_name"] == "Conv3D":
                kernel = weights[f"{entry['config']['name']}/kernel"].permute(4, 3, 0, 1, 2).contiguous()
                dilation = entry["config"]["dilation_rate"][0]
                layer = torch.nn.Conv3d(
                    kernel.shape[1], kernel.shape[0], kernel.shape[2], padding=dilation * (kernel.shape[2] // 2), dilation=dilation
                )
                layer.weight.data, layer.bias.data = kernel, weights[f"{entry['config']['name']}/bias"]
                layers += [layer, torch.nn.ReLU(inplace=True)]
        super().__init__(*layers[:-1])


def head(folder: Path) -> np.ndarray:
    """The T1 volume as the network wants it, axes in the order of the file's i, j, k; uint8."""
    content = gzip.decompress((folder / "t1_crop.nii.gz").read_bytes())
    voxels = np.frombuffer(content, np.uint8, offset=352).reshape(256, 256, 256)
    return np.ascontiguousarray(voxels.transpose(2, 1, 0))


def test_the_brain_network_on_a_part_of_a_real_head(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "brainchop-meshnet"
    network, part = MeshNet(folder).eval(), head(folder)[100:132, 100:140, 96:136]
    path = exported(tmp_path / "mesh.pt2", network, (1, 1, 32, 48, 48))
    scaled = (part - float(part.min())) / (float(part.max()) - float(part.min()))
    padded = np.pad(scaled.astype(np.float32), ((0, 0), (4, 4), (4, 4)), mode="reflect")
    with torch.inference_mode():
        classes = network(torch.from_numpy(padded)[None, None])[0].argmax(0).numpy()[:, 4:-4, 4:-4]
    found = np.zeros(part.shape, int)
    for number in range(3):
        pipeline: Any = sr.pipeline(f"torch:{path},pre=minmax,post=argmax,channel={number},min_size=0")
        found[pipeline.mask(part)] = number
        assert pipeline(part)["area"] == np.count_nonzero(classes == number) > 50
    np.testing.assert_array_equal(found, classes)


@pytest.mark.slow
@pytest.mark.skipif(_LONG not in os.environ, reason=f"takes minutes of one core and 2 GB; {_LONG}=1 runs it")
def test_the_brain_network_gives_the_published_volumes(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "brainchop-meshnet"
    volume = head(folder)
    path = exported(tmp_path / "mesh.pt2", MeshNet(folder).eval(), (1, 1, 256, 256, 256))
    pipeline: Any = sr.pipeline(f"torch:{path},pre=minmax,post=argmax,channel=1,min_size=0")
    (unit,) = pipeline.units(volume)
    tiling = pipeline.tiling(unit.shape)
    classes = tiling.join(pipeline._outputs(tiling.split(pipeline._prepared(unit[np.newaxis])))).argmax(0)
    counts = np.bincount(classes.ravel(), minlength=3)
    # The folder's README: 15.52, 0.52 and 0.74 million voxels, printed to two digits; 0.1 % of the volume.
    np.testing.assert_allclose(counts / 1e6, (15.52, 0.52, 0.74), atol=1e-3 * volume.size / 1e6)
