"""Poisson counts by inversion, in float32: exact summation at low rates, a uniform expansion of the quantile above.

References: M. B. Giles, "Algorithm 955", ACM TOMS 42(1) (2016); N. M. Temme, Math. Comp. 58 (1992) 755–764; formula 4.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from sigmaraw.noise.normal import horner

# From here on the expansion's total variation distance to the exact law is below 1e-6, its non-centrality in χ² at 10⁹ draws below .15.
LOW_RATE = 4.0
# Largest count worth summing for rates up to the key: P(N > top) < 2⁻³³, less than half the smallest probability that a word can hold.
TOPS = ((0.5, 10), (2.0, 16), (LOW_RATE, 22))
LOWEST_S = -1.39  # of w/√λ: Q < 1 there, hence a count of 0 is below it whatever w is

_F = np.float32
# Polynomials in s = w/√λ, highest power first, for s from −1.4 to 3.4; tests/noise/fit_poisson.py makes them.
# fmt: off
_P = (5.781539e-06, -3.7609145e-05, 6.999462e-05, -7.582435e-05, 2.0217133e-04, -3.1771086e-04, 4.8424446e-04, -1.2814561e-03,
      3.7052433e-03, -1.3892297e-02, 1.6666682e-01)
_C0 = (3.4478173e-04, -1.212968e-03, 1.5505076e-04, 1.3524329e-03, -1.4211008e-03, 2.0090416e-03, -3.56717e-03, 8.622044e-03,
       -2.7773691e-02, 3.3333325e-01)
_C1 = (2.1488462e-03, -2.8474883e-03, 7.3952456e-03, -1.1528749e-02, 9.8257195e-03, -1.2721907e-02, 1.7217886e-02, -1.9745987e-02)
_C2 = (-1.0782953e-02, 1.1055831e-02, 9.821019e-05, -2.082815e-04, 2.011047e-03, -7.0796534e-04)
_C3 = (9.833913e-04, -6.360745e-04, -5.033761e-03, 1.7745178e-03)
# fmt: on


def tail_probability(word: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return (upper, p): which half of the distribution, and the probability beyond the value there, float32 in [2⁻³³, ½].

    A float32 uniform in (0, 1) would lose the smallest probabilities of the upper half; sign and 31 bits keep both.
    """
    upper = (word >> np.uint32(31)) == 1
    distance = (word & np.uint32(0x7FFFFFFF)).astype(jnp.float32)
    return upper, (distance + _F(0.5)) * _F(2.0**-32)


def poisson_low(upper: jax.Array, p: jax.Array, rate: jax.Array, top: int) -> jax.Array:
    """Return Poisson counts (int32) for small rates by summing the probability mass function from the nearer end.

    Lower half: n = #{k : F(k) ≤ p}, F summed upwards; upper half: n = #{k : 1 − F(k) ≥ p}, summed downwards from `top`.
    Each probability is a sum of small terms, so float32 costs 1e-6 of the probability, never of 1.
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


def poisson_expansion(w: jax.Array, root: jax.Array, inverse: jax.Array) -> jax.Array:
    """Return Q(w) − λ, float32: the continuous Poisson quantile whose floor is the count, for λ ≥ `LOW_RATE`.

    Q = λ + √λ·w + w²·p(s) + c₀(s) + c₁(s)/λ + c₂(s)/λ² + c₃(s)/λ³,  s = w/√λ;  P(N < k) = Φ(w) where Q(w) = k

    Parameters
    ----------
    w : jax.Array
        Standard normal deviates.
    root : jax.Array
        √λ of each rate.
    inverse : jax.Array
        1/√λ of each rate.
    """
    w = jnp.maximum(w, _F(LOWEST_S) * root)
    s, reciprocal = w * inverse, inverse * inverse
    terms = horner(s, _C3)
    for coefficients in (_C2, _C1, _C0):
        terms = terms * reciprocal + horner(s, coefficients)
    return root * w + (w * w * horner(s, _P) + terms)


def poisson_high(w: jax.Array, root: jax.Array, inverse: jax.Array, fraction: jax.Array, whole: jax.Array) -> jax.Array:
    """Return n − ⌊λ⌋, float32, for rates from `LOW_RATE`; n is raised to 0 where the expansion is below it, by less than one."""
    return jnp.maximum(jnp.floor(fraction + poisson_expansion(w, root, inverse)), -whole)
