"""The demonstration U-Net: small, plain, He-initialised (O. Ronneberger et al., MICCAI 2015; K. He et al., ICCV 2015)."""

from __future__ import annotations

import itertools

import torch
from torch import nn
from torch.nn import functional

WIDTHS = (8, 16, 32, 64)


class _Block(nn.Module):
    """Two 3 × 3 convolutions, each followed by ReLU."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.second = nn.Conv2d(channels_out, channels_out, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.second(functional.relu(self.first(x), inplace=True)), inplace=True)


class DemoUNet(nn.Module):
    """Logits of the foreground: (batch, 1, y, x) float32 → (batch, 1, y, x) float32; y and x multiples of 8.

    No normalisation layers: each image's logits depend on that image alone.
    """

    def __init__(self, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        self.down = nn.ModuleList([_Block(a, b) for a, b in zip((1, *widths[:-1]), widths, strict=True)])
        self.up = nn.ModuleList([_Block(b + a, a) for a, b in itertools.pairwise(widths)])
        self.head = nn.Conv2d(widths[0], 1, 1)
        self.apply(_he)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits."""
        kept = []
        for depth, block in enumerate(self.down):
            x = block(functional.max_pool2d(x, 2) if depth else x)
            kept.append(x)
        for block, skip in zip(reversed(self.up), reversed(kept[:-1]), strict=True):
            x = block(torch.cat([functional.interpolate(x, scale_factor=2.0, mode="nearest"), skip], dim=1))
        return self.head(x)


def _he(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.zeros_(module.bias)
