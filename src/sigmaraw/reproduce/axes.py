"""Axes of the studies' figures: logarithmic ones with whole numbers, and units that keep tick labels short."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

_STEPS = (1, 2, 5)
_FINE_STEPS = (1, 2, 3, 4, 6, 8)
_LONGEST = 1e4  # larger values are shown as multiples of a power of ten


def ratio_axis(axes: Any, values: Iterable[float]) -> None:
    """Make the horizontal axis logarithmic, with ticks at 1, 2, 5, 10, ... around compression ratios.

    Parameters
    ----------
    axes : matplotlib axes
        Where the ratios are drawn.
    values : iterable of float
        The ratios, 1.
    """
    shown = [float(value) for value in values]
    axes.set_xscale("log")
    axes.set_xlabel("compression ratio")
    if shown:
        ticks = _round_numbers(min(shown), max(shown))
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
        axes.set_xlim(min(shown) / 1.2, max(shown) * 1.2)


def shift_axis(axes: Any, values: Iterable[float], linear: float = 3.0) -> None:
    """Make the vertical axis linear up to `linear` standard deviations of raw noise and logarithmic beyond, with a tick a decade.

    Parameters
    ----------
    axes : matplotlib axes
        Where the shifts are drawn.
    values : iterable of float
        The shifts, in standard deviations of raw noise.
    linear : float, default 3.0
        End of the linear part, in the same unit.
    """
    shown = [float(value) for value in values if math.isfinite(value)]
    axes.set_yscale("symlog", linthresh=linear, linscale=1.0)
    ticks = [0.0]
    for sign, reach in ((-1, -min([*shown, -1.0])), (1, max([*shown, 1.0]))):
        decades = math.floor(math.log10(reach))
        ticks += [sign * 10.0**power for power in range(1, decades + 1, max(1, decades // 4))]
    axes.set_yticks(sorted(ticks), [f"{tick:,.0f}".replace(",", "\u202f").replace("-", "−") for tick in sorted(ticks)])
    axes.minorticks_off()


def loss_axis(axes: Any) -> None:
    """Make the vertical axis of what is drawn already logarithmic: one large loss would flatten all others on a linear one.

    Parameters
    ----------
    axes : matplotlib axes
        Where losses are drawn, all above 0.
    """
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    ticks = _round_numbers(low, high)
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_ylim(low, high)


def power_of_ten(values: Iterable[float]) -> int:
    """Return 0, or the largest multiple of 3 whose power of ten does not exceed the values, where they have five digits or more.

    Parameters
    ----------
    values : iterable of float
        What an axis shows.
    """
    largest = max((abs(value) for value in values), default=0.0)
    return 0 if largest < _LONGEST else 3 * (math.floor(math.log10(largest)) // 3)


def _round_numbers(low: float, high: float) -> list[float]:
    """Return the numbers of 1, 2, 5, 10, ... between two values; more of them where these are few, 1, 10, 100, ... where they are many."""
    few, many = 4, 7
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    within: list[float] = []
    for steps in ((1,), _STEPS, _FINE_STEPS):
        found = [step * 10.0**power for power in powers for step in steps]
        found = [tick for tick in found if low / 1.2 <= tick <= high * 1.2]
        if len(within) < few and len(found) <= many:
            within = found
    return within
