"""The Poisson–Gaussian–ADC camera as one jit-compiled JAX kernel over a batch of replicas.

    DN = clip(round(o + K·(n + r)), lo, hi),  n ~ Poisson(λ),  r ~ N(0, σ_r) e⁻

Both draws are inversions of one 32-bit word each, of which the top bit says which tail and 31 bits say how far out: a float32
uniform in (0, 1) would lose the upper tail. Poisson: exact summation of the probabilities below `LOW_RATE`, the normal
expansion to 1/λ² above. The slow twin, with SciPy's exact quantiles on the same words, is `sampler_slow`.

References: SCIENCE 4; M. B. Giles, "Algorithm 955", ACM TOMS 42(1) (2016), for the idea of expanding Q(w) and flooring.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sigmaraw.noise.keys import threefry
from sigmaraw.noise.scene import LANES, Scene

# From here on the expansion's non-centrality in χ² against the exact pmf is 1.5 at 10⁷ draws (33 degrees of freedom, so a
# fifth of one standard deviation of χ²) and its total variation distance 8e-6; at 8 it is 3,800 and 4e-4.
LOW_RATE = 12.0
# Largest count worth summing for rates up to the key: P(N > top) < 2⁻³³, less than half the smallest tail a word can name.
TOPS = ((0.5, 10), (2.0, 16), (5.0, 25), (LOW_RATE, 42))

_F = np.float32
# Fits of −Φ⁻¹(p)/(1 − 2p) in t = −log(4p(1 − p)), highest power first: in t − 2.5 for t ≤ 5 and in √t − 3.5 beyond, relative
# error 3e-7 and 5e-7 in float32, to p = 2⁻³³. (The published single-precision erfinv is off by 4e-4 out there.)
# fmt: off
_CENTRE = tuple(map(_F, (4.0354287e-8, 4.86103488e-7, -4.99056114e-6, -6.21798745e-6, 3.091502e-4, -1.77301012e-3,
                         -5.90817118e-3, 0.348802656, 2.12331367)))
_TAIL = tuple(map(_F, (-1.12595453e-5, -2.5152319e-4, 8.26504256e-4, -1.06772676e-3, 1.39228627e-3, -2.86896597e-3,
                       4.67268284e-3, 1.42462921, 4.71708775)))
# fmt: on


def _horner(x: jax.Array, coefficients: tuple[np.float32, ...]) -> jax.Array:
    value = jnp.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value = value * x + coefficient
    return value


def tail_probability(word: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return (upper, p): which half of the distribution, and the probability left in that tail, float32 in [2⁻³³, ½]."""
    upper = (word >> np.uint32(31)) == 1
    distance = (word & np.uint32(0x7FFFFFFF)).astype(jnp.float32)
    return upper, (distance + _F(0.5)) * _F(2.0**-32)


def normal(upper: jax.Array, p: jax.Array) -> jax.Array:
    """Return the standard normal quantile with tail probability `p`, positive where `upper`; float32."""
    t = -jnp.log(p * (4 - 4 * p))
    size = jnp.where(t <= 5, _horner(t - _F(2.5), _CENTRE), _horner(jnp.sqrt(t) - _F(3.5), _TAIL)) * (1 - 2 * p)
    return jnp.where(upper, size, -size)


def poisson_low(upper: jax.Array, p: jax.Array, rate: jax.Array, top: int) -> jax.Array:
    """Return Poisson counts (int32) for small rates by summing the probability mass function from the nearer end.

    Lower half: n = #{k : F(k) ≤ p}, F summed upwards; upper half: n = #{k : 1 − F(k) ≥ p}, summed downwards from `top`.
    Each tail is a sum of its own small terms, so float32 costs 1e-6 of a probability, never of 1.
    """
    mass = [jnp.exp(-rate)]
    for k in range(1, top + 1):
        mass.append(mass[-1] * (rate * _F(1 / k)))
    below = jnp.zeros_like(p, dtype=jnp.int32)
    cumulative = jnp.zeros_like(rate)
    for k in range(min(top, int(LOW_RATE) + 1) + 1):  # the median lies below rate + 1/3
        cumulative = cumulative + mass[k]
        below = below + (cumulative <= p).astype(jnp.int32)
    above = jnp.zeros_like(p, dtype=jnp.int32)
    survival = jnp.zeros_like(rate)
    for k in range(top - 1, -1, -1):
        survival = survival + mass[k + 1]
        above = above + (survival >= p).astype(jnp.int32)
    return jnp.where(upper, above, below)


def poisson_expansion(w: jax.Array, rate: jax.Array) -> jax.Array:
    """Return Q(w) − λ, float32: the continuous Poisson quantile whose floor is the count, for λ ≥ `LOW_RATE`.

    Q = λ + √λ·w + (w²+2)/6 − w(w²+2)/(72√λ) + (3w⁴+7w²−16)/(810λ) + w(2684−548w²−207w⁴)/(155520 λ^1.5)
        + (228w⁶+675w⁴−5189w²−256)/(408240 λ²)

    Found by inverting the Cornish–Fisher series of the gamma quantile for its shape: P(N < k) = P(Gamma(k) > λ).
    """
    i = jax.lax.rsqrt(rate)
    s = w * w
    c0 = (s + 2) * _F(1 / 6)
    c1 = -w * (s + 2) * _F(1 / 72)
    c2 = ((3 * s + 7) * s - 16) * _F(1 / 810)
    c3 = w * ((-207 * s - 548) * s + 2684) * _F(1 / 155520)
    c4 = (((228 * s + 675) * s - 5189) * s - 256) * _F(1 / 408240)
    return rate * i * w + (c0 + i * (c1 + i * (c2 + i * (c3 + i * c4))))


def poisson_high(w: jax.Array, rate: jax.Array, fraction: jax.Array, whole: jax.Array) -> jax.Array:
    """Return n − ⌊λ⌋, float32, for rates from `LOW_RATE`; n ≥ 0, which the expansion leaves at the last words of rate 12."""
    return jnp.maximum(jnp.floor(fraction + poisson_expansion(w, rate)), -whole)


@functools.partial(jax.jit, static_argnames=("lo", "hi", "top", "dtype"))
def kernel(key: jax.Array, counters: jax.Array, scene: dict[str, jax.Array], *, lo: int, hi: int, top: int, dtype: str) -> jax.Array:
    """Return (replica, pixel) DN of one batch.

    Float32 never holds a whole DN level or count, only the distance from one: the count as n − ⌊λ⌋, the level as the distance
    from an even whole number near it (even, so that ties round to even as they do on the sum).

    Parameters
    ----------
    key : (2,) uint32; counters : (replica,) uint32.
    scene : the arrays of `Scene`, each (pixel,) or (1,).
    lo, hi : ADC range, DN. top : largest count summed exactly, 0 when no rate is below `LOW_RATE`. dtype : "uint8" or "uint16".
    """
    word_n, word_r = threefry(key, counters[:, None], scene["pixel"][None, :])
    upper, p = tail_probability(word_n)
    rate, fraction, whole = scene["rate"], scene["rate_fraction"], scene["rate_whole"]
    excess = poisson_high(normal(upper, p), jnp.maximum(rate, _F(LOW_RATE)), fraction, whole)
    if top:
        count = poisson_low(upper, p, jnp.minimum(rate, _F(LOW_RATE)), top).astype(jnp.float32)
        excess = jnp.where(rate < _F(LOW_RATE), count - whole, excess)
    read = normal(*tail_probability(word_r)) * scene["read_noise"]
    distance = jnp.rint(scene["level_rest"] + scene["gain"] * (excess - fraction + read))
    level = scene["level_even"]
    distance = jnp.clip(distance, (lo - level).astype(jnp.float32), (hi - level).astype(jnp.float32))
    return (level + distance.astype(jnp.int32)).astype(dtype)


def _top(rate: Any) -> int:
    low = rate[rate < LOW_RATE]
    if not low.size:
        return 0
    return next(top for limit, top in TOPS if low.max() <= limit)


class Sampler:
    """One scene made ready: its arrays lie on the device once, low rates are listed once and sampled apart.

    Where less than half of the pixels have a low rate, the fast kernel runs over all and the exact one over a list of those,
    padded to an eighth of the frame so that few shapes are compiled; else the exact kernel runs over all.
    """

    def __init__(self, scene: Scene, key: Any, *, lo: int, hi: int, dtype: np.dtype[Any]) -> None:
        self._shape, self._dtype, self._size = scene.shape, dtype, scene.size
        self._key = jnp.asarray(key)
        rate = scene.rate[: scene.size]
        low = np.flatnonzero(rate < LOW_RATE)
        top = _top(rate)
        apart = 0 < 2 * low.size < scene.size
        self._all = {name: jnp.asarray(value) for name, value in scene.arrays().items()}
        self._run = functools.partial(kernel, lo=lo, hi=hi, dtype=dtype.name)
        self._top = 0 if apart else top
        self._low: Any = None
        if apart:
            step = -(-scene.size // (8 * LANES)) * LANES
            listed = np.resize(low, -(-low.size // step) * step)  # repeats fill the list up
            self._low = (low, {name: jnp.asarray(value) for name, value in scene.take(listed).arrays().items()}, top)

    def block(self, counters: Any) -> Any:
        """Return (replica, *shape) NumPy integers for these counter words."""
        counters = jnp.asarray(counters)
        frames = np.asarray(self._run(self._key, counters, self._all, top=self._top))[:, : self._size].copy()
        if self._low is not None:
            index, arrays, top = self._low
            values = np.asarray(self._run(self._key, counters, arrays, top=top))
            frames[:, index] = values[:, : index.size]
        return frames.reshape(-1, *self._shape)
