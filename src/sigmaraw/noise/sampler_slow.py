"""The slow twins of `sampler` and `rician_sampler`: the same noise from the same random words in float64, with SciPy's exact quantiles."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from sigmaraw.noise.keys import LOW_WORDS, PHOTON_WORDS, READ_WORDS, threefry
from sigmaraw.noise.poisson import LOW_RATE

Words = NDArray[np.uint32]


def reference_block(
    key: NDArray[np.uint32],
    counters: NDArray[np.uint32],
    level_dn: NDArray[np.float64],
    rate_e: NDArray[np.float64],
    gain: Any,
    read_noise: Any,
    *,
    lo: int,
    hi: int,
) -> NDArray[np.int64]:
    """Return (replica, …, y, x) DN: clip(round(level + K·(n − λ + r)), lo, hi), n = F⁻¹(Φ(w); λ), r = σ_r·z.

    Pixels 2p and 2p + 1 share the words of pair p, from which Box–Muller gives w and z. For rates below `LOW_RATE` Φ(w) is replaced
    by u = (d + ½)·2⁻³² in the lower half and 1 − u in the upper; the top bit of a word names the half, and d are the other bits. In
    the upper half counts come from the probability above them, as in the fast twin.

    Parameters
    ----------
    key : ndarray of uint32
        The two key words, uint32 (2,).
    counters : ndarray of uint32
        The first counter word of each replica, uint32 (replica,).
    level_dn : ndarray of float
        Levels (…, y, x), DN.
    rate_e : ndarray of float
        Rates λ, (…, y, x), e⁻.
    gain : array_like
        Gain K, DN/e⁻, a number or (y, x).
    read_noise : array_like
        Read noise σ_r, e⁻, a number or (y, x).
    lo, hi : int
        Ends of the converter's range, DN.
    """
    pair = np.arange((level_dn.size + 1) // 2, dtype=np.uint32)

    def words(domain: int) -> tuple[Words, Words]:
        first, second = threefry(key, counters[:, None], pair[None, :] | np.uint32(domain))
        return first, second

    def frames(pairs: tuple[NDArray[Any], NDArray[Any]]) -> NDArray[Any]:
        flat = np.stack(pairs, axis=-1).reshape(len(counters), -1)
        return flat[:, : level_dn.size].reshape(len(counters), *level_dn.shape)

    read = frames(_normal_pair(*words(READ_WORDS))) * read_noise
    w, word = frames(_normal_pair(*words(PHOTON_WORDS))), frames(words(LOW_WORDS))
    low = rate_e < LOW_RATE
    upper = np.where(low, word >> np.uint32(31) == 1, w > 0)
    p = np.where(low, ((word & np.uint32(0x7FFFFFFF)) + 0.5) * 2.0**-32, special.ndtr(-np.abs(w)))
    rates, count = np.broadcast_to(rate_e, p.shape), np.empty(p.shape)
    count[upper] = _upper_quantile(p[upper], rates[upper])
    count[~upper] = stats.poisson.ppf(p[~upper], rates[~upper])
    return np.clip(np.rint(level_dn + gain * (count - rate_e + read)), lo, hi).astype(np.int64)


def slow_magnitudes(
    key: NDArray[np.uint32], counters: NDArray[np.uint32], amplitude: NDArray[np.float64], sigma: float, *, hi: int
) -> NDArray[np.int64]:
    """Return the same (replica, …, y, x) DN in float64: the slow twin of `rician_sampler`, whose parameters these are."""
    pair = np.arange((amplitude.size + 1) // 2, dtype=np.uint32)
    normals = [_normal_pair(*threefry(key, counters[:, None], pair[None, :] | np.uint32(domain))) for domain in (READ_WORDS, PHOTON_WORDS)]
    first, second = (
        np.stack([one[i] for one in normals], axis=-1).reshape(len(counters), -1)[:, : amplitude.size].reshape(-1, *amplitude.shape)
        for i in (0, 1)
    )
    return np.clip(np.rint(np.hypot(amplitude + sigma * first, sigma * second)), 0, hi).astype(np.int64)


def _normal_pair(word_r: Words, word_a: Words) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    radius = np.sqrt(-2 * np.log((word_r + 0.5) * 2.0**-32))
    angle = ((word_a & np.uint32(0x3FFFFFFF)) + 0.5) * (np.pi / 2**31)  # from 0 to π/2
    signs = [1.0 - 2.0 * ((word_a >> np.uint32(bit)) & np.uint32(1)) for bit in (31, 30)]
    return radius * np.cos(angle) * signs[0], radius * np.sin(angle) * signs[1]


def _upper_quantile(p: NDArray[np.float64], rate: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the smallest k with P(N > k) < p: `isf` would answer k − 1 where float64 cannot tell the two apart."""
    k = stats.poisson.isf(p, rate)
    return np.where(stats.poisson.sf(k, rate) >= p, k + 1, k)
