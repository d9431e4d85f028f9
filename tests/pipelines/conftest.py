"""A frame that several tests of pipelines share."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(scope="session")
def frame() -> np.ndarray:
    """A frame of 40 × 75 px, 12 bit: bright squares on a noisy background."""
    random = np.random.default_rng(1)
    light = np.full((40, 75), 200.0)
    for y, x in ((5, 5), (5, 40), (22, 20), (25, 60)):
        light[y : y + 10, x : x + 9] += 900
    return np.clip(random.poisson(light), 0, 4095).astype(np.uint16)
