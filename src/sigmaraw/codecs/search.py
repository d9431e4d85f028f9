"""Target search: the knob value at which a codec meets a rate or a quality.

Rate and quality follow a codec's knob almost monotonically, but with plateaus (integer knobs, code blocks dropped whole)
and small reversals. So every value tried is kept, a sign change is bracketed and closed by the secant, safeguarded by
bisection, and the nearest value tried is returned, with what it achieved. Where that is not near enough, its neighbours are tried too.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field

from sigmaraw.contracts import Knob

__all__ = ["Found", "Knob", "rank", "search"]


@dataclass(frozen=True)
class Found:
    """The nearest setting: knob `value`, its `excess` over the target (0 = met), number of `evaluations` made."""

    value: float
    excess: float
    evaluations: int


def rank(excess: float, position: float, bound: bool) -> tuple[bool, float, float]:
    """Return the order of preference, the least first: nearest to the target.

    Under a `bound` those that keep it come first, and of equals the one of the lowest `position`, which saves most.
    """
    return bound and excess < 0, abs(excess), position if bound else 0.0


@dataclass
class _Trials:
    """Every knob value tried and the quality in excess of the target that it gave."""

    knob: Knob
    excess_of: Callable[[float], float]
    bound: bool = False
    seen: dict[float, float] = field(default_factory=dict)

    def at(self, position: float) -> tuple[float, float]:
        """Return the position of the nearest possible knob value and its excess, evaluated once."""
        value = self.knob.value(position)
        if value not in self.seen:
            self.seen[value] = self.excess_of(value)
        return self.knob.position(value), self.seen[value]

    def best(self) -> Found:
        value = min(self.seen, key=lambda tried: rank(self.seen[tried], self.knob.position(tried), self.bound))
        return Found(value, self.seen[value], len(self.seen))


def search(
    excess_of: Callable[[float], float],
    knob: Knob,
    *,
    tolerance: float,
    hint: float | None = None,
    evaluations: int = 24,
    bound: bool = False,
    good: float = math.inf,
) -> Found:
    """Return the knob value at which `excess_of` is nearest to 0.

    With `bound` it is the nearest at which `excess_of` is not below 0, if any is seen.

    The outcome is a function of the arguments alone: the same frame and the same hint give the same setting.

    Parameters
    ----------
    excess_of : callable
        Knob value → quality in excess of the target; dB, or ln(target ratio / achieved ratio). May be infinite.
    knob : Knob
        The setting's range and scale.
    tolerance : float
        Stop when |excess| is not above it, in the unit of `excess_of`.
    hint : float, optional
        Knob value from a similar frame; the search starts there.
    evaluations : int
        The most calls of `excess_of`.
    bound : bool
        Whether the target must not be missed, as a largest error must not.
    good : float
        Where the nearest |excess| stays above it, its neighbours are tried too: a reversal may have hidden a nearer one.

    Returns
    -------
    Found
        The nearest setting.

    Notes
    -----
    formula 5, target search.
    """
    trials = _Trials(knob, excess_of, bound)
    ends = sorted((knob.position(knob.low), knob.position(knob.high)))
    start = sum(ends) / 2 if hint is None else knob.position(min(max(hint, knob.low), knob.high))
    stride = knob.step if hint is None else knob.step / 10
    bracket = _bracket(trials, start, stride, ends, tolerance, evaluations)
    if bracket is not None:
        _close(trials, *bracket, tolerance, evaluations)
        _around(trials, good)
    return trials.best()


def _around(trials: _Trials, good: float) -> None:
    """Try up to four neighbours on either side of the nearest value: whole ones, or at thirty-seconds of the first stride."""
    knob, centre = trials.knob, trials.best().value
    for reach, side in itertools.product(range(1, 5), (1, -1)):
        if abs(trials.best().excess) <= good:
            return
        value = centre + side * reach if knob.integer else knob.value(knob.position(centre) + side * reach * knob.step / 32)
        if knob.low <= value <= knob.high:
            trials.at(knob.position(value))


_Point = tuple[float, float]  # (position, excess)


def _bracket(
    trials: _Trials, start: float, stride: float, ends: list[float], tolerance: float, evaluations: int
) -> tuple[_Point, _Point] | None:
    """Stride from `start` towards the target until the sign changes; None when it is met, or not met within the range."""
    here = trials.at(start)
    while abs(here[1]) > tolerance and len(trials.seen) < evaluations:
        wanted = here[0] - math.copysign(stride, here[1])
        place = min(max(wanted, ends[0]), ends[1])
        if place == here[0]:
            return None  # at the end of the range
        there = trials.at(place)
        if there[1] == 0 or (there[1] > 0) != (here[1] > 0):
            return (here, there) if here[1] < 0 else (there, here)
        if there[0] == here[0] and stride > ends[1] - ends[0]:
            return None  # the end again, missed by rounding
        # A rounded stride may land on the same whole value: then only the stride grows.
        here, stride = there, 2 * stride
    return None


def _close(trials: _Trials, low: _Point, high: _Point, tolerance: float, evaluations: int) -> None:
    """Shrink a bracket (excess < 0 at `low`, ≥ 0 at `high`) by the secant, or by bisection where the secant stalls."""
    width = high[0] - low[0]
    while len(trials.seen) < evaluations:
        if min(abs(low[1]), abs(high[1])) <= tolerance or abs(high[0] - low[0]) < trials.knob.resolution:
            return
        share = 0.5
        stalled = abs(high[0] - low[0]) > 0.5 * abs(width)
        width = high[0] - low[0]
        if math.isfinite(high[1] - low[1]) and not (stalled and len(trials.seen) % 2):
            # Stay clear of the ends: a plateau there would otherwise pin the secant.
            share = min(max(-low[1] / (high[1] - low[1]), 0.05), 0.95)
        tried = trials.at(low[0] + share * (high[0] - low[0]))
        if tried[0] in (low[0], high[0]):
            if not trials.knob.integer or share == 0.5:
                return  # no value between
            tried = trials.at((low[0] + high[0]) / 2)
            if tried[0] in (low[0], high[0]):
                return
        if tried[1] < 0:
            low = tried
        else:
            high = tried
