"""The background that a rolling ball leaves, taken off before a threshold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Parameter
from sigmaraw.pipelines.classical.base import ClassicalPipeline, above_otsu, by_plane, keys


class RollingBallPipeline(ClassicalPipeline):
    """Pixels above Otsu's threshold of the image minus the background over which a ball rolls below its surface.

    Planes of a volume have a background each, and one threshold together. Reference: S. R. Sternberg, Computer 16(1), 22–34, 1983.
    """

    name = "rolling-ball"
    parameters = keys(0, Parameter("radius", float, 25.0, minimum=1.0, maximum=500.0, unit="px", help="radius of the ball"))

    def _segmented(self, image: NDArray[np.integer]) -> NDArray[np.bool_]:
        from skimage.restoration import rolling_ball

        def lifted(plane: NDArray[np.float64]) -> NDArray[np.float64]:
            found: NDArray[np.float64] = plane - rolling_ball(plane, radius=self.settings["radius"])
            return found

        return above_otsu(by_plane(lifted, image.astype(np.float64)))
