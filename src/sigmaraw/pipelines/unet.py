"""U-Nets in two and three dimensions from one description, and the demonstration network, which is one of them.

References: O. Ronneberger et al., MICCAI 2015; Ö. Çiçek et al., MICCAI 2016 (3-D); K. He et al., ICCV 2015 (initialisation).
"""

from __future__ import annotations

import itertools
from typing import Literal

import msgspec
import torch
from torch import nn
from torch.nn import functional

from sigmaraw.errors import InvalidOption

WIDTHS = (8, 16, 32, 64)
_WIDEST, _DEEPEST = 2048, 8


class UNetDescription(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that decides the layers of a U-Net.

    Parameters
    ----------
    dims : {2, 3}
        Axes of an image: (y, x) or (z, y, x).
    widths : tuple of int
        Channels at each depth, from full resolution down; each depth after the first halves the sides.
    norm : {"none", "batch"}
        Batch normalisation after each convolution, or none.
    activation : {"relu", "elu"}
        After each convolution.
    dropout : float
        Share of channels set to 0 after each block while training, 0 to 1.
    inputs, outputs : int
        Channels of the input and of the output.
    """

    dims: Literal[2, 3] = 2
    widths: tuple[int, ...] = WIDTHS
    norm: Literal["none", "batch"] = "none"
    activation: Literal["relu", "elu"] = "relu"
    dropout: float = 0.0
    inputs: int = 1
    outputs: int = 1

    def __post_init__(self) -> None:
        if not 1 <= len(self.widths) <= _DEEPEST or not all(1 <= width <= _WIDEST for width in self.widths):
            raise InvalidOption(f"widths {list(self.widths)}", f"1 to {_DEEPEST} widths from 1 to {_WIDEST}", "correct widths")
        if not 0 <= self.dropout < 1:
            raise InvalidOption(f"dropout {self.dropout}", "a share from 0 up to, but not, 1", "correct dropout")
        if not (1 <= self.inputs <= _WIDEST and 1 <= self.outputs <= _WIDEST):
            raise InvalidOption(f"{self.inputs} inputs and {self.outputs} outputs", "at least one channel of each", "correct them")

    @property
    def multiple(self) -> int:
        """What the sides of an image must be a multiple of, px."""
        return int(2 ** (len(self.widths) - 1))


class _Block(nn.Module):
    """Two convolutions of 3 px a side, each followed by normalisation (if any) and activation; then dropout of whole channels."""

    def __init__(self, channels_in: int, channels_out: int, described: UNetDescription) -> None:
        super().__init__()
        flat = described.dims == 2
        convolution, norm = (nn.Conv2d, nn.BatchNorm2d) if flat else (nn.Conv3d, nn.BatchNorm3d)
        batch = described.norm == "batch"  # its shift takes the place of the convolution's
        self.first = convolution(channels_in, channels_out, 3, padding=1, bias=not batch)
        self.second = convolution(channels_out, channels_out, 3, padding=1, bias=not batch)
        self.first_norm, self.second_norm = (norm(channels_out) if batch else nn.Identity() for _ in range(2))
        self.activation = functional.relu if described.activation == "relu" else functional.elu
        self.dropout = described.dropout
        self.drop = functional.dropout2d if flat else functional.dropout3d

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.activation(self.first_norm(self.first(x)), inplace=True)
        x = self.activation(self.second_norm(self.second(x)), inplace=True)
        return self.drop(x, self.dropout, self.training) if self.dropout else x


class UNet(nn.Module):
    """(batch, inputs, [z,] y, x) float32 → (batch, outputs, [z,] y, x); sides are multiples of `described.multiple`.

    A trained network answers for each image alone: without normalisation always, and with batch normalisation in evaluation mode.

    Parameters
    ----------
    described : UNetDescription
        Its layers.
    """

    def __init__(self, described: UNetDescription) -> None:
        super().__init__()
        widths = described.widths
        self.described = described
        self.down = nn.ModuleList(
            [_Block(a, b, described) for a, b in zip((described.inputs, *widths[:-1]), widths, strict=True)],
        )
        self.up = nn.ModuleList([_Block(b + a, a, described) for a, b in itertools.pairwise(widths)])
        self.head = (nn.Conv2d if described.dims == 2 else nn.Conv3d)(widths[0], described.outputs, 1)
        self._halved = _halved_plane if described.dims == 2 else _halved_volume
        self.apply(_he)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the output: logits, or an image."""
        kept = self.encoded(x)
        x = kept[-1]
        for block, skip in zip(reversed(self.up), reversed(kept[:-1]), strict=True):
            x = block(torch.cat([functional.interpolate(x, scale_factor=2.0, mode="nearest"), skip], dim=1))
        output: torch.Tensor = self.head(x)
        return output

    def encoded(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Return what the blocks on the way down give, from full resolution to the bottleneck."""
        kept: list[torch.Tensor] = []
        for depth, block in enumerate(self.down):
            x = block(self._halved(x) if depth else x)
            kept.append(x)
        return kept


class DemoUNet(UNet):
    """Logits of the foreground: (batch, 1, y, x) float32 → (batch, 1, y, x) float32; y and x multiples of 8.

    No normalisation layers: each image's logits depend on that image alone.
    """

    def __init__(self, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__(UNetDescription(widths=tuple(widths)))


def _halved_plane(x: torch.Tensor) -> torch.Tensor:
    return functional.max_pool2d(x, 2)


def _halved_volume(x: torch.Tensor) -> torch.Tensor:
    """Return the largest of each 2 × 2 × 2: torch's own pooling has no deterministic derivative on a GPU."""
    batch, channels, z, y, x_side = x.shape
    return x.reshape(batch, channels, z // 2, 2, y // 2, 2, x_side // 2, 2).amax(dim=(3, 5, 7))


def _he(module: nn.Module) -> None:
    """Weights from N(0, √(2/fan_in)); PyTorch's own start is √6 times smaller."""
    if isinstance(module, nn.Conv2d | nn.Conv3d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
