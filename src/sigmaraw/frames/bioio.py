"""Formats of many makers by bioio and its plug-ins: what no other reader here takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sigmaraw.contracts.readers import Decoded, Layout, Reader, Selection
from sigmaraw.errors import ColourImage, SigmarawError
from sigmaraw.frames.decoding import choose_image, library, require_plausible, unreadable, unreadable_choice

KIND = "bioio"


class BioioReader(Reader):
    """Whatever the installed plug-ins of bioio read."""

    name = "bioio"
    formats = "DeltaVision, SlideBook and others, by the plug-ins of bioio that are installed"
    suffixes = (".dv", ".r3d", ".sldy", ".oib", ".oif", ".oir", ".vsi", ".lsm", ".stk", ".scn", ".svs", ".mrc", ".qptiff", ".emd")
    package = "bioio"
    extra = "bioio"
    last_resort = True

    def read(self, path: Path, selection: Selection) -> Decoded:
        """Return the planes of the scene that is asked for.

        Raises
        ------
        UnreadableFile
            No plug-in reads it, it is damaged, or it has several scenes of which none is chosen.
        ColourImage
            Several samples a pixel.
        """
        bioio = library(path, "bioio", self.extra)
        try:
            image = bioio.BioImage(path)
        except Exception as error:
            if type(error).__name__ == "UnsupportedFileFormatError":
                remedy = f"install the plug-in of bioio that reads {path.suffix}, but not bioio-czi, which is GPL"
                raise unreadable_choice(path, "a format that no installed plug-in of bioio reads", remedy) from error
            raise unreadable(path, KIND, error) from error
        try:
            return _decoded(path, image, selection)
        except SigmarawError:
            raise
        except Exception as error:
            raise unreadable(path, KIND, error) from error


def _decoded(path: Path, image: Any, selection: Selection) -> Decoded:
    image.set_scene(choose_image(path, "scenes", list(image.scenes), selection.image))
    order, shape = str(image.dims.order), tuple(int(side) for side in image.shape)
    sizes = dict(zip(order, shape, strict=True))
    if sizes.get("S", 1) > 1:
        raise ColourImage(f"{path} has {sizes['S']} samples per pixel", "one grey value per pixel", "export the raw frames")
    unknown = [axis for axis in order if axis not in "TCZYXS" and sizes[axis] > 1]
    if unknown:
        raise unreadable(path, KIND, f"an axis {unknown[0]} of {sizes[unknown[0]]} entries")
    require_plausible(path, KIND, int(np.prod(shape)) * np.dtype(image.dtype).itemsize, path.stat().st_size)
    planes = np.ascontiguousarray(image.get_image_data("TCZYX"))
    pixel = image.physical_pixel_sizes
    sides = tuple(float(side) for side in (pixel.Z, pixel.Y, pixel.X) if side)
    metadata = {"spacing": sides, "spacing_unit": "µm"} if len(sides) >= 2 else {}
    return Decoded(planes.reshape(-1, *planes.shape[-2:]), "bioio", None, metadata, Layout("TCZ", planes.shape[:3]))
