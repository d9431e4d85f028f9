"""The Poisson–Gaussian–ADC camera as one jit-compiled JAX kernel over a batch of replicas.

    DN = clip(round(o + K·(n + r)), lo, hi),  n ~ Poisson(λ),  r ~ N(0, σ_r) e⁻

Two pixels share their random words, since the Box–Muller transform gives normal deviates in pairs: two for the electronics, and two of
which the Poisson quantile makes counts. Where the rate is low a word of its own is inverted by summation. The slow twin, with SciPy's
exact quantiles on the same words, is `sampler_slow`.

References: SCIENCE 4; docs/decisions/0008.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from sigmaraw.noise.keys import LOW_WORDS, PHOTON_WORDS, READ_WORDS, threefry
from sigmaraw.noise.normal import normal_pair
from sigmaraw.noise.poisson import LOW_RATE, TOPS, poisson_high, poisson_low, tail_probability
from sigmaraw.noise.scene import LANES, Scene

# Share of low-rate pixels from which the exact kernel runs over the whole frame: listing costs 8 × as much a pixel, as measured.
APART = 0.1

_F = np.float32


@functools.partial(jax.jit, static_argnames=("lo", "hi", "high", "top", "dtype"))
def kernel(
    key: jax.Array, counters: jax.Array, pair: jax.Array, scene: dict[str, jax.Array], *, lo: int, hi: int, high: bool, top: int, dtype: str
) -> jax.Array:
    """Return (replica, pair) DN of one batch, the second pixel of a pair in the upper half of each word.

    Float32 never holds a whole DN level or count, only the distance from one: the count as n − ⌊λ⌋, the level as the distance
    from an even whole number near it (even, so that ties round to even as they do on the sum).

    Parameters
    ----------
    key : (2,) uint32; counters : (replica,) uint32; pair : (pair,) uint32.
    scene : the arrays of `Scene`, each (2, pair) or (1, 1).
    lo, hi : ADC range, DN. high : whether any rate is from `LOW_RATE`. top : largest count summed exactly, 0 when no rate is below.
    dtype : "uint8" or "uint16"; words are of twice its bits.
    """

    def words(domain: int) -> tuple[jax.Array, jax.Array]:
        both: tuple[jax.Array, jax.Array] = threefry(key, counters[:, None], pair[None, :] | np.uint32(domain))
        return both

    read = normal_pair(*words(READ_WORDS))
    normals = normal_pair(*words(PHOTON_WORDS)) if high else (None, None)
    uniforms = words(LOW_WORDS) if top else (None, None)
    first, second = (
        _levels(normals[i], uniforms[i], read[i], {name: value[i % len(value)] for name, value in scene.items()}, lo, hi, top)
        for i in (0, 1)
    )
    word = jnp.uint16 if dtype == "uint8" else jnp.uint32
    return first.astype(word) | (second.astype(word) << word(8 * np.dtype(dtype).itemsize))


def _levels(w: Any, word: Any, read: jax.Array, pixel: dict[str, jax.Array], lo: int, hi: int, top: int) -> jax.Array:
    """Return DN (replica, pair), int32, of one pixel of each pair. w : normal for the count, or None; word : uniform, or None."""
    whole, fraction = pixel["rate_whole"], pixel["rate_fraction"]
    if w is not None:
        excess = poisson_high(w, pixel["rate_root"], pixel["rate_inverse"], fraction, whole)
    if word is not None:
        rate = whole + fraction
        count = poisson_low(*tail_probability(word), jnp.minimum(rate, _F(LOW_RATE)), top).astype(jnp.float32) - whole
        excess = count if w is None else jnp.where(rate < _F(LOW_RATE), count, excess)
    level = pixel["level_even"]
    distance = jnp.rint(pixel["level_rest"] + pixel["gain"] * (excess - fraction + pixel["read_noise"] * read))
    return (jnp.clip(distance, lo - level, hi - level) + level).astype(jnp.int32)


def _top(rate: NDArray[np.float32]) -> int:
    """Return the largest count to sum for these low rates; 0 where there are none."""
    return next(top for limit, top in TOPS if rate.max() <= limit) if rate.size else 0


class Sampler:
    """One scene made ready: its arrays lie on the device once, low rates are listed once and sampled apart.

    Where fewer than `APART` of the pixels have a low rate, the fast kernel runs over all and the exact one over a list of the pairs with
    such pixels, padded to an eighth of the frame so that few shapes are compiled; else the exact kernel runs over all.
    """

    def __init__(self, scene: Scene, key: Any, *, lo: int, hi: int, dtype: np.dtype[Any]) -> None:
        self._shape, self._dtype, self._size = scene.shape, dtype, scene.size
        low = np.flatnonzero(scene.rate < LOW_RATE)
        top = _top(scene.rate[low])
        apart = 0 < low.size < APART * scene.size
        self._run = functools.partial(kernel, jnp.asarray(key), lo=lo, hi=hi, dtype=dtype.name)
        self._all = _on_device(scene)
        self._variant = {"high": low.size < scene.size, "top": 0 if apart else top}
        self._low: tuple[Any, ...] | None = None
        if apart:
            pairs, where = np.unique(low // 2, return_inverse=True)
            step = -(-scene.pair.size // (8 * LANES)) * LANES
            listed = np.resize(pairs, -(-pairs.size // step) * step)  # repeats fill the list up
            self._low = (low, 2 * where + low % 2, _on_device(scene.take(listed)), top)

    def block(self, counters: Any) -> NDArray[Any]:
        """Return (replica, *shape) NumPy integers for these counter words."""
        counters = jnp.asarray(counters)
        frames = self._pixels(self._run(counters, *self._all, **self._variant))[:, : self._size].copy()
        if self._low is not None:
            index, source, arrays, top = self._low
            frames[:, index] = self._pixels(self._run(counters, *arrays, high=False, top=top))[:, source]
        return frames.reshape(-1, *self._shape)

    def device_block(self, counters: Any) -> jax.Array:
        """Return the same frames (replica, *shape) as an array that stays on the device."""
        counters = jnp.asarray(counters)
        words = self._run(counters, *self._all, **self._variant)
        listed: tuple[jax.Array, ...] = ()
        if self._low is not None:
            index, source, arrays, top = self._low
            listed = (self._run(counters, *arrays, high=False, top=top), jnp.asarray(index), jnp.asarray(source))
        return _unpack(words, listed, shape=self._shape, dtype=self._dtype.name)

    def _pixels(self, words: jax.Array) -> NDArray[Any]:
        return np.asarray(words).view(self._dtype)


def _on_device(scene: Scene) -> tuple[jax.Array, dict[str, jax.Array]]:
    return jnp.asarray(scene.pair), {name: jnp.asarray(value) for name, value in scene.arrays.items()}


@functools.partial(jax.jit, static_argnames=("shape", "dtype"))
def _unpack(words: jax.Array, listed: tuple[jax.Array, ...], *, shape: tuple[int, ...], dtype: str) -> jax.Array:
    """Return (replica, *shape) integers from words of two pixels, the listed ones put in their places."""

    def pixels(packed: jax.Array) -> jax.Array:
        return jax.lax.bitcast_convert_type(packed, jnp.dtype(dtype)).reshape(len(packed), -1)

    frames = pixels(words)[:, : int(np.prod(shape))]
    if listed:
        low, index, source = listed
        frames = frames.at[:, index].set(pixels(low)[:, source])
    return frames.reshape(-1, *shape)
