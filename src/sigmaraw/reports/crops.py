"""Worst-case crops as PNG: raw and decoded on one grey scale, the residual on a symmetric diverging one."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from sigmaraw.record.arrays import Crop
from sigmaraw.reports.blocks import Picture
from sigmaraw.reports.numbers import given

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DIVERGING = "PuOr"  # purple and orange stay apart for every kind of colour vision
_UNKNOWN = np.array([255, 0, 255], dtype=np.uint8)  # a pixel without a value


def _png(rgb: NDArray[np.uint8]) -> bytes:
    """Return (y, x, 3) uint8 as a PNG; no date or program name inside, so equal pictures are equal bytes."""
    from matplotlib.image import imsave

    stream = io.BytesIO()
    unnamed: dict[str, Any] = {"Software": None}  # matplotlib's keyword
    imsave(stream, rgb, format="png", metadata=unnamed)
    return stream.getvalue()


def grey_png(picture: NDArray[np.uint8]) -> bytes:
    """Return a small grey picture (y, x) as a PNG."""
    return _png(np.repeat(picture[..., None], 3, axis=-1))


def _grey(crop: NDArray[np.float64], low: float, high: float) -> NDArray[np.uint8]:
    """Return 8-bit grey, low black and high white; a constant crop is mid grey. (y, x) DN → (y, x, 3)."""
    shade = np.full(crop.shape, 0.5) if high <= low else (np.nan_to_num(crop) - low) / (high - low)
    grey = np.repeat(np.rint(255 * np.clip(shade, 0, 1)).astype(np.uint8)[..., None], 3, axis=-1)
    grey[~np.isfinite(crop)] = _UNKNOWN
    return grey


def _diverging(residual: NDArray[np.float64], end: float) -> NDArray[np.uint8]:
    """Return colours from −end over white at 0 to +end. (y, x) DN → (y, x, 3)."""
    import matplotlib

    shade = np.full(residual.shape, 0.5) if end <= 0 else 0.5 + 0.5 * np.nan_to_num(residual) / end
    colours: NDArray[np.uint8] = matplotlib.colormaps[_DIVERGING](np.clip(shade, 0, 1), bytes=True)[..., :3].copy()
    colours[~np.isfinite(residual)] = _UNKNOWN
    return colours


def diverging_stops(count: int = 11) -> str:
    """Return the residual's colours as the stops of a CSS gradient, −end first."""
    import matplotlib

    colours = matplotlib.colormaps[_DIVERGING](np.linspace(0, 1, count), bytes=True)
    return ", ".join(f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue, _ in colours.tolist())


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
