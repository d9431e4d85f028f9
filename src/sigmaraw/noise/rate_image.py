"""The rates and levels of a noise-free image as the sampler takes them, split so that float32 loses nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.noise.poisson import LOW_RATE

# Pairs of pixels are padded to such sizes, multiples of 64, so that compiled loops have no remainder: the arithmetic of a pixel is then
# the same instructions whatever the number of replicas in a batch.
TILE = 4096  # pairs; more of them are padded to whole tiles, all replicas of which are drawn while the tile's values are in the cache
SMALL = (512, 2048)  # pairs of smaller images, padded to one of these: drawing them all takes a thousandth of compiling another shape
_CHUNK = 1 << 15  # pixels split at a time: float64 intermediates stay in the cache, which is 3 × as fast on frames of 2048²


@dataclass(frozen=True)
class RateImage:
    """Poisson rates and levels of an image: arrays (2, pair), pixels 2p and 2p + 1 in C order being pair p, padded.

    An array is (1, 1) where one value serves all, but in small images, for which fewer shapes are compiled so.

    `arrays` holds, all float32: rate_whole = ⌊λ⌋ and rate_fraction = λ − ⌊λ⌋, e⁻; rate_root = √λ and rate_inverse = 1/√λ for rates
    from `LOW_RATE`, below it the values of `LOW_RATE`; gain = K, DN/e⁻; read_noise = σ_r, e⁻; level_even, the nearest even whole number
    to the level on which Poisson noise is centred, DN; level_rest, the level less level_even, DN.

    Parameters
    ----------
    pair : ndarray of uint32
        Position of each pair in the frame, uint32 (pair,), the second counter word.
    """

    shape: tuple[int, ...]
    size: int
    arrays: Mapping[str, NDArray[np.float32]]
    pair: NDArray[np.uint32]

    def low_share(self) -> tuple[float, float]:
        """Return the share of pixels whose rate is below `LOW_RATE`, padding included, and the largest such rate, e⁻ (0 if none)."""
        whole, fraction = self.arrays["rate_whole"], self.arrays["rate_fraction"]
        low = whole < LOW_RATE
        count = np.count_nonzero(low)
        return count / low.size, float((whole + fraction).max(where=low, initial=0.0)) if count else 0.0

    def low_pixels(self) -> NDArray[np.integer]:
        """Return the pixels whose rate is below `LOW_RATE`, ascending."""
        parity, pair = np.nonzero(self.arrays["rate_whole"] < LOW_RATE)
        pixel = np.sort(2 * pair + parity)
        return pixel[pixel < self.size]

    def moved(self, pixels: int) -> RateImage:
        """Return the image as part of a larger frame, `pixels` (an even number) after its first: other random words."""
        return replace(self, pair=self.pair + np.uint32(pixels // 2))

    def take(self, pairs: NDArray[np.integer]) -> RateImage:
        """Return the image of these pairs alone; each keeps its `pair`, and so its random words."""
        chosen = {name: value if value.size == 1 else value[:, pairs] for name, value in self.arrays.items()}
        return RateImage((2 * len(pairs),), 2 * len(pairs), chosen, self.pair[pairs])


def make_rate_image(level_dn: NDArray[Any], rate_e: NDArray[np.float64], gain: Any, read_noise: Any) -> RateImage:
    """Return the rate image whose replicas are level + K·(n − λ + r).

    Parameters
    ----------
    level_dn : ndarray
        Mean of the replicas before clipping, (…, y, x), DN.
    rate_e : ndarray of float
        Rates λ ≥ 0, the same shape, e⁻.
    gain : array_like
        Gain K, DN/e⁻, a number or (y, x).
    read_noise : array_like
        Read noise σ_r, e⁻, a number or (y, x).
    """
    level = np.asarray(level_dn, dtype=np.float64)
    size = level.size
    pairs = padded_pairs(-(-size // 2))
    arrays: dict[str, NDArray[np.float32]] = {}
    filled: dict[str, NDArray[np.float32]] = {}
    for name, value in (("gain", gain), ("read_noise", read_noise)):
        array = np.asarray(value)
        if array.ndim == 0 and pairs > SMALL[-1]:
            arrays[name] = array.reshape(1, 1).astype(np.float32)
        else:
            filled[name] = _padded(np.broadcast_to(array, level.shape).reshape(-1), size, pairs)
    names = ("rate_whole", "rate_fraction", "rate_root", "rate_inverse", "level_even", "level_rest")
    filled |= {name: _aligned(pairs) for name in names}
    flat_level, flat_rate = level.reshape(-1), np.asarray(rate_e, dtype=np.float64).reshape(-1)
    for first in range(0, size, _CHUNK):
        part = slice(first, min(first + _CHUNK, size))
        for name, values in _split(flat_level[part], flat_rate[part]).items():
            _put(filled[name], first, values)
    for name in names:
        _fill(filled[name], size)
    return RateImage(level.shape, size, {**arrays, **filled}, np.arange(pairs, dtype=np.uint32))


def padded_pairs(pairs: int) -> int:
    """Return the number of pairs, rounded up to whole tiles; below one, to a size of `SMALL`: few shapes are compiled."""
    return next((size for size in SMALL if pairs <= size), -(-pairs // TILE) * TILE)


def _aligned(pairs: int) -> NDArray[np.float32]:
    """Return an empty (2, pairs) array that begins at a multiple of 64 bytes, which JAX takes without copying it."""
    store = np.empty(8 * pairs + 64, np.uint8)
    first = -store.ctypes.data % 64
    return store[first : first + 8 * pairs].view(np.float32).reshape(2, pairs)


def _split(level: NDArray[np.float64], rate: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    whole, even = np.floor(rate), 2 * np.rint(level / 2)
    root = np.sqrt(np.maximum(rate, LOW_RATE))
    return {
        "rate_whole": whole,
        "rate_fraction": rate - whole,
        "rate_root": root,
        "rate_inverse": 1 / root,
        "level_even": even,
        "level_rest": level - even,
    }


def _put(target: NDArray[np.float32], first: int, values: NDArray[Any]) -> None:
    """Write pixels `first` … (an even number) into their pairs."""
    half = first // 2
    for parity in (0, 1):
        part = values[parity::2]
        target[parity, half : half + len(part)] = part


def _fill(target: NDArray[np.float32], size: int) -> None:
    """Repeat the last pixel up to the padded end."""
    last = target[(size - 1) % 2, (size - 1) // 2]
    target[0, (size + 1) // 2 :] = last
    target[1, size // 2 :] = last


def _padded(values: NDArray[Any], size: int, pairs: int) -> NDArray[np.float32]:
    target = _aligned(pairs)
    _put(target, 0, values)
    _fill(target, size)
    return target
