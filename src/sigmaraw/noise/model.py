"""The noise model of a camera: variance, samples, stabilised values and limits."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import ReplicaBase, ReplicaRequest
from sigmaraw.errors import (
    BitDepthMismatch,
    InvalidOption,
    InvalidProfile,
    NotIntegerData,
    OutsideValidRange,
    ProfileMismatch,
    ShapeMismatch,
)
from sigmaraw.noise.transfer import TransferCurve

if TYPE_CHECKING:
    from sigmaraw.camera import CameraProfile
    from sigmaraw.contracts import Block, Diagnostic, ReplicaMode
    from sigmaraw.noise.blocks import Drawn

BEYOND_RANGE = 0.001  # share of pixels
QUANTISATION_VARIANCE = 1 / 12  # DN², of rounding to whole DN
U_STATED = 0.1
"""Relative standard uncertainty of σ_raw where noise is stated without a standard error."""


@dataclass(frozen=True, eq=False)
class NoiseModel:
    """A camera: DN = clip(round(o + K·(n + r)), lo, hi), n ~ Poisson((m − o)/K), r ~ N(0, σ_r).

    Where the calibrated transfer curve is bent, V = K·(m − o)·v + K²σ_r² + 1/12, and the deviation n − λ is drawn with √v times its size.

    Parameters
    ----------
    gain_dn_per_e : float or ndarray of float
        Gain K, DN/e⁻, above 0; a number, or float64 (y, x).
    offset_dn : float or ndarray of float
        Offset o, DN, the dark level at the image's exposure; a number, or float64 (y, x).
    read_noise_e : float or ndarray of float
        Read noise σ_r, e⁻ rms, 0 or more, the dark noise at the image's exposure; a number, or float64 (y, x).
    bits : int
        Bit depth, 1 to 16; frames are uint8 up to 8 bits and uint16 above.
    lo_dn : int, default 0
        Lower end of the converter's range, DN.
    hi_dn : int, optional
        Upper end of the converter's range, DN; None is 2^bits − 1.
    u_gain : float, default 0.0
        Relative standard uncertainty of K, a bare number; 0 where none is stated.
    u_read_noise : float, default 0.0
        Standard uncertainty of σ_r, e⁻; 0 where none is stated.
    saturation_dn : float, optional
        Level from which pixels count as saturated, DN; None is hi_dn.
    curve : TransferCurve, optional
        The bent transfer curve, which gives v; None for a straight one.
    highest_dn : float, optional
        Level up to which calibration showed the variance to be V, DN; None where it set no end.
    u_least : float, default 0.0
        Least relative standard uncertainty of √V, a bare number: that of values stated without standard errors.
    dsnu_e : float, default 0.0
        Spread of the pixels' dark levels about a single offset, e⁻ rms; 0 where the offset is a map or the spread was not measured.

    Raises
    ------
    InvalidProfile
        A value is out of its domain, or maps differ in shape.

    References
    ----------
    formula 1 and formula 4; EMVA 1288 r4.0, linear camera model.

    Examples
    --------
    >>> import sigmaraw as sr
    >>> noise_model = sr.NoiseModel(gain_dn_per_e=0.5, offset_dn=100.0, read_noise_e=2.0, bits=12)
    >>> round(float(noise_model.variance(300.0)), 2)
    101.08
    """

    of_sensor: ClassVar[bool] = True
    """Whether a value is a sensor's pixel, which may be hot or dead."""

    gain_dn_per_e: float | NDArray[np.float64]
    offset_dn: float | NDArray[np.float64]
    read_noise_e: float | NDArray[np.float64]
    bits: int
    lo_dn: int = 0
    hi_dn: int = None  # type: ignore[assignment]  # filled in below: an int for every reader
    u_gain: float = 0.0
    u_read_noise: float = 0.0
    saturation_dn: float | None = None
    curve: TransferCurve | None = None
    highest_dn: float | None = None
    u_least: float = 0.0
    dsnu_e: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= 16:
            raise InvalidProfile(f"bit depth {self.bits}", "1 to 16", "state the camera's bit depth")
        top = (1 << self.bits) - 1
        if self.hi_dn is None:
            object.__setattr__(self, "hi_dn", top)
        if not 0 <= self.lo_dn < self.hi_dn <= top:
            raise InvalidProfile(f"converter range {self.lo_dn} to {self.hi_dn} DN", f"a range within 0 to {top} DN", "correct the range")
        _check_values("gain", "DN/e⁻", self.gain_dn_per_e, lambda value: value > 0, "above 0")
        _check_values("offset", "DN", self.offset_dn, np.isfinite, "finite")
        _check_values("read noise", "e⁻", self.read_noise_e, lambda value: value >= 0, "0 or more")
        for name in ("u_gain", "u_read_noise"):
            _check_values(name, "", getattr(self, name), lambda value: value >= 0, "0 or more")
        shapes = {array.shape for array in self._maps() if array.ndim}
        if len(shapes) > 1 or any(len(shape) != 2 for shape in shapes):
            raise InvalidProfile(f"maps of shapes {sorted(shapes)}", "one (y, x) shape", "calibrate again")
        if self.curve is not None:
            top_dn = self.hi_dn if self.highest_dn is None else self.highest_dn
            signals = np.linspace(0.0, max(top_dn - float(np.min(self.offset_dn)), 1.0), 1000)
            _check_values("relative variance", "", self.curve.relative_variance(signals), lambda value: value > 0, "above 0")

    @classmethod
    def from_profile(
        cls,
        profile: CameraProfile | NoiseModel | str | os.PathLike[str],
        shape: tuple[int, ...] | None = None,
        *,
        roi: tuple[int, int] | None = None,
        scalars: bool = False,
    ) -> NoiseModel:
        """Return the noise model of a profile's camera for frames of `shape`; the only place that reads camera variables.

        Offset and σ_r are the dark level and dark noise, which hold at the image's exposure. Maps are used where the frame has the
        maps' shape; a cut-out states its corner (`roi`) or asks for scalars. Where the profile has taps or colour planes, scalars are
        those of each pixel's tap, and a cut-out must state its corner.

        Parameters
        ----------
        profile : CameraProfile, NoiseModel, str or PathLike
            A profile, the path of one, or a noise model, which is returned as it is where it fits.
        shape : tuple of int, optional
            Shape (…, y, x) of the frames; None takes the maps as they are.
        roi : tuple of int, optional
            (y, x) of the frame's first pixel on the sensor, px.
        scalars : bool, default False
            Use the sensor's mean values in place of its maps.

        Returns
        -------
        NoiseModel
            With maps cut to the frames, or scalars.

        Raises
        ------
        ProfileMismatch
            Maps have another shape than the frame, or a cut-out leaves them.
        InvalidOption
            `roi` is given together with `scalars`, or without `shape`.
        InvalidProfile
            A variable is missing or out of its domain.
        """
        from sigmaraw.noise.from_profile import by_taps, opened, read_profile, with_taps

        profile = opened(profile)
        tapped = shape is not None and not isinstance(profile, NoiseModel) and by_taps(profile, scalars)
        if roi is not None and scalars and not tapped:
            raise InvalidOption("both --roi and --scalars", "one of them", "drop --scalars to use the maps, or --roi to use the scalars")
        noise_model = profile if isinstance(profile, NoiseModel) else read_profile(profile, scalars)
        if tapped:
            assert shape is not None and not isinstance(profile, NoiseModel)
            return with_taps(noise_model, profile, shape, roi)
        if scalars and noise_model.shape is not None:
            raise ProfileMismatch(
                "mean values asked of a noise model that has maps only", "a camera profile", "build the noise model from the profile"
            )
        if roi is not None:
            noise_model = noise_model._cut(roi, shape)
        if shape is not None:
            noise_model.check_shape(shape)
        return noise_model

    # --- fitting an image ---------------------------------------------------------------------------------------------
    @property
    def shape(self) -> tuple[int, int] | None:
        """Shape (y, x) of the maps; None where all values are scalars, which fit any frame."""
        return next((array.shape for array in self._maps() if array.ndim), None)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Container of this camera's frames: uint8 up to 8 bits, else uint16."""
        return np.dtype(np.uint8 if self.bits <= 8 else np.uint16)

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Refuse frames (…, y, x) that the maps do not fit. Raises ProfileMismatch or ShapeMismatch."""
        if len(shape) < 2 or 0 in shape:
            raise ShapeMismatch(f"an array of shape {tuple(shape)}", "frames (…, y, x) that are not empty", "give whole frames")
        if self.shape is not None and tuple(shape[-2:]) != self.shape:
            raise ProfileMismatch(
                f"frames of {shape[-2]} × {shape[-1]} pixels with a camera profile of {self.shape[0]} × {self.shape[1]}",
                "the same shape",
                "say where the cut-out lies with --roi y,x, or use the camera's mean values knowingly with --scalars",
            )

    def check_image(self, image: NDArray[Any]) -> None:
        """Refuse an image that this camera cannot have delivered: (…, y, x), DN.

        Raises
        ------
        NotIntegerData
            The image is neither uint8 nor uint16.
        BitDepthMismatch
            The container, or a value, does not fit the bit depth.
        OutsideValidRange
            More than 0.1 % of the pixels lie above the levels to which the transfer curve was fitted.
        ProfileMismatch
            The maps have another shape.
        """
        if image.dtype not in (np.uint8, np.uint16):
            raise NotIntegerData(f"pixels of type {image.dtype}", "uint8 or uint16", "give the frames as the camera delivered them")
        if image.dtype != self.dtype:
            raise BitDepthMismatch(
                f"{image.dtype} frames with a camera of {self.bits} bits",
                f"{self.dtype} frames",
                "use the profile of the camera mode that took them",
            )
        self.check_shape(image.shape)
        top = (1 << self.bits) - 1
        largest = int(image.max())
        if largest > top:
            raise BitDepthMismatch(
                f"a pixel value of {largest} DN with a camera of {self.bits} bits",
                f"at most {top} DN",
                "use the profile of the camera mode that took the image",
            )

        self._check_range(image)

    def _check_range(self, image: NDArray[Any]) -> None:
        if self.highest_dn is None:
            return
        beyond = sum(int(np.count_nonzero(page > self.highest_dn)) for page in _pages(image)) / image.size
        if beyond > BEYOND_RANGE:  # single hot pixels do not make an image useless
            raise OutsideValidRange(
                f"{beyond:.2%} of the pixels are above {self.highest_dn:.0f} DN, to which the calibrated transfer curve reaches",
                f"at most {BEYOND_RANGE:.1%}",
                "expose less, or calibrate with brighter flats; the calibration's datasheet shows the curve",
            )

    def saturated_fraction(self, image: NDArray[np.integer]) -> float:
        """Return the fraction of pixels at or above saturation, where the noise model does not apply."""
        limit = self.hi_dn if self.saturation_dn is None else min(self.saturation_dn, self.hi_dn)
        return float(np.mean(np.asarray(image) >= limit))

    def fingerprint(self) -> bytes:
        """Return the SHA-256 of every value that decides how this camera's frames vary."""
        digest = hashlib.sha256(f"{self.bits}|{self.lo_dn}|{self.hi_dn}|{self.curve}".encode())
        for array in self._maps():
            digest.update(f"|{array.shape}|".encode())
            digest.update(np.ascontiguousarray(array, "<f8").tobytes())
        return digest.digest()

    # --- noise --------------------------------------------------------------------------------------------------------
    def variance(self, level_dn: Any) -> NDArray[np.float64]:
        """Return the temporal variance in DN²: V(m) = K·max(m − o, 0)·v + K²σ_r² + 1/12.

        Parameters
        ----------
        level_dn : array_like
            Levels m, (…, y, x) or a number, DN.
        """
        signal = np.maximum(np.asarray(level_dn, dtype=np.float64) - self.offset_dn, 0.0)
        gain = np.asarray(self.gain_dn_per_e)
        return gain * signal * self._relative_variance(signal) + (gain * self.read_noise_e) ** 2 + QUANTISATION_VARIANCE

    def _relative_variance(self, signal_dn: NDArray[np.float64]) -> Any:
        """Return v of a signal above dark, DN: 1 for a straight camera."""
        return 1.0 if self.curve is None else self.curve.relative_variance(signal_dn)

    def drawn_values(self, rate_e: NDArray[np.float64], gain: Any, read_noise: Any) -> tuple[Any, Any]:
        """Return (gain, read noise) with which a draw K·(n − λ + r) has the calibrated variance: K√v, DN/e⁻, and σ_r/√v, e⁻.

        Parameters
        ----------
        rate_e : ndarray of float
            Rates λ, (…, y, x), e⁻.
        gain : array_like
            Gain K of these pixels, DN/e⁻.
        read_noise : array_like
            Read noise σ_r of these pixels, e⁻.
        """
        if self.curve is None:
            return gain, read_noise
        root = np.sqrt(self.curve.relative_variance(np.asarray(gain) * rate_e))
        return gain * root, read_noise / root

    def to_electrons(self, level_dn: Any) -> NDArray[np.float64]:
        """Return (x − o)/K in e⁻, negative below the offset.

        Parameters
        ----------
        level_dn : array_like
            Levels, (…, y, x), DN.
        """
        return (np.asarray(level_dn, dtype=np.float64) - self.offset_dn) / self.gain_dn_per_e

    def to_dn(self, signal_e: Any) -> NDArray[np.float64]:
        """Return o + K·z in DN, neither rounded nor clipped.

        Parameters
        ----------
        signal_e : array_like
            Signal z, (…, y, x), e⁻.
        """
        return np.asarray(self.offset_dn + self.gain_dn_per_e * np.asarray(signal_e, dtype=np.float64))

    def stabilise(self, level_dn: Any) -> NDArray[np.float64]:
        """Return 2·√max(z + 3/8 + σ_r², 0), z in e⁻: noise of unit standard deviation from a few electrons on.

        For a bent curve it is ∫ dz/√(z·v + 3/8 + σ_r²), in closed form.

        Parameters
        ----------
        level_dn : array_like
            Levels, (…, y, x), DN.

        References
        ----------
        The generalised Anscombe transform, formula 1 (`bootstrap`).
        """
        if self.curve is not None:
            return self.curve.stabilise(self.to_electrons(level_dn), self.gain_dn_per_e, self._constant)
        shifted = self.to_electrons(level_dn) + self._constant
        return 2.0 * np.sqrt(np.maximum(shifted, 0.0))

    def dark_scatter_dn(self) -> float | NDArray[np.float64]:
        """Return the standard deviation of dark values about the offset, DN: dark noise, rounding, DSNU where the offset is one number."""
        gain = np.asarray(self.gain_dn_per_e)
        dsnu = self.dsnu_e if np.ndim(self.offset_dn) == 0 else 0.0
        found = np.sqrt((gain * np.asarray(self.read_noise_e)) ** 2 + (gain * dsnu) ** 2 + QUANTISATION_VARIANCE)
        return np.asarray(found) if np.ndim(found) else float(found)

    def with_one_read_noise(self) -> NoiseModel:
        """Return the camera with one read noise for all pixels, their root mean square.

        A denoiser needs it: stabilised by each pixel's read noise, an even level is uneven, and what smooths the stabilised values
        writes the read noise's pattern into the level. Read noise above the 99th percentile counts as that, so that a few hot pixels
        do not decide for all.
        """
        if np.ndim(self.read_noise_e) == 0:
            return self
        squares = np.asarray(self.read_noise_e, dtype=np.float64) ** 2
        top = np.quantile(squares, 0.99)
        return replace(self, read_noise_e=math.sqrt(float(np.minimum(squares, top).mean())))

    def unstabilise(self, stabilised: Any) -> NDArray[np.float64]:
        """Return the level in DN of stabilised values, the inverse of `stabilise`: o + K·((y/2)² − 3/8 − σ_r²) for a straight curve.

        This algebraic inverse is biased for a mean of stabilised values.
        """
        y = np.asarray(stabilised, dtype=np.float64)
        if self.curve is not None:
            return self.to_dn(self.curve.unstabilise(y, self.gain_dn_per_e, self._constant))
        return self.to_dn((y / 2) ** 2 - self._constant)

    def straightened(self, stabilised: Any) -> NDArray[np.float64]:
        """Return stabilised values converted to the transform of a straight curve: 2√(z + 3/8 + σ_r²) of the same z."""
        y = np.asarray(stabilised, dtype=np.float64)
        if self.curve is None:
            return y
        z = self.curve.unstabilise(y, self.gain_dn_per_e, self._constant)
        return np.asarray(2.0 * np.sqrt(np.maximum(z + self._constant, 0.0)))

    def level_of_mean(self, stabilised: Any) -> NDArray[np.float64]:
        """Return the level, DN, of which noisy values, stabilised, have this mean: the unbiased inverse of `stabilise`.

        Parameters
        ----------
        stabilised : array_like
            Means of stabilised values, (…, y, x).

        References
        ----------
        See `denoise.unbiased_inverse`, and `denoise.estimate` for bent curves.
        """
        from sigmaraw.noise.denoise import unbiased_inverse

        return self.to_dn(unbiased_inverse(self.straightened(stabilised), self.read_noise_e))

    @property
    def _constant(self) -> Any:
        """3/8 + σ_r², e⁻²."""
        return 0.375 + np.asarray(self.read_noise_e) ** 2

    @property
    def dark_noise_dn(self) -> float:
        """K·σ_r, DN: standard deviation of a dark pixel before rounding, of the median pixel where there are maps."""
        return float(np.median(np.asarray(self.gain_dn_per_e) * np.asarray(self.read_noise_e)))

    def relative_spread_uncertainty(self, image_dn: Any) -> float:
        """Return u_cal, the relative standard uncertainty of √V from the calibration, averaged over the image.

        u² = mean(½·∂V/∂K·u(K)/V)² + mean(½·∂V/∂σ_r·u(σ_r)/V)²,  ∂V/∂K = (m − o) + 2Kσ_r²,  ∂V/∂σ_r = 2K²σ_r

        It is at least `u_least`. Means, not root mean squares, over pixels: one error of K or σ_r is shared by all of them. They are
        taken as uncorrelated, and so is the part of a bent curve's parameters, ½·K(m − o)v·u(v)/V.

        Parameters
        ----------
        image_dn : array_like
            Image (…, y, x), DN.

        References
        ----------
        formula 2.3; JCGM 100 (2008) 5.1.2.
        """
        gain, noise = np.asarray(self.gain_dn_per_e), np.asarray(self.read_noise_e)
        image = np.asarray(image_dn)
        by_gain = by_noise = by_curve = 0.0
        for page in _pages(image):  # a volume in float64 would take several times its memory
            variance = self.variance(page)
            signal = np.maximum(page.astype(np.float64) - self.offset_dn, 0.0)
            photons = gain * signal * self._relative_variance(signal)
            by_gain += float(np.sum(0.5 * (photons + 2 * (gain * noise) ** 2) * self.u_gain / variance))
            by_noise += float(np.sum(gain**2 * noise * self.u_read_noise / variance))
            if self.curve is not None:
                by_curve += float(np.sum(0.5 * photons * self.curve.relative_uncertainty(signal) / variance))
        return max(math.hypot(by_gain, by_noise, by_curve) / image.size, self.u_least)

    def diagnostics(self, image_dn: Any) -> tuple[Diagnostic, ...]:
        """Return the checks of noise that pixels share, which independent draws leave out: see `noise.totals`."""
        from sigmaraw.noise.totals import totals_check

        return totals_check(self, np.asarray(image_dn))

    # --- sampling -----------------------------------------------------------------------------------------------------
    def check_mode(self, mode: ReplicaMode) -> None:
        """Refuse a replica mode that cannot draw this noise; a camera's can be drawn by all."""

    def sampler(self, base: ReplicaBase, part: slice, key: Any, first_pixel: int) -> Drawn:
        """Return what draws a part of an image; this is the noise model of the part. Parameters as in `blocks.camera_sampler`."""
        from sigmaraw.noise.blocks import camera_sampler

        return camera_sampler(self, base, part, key, first_pixel)

    def sample(self, mean_dn: Any, n: int, seed: int = 0, *, start: int = 0, group: int = 0, batch: int | None = None) -> NDArray[Any]:
        """Return `n` frames of a given mean image, (replica, …, y, x) in `dtype`, DN.

        Parameters
        ----------
        mean_dn : array_like
            Mean image (…, y, x), DN; below the offset no photon arrives, and the level is the offset. See `sample_blocks`.
        """
        return np.concatenate(list(self.sample_blocks(mean_dn, n, seed, start=start, group=group, batch=batch)))

    def sample_blocks(
        self,
        mean_dn: Any,
        n: int,
        seed: int = 0,
        *,
        start: int = 0,
        group: int = 0,
        batch: int | None = None,
        device: bool = False,
    ) -> Iterator[Block]:
        """Yield frames of a given mean image in blocks (replica, …, y, x) of at most `batch` frames.

        DN = clip(round(o + K·(n + r)), lo, hi),  n ~ Poisson(max(m − o, 0)/K),  r ~ N(0, σ_r)

        Frame i of (mean image, seed, group) is the same bytes whatever `n`, `start` and `batch` are.

        Parameters
        ----------
        device : bool, default False
            Yield JAX arrays on the device that drew them; else NumPy arrays.

        Raises
        ------
        ProfileMismatch
            Maps have another shape.
        InvalidOption
            Seed, n, start, group or batch is out of its domain, or the mean image is not finite.
        """
        from sigmaraw.noise.blocks import sample_blocks  # JAX is loaded when something is drawn, not before

        mean = np.asarray(mean_dn, dtype=np.float64)
        self.check_shape(mean.shape)
        if not np.isfinite(mean).all():
            raise InvalidOption("a mean image with values that are not finite", "finite levels in DN", "give a level for every pixel")
        rate = np.maximum(self.to_electrons(mean), 0.0)
        base = ReplicaBase(self.to_dn(rate), rate, domain="sample")
        return sample_blocks(self, base, ReplicaRequest(n, seed, start, group, batch, device=device), image=mean)

    # --- parts --------------------------------------------------------------------------------------------------------
    def _maps(self) -> tuple[NDArray[np.float64], ...]:
        return tuple(np.asarray(value) for value in (self.gain_dn_per_e, self.offset_dn, self.read_noise_e))

    def _cut(self, roi: tuple[int, int], shape: tuple[int, ...] | None) -> NoiseModel:
        if shape is None or len(shape) < 2:
            raise InvalidOption("a cut-out's corner without its shape", "both", "give the shape of the frames")
        if self.shape is None:
            return self  # one value for all pixels holds wherever the cut-out lies
        (y, x), (height, width) = roi, shape[-2:]
        if y < 0 or x < 0 or y + height > self.shape[0] or x + width > self.shape[1]:
            raise ProfileMismatch(
                f"a cut-out of {height} × {width} pixels at {y},{x} on a sensor of {self.shape[0]} × {self.shape[1]}",
                "a cut-out inside the sensor",
                "correct --roi y,x, or use the camera's mean values knowingly with --scalars",
            )

        def cut(value: float | NDArray[np.float64]) -> float | NDArray[np.float64]:
            return value[y : y + height, x : x + width] if isinstance(value, np.ndarray) and value.ndim else value

        return replace(self, gain_dn_per_e=cut(self.gain_dn_per_e), offset_dn=cut(self.offset_dn), read_noise_e=cut(self.read_noise_e))


def _pages(image: NDArray[Any]) -> NDArray[Any]:
    """Return an image (…, y, x), or one number, as pages (page, y, x)."""
    return image.reshape(-1, *image.shape[-2:]) if image.ndim >= 2 else image.reshape(1, 1, -1)


def _check_values(name: str, unit: str, value: Any, good: Any, domain: str) -> None:
    array = np.asarray(value, dtype=np.float64)
    bad = ~(np.isfinite(array) & good(array))
    if bad.any():
        where = f"{int(bad.sum())} of {array.size} pixels" if array.ndim else f"{float(array):g} {unit}".strip()
        raise InvalidProfile(f"{name}: {where} out of its domain", f"finite values {domain}", "calibrate again, or correct the value")
