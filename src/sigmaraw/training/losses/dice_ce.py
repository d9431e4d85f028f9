"""Dice and cross-entropy: L = 1 − mean_l [2 Σ rp / Σ (r + p)] + cross-entropy, the mean over classes that the image shows.

A single output channel is a foreground: Dice is of the foreground alone, and left out where the image shows none.
Reference: F. Isensee et al., Nat. Methods 18, 203 (2021); paper 004.
"""

from __future__ import annotations

from typing import ClassVar

import torch

from sigmaraw.contracts import Loss
from sigmaraw.contracts.training import Task
from sigmaraw.training.losses.bce import cross_entropy
from sigmaraw.training.losses.sums import per_image


class DiceCe(Loss):
    """1 − mean Dice of the classes shown, plus cross-entropy (formula 6)."""

    name = "dice-ce"
    tasks: ClassVar[tuple[Task, ...]] = ("mask", "classes")

    def __call__(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the mean over images."""
        p = torch.softmax(output, dim=1) if output.shape[1] > 1 else torch.sigmoid(output)
        shown = per_image(target) > 0
        missed = 1 - 2 * per_image(target * p) / per_image(target + p).clamp(min=1e-12)
        dice = (missed * shown).sum(dim=1) / shown.sum(dim=1).clamp(min=1)
        return dice.mean() + cross_entropy(output, target)
