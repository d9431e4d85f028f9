"""The studentised range against SciPy's and a printed table."""

from __future__ import annotations

import pytest
from scipy import stats

from sigmaraw.statistics.studentized_range import range_quantile, range_sf


@pytest.mark.parametrize("groups", [2, 3, 8, 40])
@pytest.mark.parametrize("dof", [1.0, 5.0, 19.0, 500.0])
def test_equal_to_scipy(groups: int, dof: float) -> None:
    for q in (0.5, 3.0, 8.0):
        assert range_sf(q, groups, dof) == pytest.approx(float(stats.studentized_range.sf(q, groups, dof)), abs=1e-9)


def test_two_groups_are_students_t() -> None:
    """k = 2: Q = √2·|t|, to 1e-10."""
    for q, dof in ((1.0, 3.0), (4.0, 12.0), (2.5, 1e6)):
        assert range_sf(q, 2, dof) == pytest.approx(2 * stats.t.sf(q / 2**0.5, dof), abs=1e-10)


def test_quantiles_are_the_tabulated_ones() -> None:
    """Upper 5 % points of any table of the studentised range: (k, ν) = (3, 10) 3.88, (5, 20) 4.23, (10, 60) 4.65."""
    assert [round(range_quantile(0.05, k, nu), 2) for k, nu in ((3, 10.0), (5, 20.0), (10, 60.0))] == [3.88, 4.23, 4.65]
    assert range_sf(range_quantile(0.01, 4, 7.5), 4, 7.5) == pytest.approx(0.01, rel=1e-8)
    assert range_sf(0.0, 3, 5.0) == 1.0
