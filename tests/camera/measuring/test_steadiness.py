"""The median of many variances, and where neighbours are compared."""

from __future__ import annotations

import numpy as np
import pytest

from sigmaraw.camera.measuring.evidence import middle
from sigmaraw.camera.measuring.steadiness import median_of


@pytest.mark.parametrize("count", [1, 2, 3, 64, 65, 1000, 4097, 131072])
@pytest.mark.parametrize("kind", ["smooth", "ties", "still", "rising", "striped"])
def test_the_median_is_numpys(count: int, kind: str) -> None:
    rng = np.random.default_rng(count)
    values = rng.chisquare(3, count)
    if kind == "ties":
        values = np.rint(values)
    elif kind == "still":
        values = np.zeros(count)
    elif kind == "rising":
        values.sort()
    elif kind == "striped":  # the part that is looked at first says nothing of the rest
        values[::64] += 100.0
    assert median_of(values) == np.median(values)


def test_neighbours_are_compared_in_the_middle() -> None:
    assert middle((9001, 64)) == (slice(4244, 4756), slice(0, 64))
