"""What the sampler needs to know of a noise-free scene, split so that float32 loses nothing."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Pixels are padded to a multiple of this, so that compiled loops have no remainder: the arithmetic of a pixel is then the same
# instructions whatever the number of replicas in a batch.
LANES = 64


@dataclass(frozen=True)
class Scene:
    """Per-pixel arrays, (pixel,) or (1,) where one value serves all, pixels in C order and padded to `LANES`.

    rate : λ, e⁻, float32; rate_whole = ⌊λ⌋ and rate_fraction = λ − ⌊λ⌋, float32, both taken in float64.
    gain : K, DN/e⁻; read_noise : σ_r, e⁻; float32.
    level_even : nearest even whole number to the level that Poisson noise is centred on, DN, int32; level_rest : what is left, DN.
    pixel : position in the frame, uint32, the second counter word.
    """

    shape: tuple[int, ...]
    size: int
    rate: NDArray[np.float32]
    rate_whole: NDArray[np.float32]
    rate_fraction: NDArray[np.float32]
    gain: NDArray[np.float32]
    read_noise: NDArray[np.float32]
    level_even: NDArray[np.int32]
    level_rest: NDArray[np.float32]
    pixel: NDArray[np.uint32]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name."""
        return {item.name: getattr(self, item.name) for item in fields(self) if item.name not in ("shape", "size")}

    def moved(self, pixels: int) -> Scene:
        """Return the scene as part of a larger frame, `pixels` (an even number) after its first: other random words."""
        return replace(self, pixel=self.pixel + np.uint32(pixels))

    def take(self, index: NDArray[np.integer]) -> Scene:
        """Return the scene of these pixels alone; each keeps its own `pixel`, and so its own random words."""
        chosen: dict[str, Any] = {name: value if value.size == 1 else value[index] for name, value in self.arrays().items()}
        return replace(self, size=len(index), **chosen)


def make_scene(level_dn: NDArray[Any], rate_e: NDArray[np.float64], gain: Any, read_noise: Any) -> Scene:
    """Return the scene whose replicas are level + K·(n − λ + r).

    Parameters
    ----------
    level_dn : (…, y, x), DN: the mean of the replicas (before clipping).
    rate_e : same shape, e⁻, ≥ 0. gain : DN/e⁻, read_noise : e⁻; float, or (y, x).
    """
    level = np.asarray(level_dn, dtype=np.float64)
    even = 2 * np.rint(level / 2)
    whole = np.floor(rate_e)
    size = level.size
    pad = -size % LANES

    def flat(value: Any, kind: type[np.generic]) -> NDArray[Any]:
        array = np.asarray(value)
        if array.ndim == 0:
            return array.reshape(1).astype(kind)
        return np.pad(np.broadcast_to(array, level.shape).ravel().astype(kind), (0, pad), mode="edge")

    return Scene(
        shape=level.shape,
        size=size,
        rate=flat(rate_e, np.float32),
        rate_whole=flat(whole, np.float32),
        rate_fraction=flat(rate_e - whole, np.float32),
        gain=flat(gain, np.float32),
        read_noise=flat(read_noise, np.float32),
        level_even=flat(even, np.int32),
        level_rest=flat(level - even, np.float32),
        pixel=np.arange(size + pad, dtype=np.uint32),
    )
