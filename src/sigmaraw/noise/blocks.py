"""From levels and rates to blocks of frames: how many at a time, which counters, one compiled shape."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidOption
from sigmaraw.noise.from_profile import noise_model_of_rows
from sigmaraw.noise.keys import MAX_PIXELS, counter_words, key_words, whole_number
from sigmaraw.noise.rate_image import SMALL, make_rate_image
from sigmaraw.noise.sampler import Sampler
from sigmaraw.noise.scenes import scene_of

if TYPE_CHECKING:
    from sigmaraw.contracts import Block, ReplicaBase, ReplicaRequest
    from sigmaraw.noise.model import NoiseModel

# Of one block: 2 bytes a pixel as the kernel's words and 2 as the frames handed out. Larger ones are slower: memory that is given back and
# taken anew must be cleared by the system each time.
BLOCK_BYTES = 16 << 20
GPU_BLOCK_BYTES = 128 << 20  # a GPU draws 16 MiB in the time that starting its kernels takes
WHOLE_PIXELS = 1 << 22  # what the kernel needs of a larger frame or volume, tens of bytes a pixel, is made slab by slab and not kept
SLAB_PIXELS = 1 << 20
# Few replicas are drawn as whole tens, as many as a study's work item has; those of small images a hundred or ten at a time. So few
# shapes are compiled, which takes longer than drawing such an image a thousand times.
STEP, STEPS, FEW_VALUES = 10, (100, 10), 1 << 17


def batch_size(batch: int | None, n: int, pixels: int, device: bool = False) -> int:
    """Return how many replicas to draw at a time: `batch`, else what fits `BLOCK_BYTES`, or `GPU_BLOCK_BYTES` for those that stay there.

    Raises InvalidOption below 1.
    """
    if batch is None:
        fits = GPU_BLOCK_BYTES if device and jax.default_backend() != "cpu" else BLOCK_BYTES
        return min(n, max(1, fits // (4 * pixels)))
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


class Drawn(Protocol):
    """A part of an image made ready to be drawn."""

    def block(self, counters: Any) -> NDArray[Any]:
        """Return (replica, *shape) NumPy integers for these counter words."""
        ...

    def device_block(self, counters: Any) -> jax.Array:
        """Return the same frames as an array that stays on the device."""
        ...


def camera_sampler(noise_model: NoiseModel, base: ReplicaBase, part: slice, key: Any, first_pixel: int) -> Sampler:
    """Return what draws a part of an image with a camera's noise.

    Parameters
    ----------
    noise_model : NoiseModel
        The camera, for the part.
    base : ReplicaBase
        The base to draw around, of the whole.
    part : slice
        The part, of the base's first axis.
    key : ndarray of uint32
        The two key words.
    first_pixel : int
        Number of the part's first pixel in its image, even.
    """
    level = base.level_dn[part]
    rate = np.maximum(noise_model.to_electrons(level), 0.0) if base.rate_e is None else base.rate_e[part]
    if base.noise_e is None:
        gain, noise = noise_model.drawn_values(rate, noise_model.gain_dn_per_e, noise_model.read_noise_e)
    else:
        gain, noise = noise_model.gain_dn_per_e, base.noise_e[part]
    rates = make_rate_image(level, rate, gain, noise).moved(first_pixel)
    return Sampler(rates, key, lo=noise_model.lo_dn, hi=noise_model.hi_dn, dtype=noise_model.dtype)


def sample_blocks(
    noise_model: NoiseModel, base: ReplicaBase, request: ReplicaRequest, *, image: NDArray[Any], first_pixel: int = 0
) -> Iterator[Block]:
    """Return an iterator over blocks (replica, …) of clip(round(level + K·(n − λ + r)), lo, hi), n ~ Poisson(λ).

    The request is checked now, not at the first block. A last block that is not full is drawn full and cut, since every
    other shape would be compiled.

    Parameters
    ----------
    noise_model : NoiseModel
        The camera.
    base : ReplicaBase
        The base to draw around; for planes of a volume, that of the planes. `redrawn` is not used.
    request : ReplicaRequest
        Which replicas; `planes` is not used.
    image : ndarray
        The whole image, from which the key is hashed, with seed and domain.
    first_pixel : int
        Where the level begins in `image`, an even number: a part has the same bytes as in the whole.
    """
    level_dn, device = base.level_dn, request.device
    counters = counter_words(request.group, request.start, request.n)
    size = batch_size(request.batch, len(counters), level_dn.size, device)
    key = key_words(request.seed, base.domain, image)
    whole_number(first_pixel + level_dn.size, "pixels of one image", 1, MAX_PIXELS + 1)
    parts = [slice(0, len(level_dn))] if level_dn.size <= WHOLE_PIXELS else slabs(level_dn.shape)
    plane = math.prod(level_dn.shape[1:])

    def sampler(part: slice) -> Drawn:
        local = noise_model_of_rows(noise_model, level_dn.shape, part)
        return local.sampler(base, part, key, first_pixel + part.start * plane)

    def scene() -> Drawn:
        if getattr(level_dn, "hashed", None) is None:  # not marked as unchanging
            return sampler(parts[0])
        identity = (noise_model, level_dn, base.rate_e, base.noise_e)
        return scene_of(identity, (key.tobytes(), first_pixel), lambda: sampler(parts[0]))

    whole = scene() if len(parts) == 1 else None

    # Few values are drawn sooner than another shape is compiled.
    small = level_dn.size <= 2 * SMALL[-1]
    full = -(-size // STEP) * STEP if small or size * level_dn.size <= FEW_VALUES else size
    steps = STEPS if small else (full,)

    def blocks() -> Iterator[Block]:
        for first in range(0, len(counters), size):
            count = min(size, len(counters) - first)
            words = np.resize(counters[first : first + count], full)
            if device:
                drawn = [(whole or sampler(part)).device_block(words) for part in parts]
                block = drawn[0] if whole else jnp.concatenate(drawn, axis=1)
                yield block if count == full else block[:count]  # a slice of all would be copied
            elif whole is not None:
                yield _in_steps(whole, words, steps)[:count]
            else:
                frames = np.empty((count, *level_dn.shape), noise_model.dtype)
                for part in parts:
                    frames[:, part] = sampler(part).block(words)[:count]
                yield frames

    return blocks()


def _in_steps(drawn: Drawn, words: NDArray[np.uint32], steps: tuple[int, ...]) -> NDArray[Any]:
    """Return the frames of counter words, as many at a time as the largest step allows; the smallest step divides their number."""
    blocks, first = [], 0
    while first < len(words):
        count = next(step for step in steps if step <= len(words) - first)
        blocks.append(drawn.block(words[first : first + count]))
        first += count
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


def drawing_device() -> tuple[int, int]:
    """Return where JAX draws, as DLPack names it: (1, 0) is the CPU, (2, i) a CUDA GPU."""
    kind, index = jax.device_put(np.uint8(0)).__dlpack_device__()
    return int(kind), int(index)
