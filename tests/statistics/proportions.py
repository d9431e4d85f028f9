"""How far a proportion of simulated runs may lie from the one that is claimed."""

from __future__ import annotations

import math


def three_se(p: float, runs: int) -> float:
    """3 SE of a proportion: 3 √(p(1 − p)/runs)."""
    return 3.0 * math.sqrt(p * (1 - p) / runs)


def at_most(p: float, runs: int) -> float:
    """p + 3 SE of a proportion."""
    return p + three_se(p, runs)
