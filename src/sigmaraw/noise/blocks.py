"""From a scene to blocks of frames: how many at a time, which counters, one compiled shape."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidOption
from sigmaraw.noise.keys import MAX_PIXELS, counter_words, key_words, whole_number
from sigmaraw.noise.sampler import Sampler
from sigmaraw.noise.scene import make_scene

if TYPE_CHECKING:
    from sigmaraw.contracts import Block
    from sigmaraw.noise.model import NoiseModel

# Of one block: 2 bytes a pixel as the kernel's words and 2 as the frames handed out. Larger ones are slower: memory that is given back and
# taken anew must be cleared by the system each time.
BLOCK_BYTES = 16 << 20
GPU_BLOCK_BYTES = 128 << 20  # a GPU draws 16 MiB in the time that starting its kernels takes
WHOLE_PIXELS = 1 << 22  # what the kernel needs of a larger frame or volume, tens of bytes a pixel, is made slab by slab and not kept
SLAB_PIXELS = 1 << 20


def batch_size(batch: int | None, n: int, pixels: int, device: bool = False) -> int:
    """Return how many replicas to draw at a time: as told, else what fits `BLOCK_BYTES`, or `GPU_BLOCK_BYTES` where they stay on one.

    Raises InvalidOption below 1.
    """
    if batch is None:
        room = GPU_BLOCK_BYTES if device and jax.default_backend() != "cpu" else BLOCK_BYTES
        return min(n, max(1, room // (4 * pixels)))
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
    device: bool = False,
) -> Iterator[Block]:
    """Return an iterator over blocks (replica, …) of clip(round(level + K·(n − λ + r)), lo, hi), n ~ Poisson(λ).

    Options are checked now, not at the first block. A last block that is not full is drawn full and cut, since another
    shape would be compiled anew.

    Parameters
    ----------
    level_dn, rate_e : (…, y, x), DN and e⁻; rate None is max((level − o)/K, 0).
    read_noise_e : σ of r, (…, y, x), e⁻, all of the noise then; None takes the camera's.
    domain, image : what the key is hashed from, with `seed`.
    first_pixel : where `level_dn` begins in `image`, an even number, when it is a slab of it: the same bytes as in the whole.
    device : leave blocks where they were drawn, as JAX arrays; else they are NumPy's, free to be written to.
    """
    counters = counter_words(group, start, n)
    size = batch_size(batch, len(counters), level_dn.size, device)
    key = key_words(seed, domain, image)
    whole_number(first_pixel + level_dn.size, "pixels of one image", 1, MAX_PIXELS + 1)
    parts = [slice(0, len(level_dn))] if level_dn.size <= WHOLE_PIXELS else slabs(level_dn.shape)
    plane = math.prod(level_dn.shape[1:])

    def sampler(part: slice) -> Sampler:
        level, local = level_dn[part], _local(model, level_dn.shape, part)
        rate = np.maximum(local.to_electrons(level), 0.0) if rate_e is None else rate_e[part]
        if read_noise_e is None:
            gain, noise = local.drawn_values(rate, local.gain_dn_per_e, local.read_noise_e)
        else:
            gain, noise = local.gain_dn_per_e, read_noise_e[part]
        scene = make_scene(level, rate, gain, noise).moved(first_pixel + part.start * plane)
        return Sampler(scene, key, lo=model.lo_dn, hi=model.hi_dn, dtype=model.dtype)

    whole = sampler(parts[0]) if len(parts) == 1 else None

    def blocks() -> Iterator[Block]:
        for first in range(0, len(counters), size):
            count = min(size, len(counters) - first)
            words = np.resize(counters[first : first + count], size)
            if device:
                drawn = [(whole or sampler(part)).device_block(words)[:count] for part in parts]
                yield drawn[0] if whole else jnp.concatenate(drawn, axis=1)
            elif whole is not None:
                yield whole.block(words)[:count]
            else:
                frames = np.empty((count, *level_dn.shape), model.dtype)
                for part in parts:
                    frames[:, part] = sampler(part).block(words)[:count]
                yield frames

    return blocks()


def drawing_device() -> tuple[int, int]:
    """Return where JAX draws, as DLPack names it: (1, 0) is the CPU, (2, i) a CUDA GPU."""
    kind, index = jax.device_put(np.uint8(0)).__dlpack_device__()
    return int(kind), int(index)


def _local(model: NoiseModel, shape: tuple[int, ...], part: slice) -> NoiseModel:
    """Return the camera's model of some rows of a frame; planes of a volume all have the whole sensor's."""
    if len(shape) > 2 or model.shape is None:
        return model
    return model.from_profile(model, (part.stop - part.start, *shape[1:]), roi=(part.start, 0))
