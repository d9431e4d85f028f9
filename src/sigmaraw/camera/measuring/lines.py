"""Temporal noise that the pixels of a row or of a column share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class LineNoise:
    """Temporal variance, DN², of the row means and of the column means of one frame, averaged over rows and over columns.

    Parameters
    ----------
    row : float
        Of row means, DN².
    column : float
        Of column means, DN².
    """

    row: float
    column: float


def line_noise(rows: NDArray[np.float64], columns: NDArray[np.float64]) -> LineNoise:
    """Return the temporal variances of row and column means, the mean of each frame removed.

    Parameters
    ----------
    rows : ndarray of float64
        (frame, y), means of rows, DN, of at least two frames.
    columns : ndarray of float64
        (frame, x), means of columns, DN.

    Returns
    -------
    LineNoise
        Temporal variances, DN².
    """
    # The frame's mean takes 1/M of the variance along, as the mean over rows does in rav: both stay.
    steady = [lines - lines.mean(axis=1, keepdims=True) for lines in (rows, columns)]
    return LineNoise(*(float(lines.var(axis=0, ddof=1).mean()) for lines in steady))
