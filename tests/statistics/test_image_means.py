"""Means over units: Student's t, and guarded where values are skewed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sigmaraw.statistics.image_means import mean_over_units
from tests.statistics.proportions import at_most


def test_mean_over_units_is_students_t_and_guarded_where_values_are_skewed() -> None:
    values = np.array([0.2, 0.5, 0.1, 0.4])
    plain = mean_over_units(values, guarded=False)
    interval = stats.ttest_1samp(values, 0.0).confidence_interval(0.90)
    assert (float(plain.low), float(plain.high)) == pytest.approx((interval.low, interval.high), rel=1e-10)
    rng, runs = np.random.default_rng(2), 4000
    skewed = rng.exponential(size=(runs, 10))
    assert (mean_over_units(skewed, guarded=False).high < 1.0).mean() > 0.10
    assert (mean_over_units(skewed).high < 1.0).mean() <= at_most(0.05, runs)
    for few in (3, 4):  # exponential units: measured 6.9 and 6.8 %
        assert (mean_over_units(rng.exponential(size=(runs, few))).high < 1.0).mean() <= at_most(0.075, runs)
        assert (mean_over_units(rng.normal(size=(runs, few))).high < 0.0).mean() <= at_most(0.02, runs)
    many = mean_over_units(skewed)
    single = mean_over_units(skewed[7])
    assert float(many.high[7]) == pytest.approx(float(single.high), rel=1e-12)
