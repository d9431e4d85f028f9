"""Means over objects."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def mean(values: NDArray[np.float64]) -> float:
    """Return the mean over objects that have a value, NaN where none has."""
    valued = values[np.isfinite(values)]
    return float(valued.mean()) if valued.size else float("nan")
