"""Derivatives of soft measurements with respect to every pixel, by torch's reverse mode through the whole pipeline (`tensors`).

What one pixel adds to several tiles, by overlap or by reflection, comes back to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray


def soft_gradients(
    units: Sequence[NDArray[np.integer]],
    weight_of: Callable[[torch.Tensor], torch.Tensor],
    measured: Callable[[torch.Tensor], torch.Tensor],
    place: torch.device,
) -> dict[str, NDArray[np.floating]]:
    """Return ∂/∂x of the soft measurements of an image, DN, each (unit, …) float64.

    ∂(I_p/A_p)/∂x = (∂I_p/∂x − (I_p/A_p)·∂A_p/∂x)/A_p. What the network sees at once (a plane, or a volume) is independent of the rest, and
    the sums add up. The mean is left out where A_p is not above 0, and all of them where the output does not depend on the input by
    differentiable steps (an argmax, a detached map).

    Parameters
    ----------
    units : sequence of ndarray
        What the network sees at once, DN, all of one shape.
    weight_of : callable
        A unit, float64, → its foreground map.
    measured : callable
        A unit → the pixels in which intensities are measured.
    place : torch.device
        Where to compute.

    Returns
    -------
    dict of str to ndarray
        By measurement.

    Raises
    ------
    RuntimeError
        Torch has no derivative of one of the network's operations.
    """
    by_area, by_total = (np.empty((len(units), *units[0].shape)) for _ in range(2))
    area = total = 0.0
    for number, unit in enumerate(units):
        x = torch.tensor(unit.astype(np.float64), device=place, requires_grad=True)
        weight = weight_of(x).to(torch.float64)
        if not weight.requires_grad:
            return {}
        sums = weight.sum(), (weight * measured(x)).sum()
        by_area[number] = torch.autograd.grad(sums[0], x, retain_graph=True)[0].cpu().numpy()
        by_total[number] = torch.autograd.grad(sums[1], x)[0].cpu().numpy()
        area, total = area + float(sums[0].detach()), total + float(sums[1].detach())
    found: dict[str, NDArray[np.floating]] = {"soft_area": by_area, "soft_total_intensity": by_total}
    if area > 0:
        found["soft_mean_intensity"] = (by_total - total / area * by_area) / area
    return found
