"""Otsu's threshold, against a search over every grey value."""

from __future__ import annotations

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw.pipelines import MEASUREMENTS


def slow_threshold(image: np.ndarray) -> int:
    """The grey value t that maximises w₀·w₁·(μ₀ − μ₁)² between raw ≤ t and raw > t."""
    best, chosen = -1.0, 0
    for t in range(int(image.min()), int(image.max())):
        low, high = image[image <= t].astype(float), image[image > t].astype(float)
        between = len(low) * len(high) * (low.mean() - high.mean()) ** 2
        if between > best * (1 + 1e-12):
            best, chosen = between, t
    return chosen


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_mask_is_that_of_an_exhaustive_search(dtype: type) -> None:
    random = np.random.default_rng(4)
    image = np.where(random.random((40, 50)) < 0.3, random.normal(180, 12, (40, 50)), random.normal(60, 15, (40, 50)))
    frame = np.clip(np.rint(image), 0, 255).astype(dtype)
    np.testing.assert_array_equal(sr.pipeline("otsu").mask(frame), frame > slow_threshold(frame))


@pytest.mark.parametrize("value", [0, 7, 65535])
def test_a_constant_image_has_no_objects(value: int) -> None:
    values = sr.pipeline("otsu")(np.full((20, 20), value, np.uint16))
    assert values["count"] == values["area"] == 0
    assert np.isnan(values["mean_intensity"])


def test_a_volume_has_one_threshold() -> None:
    volume = np.zeros((2, 10, 10), np.uint16)
    volume[0, :5], volume[1, :5] = 100, 60
    assert sr.pipeline("otsu")(volume)["area"] == 100  # both, since 0 and 60 part best
    assert sr.pipeline("otsu:min_size=51,connectivity=4")(volume)["count"] == 1


def test_keys_and_defaults_are_recorded() -> None:
    config = sr.pipeline("otsu:min_size=12").config()
    assert config["min_size"] == 12
    assert config["connectivity"] == 8
    assert config["spec"] == "otsu:min_size=12"
    assert {"scikit-image", "scipy", "numpy"} == set(config["versions"])


def test_kinds_are_those_that_the_coverage_study_measured():
    kinds = {row.name: row.kind for row in sr.pipeline("otsu").measurements}
    assert kinds == {"count": "count", "area": "adaptive-area", "total_intensity": "intensity", "mean_intensity": "mean-intensity"}
    assert all(row.studied for row in sr.pipeline("otsu").measurements)
    assert {(row.kind, row.studied) for row in MEASUREMENTS} == {("", False)}  # of another mask nothing was measured
