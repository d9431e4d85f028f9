"""The studentised range against SciPy's and a printed table."""

from __future__ import annotations

import pytest
from scipy import stats

from sigmaraw.statistics.studentized_range import range_quantile, range_sf, range_sf_by_table


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


@pytest.mark.parametrize(("groups", "low", "high"), [(9, 49.0, 98.0), (3, 297.0, 297.0), (5, 31.0, 62.0)])
def test_the_table_of_a_design_agrees_with_the_quadrature(groups: int, low: float, high: float):
    for q in (0.02, 0.7, 2.1, 3.7, 5.2, 7.9, 11.0):
        for dof in {low, high, (low + high) / 2.1 if low < high else low}:
            exact = range_sf(q, groups, dof)
            assert range_sf_by_table([q], groups, [dof], low, high)[0] == pytest.approx(exact, rel=1e-6, abs=1e-10)
    assert range_sf_by_table([0.0, 1e3], groups, [low, low], low, high) == [1.0, 0.0]
    assert range_sf_by_table([4.0], groups, [3.0], 2.0, 4.0) == [range_sf(4.0, groups, 3.0)]  # too long a tail for a table
