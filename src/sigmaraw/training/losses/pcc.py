"""Pearson's correlation as a loss: L = (1 − r)/2, r = Σab/√(Σa²Σb²), a and b the centred output and target of one image and channel.

L is 0 at r = 1, ½ at r = 0 and 1 at r = −1: .0365 is r = .927. It sees neither brightness nor contrast of an output, which is then
in no unit of the target. Reference: paper 002, whose equation 4 lacks the centring and the root.
"""

from __future__ import annotations

from typing import ClassVar

import torch

from sigmaraw.contracts import Loss
from sigmaraw.contracts.training import Task
from sigmaraw.training.losses.sums import per_image

FLOOR = 1e-8
"""Added to the variance of output and target, in their squared unit: an image without contrast has r = 0, and a finite gradient."""


def pearson(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return r of each image and channel, (batch, channel)."""
    axes = tuple(range(2, output.ndim))
    pixels = output[0, 0].numel()
    a, b = (values - values.mean(dim=axes, keepdim=True) for values in (output, target))
    return per_image(a * b) / ((per_image(a * a) + FLOOR * pixels) * (per_image(b * b) + FLOOR * pixels)).sqrt()


class Pcc(Loss):
    """(1 − r)/2, r Pearson's correlation of output and target (formula 6)."""

    name = "pcc"
    tasks: ClassVar[tuple[Task, ...]] = ("image",)

    def __call__(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the mean over images and channels."""
        return ((1 - pearson(output, target)) / 2).mean()
