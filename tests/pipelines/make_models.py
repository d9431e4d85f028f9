"""Small models of every kind of file, written by the tests that need them."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper


class Blur(torch.nn.Module):
    """A fixed 3 × 3 mean, so that a tile's margin matters; `channels` maps, the last of which is the blur minus a level."""

    def __init__(self, channels: int = 1, level: float = 0.0) -> None:
        super().__init__()
        self.convolution = torch.nn.Conv2d(1, channels, 3, padding=1)
        torch.nn.init.constant_(self.convolution.weight, 0.0)
        torch.nn.init.constant_(self.convolution.bias, 0.0)
        with torch.no_grad():
            self.convolution.weight[-1] = 1 / 9
            self.convolution.bias[-1] = -level

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.convolution(image)


def exported(path: Path, module: torch.nn.Module, shape: tuple[int, ...] = (1, 1, 32, 32), free: bool = False) -> Path:
    """Write an exported program; `free` leaves y and x open."""
    sides = {2: torch.export.Dim("y", min=8, max=4096), 3: torch.export.Dim("x", min=8, max=4096)} if free else None
    program = torch.export.export(module.eval(), (torch.zeros(shape),), dynamic_shapes=(sides,) if sides else None)
    torch.export.save(program, str(path))
    return path


def torchscript(path: Path, module: torch.nn.Module) -> Path:
    """Write TorchScript."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.script(module.eval()).save(str(path))
    return path


def onnx_blur(path: Path, shape: tuple[int | str, ...] = (1, 1, 32, 32), *, outputs: int = 1, kind: int = TensorProto.FLOAT) -> Path:
    """Write the 3 × 3 mean as ONNX; words in `shape` are free sizes."""
    weight = numpy_helper.from_array(np.full((1, 1, 3, 3), 1 / 9, np.float32), "weight")
    nodes = [helper.make_node("Conv", ["image", "weight"], [f"map{i}"], pads=[1, 1, 1, 1]) for i in range(outputs)]
    source = helper.make_tensor_value_info("image", kind, list(shape))
    maps = [helper.make_tensor_value_info(f"map{i}", kind, None) for i in range(outputs)]
    graph = helper.make_graph(nodes, "blur", [source], maps, [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(path))
    return path


class Votes(torch.nn.Module):
    """Returns whole numbers."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return (image > 0).to(torch.int64)


class Flat(torch.nn.Module):
    """Returns one number an image."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image.mean(dim=(1, 2, 3))


class Broken(torch.nn.Module):
    """Divides by zero where the image is black."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image / image


def onnx_convolutions(path: Path, module: torch.nn.Sequential, shape: tuple[int | str, ...], names: tuple[str, ...] = ("map",)) -> Path:
    """Write a sequence of convolutions (2-D or 3-D) and ReLUs as ONNX; each of `names` is an output with the last map times 1, 2, …"""
    nodes, weights, here = [], [], "image"
    for number, layer in enumerate(module):
        if isinstance(layer, torch.nn.ReLU):
            nodes.append(helper.make_node("Relu", [here], [f"a{number}"]))
        else:
            stored = {f"w{number}": layer.weight, f"b{number}": layer.bias}
            weights += [numpy_helper.from_array(value.detach().numpy(), name) for name, value in stored.items()]
            pads = list(layer.padding) * 2
            nodes.append(helper.make_node("Conv", [here, *stored], [f"a{number}"], pads=pads))
        here = f"a{number}"
    kind = np.dtype(module[0].weight.detach().numpy().dtype)
    for number, name in enumerate(names):
        weights.append(numpy_helper.from_array(np.array(number + 1, kind), f"times{number}"))
        nodes.append(helper.make_node("Mul", [here, f"times{number}"], [name]))
    element = helper.np_dtype_to_tensor_dtype(kind)
    source = helper.make_tensor_value_info("image", element, list(shape))
    maps = [helper.make_tensor_value_info(name, element, None) for name in names]
    graph = helper.make_graph(nodes, "convolutions", [source], maps, weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))
    return path
