"""Binary cross-entropy: L = −mean [g ln p + (1 − g) ln(1 − p)], p = 1/(1 + e^−z) of the output z.

Computed as max(z, 0) − gz + ln(1 + e^−|z|), which does not overflow. Several classes: −mean ln softmax(z) of the true class.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch.nn import functional

from sigmaraw.contracts import Loss
from sigmaraw.contracts.training import Task


def cross_entropy(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return the mean over pixels; one channel is a foreground, several are classes."""
    if output.shape[1] > 1:
        return -(target * torch.log_softmax(output, dim=1)).sum(dim=1).mean()
    return (output.clamp(min=0) - output * target + functional.softplus(-output.abs())).mean()


class Bce(Loss):
    """−mean [g ln p + (1 − g) ln(1 − p)]; of several classes −mean ln p of the true one (formula 6)."""

    name = "bce"
    tasks: ClassVar[tuple[Task, ...]] = ("mask", "classes")

    def __call__(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the mean over all pixels."""
        return cross_entropy(output, target)
