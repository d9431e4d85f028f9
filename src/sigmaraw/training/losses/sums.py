"""Sums over the pixels of one image, and the class maps that several losses need."""

from __future__ import annotations

import torch


def per_image(values: torch.Tensor) -> torch.Tensor:
    """Return the sum over all pixels, (batch, channel), of (batch, channel, [z,] y, x)."""
    return values.flatten(2).sum(dim=2)


def class_maps(output: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return probabilities and truth, one channel a class and the background among them.

    Softmax over channels; a single channel is a foreground, whose background is the second class.
    """
    if output.shape[1] > 1:
        return torch.softmax(output, dim=1), target
    p = torch.sigmoid(output)
    return torch.cat([1 - p, p], dim=1), torch.cat([1 - target, target], dim=1)
