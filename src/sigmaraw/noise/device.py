"""Replicas that stay on the device they were drawn on, handed to torch without a copy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from sigmaraw.errors import InvalidOption

if TYPE_CHECKING:
    import jax
    import torch

    from sigmaraw.noise.model import NoiseModel


def device_blocks(
    model: NoiseModel, mean_dn: Any, n: int, seed: int = 0, *, start: int = 0, group: int = 0, batch: int | None = None
) -> Iterator[jax.Array]:
    """Yield frames of a known noise-free scene as `NoiseModel.sample_blocks` does, as arrays on JAX's default device.

    On one kind of device the bytes are those of `sample_blocks`. Between CPU and GPU a pixel may differ where float32 rounds the other way
    next to a boundary between counts or DN: by one count or one DN, in fewer than 1 of 10⁵ pixels (docs/explanation/sampler.md).

    Parameters
    ----------
    mean_dn : (…, y, x), DN. n, seed, start, group, batch : as in `iter_replicas`.

    Raises
    ------
    ProfileMismatch : maps of another shape. InvalidOption : seed, n, start, group or batch out of its domain, or a scene
    that is not finite.
    """
    from sigmaraw.noise.blocks import sample_blocks

    mean = np.asarray(mean_dn, dtype=np.float64)
    model.check_shape(mean.shape)
    if not np.isfinite(mean).all():
        raise InvalidOption("a scene with values that are not finite", "finite levels in DN", "give a level for every pixel")
    rate = np.maximum(model.to_electrons(mean), 0.0)
    level = model.to_dn(rate)
    return sample_blocks(
        model, level, rate, n=n, start=start, group=group, seed=seed, batch=batch, domain="sample", image=mean, device=True
    )


def torch_blocks(blocks: Iterable[jax.Array]) -> Iterator[torch.Tensor]:
    """Yield each block as a tensor of the same memory, by DLPack: uint8 or uint16, on the block's device.

    The memory is JAX's: read it, do not write to it. torch.uint16 has no arithmetic, so cast first (`tensor.to(torch.float32)`).
    """
    import torch

    for block in blocks:
        yield torch.from_dlpack(block)
