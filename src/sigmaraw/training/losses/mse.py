"""Mean squared error: L = mean (p − g)², over all pixels of output p and target g."""

from __future__ import annotations

from typing import ClassVar

import torch

from sigmaraw.contracts import Loss
from sigmaraw.contracts.training import Task


class Mse(Loss):
    """mean (p − g)² over the pixels (formula 6)."""

    name = "mse"
    tasks: ClassVar[tuple[Task, ...]] = ("image",)

    def __call__(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the mean over all pixels."""
        return ((output - target) ** 2).mean()
