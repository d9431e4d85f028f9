"""Magnitudes of a complex signal with normal noise as one jit-compiled JAX kernel over a batch of replicas.

    DN = clip(round(√((A + n₁)² + n₂²)), 0, hi),  n₁, n₂ ~ N(0, σ)

The two normal deviates of a pixel are a pair of the Box–Muller transform. Of a pair of pixels the first takes the words that a camera
uses for its electronics, the second those for photons. The slow twin is in `sampler_slow`.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from sigmaraw.noise.keys import PHOTON_WORDS, READ_WORDS, threefry
from sigmaraw.noise.normal import normal_pair
from sigmaraw.processes import refuse_after_fork

_DOMAINS = (READ_WORDS, PHOTON_WORDS)


@functools.partial(jax.jit, static_argnames=("hi", "size", "dtype"))
def _magnitudes(
    key: jax.Array, counters: jax.Array, pair: jax.Array, amplitude: jax.Array, sigma: jax.Array, *, hi: int, size: int, dtype: str
) -> jax.Array:
    """Return (replica, pixel) DN. amplitude : (2, pair), DN."""
    drawn = []
    for place, domain in enumerate(_DOMAINS):
        first, second = normal_pair(*threefry(key, counters[:, None], pair[None, :] | np.uint32(domain)))
        real, imaginary = amplitude[place] + sigma * first, sigma * second
        drawn.append(jnp.clip(jnp.rint(jnp.sqrt(real * real + imaginary * imaginary)), 0, hi))
    return jnp.stack(drawn, axis=-1).reshape(counters.size, -1)[:, :size].astype(dtype)


class RicianSampler:
    """Amplitudes made ready: they lie on the device once.

    Parameters
    ----------
    amplitude : ndarray of float
        A, (y, x) or (z, y, x), DN.
    sigma : float
        σ, DN.
    key : ndarray of uint32
        The two key words.
    first_pixel : int
        Number of the first of these pixels in its image, even.
    hi : int
        Largest value, DN.
    dtype : dtype
        uint8 or uint16.
    """

    def __init__(self, amplitude: NDArray[np.float64], sigma: float, key: Any, first_pixel: int, *, hi: int, dtype: np.dtype[Any]) -> None:
        refuse_after_fork()
        self._shape = amplitude.shape
        pairs = (amplitude.size + 1) // 2
        padded = np.zeros(2 * pairs, np.float32)
        padded[: amplitude.size] = amplitude.reshape(-1)
        pair = np.arange(first_pixel // 2, first_pixel // 2 + pairs, dtype=np.uint32)
        self._arrays = jax.device_put((pair, padded.reshape(-1, 2).T, np.float32(sigma)))  # `jnp.asarray` would compile each shape
        self._run = functools.partial(_magnitudes, jax.device_put(key), hi=hi, size=amplitude.size, dtype=dtype.name)

    def device_block(self, counters: Any) -> jax.Array:
        """Return the frames (replica, *shape) of these counter words, on the device that drew them."""
        return self._run(jax.device_put(counters), *self._arrays).reshape(-1, *self._shape)

    def block(self, counters: Any) -> NDArray[Any]:
        """Return the same frames as NumPy integers that may be written to."""
        return np.array(self.device_block(counters))
