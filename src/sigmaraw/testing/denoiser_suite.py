"""The conformance suite for denoisers: what `bootstrap` and the codec `denoise` rely on, checked from outside."""

from __future__ import annotations

import pickle

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Denoiser
from sigmaraw.testing.requirements import require

_SHAPES = ((1, 1), (1, 17), (17, 3), (40, 56))
_SIGMAS = 4.0  # standard errors by which the mean of a flat image may move


def check_denoiser(denoiser: Denoiser) -> None:
    """Check a denoiser against the contract; an extension's author calls it with an object of the own class.

    It checks, on frames from one pixel on: float64 of the same shape, finite; the image unchanged; the same bytes twice, after another
    image, from a view that is not contiguous and from a pickled copy. And on noise of standard deviation 1 around a constant: less noise
    than before, with its mean kept (within 4 standard errors); a constant image kept.

    Parameters
    ----------
    denoiser : Denoiser
        The denoiser itself, not its class.

    Raises
    ------
    AssertionError
        The denoiser breaks the contract; the message says how.

    Examples
    --------
    >>> from sigmaraw import registry
    >>> check_denoiser(registry.load(registry.DENOISERS, "dct")())
    """
    name = getattr(denoiser, "name", None)
    require(isinstance(name, str) and bool(name), f"{type(denoiser).__name__} states no name")
    random = np.random.default_rng(11)
    for shape in _SHAPES:
        _check_image(denoiser, random.normal(30, 1, shape))
    flat = random.normal(30, 1, (128, 128))
    done = denoiser(flat.copy())
    require(done.std() < 0.9 * flat.std(), f"{name} leaves a standard deviation of {done.std():.2f} of {flat.std():.2f} on a flat image")
    moved = abs(done.mean() - flat.mean())
    require(moved < _SIGMAS / np.sqrt(flat.size), f"{name} moves the mean of a flat image by {moved:.3f}, of noise 1")
    constant = np.full((40, 56), 30.0)
    require(bool(np.allclose(denoiser(constant.copy()), constant, atol=1e-6)), f"{name} changes a constant image")


def _check_image(denoiser: Denoiser, image: NDArray[np.float64]) -> None:
    where, before = f"{denoiser.name} on {image.shape}", image.copy()
    done = denoiser(image)
    require(np.array_equal(image, before), f"{where} changes the image")
    good = isinstance(done, np.ndarray) and done.dtype == np.float64 and done.shape == image.shape
    require(good, f"{where} returns {getattr(done, 'dtype', type(done).__name__)} of shape {np.shape(done)}, not float64 {image.shape}")
    require(bool(np.isfinite(done).all()), f"{where} returns values that are not finite")
    wide = np.zeros((2 * image.shape[0], 2 * image.shape[1]))
    wide[::2, ::2] = image
    copy = pickle.loads(pickle.dumps(denoiser))  # noqa: S301 - our own object, made in this call
    expected = done.tobytes()
    require(denoiser(image.copy()).tobytes() == expected, f"{where} gives other bytes a second time")
    require(denoiser(wide[::2, ::2]).tobytes() == expected, f"{where} gives other bytes from a view")
    denoiser(np.full(image.shape, 7.0))
    require(denoiser(image.copy()).tobytes() == expected, f"{where} gives other bytes after another image")
    require(copy(image.copy()).tobytes() == expected, f"{where} gives other bytes from a pickled copy")
