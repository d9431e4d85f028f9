"""An estimate of the noise-free frame: stabilised, denoised, and transformed back without bias."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw import registry
from sigmaraw.contracts import CameraNoise, Denoiser
from sigmaraw.errors import InvalidPrediction

RETURN_PX = 6.0  # standard deviation of the Gaussian over which local means are given back
_LEAST = 2 * 0.375**0.5  # the transform of nothing: below it the inverse is not defined


class NonLocalMeans:
    """Each pixel as the mean of pixels whose surroundings look alike: patches of 5 × 5 px, within ± 6 px, cut-off h = 1.

    w = exp(−max(d² − 2σ², 0)/h²), d² the mean squared difference of two patches; σ is 1 after stabilisation.

    References
    ----------
    A. Buades, B. Coll, J.-M. Morel, IPOL 1 (2011) 208–212, as scikit-image computes it.
    """

    name = "nlm"

    def __call__(self, image: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the denoised (y, x) float64 of an image with noise of unit standard deviation."""
        from skimage.restoration import denoise_nl_means

        found: NDArray[np.float64] = denoise_nl_means(image, patch_size=5, patch_distance=6, h=1.0, sigma=1.0, fast_mode=True)
        return found.reshape(image.shape)  # an axis of one pixel is dropped on the way


class FunctionDenoiser:
    """A denoiser that calls a user's function.

    Parameters
    ----------
    function : callable
        Takes an image (y, x) float64 whose noise has standard deviation 1, and returns the denoised one.
    name : str, optional
        The name in records; ``module:name`` where it is not given.
    """

    def __init__(self, function: Callable[[NDArray[np.float64]], NDArray[np.float64]], name: str | None = None) -> None:
        self.function = function
        self.name = name or f"{function.__module__}:{getattr(function, '__qualname__', type(function).__name__)}"

    def __call__(self, image: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the function's result on a copy of the image."""
        return self.function(image.copy())


def denoiser_of(denoiser: str | Denoiser | Callable[..., Any]) -> Denoiser:
    """Return the denoiser that a registered name, ``package.module:function``, a function or an object stands for.

    Parameters
    ----------
    denoiser : str, Denoiser or callable
        As `bootstrap:denoiser=` and `denoise:method=` take it; from Python also the function or denoiser itself.

    Returns
    -------
    Denoiser
        Ready to be called.

    Raises
    ------
    UnknownName
        No denoiser of that name.
    InvalidSpec
        No such module or function.

    Examples
    --------
    >>> denoiser_of("dct").name
    'dct'
    """
    if not isinstance(denoiser, str):
        return denoiser if hasattr(denoiser, "name") else FunctionDenoiser(denoiser)
    module, colon, name = denoiser.partition(":")
    if not colon:
        made: Denoiser = registry.load(registry.DENOISERS, denoiser)()
        return made
    found = registry.import_named("denoiser", denoiser, module, name)
    return FunctionDenoiser(found() if isinstance(found, type) else found, denoiser)


def estimate(frame: NDArray[np.integer], noise_model: CameraNoise, denoiser: Denoiser) -> NDArray[np.float64]:
    """Return m̂ (y, x) or (z, y, x), DN, an estimate of the noise-free frame.

        y = 2√(z + 3/8 + σ_r²),  ŷ = denoiser(y),  m = o + K·T⁻¹(ŷ),  m̂ = clip(m + G₆ ∗ (x − m), lo, hi)

    with one σ_r for all pixels (`NoiseModel.with_one_read_noise`); offset and gain are each pixel's.

    T⁻¹ is the unbiased inverse of the generalised Anscombe transform. Where the transfer curve is bent, y is that curve's transform, and
    ŷ is first converted to the transform of a straight curve: a bias of ¼|1 − dV/dz| e⁻ at most stays, where the noise is many
    electrons. The last step restores local means, over a Gaussian of 6 px, that denoiser and inverse have changed; so the frame's mean
    does not change, and a bias that is constant over a few px is removed. A volume is denoised page by page.

    Raises
    ------
    InvalidPrediction
        The denoiser returned another shape, or values that are not finite.

    References
    ----------
    formula 1; M. Mäkitalo, A. Foi, IEEE Trans. Image Process. 22(1), 91–103 (2013).
    """
    pages = frame.reshape(-1, *frame.shape[-2:])
    return np.stack([_page(page, noise_model, denoiser) for page in pages]).reshape(frame.shape)


def _page(frame: NDArray[np.integer], noise_model: CameraNoise, denoiser: Denoiser) -> NDArray[np.float64]:
    from scipy.ndimage import gaussian_filter

    noise_model = noise_model.with_one_read_noise()
    smooth = np.asarray(denoiser(noise_model.stabilise(frame)), dtype=np.float64)
    if smooth.shape != frame.shape or not np.isfinite(smooth).all():
        raise InvalidPrediction(
            f"denoiser '{denoiser.name}' returned {smooth.shape} with {int((~np.isfinite(smooth)).sum())} values that are not finite",
            f"{frame.shape}, finite",
            "correct the denoiser, or use the built-in nlm",
        )
    level = noise_model.level_of_mean(smooth)
    level += gaussian_filter(frame - level, RETURN_PX, mode="reflect")
    return np.clip(level, noise_model.lo_dn, noise_model.hi_dn)


def unbiased_inverse(stabilised: NDArray[np.float64], read_noise_e: Any) -> NDArray[np.float64]:
    """Return the signal in e⁻ whose stabilised noisy values have this mean, in closed form.

    ::

        z = D²/4 + √(3/2)/(4D) − 11/(8D²) + 5√(3/2)/(8D³) − 1/8 − σ_r²

    The algebraic inverse D²/4 − 3/8 − σ_r² is ¼ e⁻ too low.

    Parameters
    ----------
    stabilised : ndarray of float
        Mean stabilised values D, (y, x).
    read_noise_e : array_like
        Read noise σ_r, e⁻, a number or (y, x).

    References
    ----------
    M. Mäkitalo, A. Foi, IEEE Trans. Image Process. 22(1), 91–103 (2013), eq. 14 and section III.
    """
    d = np.maximum(stabilised, _LEAST)
    root = 1.5**0.5
    return np.asarray(d**2 / 4 + root / (4 * d) - 11 / (8 * d**2) + 5 * root / (8 * d**3) - 1 / 8 - np.asarray(read_noise_e) ** 2)
