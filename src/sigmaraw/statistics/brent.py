"""Brent's root finder as SciPy has it, to the last bit, without the fifth of a second that `scipy.optimize` takes to import."""

from __future__ import annotations

import math
from collections.abc import Callable

from sigmaraw.errors import UndefinedStatistic

_MOST_STEPS = 100


def brent_root(function: Callable[[float], float], low: float, high: float, *, xtol: float, rtol: float) -> float:
    """Return where a function changes its sign between two places. The twin is `scipy.optimize.brentq`, whose bits it has.

    Each step is inverse quadratic or linear interpolation while that is short, else it halves the interval.

    Parameters
    ----------
    function : callable
        A continuous function of one number.
    low, high : float
        Places where its values have opposite signs.
    xtol, rtol : float
        Absolute and relative tolerance of the root.

    Returns
    -------
    float
        The root.

    Raises
    ------
    UndefinedStatistic
        The signs are equal, or 100 steps were not enough.

    References
    ----------
    R. P. Brent, Algorithms for Minimization without Derivatives, chapter 4 (1973).

    Examples
    --------
    >>> brent_root(lambda x: x * x - 2.0, 0.0, 2.0, xtol=1e-12, rtol=1e-12) == 2.0**0.5
    True
    """
    last, current, other = low, high, 0.0  # `other` is across the root from `current`
    f_last, f_current, f_other = function(last), function(current), 0.0
    step_before = step = 0.0
    if f_last == 0.0 or f_current == 0.0:
        return last if f_last == 0.0 else current
    if math.copysign(1.0, f_last) == math.copysign(1.0, f_current):
        raise UndefinedStatistic(f"no change of sign between {low:g} and {high:g}", "a root between them", "look at the replicas")
    for _ in range(_MOST_STEPS):
        if f_last != 0.0 and f_current != 0.0 and math.copysign(1.0, f_last) != math.copysign(1.0, f_current):
            other, f_other = last, f_last
            step_before = step = current - last
        if abs(f_other) < abs(f_current):
            last, current, other = current, other, current
            f_last, f_current, f_other = f_current, f_other, f_current
        reach, half = (xtol + rtol * abs(current)) / 2.0, (other - current) / 2.0
        if f_current == 0.0 or abs(half) < reach:
            return current
        tried = math.inf
        if abs(step_before) > reach and abs(f_current) < abs(f_last):
            if last == other:
                tried = -f_current * (current - last) / (f_current - f_last)
            else:
                to_last, to_other = (f_last - f_current) / (last - current), (f_other - f_current) / (other - current)
                tried = -f_current * (f_other * to_other - f_last * to_last) / (to_other * to_last * (f_other - f_last))
        if 2.0 * abs(tried) < min(abs(step_before), 3.0 * abs(half) - reach):
            step_before, step = step, tried
        else:
            step_before = step = half
        last, f_last = current, f_current
        current += step if abs(step) > reach else math.copysign(reach, half)
        f_current = function(current)
    raise UndefinedStatistic(f"no root within {_MOST_STEPS} steps", "a function with one change of sign", "look at the replicas")
