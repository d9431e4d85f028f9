"""Measurements against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sigmaraw.pipelines import MEASUREMENTS, measure
from sigmaraw.pipelines.found import of_mask

MASK = np.array(
    [
        [1, 1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 1],
        [0, 0, 1, 0, 0, 1],
        [0, 0, 0, 0, 0, 0],
        [1, 0, 0, 0, 0, 0],
    ],
    dtype=bool,
)
RAW = np.arange(30, dtype=np.uint16).reshape(5, 6) + 1000


@pytest.mark.parametrize(
    ("smallest", "connectivity", "count", "area"),
    [(0, 8, 3, 8), (0, 4, 4, 8), (2, 8, 2, 7), (2, 4, 2, 6), (3, 8, 1, 5), (3, 4, 1, 4), (6, 8, 0, 0)],
)
def test_count_and_area_by_hand(smallest: int, connectivity: int, count: int, area: int) -> None:
    values = measure(RAW, MASK, smallest, connectivity)
    assert (values["count"], values["area"]) == (count, area)


def test_intensities_are_of_the_raw_frame_inside_the_counted_objects() -> None:
    inside = [1000, 1001, 1006, 1007, 1014]  # the object that 8-connectivity joins
    values = measure(RAW, MASK, 3, 8)
    assert values["total_intensity"] == sum(inside)
    assert values["mean_intensity"] == sum(inside) / 5


def test_without_objects_the_mean_is_undefined_and_the_rest_zero() -> None:
    values = measure(RAW, np.zeros_like(MASK))
    assert [values[name] for name in ("count", "area", "total_intensity")] == [0, 0, 0]
    assert math.isnan(values["mean_intensity"])


def test_a_bright_large_frame_does_not_overflow() -> None:
    raw = np.full((1200, 1200), 65535, np.uint16)
    assert measure(raw, np.ones(raw.shape, bool))["total_intensity"] == 65535 * 1200 * 1200


def test_volumes_join_through_planes() -> None:
    volume = np.zeros((3, 4, 4), bool)
    volume[0, 0, 0] = volume[1, 1, 1] = volume[2, 1, 1] = True
    assert of_mask(volume, 0, 8).count == 1
    assert of_mask(volume, 0, 4).count == 2


def test_every_measurement_is_declared_with_its_unit() -> None:
    assert list(measure(RAW, MASK)) == [row.name for row in MEASUREMENTS]
    assert {row.name: row.unit for row in MEASUREMENTS} == {"count": "1", "area": "px", "total_intensity": "DN", "mean_intensity": "DN"}
    assert [row.name for row in MEASUREMENTS if row.discrete] == ["count"]
