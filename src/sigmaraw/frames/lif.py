"""Leica's LIF by liffile."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import numpy as np

from sigmaraw.contracts.readers import Decoded, Layout, Reader, Selection
from sigmaraw.errors import ColourImage
from sigmaraw.frames.decoding import choose_image, decoding_by, library, require_plausible, unreadable

KIND = "LIF"
_STACKED = frozenset("TCZ")


class LifReader(Reader):
    """LIF files; of several images one is chosen."""

    name = "lif"
    formats = "Leica LIF"
    suffixes = (".lif",)
    package = "liffile"
    extra = "lif"

    def read(self, path: Path, selection: Selection) -> Decoded:
        """Return the planes of the image that is asked for.

        Raises
        ------
        UnreadableFile
            Not LIF, damaged, or with several images of which none is chosen.
        ColourImage
            A colour camera's RGB.
        """
        liffile = library(path, "liffile", self.extra)
        try:
            with decoding_by("liffile", path, KIND), liffile.LifFile(path) as file:
                if file.type != liffile.LifFileType.LIF:  # the other types name files beside them
                    raise unreadable(path, KIND, f"a file of type {file.type.name}")
                images = list(file.images)
                image = images[choose_image(path, "images", [image.name for image in images], selection.image)]
                return _decoded(path, image, liffile)
        except ParseError as error:
            raise unreadable(path, KIND, error) from error


def _decoded(path: Path, image: Any, liffile: Any) -> Decoded:
    if image.is_flim:
        raise unreadable(path, KIND, "photon arrival times, not frames")
    if image.memory_block.type != liffile.LifMemoryBlockType.MEM:
        raise unreadable(path, KIND, "an image whose pixels lie in another file")
    sizes = {str(axis): int(size) for axis, size in image.sizes.items()}
    if "S" in sizes:
        raise ColourImage(f"{path} holds {sizes['S']} samples per pixel", "one grey value per pixel", "export the raw frames")
    letters = [axis for axis in sizes if axis not in "YX"]
    unknown = [axis for axis in letters if axis not in _STACKED and sizes[axis] > 1]
    if not {"Y", "X"} <= sizes.keys() or unknown:
        raise unreadable(path, KIND, f"axes {', '.join(sizes)}; export the tiles or lines as images of their own")
    stored = int(image.memory_block.size)
    if int(image.nbytes) > stored or image.memory_block.offset + stored > path.stat().st_size:
        raise unreadable(path, KIND, f"{image.nbytes} bytes of pixels announced, {stored} stored")
    require_plausible(path, KIND, int(image.nbytes), path.stat().st_size)
    planes = np.ascontiguousarray(image.asarray()).reshape(-1, sizes["Y"], sizes["X"])
    if list(sizes)[-2:] != ["Y", "X"]:
        raise unreadable(path, KIND, f"axes in the order {', '.join(sizes)}")
    bits = {int(channel.resolution) for channel in getattr(image, "_channels", ())}
    depth = bits.pop() if len(bits) == 1 else None
    stitched = "merged" in image.name.lower() or "stitch" in image.name.lower()
    return Decoded(
        planes,
        "liffile",
        depth if depth and depth < 8 * planes.dtype.itemsize else None,
        layout=Layout("".join(axis if axis in _STACKED else "Q" for axis in letters), tuple(sizes[axis] for axis in letters)),
        processed=f"a mosaic of stitched tiles ('{image.name[:40]}')" if stitched else "",
    )
