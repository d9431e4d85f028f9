"""From a scene to blocks of frames: how many at a time, which counters, one compiled shape."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidOption
from sigmaraw.noise.keys import counter_words, key_words, whole_number
from sigmaraw.noise.sampler import Sampler
from sigmaraw.noise.scene import make_scene

if TYPE_CHECKING:
    from sigmaraw.noise.model import NoiseModel

BLOCK_BYTES = 64 << 20  # of float32: what one block of replicas may take in the kernel
WHOLE_PIXELS = 1 << 22  # what the kernel needs of a larger frame or volume, tens of bytes a pixel, is made slab by slab and not kept
SLAB_PIXELS = 1 << 20


def batch_size(batch: int | None, n: int, pixels: int) -> int:
    """Return how many replicas to draw at a time: as told, else what fits `BLOCK_BYTES`. Raises InvalidOption below 1."""
    if batch is None:
        return min(n, max(1, BLOCK_BYTES // (4 * pixels)))
    return min(n, whole_number(batch, "batch", 1, 1 << 31))


def slabs(shape: tuple[int, ...], pixels: int | None = None) -> list[slice]:
    """Return ranges of the first axis, y of a frame or z of a volume, of at most `SLAB_PIXELS` (or `pixels`), at least one plane.

    Each begins at an even pixel, since two neighbours may share random words.
    """
    plane = math.prod(shape[1:])
    step = max(1, (SLAB_PIXELS if pixels is None else pixels) // plane)
    step += step * plane % 2  # an odd number of odd planes would end on an odd pixel
    return [slice(first, min(first + step, shape[0])) for first in range(0, shape[0], step)]


def first_pixel(frame: NDArray[Any], slab: slice | None) -> int:
    """Return the number of a slab's first pixel in its volume (z, y, x). Raises InvalidOption for any other slab than planes of one."""
    if slab is None:
        return 0
    start, stop, step = slab.indices(len(frame))
    if frame.ndim != 3 or step != 1 or stop <= start or start * frame[0].size % 2:
        raise InvalidOption(
            f"slab {slab.start}:{slab.stop} of an image {frame.shape}",
            "planes of a volume, the first pixel's number even",
            "take more planes",
        )
    return int(start * frame[0].size)


def sample_blocks(
    model: NoiseModel,
    level_dn: NDArray[Any],
    rate_e: NDArray[np.float64] | None = None,
    *,
    n: int,
    start: int,
    group: int,
    seed: int,
    batch: int | None,
    domain: str,
    image: NDArray[Any],
    read_noise_e: NDArray[np.float64] | None = None,
    first_pixel: int = 0,
) -> Iterator[NDArray[Any]]:
    """Return an iterator over blocks (replica, …) of clip(round(level + K·(n − λ + r)), lo, hi), n ~ Poisson(λ).

    Options are checked now, not at the first block. A last block that is not full is drawn full and cut, since another
    shape would be compiled anew.

    Parameters
    ----------
    level_dn, rate_e : (…, y, x), DN and e⁻; rate None is max((level − o)/K, 0).
    read_noise_e : σ_r of r, (…, y, x), e⁻; None takes the camera's.
    domain, image : what the key is hashed from, with `seed`.
    first_pixel : where `level_dn` begins in `image`, an even number, when it is a slab of it: the same bytes as in the whole.
    """
    counters = counter_words(group, start, n)
    size = batch_size(batch, len(counters), level_dn.size)
    key = key_words(seed, domain, image)
    parts = [slice(0, len(level_dn))] if level_dn.size <= WHOLE_PIXELS else slabs(level_dn.shape)
    plane = math.prod(level_dn.shape[1:])

    def sampler(part: slice) -> Sampler:
        level, local = level_dn[part], _local(model, level_dn.shape, part)
        rate = np.maximum(local.to_electrons(level), 0.0) if rate_e is None else rate_e[part]
        noise = local.read_noise_e if read_noise_e is None else read_noise_e[part]
        scene = make_scene(level, rate, local.gain_dn_per_e, noise).moved(first_pixel + part.start * plane)
        return Sampler(scene, key, lo=model.lo_dn, hi=model.hi_dn, dtype=model.dtype)

    whole = sampler(parts[0]) if len(parts) == 1 else None

    def blocks() -> Iterator[NDArray[Any]]:
        for first in range(0, len(counters), size):
            count = min(size, len(counters) - first)
            words = np.resize(counters[first : first + count], size)
            if whole is not None:
                yield whole.block(words)[:count]
                continue
            frames = np.empty((count, *level_dn.shape), model.dtype)
            for part in parts:
                frames[:, part] = sampler(part).block(words)[:count]
            yield frames

    return blocks()


def _local(model: NoiseModel, shape: tuple[int, ...], part: slice) -> NoiseModel:
    """Return the camera's model of some rows of a frame; planes of a volume all have the whole sensor's."""
    if len(shape) > 2 or model.shape is None:
        return model
    return model.from_profile(model, (part.stop - part.start, *shape[1:]), roi=(part.start, 0))
