"""The denoiser of mode `bootstrap`: shrinkage of the cosine coefficients of every patch of the image, in two stages."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

PATCH_PX = 8
CUT = 3.0  # standard deviations of the noise; below it the first stage takes a coefficient for noise
_ROWS = 8  # of patches at a time: what is held stays small, and in the processor's cache

_Image: TypeAlias = NDArray[np.float32]


class SlidingDct:
    """Shrinkage of the cosine coefficients c of each patch of 8 × 8 px, averaged over all patches that cover a pixel.

    ::

        first estimate  a:  f = 1 where |c| ≥ 3, else 0
        second          f = 1 − (1 − g)²,  g = b²/(b² + 1),  b the coefficients of a

    g is Wiener's gain for noise of unit variance. 1 − (1 − g)² is the filter plus the same filter applied to its residual (twicing):
    more noise stays than with g, and the share 1 − g of the bias. That serves this mode, since bias moves the centre of every replica
    while remaining noise widens replicas only a little. The mean of a patch is never shrunk. Patches weigh 1/Σf².

    References
    ----------
    G. Yu, G. Sapiro, IPOL 1 (2011) 292–296; N. Pierazzo, J.-M. Morel, G. Facciolo, IPOL 7 (2017) 288–308 (the second stage); J. W. Tukey,
    Exploratory Data Analysis (1977) (twicing); docs/decisions/0016.
    """

    name = "dct"

    def __call__(self, image: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the denoised (y, x) float64 of an image with noise of unit standard deviation; computed in float32."""
        wide = _widened(image.astype(np.float32))
        first = _averaged(wide, None)
        return _averaged(wide, _widened(first[_INNER]))[_INNER].astype(np.float64)


_BORDER = PATCH_PX - 1
_INNER = (slice(_BORDER, -_BORDER), slice(_BORDER, -_BORDER))


def _widened(image: _Image) -> _Image:
    """Return the image mirrored by a patch less a pixel on every side: all pixels are covered by as many patches."""
    return np.pad(image, _BORDER, mode="symmetric")


def _patches(image: _Image) -> _Image:
    """Return all patches as a view (v, u, y, x): pixel (v, u) of the patch at (y, x)."""
    return sliding_window_view(image, (PATCH_PX, PATCH_PX)).transpose(2, 3, 0, 1)


def _averaged(image: _Image, guide: _Image | None) -> _Image:
    """Return the weighted mean over patches of shrunk patches; by the guide's coefficients, or by the patches' where there is no guide."""
    from scipy.fft import dctn, idctn

    patches, guides = _patches(image), None if guide is None else _patches(guide)
    total, weights = np.zeros_like(image), np.zeros_like(image)
    height, width = patches.shape[2:]
    for row in range(0, height, _ROWS):
        rows = slice(row, min(row + _ROWS, height))
        coefficients = dctn(patches[:, :, rows], axes=(0, 1), norm="ortho")
        if guides is None:
            gains = (np.abs(coefficients) >= CUT).astype(np.float32)
        else:
            gains = 1 - 1 / (np.square(dctn(guides[:, :, rows], axes=(0, 1), norm="ortho")) + 1) ** 2
        gains[0, 0] = 1
        weight = 1 / np.square(gains).sum(axis=(0, 1))
        shrunk = idctn(coefficients * gains, axes=(0, 1), norm="ortho", overwrite_x=True) * weight
        for v in range(PATCH_PX):
            covered = slice(rows.start + v, rows.stop + v)
            for u in range(PATCH_PX):
                total[covered, u : u + width] += shrunk[v, u]
                weights[covered, u : u + width] += weight
    return np.asarray(total / weights)
