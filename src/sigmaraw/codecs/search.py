"""Target search: the knob value at which a codec meets a rate or a quality.

Rate and quality follow a codec's knob almost monotonically, but with plateaus (integer knobs, code blocks dropped whole)
and small reversals. So every value tried is kept, a sign change is bracketed and closed by the secant, safeguarded by
bisection, and the nearest value tried is returned, with what it achieved. Where that is not near enough, its neighbours are tried too.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Self

from sigmaraw.contracts import Knob

_LIKE = 3.0  # a slope between two trials that differs by more than this factor from the curve's is that of a step

__all__ = ["Found", "Knob", "Warm", "centred", "learning", "rank", "search"]


@dataclass(frozen=True)
class Found:
    """The nearest setting: knob `value`, its `excess` over the target (0 = met), number of `evaluations` made.

    slope : of the curve about it. coarse : the excess was seen to jump by more than a target allows. meets : where the curve meets the
    target, the knob's value.
    """

    value: float
    excess: float
    evaluations: int
    slope: float | None = None
    coarse: bool = False
    meets: float | None = None


class Warm(float):
    """A knob value that met a target on a similar image, with the curve about it: from there two trials are mostly enough.

    Parameters
    ----------
    value : float
        The knob's value.
    slope : float or None
        Excess over the target, for each unit of position on the knob's axis; None where it is not known.
    met : bool
        Whether the target was met there. Where it was not, the coder's scale does not allow it, and a long search finds nothing.
    finer : int
        Which of the contract's finer settings was in use, from 1; 0 for none.
    meets : float, optional
        The knob's value at which the curve meets the target exactly; `value` unless given.
    learns : bool
        Others will start from what is found: one trial more than needed tells the curve about the target.
    """

    slope: float | None
    met: bool
    finer: int
    meets: float
    learns: bool

    def __new__(
        cls, value: float, slope: float | None = None, met: bool = True, finer: int = 0, meets: float | None = None, *, learns: bool = False
    ) -> Self:
        """Return the value with the curve about it."""
        made = super().__new__(cls, value)
        made.slope, made.met, made.finer, made.learns = slope, met, finer, learns
        made.meets = float(value) if meets is None else meets
        return made

    def centred(self) -> Self:
        """Return where the curve meets the target: from there others of the same curve scatter evenly about it."""
        return type(self)(self.meets, self.slope, self.met, self.finer)

    def learning(self) -> Self:
        """Return the same start for an image from which others will start."""
        return type(self)(self, self.slope, self.met, self.finer, self.meets, learns=True)


Settings = tuple[float | None, ...] | None
"""Where a chain's searches start, step by step."""


def learning(hint: Settings) -> Settings:
    """Return a chain's starts for an image from which others will start."""
    return None if hint is None else tuple(value.learning() if isinstance(value, Warm) else value for value in hint)


def centred(hint: Settings) -> Settings:
    """Return a chain's starts, each moved to where its curve meets its target, as far as there is a curve."""
    return None if hint is None else tuple(value.centred() if isinstance(value, Warm) else value for value in hint)


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
    good: float = math.inf
    seen: dict[float, float] = field(default_factory=dict)

    @property
    def about(self) -> float:
        """How far from the nearest excess others may be that tell the slope."""
        return 20 * self.good

    def at(self, position: float) -> tuple[float, float]:
        """Return the position of the nearest possible knob value and its excess, evaluated once."""
        value = self.knob.value(position)
        if value not in self.seen:
            self.seen[value] = self.excess_of(value)
        return self.knob.position(value), self.seen[value]

    def best(self) -> Found:
        value = min(self.seen, key=lambda tried: rank(self.seen[tried], self.knob.position(tried), self.bound))
        slope = self._slope(value)
        return Found(value, self.seen[value], len(self.seen), slope, self._coarse(slope), self._meets(value, slope))

    def learnt(self, slope: float) -> Found:
        """Return the nearest after a trial where the curve meets the target, with the line through the two that are nearest.

        slope : of the curve as it was known.
        """
        best = self.best()
        slope = best.slope or slope
        self.at(self.knob.position(self._meets(best.value, slope)))
        near = sorted((abs(excess), self.knob.position(value), excess) for value, excess in self.seen.items() if math.isfinite(excess))[:2]
        best = self.best()
        if len(near) == 2 and near[0][1] != near[1][1]:
            line = (near[1][2] - near[0][2]) / (near[1][1] - near[0][1])
            if slope / _LIKE <= line <= slope * _LIKE:  # else two values of one step, or of two
                slope = line
        return replace(best, slope=slope, meets=self._meets(best.value, slope))

    def _meets(self, value: float, slope: float | None) -> float:
        """Return where the line through a value meets the target; the value itself where only whole ones exist."""
        excess = self.seen[value]
        if slope is None or self.knob.integer or not math.isfinite(excess):
            return value
        return self.knob.value(self.knob.position(value) - excess / slope)

    def _slope(self, value: float) -> float | None:
        """Return the slope of the line through a value that fits the others best, of those not far from it; None where it does not rise."""
        here = self.knob.position(value)
        apart = [(self.knob.position(tried) - here, excess - self.seen[value]) for tried, excess in self.seen.items()]
        near = [pair for pair in apart if abs(pair[1]) <= self.about] or apart
        if not any(along for along, _ in near):
            near = apart
        squares = sum(along * along for along, up in near if math.isfinite(up))
        slope = sum(along * up for along, up in near if math.isfinite(up)) / squares if squares else 0.0
        return slope if slope > 0 else None

    def _coarse(self, slope: float | None) -> bool:
        """Return whether two values that should be all but equal were seen to lie farther apart than twice what is good."""
        if slope is None or not math.isfinite(self.good):
            return False
        placed = sorted((self.knob.position(tried), excess) for tried, excess in self.seen.items() if math.isfinite(excess))
        return any(
            slope * (after[0] - before[0]) <= self.good and abs(after[1] - before[1]) >= 2 * self.good
            for before, after in itertools.pairwise(placed)
        )


def search(
    excess_of: Callable[[float], float],
    knob: Knob,
    *,
    tolerance: float,
    hint: float | None = None,
    evaluations: int = 24,
    bound: bool = False,
    good: float = math.inf,
    near: float = 0.0,
    enough: float = math.inf,
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
        Knob value from a similar frame; the search starts there. A `Warm` one has the curve about it: the second trial is where that
        curve meets the target, and the nearest is then taken if it is near `enough`.
    evaluations : int
        The most calls of `excess_of`.
    bound : bool
        Whether the target must not be missed, as a largest error must not.
    good : float
        Where the nearest |excess| stays above it, its neighbours are tried too: a reversal may have hidden a nearer one.
    near : float
        Where the curve is known, the first trial is taken if its |excess| is not above it.
    enough : float
        Where the curve is known, the search ends from the second trial on when the nearest |excess| is not above it.

    Returns
    -------
    Found
        The nearest setting.

    Notes
    -----
    formula 5, target search.
    """
    trials = _Trials(knob, excess_of, bound, good)
    ends = sorted((knob.position(knob.low), knob.position(knob.high)))
    if isinstance(hint, Warm) and hint.slope is not None and not bound:
        _from_curve(trials, hint, hint.slope, ends, max(near, tolerance), enough, evaluations)
        if hint.learns and not knob.integer and tolerance < abs(trials.best().excess) <= enough:
            return trials.learnt(hint.slope)
        return trials.best()
    start = sum(ends) / 2 if hint is None else knob.position(min(max(hint, knob.low), knob.high))
    stride = knob.step if hint is None else knob.step / 10
    bracket = _bracket(trials, start, stride, ends, tolerance, evaluations)
    if bracket is not None:
        _close(trials, *bracket, tolerance, evaluations)
        _around(trials, good)
    return trials.best()


def _from_curve(trials: _Trials, warm: Warm, slope: float, ends: list[float], near: float, enough: float, evaluations: int) -> None:
    """Try the value that was met before, then the one where the curve meets the target; go on only where neither is near enough."""
    knob = trials.knob
    first = trials.at(knob.position(min(max(warm, knob.low), knob.high)))
    if abs(first[1]) <= near or not math.isfinite(first[1]):
        return
    place = min(max(first[0] - first[1] / slope, ends[0]), ends[1])
    if knob.integer and knob.value(place) == knob.value(first[0]):
        beside = knob.value(first[0]) - knob.direction * math.copysign(1, first[1])
        place = knob.position(min(max(beside, knob.low), knob.high))
    second = trials.at(place)
    if abs(trials.best().excess) <= enough or not warm.met:
        return
    if second[0] != first[0] and (first[1] > 0) != (second[1] > 0):
        low, high = (first, second) if first[1] < 0 else (second, first)
    else:
        bracket = _bracket(trials, second[0], max(knob.step / 20, abs(second[1]) / slope), ends, enough, evaluations)
        if bracket is None:
            return
        low, high = bracket
    _close(trials, low, high, enough, evaluations)


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
