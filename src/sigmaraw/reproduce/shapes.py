"""Shapes of curves that the studies' criteria ask for."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise


def falls(values: Sequence[float], slack: float = 0.0) -> bool:
    """Return whether no value is above the one before it by more than `slack`."""
    return all(later <= earlier + slack for earlier, later in pairwise(values))


def rises(values: Sequence[float], slack: float = 0.0) -> bool:
    """Return whether no value is below the one before it by more than `slack`."""
    return all(later >= earlier - slack for earlier, later in pairwise(values))
