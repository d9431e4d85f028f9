"""Every adapter: a model that is a function of one image has a floor of 0, and one that is not is refused by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

import sigmaraw as sr
from sigmaraw import registry
from sigmaraw.contracts import Measurement, Pipeline
from sigmaraw.errors import AnswersDiffer, InvalidModel
from sigmaraw.noise import NoiseModel, replica_mode
from sigmaraw.study.sameness import Sameness, refuse_differences
from sigmaraw.study.side_by_side import Asked
from sigmaraw.study.study_image import StudyImage
from tests.contracts.test_pipelines import _specs
from tests.pipelines.make_models import exported, torchscript
from tests.pipelines.test_bioimageio import package, sha
from tests.pipelines.test_reconstruction import scan

CAMERA = NoiseModel(gain_dn_per_e=0.5, offset_dn=100.0, read_noise_e=2.0, bits=16)
OWN = "tests.study.study_pipelines"


def frame(side: int = 48) -> np.ndarray:
    """Four blobs, as networks, thresholds and labels each find some."""
    y, x = np.mgrid[:side, :side]
    light = 20 + sum(700 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 25) for cy in (13, 35) for cx in (12, 34))
    return CAMERA.sample(100 + 0.5 * light, 1, seed=2)[0]


def floor(pipeline: Pipeline, image: np.ndarray | None = None) -> np.ndarray:
    """Return what a study finds before its first replica: (measurement,). Raises AnswersDiffer."""
    image = frame() if image is None else image
    pipeline.batch(image[np.newaxis])  # a function's measurements come with its first call
    study = StudyImage(image, image, CAMERA)
    same = Sameness(study, pipeline, replica_mode("around-raw"), 1, allowed=False, later=Asked)
    same.ask_pipeline(image)
    return same.largest()


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """Specifications of every registered adapter, and of what has no name there."""
    folder = tmp_path_factory.mktemp("good")
    script = torchscript(folder / "m.pt", torch.nn.Conv2d(1, 1, 3, padding=1))
    return {
        **_specs(folder),
        "torchscript": [f"torch:{script},min_size=0"],
        "function": [lambda image: {"mean": float(image.mean())}, f"{OWN}:constant"],
        "several": [["otsu", "intensity", f"labels:{OWN}:bright_parts"]],
        "measure": [f"otsu:measure=count+texture+{OWN}:steady_measure"],
    }


@pytest.mark.parametrize("name", sorted({*registry.names(registry.PIPELINES), "torchscript", "function", "several", "measure"} - {"recon"}))
def test_a_function_of_one_image_has_a_floor_of_zero(name: str, good: dict[str, list[Any]]) -> None:
    for spec in good[name]:
        found = floor(sr.pipeline(spec, allow_exec=True))
        assert found.size > 0
        assert not found.any(), spec


class Unsteady(torch.nn.Module):
    """Numbers that differ from call to call, as with dropout left on."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return 0.0 * image + torch.rand_like(image)


class UnsteadyPair(torch.nn.Module):
    """The same of two channels, as the package has them."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.cat([image, image], 1) + torch.rand_like(image)


def unsteady_onnx(folder: Path) -> Path:
    """Write a network whose output is noise."""
    node = helper.make_node("RandomUniformLike", ["image"], ["map"])
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, 48, 48]) for name in ("image", "map")]
    graph = helper.make_graph([node], "noise", ends[:1], ends[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(folder / "m.onnx"))
    return folder / "m.onnx"


def unsteady_package(folder: Path) -> Path:
    """Write a package of bioimage.io with such a network."""
    path = package(folder / "p")
    before = sha(path.parent / "blur.pt")
    torchscript(path.parent / "blur.pt", UnsteadyPair())
    path.write_text(path.read_text().replace(before, sha(path.parent / "blur.pt")))
    return path


def unsteady_program(folder: Path) -> str:
    """Return a program that gives the image's pixels as labels in every second call, and none in the others."""
    np.save(folder / "zeros.npy", np.zeros((48, 48), np.uint16))
    mark, zeros = folder / "mark", folder / "zeros.npy"
    script = f'if [ -e {mark} ]; then rm {mark}; cp "$1" "$2"; else touch {mark}; cp {zeros} "$2"; fi\n'
    (folder / "segment.sh").write_text(script)
    return f'run:"sh {folder / "segment.sh"} {{in}} {{out}}",input=npy,format=npy'


BAD: dict[str, Callable[[Path], Any]] = {
    "function": lambda _: f"{OWN}:unsteady",
    "labels": lambda _: f"labels:{OWN}:unsteady_parts",
    "run": unsteady_program,
    "measure": lambda _: f"otsu:measure=count+{OWN}:unsteady_measure",
    "several": lambda _: ["otsu", f"{OWN}:unsteady"],
}


@pytest.mark.requirement("R-GUARD")
@pytest.mark.parametrize("name", BAD)
def test_what_is_no_function_of_one_image_is_refused_by_name(name: str, tmp_path: Path) -> None:
    pipeline = sr.pipeline(BAD[name](tmp_path), allow_exec=True)
    with pytest.raises(AnswersDiffer, match="answers the same image differently") as refused:
        floor(pipeline)
    assert f"pipeline '{pipeline.spec}'" in str(refused.value)
    assert re.search(r"differs by [^,]+(?<! 1), which is \S+ σ_raw;", str(refused.value))  # a count has no unit "1"


@pytest.mark.parametrize(
    ("unit", "words"), [("1", "differs by 0.5, which"), ("1/px", "differs by 0.5 1/px, which"), ("px", "differs by 0.5 px")]
)
def test_a_difference_is_told_in_its_unit(unit: str, words: str) -> None:
    class Mean:
        measurements = (Measurement("mean", unit, "m", "mean of the image"),)

        def batch(self, images: np.ndarray) -> dict[str, np.ndarray]:
            return {"mean": images.mean(axis=(1, 2))}

    replicas = [np.full((4, 4), value, np.uint16) for value in (100, 101)]
    with pytest.raises(AnswersDiffer, match=words):
        refuse_differences("pipeline 'mean'", np.array([0.5]), Mean(), replicas)  # type: ignore[arg-type]  # as much of a pipeline as is asked


UNSTEADY: dict[str, Callable[[Path], Path]] = {
    "pt2": lambda folder: exported(folder / "m.pt2", Unsteady(), (1, 1, 48, 48)),
    "pt": lambda folder: torchscript(folder / "m.pt", Unsteady()),
    "onnx": unsteady_onnx,
    "rdf.yaml": unsteady_package,
}


@pytest.mark.requirement("R-GUARD")
@pytest.mark.parametrize("name", UNSTEADY)
def test_a_network_that_draws_is_refused_by_its_file(name: str, tmp_path: Path) -> None:
    """Sooner than the floor: at its first image, or as its package is opened."""
    kind = {"onnx": "onnx", "rdf.yaml": "bioimageio"}.get(name, "torch")
    path = UNSTEADY[name](tmp_path)
    with pytest.raises(InvalidModel, match="answers differently to the same pixels") as refused:
        floor(sr.pipeline(f"{kind}:{path},min_size=0" + (",channel=cells" if kind == "bioimageio" else "")))
    assert str(path.parent) in str(refused.value)


def test_projections_too(tmp_path: Path) -> None:
    projections, files = scan(tmp_path)
    keys = f"{files},low=-0.01,high=0.05,then=intensity"
    assert not floor(sr.pipeline(f"recon:fbp,{keys}"), projections).any()
    with pytest.raises(AnswersDiffer, match="recon"):
        floor(sr.pipeline(f"recon:method={OWN}:unsteady_volume,{keys}"), projections)


def test_a_network_that_mixes_the_images_of_a_batch_gets_them_one_by_one(tmp_path: Path) -> None:
    """Its answers are then a function of one image, whatever lies beside it."""
    nodes = [helper.make_node("ReduceMean", ["image"], ["mean"], axes=[0], keepdims=1), helper.make_node("Add", ["image", "mean"], ["map"])]
    shape = ["n", 1, 48, 48]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("image", "map")]
    graph = helper.make_graph(nodes, "mixes", ends[:1], ends[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(tmp_path / "m.onnx"))
    pipeline: Any = sr.pipeline(f"onnx:{tmp_path / 'm.onnx'},min_size=0,measure=soft")
    assert not floor(pipeline).any()
