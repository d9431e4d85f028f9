"""Small grey pictures of a study's images, so that a report can show what was tested."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 64  # px; the longer side of a small picture at most
MOST = 200  # images that have one


def thumbnails(frames: Sequence[NDArray[np.integer]]) -> dict[str, tuple[Any, ...]]:
    """Return small pictures as result.nc variables: means of square blocks of pixels, 1 % to 99 % of them from black to white.

    Parameters
    ----------
    frames : sequence of ndarray
        The images (y, x), or volumes (z, y, x), of which the middle slice is shown, in DN.
    """
    made = [_small(frame) for frame in frames[:MOST]]
    whole = np.zeros((len(made), max(one.shape[0] for one in made), max(one.shape[1] for one in made)), dtype=np.uint8)
    for place, one in zip(whole, made, strict=True):
        place[: one.shape[0], : one.shape[1]] = one
    dims = ("thumb_image", "thumb_y", "thumb_x")
    return {
        "thumbnail": (dims, whole, {"long_name": "small picture for reports, grey levels"}),
        "thumbnail_shape": (("thumb_image", "axis"), np.array([one.shape for one in made], dtype=np.int64), {"units": "px"}),
    }


def _small(frame: NDArray[np.integer]) -> NDArray[np.uint8]:
    page = frame if frame.ndim == 2 else frame.reshape(-1, *frame.shape[-2:])[frame.shape[0] // 2]
    step = max(1, -(-max(page.shape) // SIDE))
    height, width = (max(1, size // step) for size in page.shape)
    cut = page[: height * step, : width * step].astype(np.float64)
    means = cut.reshape(height, min(step, cut.shape[0]), width, min(step, cut.shape[1])).mean(axis=(1, 3))
    low, high = np.percentile(means, (1.0, 99.0))
    shade = np.full(means.shape, 0.5) if high <= low else np.clip((means - low) / (high - low), 0.0, 1.0)
    return np.rint(255.0 * shade).astype(np.uint8)
