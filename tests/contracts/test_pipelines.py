"""Every registered pipeline passes the conformance suite that an extension's author calls."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import pytest
import safetensors.torch
import torch
from onnx import TensorProto, helper, numpy_helper

import sigmaraw as sr
from sigmaraw import registry
from sigmaraw.contracts import Measurement
from sigmaraw.files import sha256_of_file
from sigmaraw.pipelines.inputs import many_frames, one_frame
from sigmaraw.pipelines.trained_model import SCHEMA, TrainedModel
from sigmaraw.pipelines.unet import UNet, UNetDescription
from sigmaraw.testing import check_pipeline
from tests.pipelines.test_bioimageio import package


class _Network(torch.nn.Module):
    """One convolution: enough to have neighbours, bits and a mask."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.convolution = torch.nn.Conv2d(1, 1, 5, padding=2)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.convolution(image)


def _write_onnx(path: Path, network: _Network) -> None:
    weights = [numpy_helper.from_array(value.detach().numpy(), name) for name, value in network.convolution.named_parameters()]
    node = helper.make_node("Conv", ["image", "weight", "bias"], ["map"], pads=[2, 2, 2, 2])
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, 48, 48]) for name in ("image", "map")]
    graph = helper.make_graph([node], "network", ends[:1], ends[1:], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))


def _write_trained(folder: Path, task: str) -> Path:
    """Write weights that nobody trained, with the part of a training record that a pipeline reads."""
    torch.manual_seed(1)
    described = UNetDescription(widths=(4, 8), norm="batch")
    path = folder / f"{task}.safetensors"
    safetensors.torch.save_file(UNet(described).state_dict(), path)
    model = msgspec.to_builtins(TrainedModel(task, "minmax", described))  # type: ignore[arg-type]
    path.with_suffix(".json").write_text(json.dumps({"schema": SCHEMA, "sha256": sha256_of_file(path), "model": model}))
    return path


def _specs(folder: Path) -> dict[str, list[str]]:
    network = _Network().eval()
    torch.export.save(torch.export.export(network, (torch.zeros(1, 1, 48, 48),)), str(folder / "m.pt2"))
    _write_onnx(folder / "m.onnx", network)
    return {
        "otsu": ["otsu", "otsu:min_size=20,connectivity=4"],
        "intensity": ["intensity"],
        "labels": [
            "labels:tests.study.study_pipelines:bright_parts",
            "labels:tests.study.study_pipelines:bright_parts,measure=count+length",
        ],
        "run": ['run:"cp {in} {out}",input=npy,format=npy'],  # the pixels are the labels
        "bimodal": ["bimodal"],
        "iterative-mean": ["iterative-mean"],
        "local": ["local"],
        "two-step": ["two-step"],
        "rolling-ball": ["rolling-ball:radius=8"],
        "percentile-clip": ["percentile-clip"],
        "watershed": ["watershed"],
        "cip": ["cip:iterations=2"],
        "unet-demo": ["unet-demo", "unet-demo:measure=soft"],
        "torch": [f"torch:{folder / 'm.pt2'},min_size=0", f"torch:{folder / 'm.pt2'},pre=percentile,border=0"],
        "onnx": [f"onnx:{folder / 'm.onnx'},pre=minmax,min_size=0"],
        "bioimageio": [f"bioimageio:{package(folder / 'package')},channel=cells,threshold=600,min_size=0"],
        "trained": [f"trained:{_write_trained(folder, task)},min_size=0" for task in ("mask", "image")],
    }


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    return _specs(tmp_path_factory.mktemp("models"))


# Projections of a scan are volumes, so that frames cannot try it: tests/pipelines/test_reconstruction.py does.
_NOT_OF_FRAMES = {"recon"}


@pytest.mark.parametrize("name", sorted(set(registry.names(registry.PIPELINES)) - _NOT_OF_FRAMES))
def test_registered_pipelines_conform(name: str, specs: dict[str, list[str]]) -> None:
    assert name in specs, f"pipeline '{name}' is registered but not tested here: add a specification"
    for spec in specs[name]:
        pipeline = sr.pipeline(spec, allow_exec=True)
        check_pipeline(pipeline)
        if name != "run":  # whose pixels are the labels here, and a label is not negative
            pipeline(np.full((72, 88), -1000, np.int16))


def test_a_function_conforms() -> None:
    def texture(image: np.ndarray) -> dict[str, float]:
        return {"mean": float(image.mean()), "spread": float(np.std(image.astype(np.float64)))}

    pipeline = sr.pipeline(texture)
    check_pipeline(pipeline)


# --- the suite itself finds what is wrong ------------------------------------------------------------------------------
class _Wrong:
    """A pipeline that keeps the contract but for what a subclass breaks."""

    spec = "wrong"
    measurements = (Measurement("mean", "DN", "m", "mean of the image"),)

    def config(self) -> dict[str, Any]:
        return {"name": "wrong"}

    def __call__(self, raw: Any) -> dict[str, Any]:
        return {"mean": float(one_frame(raw).mean())}

    def batch(self, images: Any) -> dict[str, Any]:
        rows = [self(image) for image in many_frames(images)]
        return {name: np.array([row[name] for row in rows]) for name in rows[0]}


class _Company(_Wrong):
    def batch(self, images: Any) -> dict[str, Any]:
        return {"mean": super().batch(images)["mean"] + 1e-12 * len(images)}


class _Place(_Wrong):
    def batch(self, images: Any) -> dict[str, Any]:
        return {"mean": np.sort(super().batch(images)["mean"])}


class _Single(_Wrong):
    def batch(self, images: Any) -> dict[str, Any]:
        return {"mean": super().batch(images)["mean"].astype(np.float32)}


class _Meddler(_Wrong):
    def __call__(self, raw: Any) -> dict[str, Any]:
        if isinstance(raw, np.ndarray) and raw.dtype.kind == "u":
            raw -= raw.min() // 2
        return super().__call__(raw)


class _Unnamed(_Wrong):
    def __call__(self, raw: Any) -> dict[str, Any]:
        return {"average": super().__call__(raw)["mean"]}


class _Infinite(_Wrong):
    def __call__(self, raw: Any) -> dict[str, Any]:
        return {"mean": super().__call__(raw)["mean"] + np.inf}


class _Constant(_Wrong):
    def __call__(self, raw: Any) -> dict[str, Any]:
        super().__call__(raw)
        return {"mean": 1.0}


class _Trusting(_Wrong):
    def __call__(self, raw: Any) -> dict[str, Any]:
        return {"mean": float(np.asarray(getattr(raw, "data", raw)).mean())}


class _Unwritable(_Wrong):
    def config(self) -> dict[str, Any]:
        return {"name": float("nan")}


class _Doubled(_Wrong):
    measurements = _Wrong.measurements * 2


class _There(_Wrong):
    """Takes JAX's arrays on the CPU as they are."""

    dlpack_device = (1, 0)

    def batch(self, images: Any) -> dict[str, Any]:
        return super().batch(np.asarray(images) if hasattr(images, "devices") else images)


class _OtherThere(_There):
    def batch(self, images: Any) -> dict[str, Any]:
        return {"mean": super().batch(images)["mean"] + hasattr(images, "devices")}


def test_the_suite_passes_what_keeps_the_contract() -> None:
    check_pipeline(_Wrong())
    check_pipeline(_There())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (_Company, "differs from it alone"),
        (_Place, "differs from it alone"),
        (_Single, "float32"),
        (_Meddler, "changes the image"),
        (_Unnamed, "declares mean"),
        (_Infinite, "not a finite float"),
        (_Constant, "same numbers for different images"),
        (_Trusting, "taken without a word"),
        (_Doubled, "declared twice"),
        (_OtherThere, "lie on the device give other numbers"),
    ],
)
def test_the_suite_finds_what_breaks_it(wrong: type[_Wrong], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_pipeline(wrong())


def test_the_suite_finds_a_config_that_is_no_json() -> None:
    with pytest.raises(ValueError, match="JSON"):
        check_pipeline(_Unwritable())
