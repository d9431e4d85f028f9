"""Pearson's r of two images or rows of numbers, and the loss that paper 002 makes of it."""

from __future__ import annotations

from typing import Any

import numpy as np


def correlation(first: Any, second: Any) -> float:
    """Return Pearson's r of two arrays of one shape; 0 where one of them does not vary."""
    a, b = (np.asarray(values, dtype=np.float64).ravel() for values in (first, second))
    a, b = a - a.mean(), b - b.mean()
    whole = float(np.sqrt((a @ a) * (b @ b)))
    return 0.0 if whole == 0 else float(a @ b) / whole


def pcc_loss(predicted: Any, wanted: Any) -> float:
    """Return (1 − r)/2 of a predicted map and the wanted one; .5 where one does not vary.

    References
    ----------
    002, eq. 4 as corrected.
    """
    return (1 - correlation(predicted, wanted)) / 2
