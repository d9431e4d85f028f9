"""Axes of the studies' figures."""

from __future__ import annotations

import numpy as np
import pytest

from sigmaraw.reports.svg import figure
from sigmaraw.reproduce.axes import loss_axis, power_of_ten, ratio_axis, shift_axis


@pytest.mark.parametrize(
    ("ratios", "ticks"),
    [
        ((4.0, 15.4), ["4", "6", "8", "10"]),
        ((10, 33, 80, 441), ["10", "20", "50", "100", "200", "500"]),
        ((1, 1000), ["1", "10", "100", "1000"]),
    ],
)
def test_ratios_have_four_to_seven_whole_numbers(ratios: tuple[float, ...], ticks: list[str]) -> None:
    axes = figure(2, 2).subplots()
    ratio_axis(axes, ratios)
    assert [label.get_text() for label in axes.get_xticklabels()] == ticks
    assert axes.get_xlim() == pytest.approx((min(ratios) / 1.2, max(ratios) * 1.2))


def test_losses_and_shifts_keep_what_is_drawn_in_sight() -> None:
    axes = figure(2, 2).subplots()
    axes.plot([0.007, 0.02, 0.5])
    axes.set_yscale("log")
    before = axes.get_ylim()
    loss_axis(axes)
    assert axes.get_ylim() == before and {"0.01", "0.1"} <= {label.get_text() for label in axes.get_yticklabels()}
    axes = figure(2, 2).subplots()
    shift_axis(axes, [-540.0, 0.2, 16.0, np.nan])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["−100", "−10", "0", "10"]


def test_large_values_are_multiples_of_thousands() -> None:
    assert [power_of_ten([value]) for value in (82.0, 9999.0, 2e4, -1.6e6)] == [0, 0, 3, 6]
