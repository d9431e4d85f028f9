"""Trees of vessels: radii by Murray's law, a mask that is a union of tubes, light where the mask is."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sigmaraw.errors import InvalidOption
from sigmaraw.virtual.vessels import _draw, _Segment, vessel_volume


def test_radii_go_from_six_to_one_and_children_keep_the_cubes() -> None:
    made = vessel_volume((12, 64, 64), 4, trees=1)
    radii = made.radii_px
    assert radii[0] == 6.0 and radii.min() >= 1.0
    # The first two children follow the root: r³ = r₁³ + r₂³.
    assert radii[1] ** 3 + radii[2] ** 3 == pytest.approx(6.0**3)


def test_a_tube_has_the_volume_of_a_cylinder_with_round_ends() -> None:
    mask, light = np.zeros((40, 40, 60), bool), np.zeros((40, 40, 60))
    _draw(mask, light, _Segment(np.array([20.0, 20.0, 15.0]), np.array([20.0, 20.0, 45.0]), 5.0), 7.0)
    expected = math.pi * 25 * 30 + 4 / 3 * math.pi * 125
    # Pixels of the surface are in or out: an error of some tenths of a pixel over a surface of 2πr·l + 4πr².
    assert mask.sum() == pytest.approx(expected, abs=0.1 * (2 * math.pi * 5 * 30 + 4 * math.pi * 25))
    assert set(np.unique(light[mask])) == {7.0} and not light[~mask].any()


def test_vessels_are_bright_and_one_seed_is_one_volume() -> None:
    made = vessel_volume((12, 64, 64), 1)
    assert made.mean_e[made.mask].mean() > 2 * made.mean_e[~made.mask].mean()
    assert np.array_equal(made.mean_e, vessel_volume((12, 64, 64), 1).mean_e)
    assert not np.array_equal(made.mask, vessel_volume((12, 64, 64), 2).mask)
    for wrong in ((4, 64, 64), (12, 20, 64)):
        with pytest.raises(InvalidOption, match="shape"):
            vessel_volume(wrong)
