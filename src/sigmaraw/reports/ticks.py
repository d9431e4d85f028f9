"""Where the ticks of an axis stand, and how they are written."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FINE = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)
"""Steps between ticks, times a power of ten."""
_RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def even_ticks(low: float, high: float, most: int, steps: Sequence[float] = ROUND) -> list[float]:
    """Return multiples of the smallest step with which at most `most` intervals cover an axis, those inside it.

    Where fewer than two are inside, the next smaller step is taken.
    """
    scale = 10.0 ** math.floor(math.log10((high - low) / most))
    sizes = [*(0.1 * step for step in steps[:-1]), *steps, 10.0 * steps[1]]
    first = next(index for index, size in enumerate(sizes) if size * scale >= (high - low) / most * (1 - 1e-9))
    ticks: list[float] = []
    for size in reversed(sizes[: first + 1]):
        step = size * scale
        rounding = 1e-10 * max(1.0, abs(low / step), abs(high / step))
        numbers = range(math.ceil(low / step - rounding), math.floor(high / step + rounding) + 1)
        ticks = [number * step for number in numbers]
        if len(ticks) >= 2:
            break
    return ticks


def written_out(ticks: Sequence[float]) -> list[str]:
    """Return ticks in full with as many decimals as tell them apart; powers of ten where they are very large or small."""
    values = np.asarray(ticks, dtype=np.float64)
    if not values.size:
        return []
    largest = float(np.abs(values).max())
    shared = 0
    if largest and not 1e-4 <= largest < 1e9:
        shared = math.floor(math.log10(largest))
        values = values / 10.0**shared
    reach = float(np.ptp(values)) or largest or 1.0
    power = math.floor(math.log10(reach))
    decimals = max(0, 3 - power)
    while decimals and float(np.abs(values - np.round(values, decimals - 1)).max()) < 1e-3 * 10.0**power:
        decimals -= 1
    ending = f"×10{_raised(shared)}" if shared else ""
    return [f"{value + 0.0:.{decimals}f}".replace("-", "−") + (ending if value else "") for value in np.round(values, decimals)]


def ratio_ticks(low: float, high: float) -> list[float]:
    """Return 1, 2, 5 · 10^k inside [low, high], fewer where that would be many, and more where it would be less than three."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1.0,) if high / low >= 300 else (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)):
        ticks = [step * 10.0**power for power in powers for step in steps if low <= step * 10.0**power <= high]
        if len(ticks) >= 3:
            return ticks
    return even_ticks(low, high, 4)


def far_ticks(linear: float, farthest: float, centre: Callable[[int], list[float]]) -> list[float]:
    """Return ticks of an axis that is logarithmic beyond ±`linear`: powers of ten to either side of those in the centre.

    centre : returns them for the largest power of ten.
    """
    top, bottom = math.floor(math.log10(farthest)), math.ceil(math.log10(linear) + 0.2)
    powers = [10.0**power for power in range(bottom, top + 1, max(1, (top - bottom) // 4 + 1))]
    return [*(-value for value in reversed(powers)), *centre(top), *powers]


def decades(low: float, high: float) -> list[float]:
    """Return the powers of ten inside [low, high], every second or third of many."""
    powers = range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)
    return [10.0**power for power in powers[:: max(1, math.ceil(len(powers) / 9))]]


def between_decades(low: float, high: float) -> list[float]:
    """Return 2 to 9 times each power of ten, those inside [low, high]."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)))
    return [tick for power in powers for step in range(2, 10) if low <= (tick := step * 10.0**power) <= high]


def power_of_ten(value: float) -> str:
    """Return a tick of a logarithmic axis, such as 10²."""
    return f"10{_raised(round(math.log10(value)))}"


def _raised(power: int) -> str:
    return str(power).translate(_RAISED)
