"""Derivatives of soft measurements with respect to every pixel, by torch's reverse mode through the whole pipeline.

The same steps as in `network` and `preparation`, written in torch: preparation in float64, tiles, the network in float32, foreground
map, join. Tiles are taken and joined by the index arrays that `Tiling` makes of the pixels' own numbers, so that what one pixel adds
to several tiles, by overlap or by reflection, comes back to it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from sigmaraw.pipelines.preparation import TINY
from sigmaraw.pipelines.tiling import Tiling

Network = Callable[[torch.Tensor], torch.Tensor]


def _zscore(a: torch.Tensor) -> torch.Tensor:
    return (a - a.mean()) / (a.std(correction=0) + TINY)


def _scaled(a: torch.Tensor, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
    return (a - low) / (high - low) if high > low else a * 0.0


def _percentile(a: torch.Tensor) -> torch.Tensor:
    ordered = a.reshape(-1).sort().values  # torch.quantile stops at 2²⁴ values

    def at(percent: float) -> torch.Tensor:
        place = percent / 100 * (ordered.numel() - 1)
        below = int(place)
        return torch.lerp(ordered[below], ordered[min(below + 1, ordered.numel() - 1)], place - below)

    return _scaled(a, at(1.0), at(99.8))


PRE: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "zscore": _zscore,
    "minmax": lambda a: _scaled(a, a.min(), a.max()),
    "percentile": _percentile,
    "none": lambda a: a,
}


def _foreground(outputs: torch.Tensor, post: str, channel: int) -> torch.Tensor:
    if post == "softmax":
        return torch.softmax(outputs, dim=1)[:, channel]
    return torch.sigmoid(outputs[:, channel]) if post == "sigmoid" else outputs[:, channel]


def soft_sums(
    network: Network, plane: torch.Tensor, tiling: Tiling, pre: str, post: str, channel: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (A_p, I_p) = (Σp, Σp·x) of one plane x (y, x) float64, DN, as float64 scalars that know their graph.

    network : one tile (y, x) float32 → (channel, y, x).
    """
    index = tiling.split(np.arange(plane.numel()).reshape(tuple(plane.shape)))
    tiles = PRE[pre](plane).to(torch.float32).reshape(-1)[torch.from_numpy(index)]
    maps = _foreground(torch.stack([network(tile) for tile in tiles]), post, channel)
    back = tiling.join(np.arange(maps.numel()).reshape(tuple(maps.shape)))
    weight = maps.reshape(-1)[torch.from_numpy(back)].to(torch.float64)
    return weight.sum(), (weight * plane).sum()


def soft_gradients(
    network: Network,
    image: NDArray[np.integer],
    tiling: Callable[[tuple[int, int]], Tiling],
    pre: str,
    post: str,
    channel: int,
) -> dict[str, NDArray[np.floating]]:
    """Return ∂/∂x of the soft measurements of an image (y, x) or (z, y, x), DN, each of its shape, float64.

    ∂(I_p/A_p)/∂x = (∂I_p/∂x − (I_p/A_p)·∂A_p/∂x)/A_p. Planes are independent, and their sums add up. The mean is left out where A_p
    is not above 0, and all of them where the output does not depend on the input by differentiable steps (an argmax, a detached map).

    Raises
    ------
    RuntimeError : torch has no derivative of one of the network's operations.
    """
    planes = image.reshape(-1, *image.shape[-2:])
    by_area, by_total = np.empty(planes.shape), np.empty(planes.shape)
    area = total = 0.0
    for number, plane in enumerate(planes):
        x = torch.tensor(plane.astype(np.float64), requires_grad=True)
        sums = soft_sums(network, x, tiling((plane.shape[0], plane.shape[1])), pre, post, channel)
        if not sums[0].requires_grad:
            return {}
        by_area[number] = torch.autograd.grad(sums[0], x, retain_graph=True)[0].numpy()
        by_total[number] = torch.autograd.grad(sums[1], x)[0].numpy()
        area, total = area + float(sums[0].detach()), total + float(sums[1].detach())
    found: dict[str, NDArray[np.floating]] = {
        "soft_area": by_area.reshape(image.shape),
        "soft_total_intensity": by_total.reshape(image.shape),
    }
    if area > 0:
        found["soft_mean_intensity"] = ((by_total - total / area * by_area) / area).reshape(image.shape)
    return found
