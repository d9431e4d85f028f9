"""Derivatives of soft measurements with respect to every pixel, by torch's reverse mode through the whole pipeline (`tensors`).

What one pixel adds to several tiles, by overlap or by reflection, comes back to it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from sigmaraw.pipelines.tensors import Network, foreground_map
from sigmaraw.pipelines.tiling import Tiling


def soft_gradients(
    network: Network,
    image: NDArray[np.integer],
    tiling: Callable[[tuple[int, int]], Tiling],
    pre: str,
    post: str,
    channel: int,
    place: torch.device,
) -> dict[str, NDArray[np.floating]]:
    """Return ∂/∂x of the soft measurements of an image (y, x) or (z, y, x), DN, each of its shape, float64.

    ∂(I_p/A_p)/∂x = (∂I_p/∂x − (I_p/A_p)·∂A_p/∂x)/A_p. Planes are independent, and their sums add up. The mean is left out where A_p
    is not above 0, and all of them where the output does not depend on the input by differentiable steps (an argmax, a detached map).

    Raises
    ------
    RuntimeError
        Torch has no derivative of one of the network's operations.
    """
    planes = image.reshape(-1, *image.shape[-2:])
    by_area, by_total = np.empty(planes.shape), np.empty(planes.shape)
    area = total = 0.0
    for number, plane in enumerate(planes):
        x = torch.tensor(plane.astype(np.float64), device=place, requires_grad=True)
        weight = foreground_map(network, x, tiling((plane.shape[0], plane.shape[1])), pre, post, channel).to(torch.float64)
        if not weight.requires_grad:
            return {}
        sums = weight.sum(), (weight * x).sum()
        by_area[number] = torch.autograd.grad(sums[0], x, retain_graph=True)[0].cpu().numpy()
        by_total[number] = torch.autograd.grad(sums[1], x)[0].cpu().numpy()
        area, total = area + float(sums[0].detach()), total + float(sums[1].detach())
    found: dict[str, NDArray[np.floating]] = {
        "soft_area": by_area.reshape(image.shape),
        "soft_total_intensity": by_total.reshape(image.shape),
    }
    if area > 0:
        found["soft_mean_intensity"] = ((by_total - total / area * by_area) / area).reshape(image.shape)
    return found
