"""Nikon's ND2 by the library nd2."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sigmaraw.contracts.readers import Decoded, Layout, Reader, Selection
from sigmaraw.errors import ColourImage
from sigmaraw.frames.decoding import choose_image, decoding_by, library, lossy_image, require_plausible, unreadable

KIND = "ND2"
_KNOWN = frozenset("TCZ")


class Nd2Reader(Reader):
    """ND2 files; of several positions one is chosen."""

    name = "nd2"
    formats = "Nikon ND2"
    suffixes = (".nd2",)
    package = "nd2"
    extra = "nd2"

    def read(self, path: Path, selection: Selection) -> Decoded:
        """Return the planes of the position that is asked for.

        Raises
        ------
        UnreadableFile
            Not ND2, damaged, or with several positions of which none is chosen.
        ColourImage
            A colour camera's RGB.
        LossyImage
            Compressed with loss.
        """
        nd2 = library(path, "nd2", self.extra)
        with decoding_by("nd2", path, KIND), nd2.ND2File(path) as file:
            sizes = {str(axis): int(size) for axis, size in file.sizes.items()}
            if file.is_rgb or sizes.get("S", 1) > 1:
                raise ColourImage(f"{path} holds RGB pixels of a colour camera", "one grey value per pixel", "export the raw frames")
            if file.attributes.compressionType == "lossy" and not selection.lossy:
                raise lossy_image(path, "pixels that ND2 compressed with loss")
            positions = sizes.pop("P", 1)
            number = choose_image(path, "positions", [f"position {index}" for index in range(positions)], selection.image)
            letters = [axis for axis in sizes if axis not in "YXS"]
            unknown = [axis for axis in letters if axis not in _KNOWN and sizes[axis] > 1]
            if unknown:
                raise unreadable(path, KIND, f"an axis {unknown[0]} of {sizes[unknown[0]]} entries")
            require_plausible(path, KIND, int(file.nbytes), path.stat().st_size)
            planes = np.asarray(file.asarray(position=number if positions > 1 else None))
            layout = Layout("".join(axis if axis in _KNOWN else "Q" for axis in letters), tuple(sizes[axis] for axis in letters))
            bits = file.attributes.bitsPerComponentSignificant
            return Decoded(
                np.ascontiguousarray(planes).reshape(-1, sizes["Y"], sizes["X"]), "nd2", int(bits) if bits else None, _spacing(file), layout
            )


def _spacing(file: Any) -> dict[str, Any]:
    size = file.voxel_size()
    sides = (float(size.z), float(size.y), float(size.x))
    return {"spacing": sides, "spacing_unit": "µm"} if min(sides) > 0 else {}
