"""From a scene to blocks of frames: how many at a time, which counters, one compiled shape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.noise.keys import counter_words, key_words, whole_number
from sigmaraw.noise.sampler import Sampler
from sigmaraw.noise.scene import make_scene

if TYPE_CHECKING:
    from sigmaraw.noise.model import NoiseModel

# Of one block: 2 bytes a pixel as the kernel's words and 2 as the frames handed out. Larger ones are slower: memory that is given back and
# taken anew must be cleared by the system each time.
BLOCK_BYTES = 16 << 20


def batch_size(batch: int | None, n: int, pixels: int) -> int:
    """Return how many replicas to draw at a time: as told, else what fits `BLOCK_BYTES`. Raises InvalidOption below 1."""
    if batch is None:
        return min(n, max(1, BLOCK_BYTES // (4 * pixels)))
    return min(n, whole_number(batch, "batch", 1, 1 << 31))


def sample_blocks(
    model: NoiseModel,
    level_dn: NDArray[Any],
    rate_e: NDArray[np.float64],
    *,
    n: int,
    start: int,
    group: int,
    seed: int,
    batch: int | None,
    domain: str,
    image: NDArray[Any],
    read_noise_e: NDArray[np.float64] | None = None,
    device: bool = False,
) -> Iterator[Any]:
    """Return an iterator over blocks (replica, …) of clip(round(level + K·(n − λ + r)), lo, hi), n ~ Poisson(λ).

    Options are checked now, not at the first block. A last block that is not full is drawn full and cut, since another
    shape would be compiled anew.

    Parameters
    ----------
    level_dn, rate_e : (…, y, x), DN and e⁻. read_noise_e : σ of r, (…, y, x), e⁻, all of the noise then; None takes the camera's.
    domain, image : what the key is hashed from, with `seed`.
    device : leave blocks where they were drawn, as JAX arrays; else they are NumPy's, free to be written to.
    """
    counters = counter_words(group, start, n)
    size = batch_size(batch, len(counters), level_dn.size)
    key = key_words(seed, domain, image)
    gain, noise = model.drawn_values(rate_e) if read_noise_e is None else (model.gain_dn_per_e, read_noise_e)
    scene = make_scene(level_dn, rate_e, gain, noise)
    sampler = Sampler(scene, key, lo=model.lo_dn, hi=model.hi_dn, dtype=model.dtype)
    draw = sampler.device_block if device else sampler.block

    def blocks() -> Iterator[Any]:
        for first in range(0, len(counters), size):
            part = counters[first : first + size]
            yield draw(np.resize(part, size))[: len(part)]

    return blocks()
