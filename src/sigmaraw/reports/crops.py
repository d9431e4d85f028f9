"""Worst-case crops as PNG: raw and decoded on one grey scale, the residual on a symmetric diverging one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sigmaraw.record.arrays import Crop
from sigmaraw.reports.blocks import Picture
from sigmaraw.reports.numbers import given

if TYPE_CHECKING:
    from numpy.typing import NDArray

# ColorBrewer's PuOr, dark orange first: purple and orange stay apart for every kind of colour vision.
_DIVERGING = (
    (127, 59, 8), (179, 88, 6), (224, 130, 20), (253, 184, 99), (254, 224, 182), (247, 247, 247),
    (216, 218, 235), (178, 171, 210), (128, 115, 172), (84, 39, 136), (45, 0, 75),
)  # fmt: skip
_UNKNOWN = np.array([255, 0, 255], dtype=np.uint8)  # a pixel without a value


def _png(rgb: NDArray[np.uint8]) -> bytes:
    """Return (y, x, 3) or (y, x) uint8 as a PNG; no date or program name inside, so equal pictures are equal bytes."""
    import imagecodecs

    return bytes(imagecodecs.png_encode(rgb))


def grey_png(picture: NDArray[np.uint8]) -> bytes:
    """Return a small grey picture (y, x) as a PNG."""
    return _png(np.ascontiguousarray(picture))


def _grey(crop: NDArray[np.float64], low: float, high: float) -> NDArray[np.uint8]:
    """Return 8-bit grey, low black and high white; a constant crop is mid grey. (y, x) DN → (y, x, 3)."""
    shade = np.full(crop.shape, 0.5) if high <= low else (np.nan_to_num(crop) - low) / (high - low)
    grey = np.repeat(np.rint(255 * np.clip(shade, 0, 1)).astype(np.uint8)[..., None], 3, axis=-1)
    grey[~np.isfinite(crop)] = _UNKNOWN
    return grey


def _diverging(residual: NDArray[np.float64], end: float) -> NDArray[np.uint8]:
    """Return colours from −end over white at 0 to +end. (y, x) DN → (y, x, 3)."""
    shade = np.full(residual.shape, 0.5) if end <= 0 else 0.5 + 0.5 * np.nan_to_num(residual) / end
    colours = _purple_orange(shade)
    colours[~np.isfinite(residual)] = _UNKNOWN
    return colours


def diverging_stops(count: int = 11) -> str:
    """Return the residual's colours as the stops of a CSS gradient, −end first."""
    return ", ".join(f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in _purple_orange(np.linspace(0, 1, count)).tolist())


def _purple_orange(shade: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return 256 colours between the eleven by a shade from 0 to 1, matplotlib's PuOr to one of 255. (…) → (…, 3)."""
    colours = [np.interp(np.arange(256) / 255, np.arange(11) / 10, channel) for channel in zip(*_DIVERGING, strict=True)]
    places = np.minimum((np.clip(shade, 0, 1) * 256).astype(np.intp), 255)
    return np.stack(colours, axis=-1).astype(np.uint8)[places]


def crop_pictures(crop: Crop) -> list[Picture]:
    """Return raw, decoded and residual of a crop; the residual is decoded − raw in DN."""
    finite = np.concatenate([part[np.isfinite(part)].ravel() for part in (crop.raw, crop.decoded)])
    low, high = float(finite.min()), float(finite.max())
    residual = crop.decoded - crop.raw
    valued = np.abs(residual[np.isfinite(residual)])
    end = float(valued.max()) if valued.size else 0.0
    grey = {"low": given(low) or "", "high": f"{given(high)} DN", "stops": "#000,#fff"}
    written = given(end, 4) or ""
    same = end == 0 and valued.size == residual.size
    scale = (
        {"note": "0 DN in every pixel: identical."}
        if same
        else {"low": f"−{written}", "high": f"+{written} DN", "stops": diverging_stops()}
    )
    return [
        Picture(_png(_grey(crop.raw, low, high)), f"Raw crop of image {crop.image + 1}", "Raw", **grey),
        Picture(_png(_grey(crop.decoded, low, high)), f"The same crop after {crop.codec}", "Decoded", **grey),
        Picture(_png(_diverging(residual, end)), f"Decoded minus raw, between minus and plus {written} DN", "Residual", **scale),
    ]
