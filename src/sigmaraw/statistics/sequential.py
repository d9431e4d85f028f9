"""More replicas until each row is decided: a stopping rule whose error rate is that of one look.

Looking several times at growing data and stopping at the first decision errs more often than each look does. The level of the looks
is therefore spent: at look k, with the share t_k of the largest n, at most α*(t_k) of wrong decisions have been made in all.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from sigmaraw.errors import InvalidOption
from sigmaraw.record.words import Verdict
from sigmaraw.statistics.evidence import ALPHA
from sigmaraw.statistics.spread import Floats

_GRID = 1201  # nodes of the density of the running sum: levels are right to 1e-5 (tests)
_FAR = 8.0  # standard deviations


def spent(fraction: float, alpha: float = ALPHA) -> float:
    """Return α*(t) = 2(1 − Φ(z_{1−α/2}/√t)), the level spent when a share t of the replicas is in: little early, most at the end.

    Parameters
    ----------
    fraction : float
        n of the look over the largest n, 1.
    alpha : float
        One-sided level in all, 1.

    References
    ----------
    K. K. G. Lan, D. L. DeMets, Biometrika 70, 659 (1983); P. C. O'Brien, T. R. Fleming, Biometrics 35, 549 (1979).

    Examples
    --------
    >>> round(spent(1.0), 10), round(spent(0.5), 5)
    (0.05, 0.00557)
    """
    return float(2.0 * special.ndtr(-special.ndtri(1.0 - alpha / 2.0) / math.sqrt(fraction)))


@lru_cache(maxsize=64)
def look_levels(looks: tuple[int, ...], alpha: float = ALPHA) -> tuple[float, ...]:
    """Return the one-sided level at which each look may decide.

    The running sum of independent normal increments crosses its bound for the first time at look k with probability α*(t_k) − α*(t_{k−1});
    the bounds follow one after another, the density of the sums that have not crossed being carried along.

    Parameters
    ----------
    looks : tuple of int
        Replicas per group at each look, increasing.
    alpha : float
        One-sided level in all, 1.

    Returns
    -------
    tuple of float
        One level per look, 0 to 1.

    Raises
    ------
    InvalidOption
        Looks that do not increase.

    References
    ----------
    P. Armitage, C. K. McPherson, B. C. Rowe, J. R. Stat. Soc. A 132, 235 (1969).

    Examples
    --------
    >>> [round(level, 4) for level in look_levels((100, 200, 300))]
    [0.0007, 0.0162, 0.0452]
    """
    if not looks or looks[0] < 2 or any(b <= a for a, b in itertools.pairwise(looks)):
        raise InvalidOption(f"looks at n = {looks}", "increasing numbers of replicas from 2", "give looks such as (100, 200, 300)")
    times = np.asarray(looks, dtype=np.float64) / looks[-1]
    levels: list[float] = []
    grid, density = np.array([0.0]), np.array([1.0])  # the sum at the look before, with what each node holds
    before = 0.0
    for k, time in enumerate(times):
        step = math.sqrt(time - (times[k - 1] if k else 0.0))
        target = spent(float(time), alpha) - before

        def crossing(z: float, step: float = step, time: float = float(time), target: float = target) -> float:
            return float((density * special.ndtr((grid - z * math.sqrt(time)) / step)).sum()) - target  # noqa: B023

        bound = float(optimize.brentq(crossing, 0.0, _FAR + 4.0, xtol=1e-10))
        levels.append(float(special.ndtr(-bound)))
        before = spent(float(time), alpha)
        nodes = np.linspace(-_FAR * math.sqrt(time), bound * math.sqrt(time), _GRID)
        width = nodes[1] - nodes[0]
        kernel = np.exp(-0.5 * ((nodes[:, None] - grid) / step) ** 2) / (step * math.sqrt(2.0 * math.pi))
        weights = np.full(_GRID, width)
        weights[[0, -1]] = 0.5 * width
        grid, density = nodes, (kernel @ density) * weights
    return tuple(levels)


@dataclass(frozen=True)
class DecisionState:
    """What a sequence of looks has decided.

    Parameters
    ----------
    verdict : tuple of Verdict
        (row,) words.
    decided_at : ndarray of int
        (row,) replicas at the deciding look, 0 where none has.
    """

    verdict: tuple[Verdict, ...]
    decided_at: NDArray[np.int64]

    @property
    def open(self) -> int:
        """How many rows are undecided."""
        return int((self.decided_at == 0).sum())


@dataclass(frozen=True)
class StoppingRule:
    """Look at the rows after given numbers of replicas and stop when each is decided or the budget is spent.

    A row keeps the verdict of the look that decided it: later looks of a study that goes on for other rows do not undo it.

    Parameters
    ----------
    looks : tuple of int
        Replicas per group at each look, the last one being the budget.
    alpha : float, default ALPHA
        One-sided level of PASS, and of FAIL, over all looks.
    """

    looks: tuple[int, ...]
    alpha: float = ALPHA

    @classmethod
    def until(cls, first: int, maximum: int, alpha: float = ALPHA) -> StoppingRule:
        """Return looks that grow by half from `first` to `maximum`: few, since each costs level, and none far beyond what decides.

        Examples
        --------
        >>> StoppingRule.until(100, 300).looks
        (100, 150, 225, 300)
        """
        if not 2 <= first <= maximum:
            raise InvalidOption(f"first look at {first}, budget {maximum}", "2 ≤ first ≤ budget", "raise the budget")
        looks = [first]
        while looks[-1] * 1.5 < maximum * 0.85:
            looks.append(math.ceil(looks[-1] * 1.5))
        return cls(tuple(looks) if looks[-1] == maximum else (*looks, maximum), alpha)

    @property
    def levels(self) -> tuple[float, ...]:
        """One-sided level of each look."""
        return look_levels(self.looks, self.alpha)

    def start(self, rows: int) -> DecisionState:
        """Return the state before the first look."""
        undecided: Verdict = "INCONCLUSIVE"
        return DecisionState((undecided,) * rows, np.zeros(rows, dtype=np.int64))

    def look(self, state: DecisionState, k: int, inside: NDArray[np.bool_], beyond: NDArray[np.bool_]) -> DecisionState:
        """Return the state after look k.

        Parameters
        ----------
        state : DecisionState
            The decisions of earlier looks.
        k : int
            Index of the look; `inside` and `beyond` must have been found at `levels[k]`.
        inside, beyond : ndarray, bool, (row,)
            Whether all parts lie inside, and whether one lies beyond, by `Evidence.inside` and `.beyond`.
        """
        verdict, at = list(state.verdict), state.decided_at.copy()
        for row in np.flatnonzero((at == 0) & (inside | beyond)):
            verdict[row], at[row] = "PASS" if inside[row] else "FAIL", self.looks[k]
        return DecisionState(tuple(verdict), at)

    def finished(self, state: DecisionState, k: int) -> bool:
        """Return whether no further look is wanted after look k."""
        return state.open == 0 or k + 1 >= len(self.looks)


def crossing_rate(rule: StoppingRule, drift: Floats, runs: int, seed: int) -> Floats:
    """Return how often a running mean with the given drift is decided at any look, simulated: the rule's measured error rate.

    Parameters
    ----------
    rule : StoppingRule
        The rule of the looks.
    drift : ndarray, float64, (case,)
        Mean of the test statistic at the last look, standard errors; 0 is a row exactly at its limit.
    runs, seed : int
        Number of simulated studies, and the seed that draws them.

    Returns
    -------
    ndarray of float
        Rates, (case,), float64, 0 to 1.
    """
    times = np.asarray(rule.looks, dtype=np.float64) / rule.looks[-1]
    increments = np.random.default_rng(seed).normal(size=(runs, times.size)) * np.sqrt(np.diff(times, prepend=0.0))
    sums = np.cumsum(increments, axis=1)
    bounds = special.ndtri(1.0 - np.asarray(rule.levels)) * np.sqrt(times)
    return np.array([float((sums + value * times > bounds).any(axis=1).mean()) for value in np.asarray(drift, dtype=np.float64)])
