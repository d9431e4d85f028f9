"""The Poisson–Gaussian–ADC camera as one jit-compiled JAX kernel over a batch of replicas.

    DN = clip(round(o + K·(n + r)), lo, hi),  n ~ Poisson(λ),  r ~ N(0, σ_r) e⁻

Two pixels share their random words, since the Box–Muller transform gives normal deviates in pairs: two for the electronics, and two
that the Poisson quantile turns into counts. Where the rate is low, a separate word is inverted by summation. The slow twin, with
SciPy's exact quantiles on the same words, is `sampler_slow`.

References: formula 4; docs/decisions/0008.
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
from sigmaraw.noise.rate_image import TILE, RateImage, padded_pairs
from sigmaraw.processes import refuse_after_fork

# Share of low-rate pixels from which the exact kernel runs over the whole frame rather than over a list of them, as measured.
APART = 0.15

_F = np.float32


@functools.partial(jax.jit, static_argnames=("high", "top", "dtype", "tile"))
def kernel(
    key: jax.Array,
    counters: jax.Array,
    pair: jax.Array,
    rates: dict[str, jax.Array],
    ends: jax.Array,
    *,
    high: bool,
    top: int,
    dtype: str,
    tile: int,
) -> jax.Array:
    """Return (tile, replica, pair) DN of one batch, the second pixel of a pair in the upper half of each word.

    Float32 never holds a whole DN level or count, only the distance from one: the count as n − ⌊λ⌋, the level as the distance
    from an even whole number near it (even, so that ties round to even as they do on the sum).

    Parameters
    ----------
    key : jax.Array
        The two key words, uint32 (2,).
    counters : jax.Array
        The first counter word of each replica, uint32 (replica,).
    pair : jax.Array
        The second counter word, uint32 (pair,).
    rates : dict of str to jax.Array
        The arrays of `RateImage`, each (2, pair) or (1, 1).
    ends : jax.Array
        Ends of the converter's range, whole DN, float32 (2,): no part of what is compiled, so that cameras share it.
    high : bool
        Whether any rate is `LOW_RATE` or more.
    top : int
        Largest count summed exactly; 0 where no rate is below `LOW_RATE`.
    dtype : str
        "uint8" or "uint16"; words have twice its bits.
    tile : int
        Pairs per tile; the tiles must cover all pairs exactly.
    """
    places = pair.reshape(-1, 1, tile)
    tiled = {name: value.reshape(2, -1, 1, tile) if value.size > 1 else value for name, value in rates.items()}

    def words(domain: int) -> tuple[jax.Array, jax.Array]:
        both: tuple[jax.Array, jax.Array] = threefry(key, counters[None, :, None], places | np.uint32(domain))
        return both

    read = normal_pair(*words(READ_WORDS))
    normals = normal_pair(*words(PHOTON_WORDS)) if high else (None, None)
    uniforms = words(LOW_WORDS) if top else (None, None)
    first, second = (
        _levels(normals[i], uniforms[i], read[i], {name: value[i % len(value)] for name, value in tiled.items()}, ends, top) for i in (0, 1)
    )
    word = jnp.uint16 if dtype == "uint8" else jnp.uint32
    return first.astype(word) | (second.astype(word) << word(8 * np.dtype(dtype).itemsize))


def _levels(w: Any, word: Any, read: jax.Array, pixel: dict[str, jax.Array], ends: jax.Array, top: int) -> jax.Array:
    """Return DN (tile, replica, pair), int32, of one pixel of each pair.

    Parameters
    ----------
    w : array_like
        Normal deviates for the count, or None.
    word : array_like
        Uniform words for the count, or None.
    """
    whole, fraction = pixel["rate_whole"], pixel["rate_fraction"]
    if w is not None:
        excess = poisson_high(w, pixel["rate_root"], pixel["rate_inverse"], fraction, whole)
    if word is not None:
        rate = whole + fraction
        count = poisson_low(*tail_probability(word), jnp.minimum(rate, _F(LOW_RATE)), top).astype(jnp.float32) - whole
        excess = count if w is None else jnp.where(rate < _F(LOW_RATE), count, excess)
    level = pixel["level_even"]
    distance = jnp.rint(pixel["level_rest"] + pixel["gain"] * (excess - fraction + pixel["read_noise"] * read))
    return (jnp.clip(distance, ends[0] - level, ends[1] - level) + level).astype(jnp.int32)


def _top(rate: float) -> int:
    """Return the largest count to sum for low rates up to this one."""
    return next(top for limit, top in TOPS if rate <= limit)


class Sampler:
    """One rate image made ready: its arrays lie on the device once, low rates are listed once and sampled apart.

    Where fewer than `APART` of the pixels have a low rate, the fast kernel runs over all and the exact one over a list of the pairs with
    such pixels, padded to an eighth of the frame so that few shapes are compiled; else the exact kernel runs over all.
    """

    def __init__(self, image: RateImage, key: Any, *, lo: int, hi: int, dtype: np.dtype[Any]) -> None:
        refuse_after_fork()
        self._shape, self._dtype, self._size = image.shape, dtype, image.size
        share, largest = image.low_share()
        top = _top(largest) if share else 0
        apart = 0 < share < APART
        self._key, self._ends = jax.device_put((key, np.array([lo, hi], np.float32)))
        self._all = _on_device(image)
        self._variant = {"high": share < 1, "top": 0 if apart else top}
        self._low: tuple[Any, ...] | None = None
        self._places: tuple[jax.Array, jax.Array] | None = None  # the first two of `_low` on the device, once they are asked for there
        if apart:
            low = image.low_pixels()
            pairs, where = np.unique(low // 2, return_inverse=True)
            step = padded_pairs(-(-image.pair.size // 8))
            listed = np.resize(pairs, -(-pairs.size // step) * step)  # repeats fill the list up
            self._low = (low, 2 * where + low % 2, _on_device(image.take(listed)), top)

    def block(self, counters: Any) -> NDArray[Any]:
        """Return (replica, *shape) NumPy integers for these counter words."""
        counters = jax.device_put(counters)
        frames = self._pixels(self._draw(counters, self._all, **self._variant), self._size)
        if self._low is not None:
            index, source, arrays, top = self._low
            frames[:, index] = self._pixels(self._draw(counters, arrays, high=False, top=top), 2 * arrays[0].size)[:, source]
        return frames.reshape(-1, *self._shape)

    def device_block(self, counters: Any) -> jax.Array:
        """Return the same frames (replica, *shape) as an array that stays on the device."""
        counters, dtype = jax.device_put(counters), self._dtype.name
        frames = _unpack(self._draw(counters, self._all, **self._variant), size=self._size, dtype=dtype)
        if self._low is not None:
            index, source, arrays, top = self._low
            self._places = self._places or jax.device_put((index, source))
            low = _unpack(self._draw(counters, arrays, high=False, top=top), size=2 * arrays[0].size, dtype=dtype)
            frames = _put(frames, low, *self._places)
        return frames.reshape(-1, *self._shape)

    def _draw(self, counters: jax.Array, arrays: tuple[jax.Array, dict[str, jax.Array]], **variant: Any) -> jax.Array:
        """Return the kernel's words (tile, replica, pair)."""
        pairs = arrays[0].size
        # A GPU has no cache to keep a tile in, and would have to transpose.
        tile = TILE if pairs % TILE == 0 and jax.default_backend() == "cpu" else pairs
        words: jax.Array = kernel(self._key, counters, *arrays, self._ends, dtype=self._dtype.name, tile=tile, **variant)
        return words

    def _pixels(self, words: jax.Array, size: int) -> NDArray[Any]:
        """Return (replica, pixel) integers that may be written to."""
        tiles = np.asarray(words).view(self._dtype)
        count, replicas, width = tiles.shape
        frames = np.empty((replicas, size), self._dtype)
        for index in range(count):
            part = frames[:, index * width : (index + 1) * width]
            part[...] = tiles[index, :, : part.shape[1]]
        return frames


def _on_device(image: RateImage) -> tuple[jax.Array, dict[str, jax.Array]]:
    arrays: tuple[jax.Array, dict[str, jax.Array]] = jax.device_put((image.pair, image.arrays))  # `jnp.asarray` would compile each shape
    return arrays


@functools.partial(jax.jit, static_argnames=("size", "dtype"))
def _unpack(words: jax.Array, *, size: int, dtype: str) -> jax.Array:
    """Return (replica, pixel) integers from words (tile, replica, pair) of two pixels."""
    pixels = jax.lax.bitcast_convert_type(words.swapaxes(0, 1), jnp.dtype(dtype))
    return pixels.reshape(words.shape[1], -1)[:, :size]


@functools.partial(jax.jit, donate_argnums=0)
def _put(frames: jax.Array, low: jax.Array, index: jax.Array, source: jax.Array) -> jax.Array:
    """Return frames with the listed pixels in their places."""
    return frames.at[:, index].set(low[:, source])
