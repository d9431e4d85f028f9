"""Pearson's r of two images or rows of numbers, and the loss that paper 002 makes of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

_NEARLY_1 = 1 - 1e-12  # r of equal numbers, whose z is infinite


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


def reaches(r: float, least: float, count: int) -> bool:
    """Return whether r of `count` pairs is `least` or more, or below it by no more than two standard errors of Fisher's z, 1/√(count − 3).

    Parameters
    ----------
    r : float
        Pearson's, −1 to 1.
    least : float
        What is asked for, below 1.
    count : int
        Pairs of numbers; three or fewer say nothing.

    References
    ----------
    R. A. Fisher, Metron 1, 3 (1921).
    """
    return r >= least or _z(r) + 2 * _se_of_z(count) >= _z(least)


def exceeds(first: float, second: float, count: int) -> bool:
    """Return whether one r of `count` pairs is above another by more than two standard errors of the difference of Fisher's z.

    Both are taken as independent; those of the same images are rarely further apart than that by chance.
    """
    return _z(first) - _z(second) > 2 * math.sqrt(2) * _se_of_z(count)


def _z(r: float) -> float:
    return math.atanh(max(-_NEARLY_1, min(r, _NEARLY_1)))


def _se_of_z(count: int) -> float:
    return 1 / math.sqrt(count - 3) if count > 3 else math.inf
