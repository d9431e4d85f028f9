"""Worst-case crops as PNG data URIs: raw and decoded on one grey scale, the residual on a symmetric diverging one."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sigmaraw.record.arrays import Crop
from sigmaraw.reports.numbers import given

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DIVERGING = "PuOr"  # purple and orange stay apart for every kind of colour vision
_UNKNOWN = np.array([255, 0, 255], dtype=np.uint8)  # a pixel without a value


@dataclass(frozen=True)
class CropView:
    """One codec's three pictures and the ends of their scales, ready to print. Scales are in DN."""

    codec: str
    image: int
    position: str
    size: str
    raw: str
    decoded: str
    residual: str
    grey_low: str
    grey_high: str
    residual_end: str
    identical: bool


def _png(rgb: NDArray[np.uint8]) -> str:
    """Return a data URI of (y, x, 3) uint8; no date or program name inside, so equal pictures are equal bytes."""
    from matplotlib.image import imsave

    stream = io.BytesIO()
    unnamed: dict[str, Any] = {"Software": None}  # matplotlib's keyword
    imsave(stream, rgb, format="png", metadata=unnamed)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


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


def crop_view(crop: Crop) -> CropView:
    """Return the three pictures of a crop; the residual is decoded − raw in DN."""
    finite = np.concatenate([part[np.isfinite(part)].ravel() for part in (crop.raw, crop.decoded)])
    low, high = float(finite.min()), float(finite.max())
    residual = crop.decoded - crop.raw
    valued = np.abs(residual[np.isfinite(residual)])
    end = float(valued.max()) if valued.size else 0.0
    return CropView(
        codec=crop.codec,
        image=crop.image,
        position=f"y {crop.position[0]}, x {crop.position[1]}",
        size=f"{crop.raw.shape[0]} × {crop.raw.shape[1]} px",
        raw=_png(_grey(crop.raw, low, high)),
        decoded=_png(_grey(crop.decoded, low, high)),
        residual=_png(_diverging(residual, end)),
        grey_low=given(low) or "",
        grey_high=given(high) or "",
        residual_end=given(end, 4) or "",
        identical=end == 0 and valued.size == residual.size,
    )
