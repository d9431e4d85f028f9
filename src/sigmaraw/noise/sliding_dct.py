"""The denoiser of mode `bootstrap`: shrinkage of the cosine coefficients of every patch of the image, in two stages."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from sigmaraw.processes import available_cores

PATCH_PX = 8
CUT = 3.0  # standard deviations of the noise; below it the first stage takes a coefficient for noise
_ROWS = 8  # of patches at a time: what is held stays small, and in the processor's cache

_FEW_PARTS = 4  # of rows: for so few no threads are begun

_Image: TypeAlias = NDArray[np.float32]
_Part = TypeVar("_Part")


class SlidingDct:
    """Shrinkage of the cosine coefficients c of each patch of 8 × 8 px, averaged over all patches that cover a pixel.

    ::

        first estimate  a:  f = 1 where |c| ≥ 3, else 0
        second          f = 1 − (1 − g)²,  g = b²/(b² + 1),  b the coefficients of a

    g is Wiener's gain for noise of unit variance. 1 − (1 − g)² is the filter plus the same filter applied to its residual (twicing):
    more noise stays than with g, and the share 1 − g of the bias. That serves this mode, since bias moves the centre of every replica
    while remaining noise widens replicas only a little. The mean of a patch is never shrunk. Patches weigh 1/Σf².

    Parameters
    ----------
    step_px : int, default 1
        From one patch to the next along y and along x, px, half a patch at most. With 2 a quarter of the patches are averaged.

    References
    ----------
    G. Yu, G. Sapiro, IPOL 1 (2011) 292–296; N. Pierazzo, J.-M. Morel, G. Facciolo, IPOL 7 (2017) 288–308 (the second stage); J. W. Tukey,
    Exploratory Data Analysis (1977) (twicing); docs/decisions/0016.
    """

    name = "dct"

    def __init__(self, step_px: int = 1) -> None:
        self.step_px = step_px

    def __call__(self, image: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the denoised (y, x) float64 of an image with noise of unit standard deviation; computed in float32."""
        wide = _widened(image.astype(np.float32))
        first = _averaged(wide, None, self.step_px)
        return _averaged(wide, _widened(first), self.step_px).astype(np.float64)


_BORDER = PATCH_PX - 1
_INNER = (slice(_BORDER, -_BORDER), slice(_BORDER, -_BORDER))


def _widened(image: _Image) -> _Image:
    """Return the image mirrored by a patch less a pixel on every side: all pixels are covered by as many patches."""
    return np.pad(image, _BORDER, mode="symmetric")


def _coefficients(image: _Image, rows: slice, step_px: int) -> _Image:
    """Return the cosine coefficients (v, u, y, x) of the patches that begin in some rows, every `step_px` along y and x.

    Columns of pixels are transformed once and not for each of the patches that share them. The bits are those of whole patches: the
    transform goes along v and then along u, and its factors are powers of two.
    """
    from scipy.fft import dct

    strip = image[rows.start : rows.stop + _BORDER]
    columns = dct(sliding_window_view(strip, PATCH_PX, axis=0)[::step_px].transpose(2, 0, 1), axis=0, norm="ortho")
    return np.asarray(dct(sliding_window_view(columns, PATCH_PX, axis=2)[:, :, ::step_px].transpose(0, 3, 1, 2), axis=1, norm="ortho"))


def _averaged(image: _Image, guide: _Image | None, step_px: int) -> _Image:
    """Return the weighted mean over patches of shrunk patches; by the guide's coefficients, or by the patches' where there is no guide.

    The mirrored border is left out. Rows of patches are shrunk in threads and added up in their order: the sums do not depend on how many
    threads there are.
    """
    total, weights = np.zeros_like(image), np.zeros_like(image)
    height, width = (side - _BORDER for side in image.shape)
    together = _ROWS * step_px

    def one(rows: slice) -> tuple[slice, _Image, _Image]:
        return rows, *_shrunk(_coefficients(image, rows, step_px), None if guide is None else _coefficients(guide, rows, step_px))

    for rows, shrunk, weight in _in_order(one, [slice(row, min(row + together, height)) for row in range(0, height, together)]):
        for v in range(PATCH_PX):
            covered = slice(rows.start + v, rows.stop + v, step_px)
            for u in range(PATCH_PX):
                total[covered, u : u + width : step_px] += shrunk[v, u]
                weights[covered, u : u + width : step_px] += weight
    return np.asarray(total[_INNER] / weights[_INNER])


def _shrunk(coefficients: _Image, guide: _Image | None) -> tuple[_Image, _Image]:
    """Return some patches (v, u, y, x) shrunk and times their weight, and the weight (y, x). Both are given by their coefficients."""
    from scipy.fft import idctn

    gains = (np.abs(coefficients) >= CUT).astype(np.float32) if guide is None else 1 - 1 / (np.square(guide) + 1) ** 2
    gains[0, 0] = 1
    weight = 1 / np.square(gains).sum(axis=(0, 1))
    return idctn(coefficients * gains, axes=(0, 1), norm="ortho", overwrite_x=True) * weight, weight


def _in_order(function: Callable[[slice], _Part], parts: list[slice]) -> Iterator[_Part]:
    """Yield function(part) of every part in order, computed in a thread per core; few at a time are held."""
    import scipy.fft  # noqa: F401  # before threads ask for it together

    threads = available_cores()
    if threads == 1 or len(parts) < _FEW_PARTS:
        yield from map(function, parts)
        return
    with ThreadPoolExecutor(threads, "sigmaraw-denoise") as pool:
        waiting: deque[Future[_Part]] = deque()
        for part in parts:
            waiting.append(pool.submit(function, part))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
