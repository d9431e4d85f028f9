"""How far each part of a verdict lies inside or beyond its limit: limits and p-values for many rows at once.

A *row* is one measurement of one image under one codec. Its three parts are the shift |ε̂|, the spread ratio ρ and RMS(D)/σ_raw. Each
has a lower and an upper limit at any one-sided level α. A part is *inside* when its upper limit (for ρ: the whole interval) meets the
plan's limit, and *beyond* when its lower limit exceeds it.

Small samples of skewed or heavy-tailed predictions look harmless until the large value comes. Three precautions hold the level (figures
in docs/explanation/error-rates.md):

1. The reach of each interval is the larger of the normal-theory one and of ``t(d/2)·√(Σψ² + max ψ²)``: ψ the influence of each replica,
   d the effective dof of Σψ², halved since Σψ⁴ is itself uncertain (not for the ratio of a continuous measurement, whose pairs share
   most of their tails); max ψ² stands for one more replica like the most extreme.
2. Where most D are equal (a count that rarely changes), the share q of replicas that differ has Clopper–Pearson limits; with no such
   replica, q ≤ 3/N at 95 %, and a change has the size of the measurement's step.
3. The relative uncertainty of σ_raw multiplies: |ε̂|·exp(z·u_rel), RMS·exp(z·u_rel).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cached_property, partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from sigmaraw.statistics.spread import Floats

ALPHA = 0.05
"""One-sided level of every part of a verdict."""
_SMALLEST_P = 1e-9
_STEPS = 34  # bisections of ln α between 1e-9 and 1/2: p is right to 1e-9 relative
_LARGEST_LOG = 700.0  # exp() of more overflows
_SLACK = 1e-9  # relative; a ratio that equals its limit but for rounding is not inside

Part = Literal["shift", "spread", "rms"]
PARTS: tuple[Part, ...] = ("shift", "spread", "rms")


@dataclass(frozen=True)
class RowLimits:
    """What is tolerated, per row: `k` on |shift|, `spread` on the ratio and its inverse, `rms` on RMS(D).

    In units of σ_raw, or of the measurement where `Evidence` was measured with margins.
    """

    k: float | Floats = 1.0
    spread: float | Floats = 1.25
    rms: float | Floats = 1.0


@dataclass(frozen=True)
class Evidence:
    """Estimates of many rows with what their limits need; every array has the shape (row,).

    Parameters
    ----------
    shift, ln_ratio, rms : Floats
        D̄, ln ρ and RMS(D); shift and rms in σ_raw, or in the measurement's unit for rows with a margin.
    u_relative : Floats
        Relative standard uncertainty of σ_raw that replicas cannot tell of, 1; 0 for rows with a margin.
    """

    n: int
    shift: Floats
    ln_ratio: Floats
    rms: Floats
    u_relative: Floats
    u_normal: Floats
    dof_normal: Floats
    u_shift: Floats
    dof_shift: Floats
    morgan: Floats  # 1 − r² of raw and decoded predictions; 0 where only the other form serves
    u_ratio: Floats
    dof_ratio: Floats
    u_rms: Floats
    dof_rms: Floats
    f_dof: Floats  # dof of ΣD², matched to its variance; NaN where the F form does not serve
    sigma_dof: float  # ν of σ_raw
    rare: NDArray[np.bool_]  # most D are equal: Clopper–Pearson limits on the share of the others
    events: Floats  # how many D differ from the usual one
    event_shift: Floats  # mean |D − usual D| of them, same unit as shift
    event_square: Floats  # mean D² − usual D² of them, same unit as rms²
    event_variance: Floats  # mean |change of (χ − χ̄)²| of them over the variance after the codec, 1
    square: Floats  # RMS², same unit squared
    same_spread: NDArray[np.bool_]  # decoded predictions are the raw ones, shifted by a constant at most
    few_others: Floats  # how many decoded predictions differ from the usual one, where few do; else NaN
    few_variance: Floats  # ρ²
    few_width: Floats  # squared range of the predictions over their variance before the codec

    def __len__(self) -> int:
        return len(self.shift)

    def take(self, rows: NDArray[np.intp] | slice) -> Evidence:
        """Return the evidence of some rows."""
        arrays = {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name not in ("n", "sigma_dof")}
        taken = replace(self, **{name: value[rows] for name, value in arrays.items()})
        for part, (low, high) in self._kept.items():
            taken._kept[part] = low[rows], high[rows]
        return taken

    @cached_property
    def _kept(self) -> dict[tuple[Part, float], tuple[Floats, Floats]]:
        """The limits that were computed so far, by part and level; levels that differ from row to row are not kept."""
        return {}

    def remember(self, alpha: float = ALPHA) -> None:
        """Compute the limits of all parts at a level once; rows that are taken from these have them."""
        for part in PARTS:
            self.limits(part, alpha)

    def limits(self, part: Part, alpha: float | Floats) -> tuple[Floats, Floats]:
        """Return the lower and the upper limit of a part, each of one-sided level α."""
        find = {"shift": self.shift_limits, "spread": self.ratio_limits, "rms": self.rms_limits}[part]
        if np.ndim(alpha):
            return find(alpha)
        key = part, float(alpha)
        if key not in self._kept:
            self._kept[key] = find(alpha)
        return self._kept[key]

    def _share(self, alpha: float | Floats) -> tuple[Floats, Floats]:
        """Return how far the share of rare changes may lie below and above what was seen, one-sided level α."""
        if not self.rare.any():
            none = np.zeros(np.broadcast(self.events, alpha).shape)
            return none, none
        below, above = share_reach(self.events, self.n, alpha)
        zero = np.zeros_like(self.events)
        return np.where(self.rare, below, zero), np.where(self.rare, above, zero)

    def shift_limits(self, alpha: float | Floats = ALPHA) -> tuple[Floats, Floats]:
        """Return the lower and the upper limit of |shift|, each of one-sided level α.

        |ε̂| ± √(r² + (|ε̂|(exp(± z u_rel) − 1))²), r the larger of the normal, the influence and the rare-change reach.
        """
        value, z = np.abs(self.shift), special.ndtri(1.0 - np.asarray(alpha))
        below, above = self._share(alpha)
        reach = np.maximum(_quantile(self.dof_normal, alpha) * self.u_normal, _quantile(self.dof_shift, alpha) * self.u_shift)
        up = np.maximum(reach, above * self.event_shift)
        down = np.maximum(reach, below * self.event_shift)
        wide = np.expm1(np.minimum(z * self.u_relative, _LARGEST_LOG))
        low = value - np.hypot(down, value * -np.expm1(-z * self.u_relative))
        return np.maximum(low, 0.0), value + np.hypot(up, value * wide)

    def ratio_limits(self, alpha: float | Floats = ALPHA) -> tuple[Floats, Floats]:
        """Return the lower and the upper limit of ln ρ, each of one-sided level α.

        Pitman–Morgan inverted: κ = 1 + 2(1 − r²)t²/(N − 2), ρ² in w(κ ∓ √(κ² − 1)); or t·u of the jackknife, whichever is wider.
        """
        with np.errstate(all="ignore"):
            excess = 2.0 * self.morgan * _quantile(np.full_like(self.shift, max(self.n - 2.0, 1.0)), alpha) ** 2 / max(self.n - 2.0, 1e-9)
            morgan = 0.5 * np.log1p(excess + np.sqrt(excess * (2.0 + excess)))
            reach = np.maximum(morgan, _quantile(self.dof_ratio, alpha) * self.u_ratio)
            _, above = self._share(alpha)
            more = 0.5 * np.log1p(above * self.event_variance)
            # What rare changes may take away is bounded by all there is: ln 0 = −∞.
            less = -0.5 * np.log1p(-np.minimum(above * self.event_variance, 1.0))
            low, high = self.ln_ratio - np.hypot(reach, less), self.ln_ratio + np.hypot(reach, more)
        high = np.fmax(high, self._few(alpha))
        zero = np.zeros_like(low)
        return np.where(self.same_spread & ~self.rare, zero, low), np.where(self.same_spread & ~self.rare, zero, high)

    def _few(self, alpha: float | Floats) -> Floats:
        """Return an upper limit of ln ρ where decoded predictions take few values; NaN elsewhere.

        At most a share q (Clopper–Pearson) has other values than the usual one, no farther off than all predictions range: their
        variance is at most ρ² + (q − what was seen)·range².
        """
        if np.isnan(self.few_others).all():
            return np.full(np.broadcast(self.few_others, alpha).shape, math.nan)
        with np.errstate(all="ignore"):
            m, n = np.nan_to_num(self.few_others), self.n
            share = np.where(m == 0, np.minimum(-np.log(alpha) / n, 1.0), special.betaincinv(m + 1.0, n - m, 1.0 - np.asarray(alpha)))
            bound = 0.5 * np.log(self.few_variance + (share - m / n) * self.few_width)
        return np.where(np.isnan(self.few_others), math.nan, bound)

    def rms_limits(self, alpha: float | Floats = ALPHA) -> tuple[Floats, Floats]:
        """Return the lower and the upper limit of RMS(D), each of one-sided level α."""
        z = special.ndtri(1.0 - np.asarray(alpha))
        below, above = self._share(alpha)
        reach = _quantile(self.dof_rms, alpha) * self.u_rms
        with np.errstate(all="ignore"):
            freedom, nu = np.minimum(self.f_dof, 1e9), np.full_like(self.shift, min(self.sigma_dof, 1e9))
            up = np.where(np.isnan(freedom), 0.0, -0.5 * np.log(special.fdtri(freedom, nu, alpha)))
            down = np.where(np.isnan(freedom), 0.0, 0.5 * np.log(special.fdtri(freedom, nu, 1.0 - np.asarray(alpha))))
        up, down = (np.hypot(np.maximum(side, reach), z * self.u_relative) for side in (up, down))
        most = self.square + above * self.event_square
        least = np.maximum(self.square - below * self.event_square, 0.0)
        return np.sqrt(least) * np.exp(-down), np.sqrt(most) * np.exp(np.minimum(up, _LARGEST_LOG))

    def part_inside(self, part: Part, limits: RowLimits, alpha: float | Floats = ALPHA) -> NDArray[np.bool_]:
        """Return per row whether a part lies inside its limit at level α; false where a number is NaN."""
        with np.errstate(invalid="ignore"):
            if part == "shift":
                return np.asarray(self.limits("shift", alpha)[1] <= limits.k)
            if part == "rms":
                return np.asarray(self.limits("rms", alpha)[1] <= limits.rms)
            low, high = self.limits("spread", alpha)
            edge = np.log(limits.spread) * (1.0 - _SLACK)
            return np.asarray((low > -edge) & (high < edge))

    def part_beyond(self, part: Part, limits: RowLimits, alpha: float | Floats = ALPHA) -> NDArray[np.bool_]:
        """Return per row whether a part lies beyond its limit at level α; false where a number is NaN."""
        with np.errstate(invalid="ignore"):
            if part == "shift":
                return np.asarray(self.limits("shift", alpha)[0] > limits.k)
            if part == "rms":
                return np.asarray(self.limits("rms", alpha)[0] > limits.rms)
            low, high = self.limits("spread", alpha)
            edge = np.log(limits.spread) * (1.0 + _SLACK)
            return np.asarray((low > edge) | (high < -edge))

    def decided(self, limits: RowLimits, alpha: float | Floats = ALPHA) -> NDArray[np.bool_]:
        """Return per row whether all parts lie inside, or one beyond, at level α: `inside` and `beyond`, each limit computed once."""
        with np.errstate(invalid="ignore"):
            (low, high), (least, most) = self.shift_limits(alpha), self.rms_limits(alpha)
            inside, beyond = (high <= limits.k) & (most <= limits.rms), (low > limits.k) | (least > limits.rms)
            low, high = self.ratio_limits(alpha)
            edge, outer = (np.log(limits.spread) * (1.0 + slack) for slack in (-_SLACK, _SLACK))
            inside &= (low > -edge) & (high < edge)
            return np.asarray(inside | beyond | (low > outer) | (high < -outer))

    def inside(self, limits: RowLimits, alpha: float | Floats = ALPHA) -> NDArray[np.bool_]:
        """Return (part, row): whether each part lies inside its limit at level α."""
        return np.stack([self.part_inside(part, limits, alpha) for part in PARTS])

    def beyond(self, limits: RowLimits, alpha: float | Floats = ALPHA) -> NDArray[np.bool_]:
        """Return (part, row): whether each part lies beyond its limit at level α."""
        return np.stack([self.part_beyond(part, limits, alpha) for part in PARTS])

    def p_inside(self, limits: RowLimits) -> Floats:
        """Return (part, row): the smallest level at which a part is shown to be inside; 1 where none below ½ does."""
        return np.stack([_smallest_level(partial(self.part_inside, part, limits), len(self)) for part in PARTS])

    def p_beyond(self, limits: RowLimits) -> Floats:
        """Return (part, row): the smallest level at which a part is shown to be beyond; 1 where none below ½ does."""
        return np.stack([_smallest_level(partial(self.part_beyond, part, limits), len(self)) for part in PARTS])


def p_pass(evidence: Evidence, limits: RowLimits, *, at_most: float = 0.5) -> Floats:
    """Return per row the p-value of "within all limits": the largest of its parts' (intersection–union).

    Parameters
    ----------
    evidence : Evidence
        Evidence of each row, (row,).
    limits : RowLimits
        Limits of each row.
    at_most : float
        Rows whose p is above it get 1: nothing is computed for them.

    Returns
    -------
    ndarray of float
        p-values, (row,), float64.
    """
    found = np.ones(len(evidence))
    rows = np.flatnonzero(evidence.inside(limits, at_most).all(axis=0))
    found[rows] = evidence.take(rows).p_inside(_of_rows(limits, rows)).max(axis=0, initial=0.0)
    return found


def p_fail(evidence: Evidence, limits: RowLimits, *, at_most: float = 0.5) -> Floats:
    """Return per row the p-value of "beyond a limit": the smallest of its parts', as in the verdict of the row.

    Parameters
    ----------
    evidence : Evidence
        Evidence of each row, (row,).
    limits : RowLimits
        Limits of each row.
    at_most : float
        Rows whose p is above it get 1.

    Returns
    -------
    ndarray of float
        p-values, (row,), float64.
    """
    found = np.ones(len(evidence))
    rows = np.flatnonzero(evidence.beyond(limits, at_most).any(axis=0))
    found[rows] = evidence.take(rows).p_beyond(_of_rows(limits, rows)).min(axis=0, initial=1.0)
    return found


def _of_rows(limits: RowLimits, rows: NDArray[np.intp]) -> RowLimits:
    """Return the limits of some rows."""
    return RowLimits(*(value if np.ndim(value) == 0 else np.asarray(value)[rows] for value in (limits.k, limits.spread, limits.rms)))


def share_reach(events: Floats, n: float | Floats, alpha: float | Floats) -> tuple[Floats, Floats]:
    """Return how far below and above m/n the true share may lie (Clopper–Pearson, one-sided level α each); −ln α/n for m = 0.

    The last is the rule of three, 3/n at 95 %.

    Examples
    --------
    >>> below, above = share_reach(np.array([0.0]), 100.0, 0.05)
    >>> float(below[0]), round(float(above[0]), 3)
    (0.0, 0.03)
    """
    m, level = np.asarray(events, dtype=np.float64), np.asarray(alpha)
    with np.errstate(invalid="ignore"):
        high = np.where(m < n, special.betaincinv(m + 1.0, np.maximum(n - m, 0.5), 1.0 - level), 1.0)
        high = np.where(m == 0, np.minimum(-np.log(level) / n, 1.0), high)
        low = np.where(m > 0, special.betaincinv(np.maximum(m, 0.5), n - m + 1.0, level), 0.0)
    return m / n - low, high - m / n


def _quantile(dof: Floats, alpha: float | Floats) -> Floats:
    """Return t_{1−α}(dof); the normal quantile where dof is infinite."""
    return np.asarray(special.stdtrit(np.minimum(dof, 1e9), 1.0 - np.asarray(alpha)))


def _smallest_level(shown: Callable[[Floats], NDArray[np.bool_]], rows: int) -> Floats:
    """Return per row the smallest α in [1e-9, ½] at which `shown(α)` holds (it holds at all larger ones); 1 where none."""
    if not rows:  # most codecs are beyond no limit
        return np.ones(0)
    lower, upper = np.full(rows, math.log(_SMALLEST_P)), np.full(rows, math.log(0.5))
    ever = shown(np.exp(upper))
    for _ in range(_STEPS):
        middle = 0.5 * (lower + upper)
        holds = shown(np.exp(middle))
        upper, lower = np.where(holds, middle, upper), np.where(holds, lower, middle)
    return np.where(ever, np.exp(upper), 1.0)
