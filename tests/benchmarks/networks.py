"""Networks of a benchmark, by name: the demonstration U-Net in other formats, and one of two million parameters."""

from __future__ import annotations

import warnings
from pathlib import Path

import safetensors.torch
import torch

from sigmaraw.pipelines.demo_weights import SHIPPED
from sigmaraw.pipelines.unet import DemoUNet, UNet, UNetDescription

LARGE = (32, 64, 128, 256)  # widths, which are 1.95 million parameters


class _Large(torch.nn.Module):
    """A U-Net whose part in the answer is too small to be seen: masks are those of a threshold, so that there are objects to measure."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.network = UNet(UNetDescription(widths=LARGE))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image - 1 + 1e-6 * self.network(image)


def spec_of(word: str, folder: Path) -> str:
    """Return the pipeline that a word names; a network's file is written into the folder.

    Parameters
    ----------
    word : str
        ``demo-onnx``, ``demo-torchscript``, ``demo-exported``, ``unet-2m``; anything else is a pipeline's own specification.
    folder : Path
        Where the file goes.
    """
    if word not in {"demo-onnx", "demo-torchscript", "demo-exported", "unet-2m"}:
        return word
    network: torch.nn.Module = _Large() if word == "unet-2m" else _demo()
    example = torch.zeros(2, 1, 64, 64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        if word == "demo-onnx":  # by torch's older exporter, which needs no further package
            path = folder / "model.onnx"
            free = {"image": {0: "batch", 2: "y", 3: "x"}}
            torch.onnx.export(
                network.eval(), (example,), str(path), dynamo=False, input_names=["image"], output_names=["map"], dynamic_axes=free
            )
            return f"onnx:{path}"
        if word == "demo-exported":
            path = folder / "model.pt2"
            sides = {0: torch.export.Dim("batch", min=1, max=64)}
            program = torch.export.export(network.eval(), (torch.zeros(2, 1, 512, 512),), dynamic_shapes=(sides,))
            torch.export.save(program, str(path))
            return f"torch:{path}"
        path = folder / "model.pt"
        torch.jit.trace(network.eval(), example).save(str(path))
    return f"torch:{path}"


def _demo() -> torch.nn.Module:
    network = DemoUNet()
    network.load_state_dict(safetensors.torch.load_file(SHIPPED))
    return network
