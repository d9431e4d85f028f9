"""Principal components fitted on a reference alone; new images are put where they belong and move nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidOption, UndefinedStatistic
from sigmaraw.watch.online import moments

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Projection:
    """Axes of a reference.

    Parameters
    ----------
    centre, spread : ndarray, float64
        (feature,), what standardises features.
    axes : ndarray, float64
        (component, feature), orthonormal, the sign of each such that its largest part is positive.
    explained : ndarray, float64
        (component,), share of the variance, 1.
    """

    centre: Floats
    spread: Floats
    axes: Floats
    explained: Floats

    @classmethod
    def fitted(cls, features: Floats, ids: Sequence[str], corrupted: Collection[str] = (), components: int = 2) -> Projection:
        """Return the principal components of a reference.

        Parameters
        ----------
        features : ndarray, float64
            (image, feature).
        ids : sequence of str
            The image of each row.
        corrupted : collection of str
            Images that are known to be altered: none may be in the reference.
        components : int, default 2
            How many.

        Raises
        ------
        InvalidOption
            A corrupted image among those given.
        UndefinedStatistic
            Too few images.
        """
        refuse_corrupted(ids, corrupted)
        values = np.asarray(features, np.float64)
        if len(values) <= components or values.shape[1] < components:
            raise UndefinedStatistic(f"{values.shape[0]} images of {values.shape[1]} features", f"more than {components}", "take more")
        centre, spread = moments(values)
        _, sizes, axes = np.linalg.svd((values - centre) / spread, full_matrices=False)
        axes = axes[:components]
        axes = axes * np.sign(np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1))
        return cls(centre, spread, axes, (sizes**2 / (sizes**2).sum())[:components])

    def __call__(self, features: Floats) -> Floats:
        """Return the coordinates (image, component) of images (image, feature); each depends on that image alone."""
        return np.asarray(((np.asarray(features, np.float64) - self.centre) / self.spread) @ self.axes.T)


def refuse_corrupted(ids: Sequence[str], corrupted: Collection[str]) -> None:
    """Refuse a reference with an image that is known to be altered. Raises InvalidOption."""
    found = sorted(set(ids) & set(corrupted))
    if found:
        raise InvalidOption(
            f"image '{found[0]}' of the reference is named as corrupted", "a reference of images as they were in the study", "leave it out"
        )
