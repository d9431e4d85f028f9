"""Volume of all objects of a volume."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import LabelledImage, Measure, Measurement
from sigmaraw.errors import ShapeMismatch


class Volume(Measure):
    """Pixels inside objects of a volume (z, y, x); with a pixel size their volume. A frame (y, x) is refused."""

    name = "volume"
    rows = (Measurement("volume", "px", "V", "pixels inside the objects of a volume"),)
    dimension = "space"

    def __call__(self, labelled: LabelledImage) -> dict[str, float]:
        """Return V, px or µm³. Raises ShapeMismatch for a frame."""
        return {"volume": float(self.of_objects(labelled)["volume"].sum())}

    def of_objects(self, labelled: LabelledImage) -> dict[str, NDArray[np.float64]]:
        """Return the volume of each object. Raises ShapeMismatch for a frame."""
        if labelled.image.ndim != 3:
            raise ShapeMismatch(f"measure=volume of an image {labelled.image.shape}", "a volume (z, y, x)", "write measure=area")
        return {"volume": labelled.sizes.astype(np.float64) * labelled.cell}
