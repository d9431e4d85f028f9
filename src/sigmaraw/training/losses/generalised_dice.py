"""Generalised Dice: L = 1 − 2 Σ_l w_l Σ rp / Σ_l w_l Σ (r + p), w_l = 1/(Σ r_l)², r the truth and p the probability of class l.

A class that an image does not show has no weight there: 1/0² would be all of the loss. A single output channel is a foreground,
and its background is the second class. Reference: C. H. Sudre et al., DLMIA 2017; paper 003.
"""

from __future__ import annotations

from typing import ClassVar

import torch

from sigmaraw.contracts import Loss
from sigmaraw.contracts.training import Task
from sigmaraw.training.losses.sums import class_maps, per_image


class GeneralisedDice(Loss):
    """1 − 2 Σ w Σrp / Σ w Σ(r + p), w = 1/(Σr)² for each class that the image shows (formula 6)."""

    name = "generalised-dice"
    tasks: ClassVar[tuple[Task, ...]] = ("mask", "classes")

    def __call__(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the mean over images."""
        p, r = class_maps(output, target)
        size = per_image(r)
        weight = torch.where(size > 0, size.clamp(min=1e-12) ** -2, torch.zeros_like(size))
        overlap = (weight * per_image(r * p)).sum(dim=1)
        both = (weight * per_image(r + p)).sum(dim=1)
        return (1 - 2 * overlap / both).mean()
