"""The size of a pixel as a TIFF states it: OME's attributes, or ImageJ's spacing and resolution tags."""

from __future__ import annotations

import math
import re
from typing import Any

UM = {
    **dict.fromkeys(("µm", "μm", "um", "micron", "microns", "micrometer", "\\u00B5m"), 1.0),
    "nm": 1e-3,
    "mm": 1e3,
    "cm": 1e4,
    "m": 1e6,
}
"""µm of each unit that files name; Greek mu and the micro sign are two characters."""


def tiff_spacing(tif: Any) -> dict[str, Any]:
    """Return `spacing` (z, y, x) or (y, x) and `spacing_unit`, as metadata; nothing where the file does not state it in a length.

    Parameters
    ----------
    tif : tifffile.TiffFile
        An open file.
    """
    if tif.is_ome and tif.ome_metadata:
        sides = _of_ome(tif.ome_metadata)
    elif tif.is_imagej:
        sides = _of_imagej(tif)
    else:
        return {}
    usable = len(sides) >= 2 and all(math.isfinite(side) and side > 0 for side in sides)
    return {"spacing": sides, "spacing_unit": "µm"} if usable else {}


def _of_ome(text: str) -> tuple[float, ...]:
    """Return the sizes along z, y and x, µm, of the first image; as many as are stated."""
    found = []
    pixels = re.search(r"<(?:\w+:)?Pixels\b[^>]*>", text)
    for axis in "ZYX":
        head = pixels[0] if pixels else ""
        value = re.search(rf'\bPhysicalSize{axis}\s*=\s*"([0-9.eE+-]{{1,32}})"', head)
        unit = re.search(rf'\bPhysicalSize{axis}Unit\s*=\s*"([^"]{{1,16}})"', head)
        factor = UM.get(unit[1] if unit else "µm")
        if value is not None and factor is not None:
            found.append((axis, _number(value[1]) * factor))
    return tuple(side for _, side in found) if {"X", "Y"} <= {axis for axis, _ in found} else ()


def _of_imagej(tif: Any) -> tuple[float, ...]:
    metadata, page = tif.imagej_metadata or {}, tif.pages.first
    factor = UM.get(str(metadata.get("unit", "")))
    tags = [page.tags.get(name) for name in ("YResolution", "XResolution")]
    if factor is None or any(tag is None or not isinstance(tag.value, tuple) or not all(tag.value) for tag in tags):
        return ()
    across = tuple(factor * tag.value[1] / tag.value[0] for tag in tags)
    depth = metadata.get("spacing")
    return (factor * float(depth), *across) if isinstance(depth, int | float) else across


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
