"""Sobel gradients in the loss: L = base + weight·mean (G_p − G_g)², G = √(G_x² + G_y² + ε) of output p and target g.

G_x and G_y are Sobel's filters in the plane (y, x), without padding: pixels at the edge have no gradient. ε = 1e-12, in the squared
unit of the target, gives G a derivative in flat places. Reference: paper 002, equations 42 and 43.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch.nn import functional

from sigmaraw.contracts import Loss, Parameter
from sigmaraw.contracts.training import Task
from sigmaraw.training.losses.mse import Mse
from sigmaraw.training.losses.pcc import Pcc

_BASES = {"mse": Mse, "pcc": Pcc}
_X = ((1.0, 0.0, -1.0), (2.0, 0.0, -2.0), (1.0, 0.0, -1.0))


def gradient_size(images: torch.Tensor) -> torch.Tensor:
    """Return G of each plane, (plane, 2 px less y, 2 px less x), of (batch, channel, [z,] y, x)."""
    planes = images.reshape(-1, 1, *images.shape[-2:])
    x = torch.tensor(_X, dtype=images.dtype, device=images.device)
    found = functional.conv2d(planes, torch.stack([x, x.T])[:, None])
    return (found.square().sum(dim=1) + 1e-12).sqrt()


class Sobel(Loss):
    """Base loss plus the mean squared difference of Sobel gradients (formula 6)."""

    name = "sobel"
    tasks: ClassVar[tuple[Task, ...]] = ("image",)
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("weight", float, 1.0, minimum=0, unit="1", help="weight of the gradients' part"),
        Parameter("base", str, "mse", choices=tuple(_BASES), help="the loss that it is added to"),
    )

    def __call__(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the mean over images."""
        apart = (gradient_size(output) - gradient_size(target)).square().mean()
        return _BASES[self.settings["base"]]()(output, target) + self.settings["weight"] * apart
