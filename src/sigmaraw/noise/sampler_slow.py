"""The slow twin of `sampler`: the same model on the same random words in float64, with SciPy's exact quantiles."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from sigmaraw.noise.keys import threefry


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
    """Return (replica, …, y, x) DN: clip(round(level + K·(n − λ + r)), lo, hi), n = F⁻¹(u₁; λ), r = σ_r·Φ⁻¹(u₂).

    u = (d + ½)·2⁻³² in the lower half and 1 − that in the upper, the top bit of a word saying which and d being the others; the
    upper half is found from its own tail, as in the fast twin.

    Parameters
    ----------
    key : (2,) uint32; counters : (replica,) uint32. level_dn, rate_e : (…, y, x), DN and e⁻. gain : DN/e⁻, read_noise : e⁻;
    a number or (y, x). lo, hi : ADC range, DN.
    """
    pixel = np.arange(level_dn.size, dtype=np.uint32).reshape(level_dn.shape)
    word_n, word_r = threefry(key, counters.reshape(-1, *(1,) * level_dn.ndim), pixel)
    upper, p = _tail(word_n)
    count = np.where(upper, _upper_quantile(p, rate_e), stats.poisson.ppf(p, rate_e))
    upper_r, p_r = _tail(word_r)
    read = np.where(upper_r, -special.ndtri(p_r), special.ndtri(p_r)) * read_noise
    return np.clip(np.rint(level_dn + gain * (count - rate_e + read)), lo, hi).astype(np.int64)


def _tail(word: NDArray[np.uint32]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    return (word >> np.uint32(31)) == 1, ((word & np.uint32(0x7FFFFFFF)).astype(np.float64) + 0.5) * 2.0**-32


def _upper_quantile(p: NDArray[np.float64], rate: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the smallest k with P(N > k) < p: `isf` would answer k − 1 where float64 cannot tell the two apart."""
    k = stats.poisson.isf(p, rate)
    return np.where(stats.poisson.sf(k, rate) >= p, k + 1, k)
