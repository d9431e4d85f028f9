"""Area of all objects; of a volume their volume, under the same name as ever."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import LabelledImage, Measure, Measurement


class Area(Measure):
    """Pixels inside objects; with a pixel size their area, in volumes their volume.

    A = Σ n · a, n the pixels of each object and a the area (or volume) of a pixel.
    """

    name = "area"
    rows = (Measurement("area", "px", "A", "pixels inside the objects"),)
    dimension = "space"

    def __call__(self, labelled: LabelledImage) -> dict[str, float]:
        """Return A, px, µm² or µm³."""
        return {"area": float(labelled.sizes.sum()) * labelled.cell}

    def of_objects(self, labelled: LabelledImage) -> dict[str, NDArray[np.float64]]:
        """Return the area of each object."""
        return {"area": labelled.sizes.astype(np.float64) * labelled.cell}
