"""Tests that may be looked at after every frame: their level holds over all looks together.

A test martingale, or e-process, starts at 1 and never grows on average while nothing has changed; by Ville's inequality it exceeds 1/α with
probability α at most, ever. Both tests here alarm at 1/α.

References: V. Vovk, Stat. Sci. 36, 595 (2021) (conformal test martingales); G. Shafer, J. R. Stat. Soc. A 184, 407 (2021).
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Sequence

import numpy as np
from scipy import special

from sigmaraw.errors import InvalidOption

POWERS = (0.05, 0.1, 0.2, 0.4, 0.7)
"""ε of the bets ε·p^(ε−1): small ones gain much from very small p, large ones a little from moderately small p."""

_LOGS, _EXPONENTS = np.log(POWERS), np.array(POWERS) - 1.0


class ConformalMartingale:
    """Whether new scores are exchangeable with all scores before.

    p_t = (#{s_i > s_t} + u·#{s_i = s_t})/t over all scores so far, the new one among them, is uniform and independent of those before where
    nothing has changed. The martingale bets on small p from an unknown time on:

        M_t = Σ_k w_k mean_ε Π_{i=k…t} ε·p_i^(ε−1) + 1/(t + 1),  w_k = 1/(k(k + 1))

    so that a change after a long quiet time is found as soon as after a short one, but for log w_k.

    Parameters
    ----------
    scores : iterable of float
        Of the reference; the larger, the stranger. They are the past: no bet is placed on them. The function that gives scores must
        not have been fitted on them.
    seed : int
        Of the random part u of a p-value where scores are equal.
    """

    def __init__(self, scores: Iterable[float], seed: int = 0) -> None:
        self._sorted = sorted(float(score) for score in scores)
        if len(self._sorted) < 2:
            raise InvalidOption(f"{len(self._sorted)} scores of the reference", "at least two", "take more reference frames")
        self._seed = seed
        self._seen = 0
        self._logs = np.full(len(POWERS), -np.inf)

    @property
    def logs(self) -> list[float]:
        """Logarithm of Σ_k w_k Π_{i=k…t} ε·p_i^(ε−1) for each ε of `POWERS`: all that the martingale keeps beside the scores."""
        return [float(value) for value in self._logs]

    def resume(self, scores: Sequence[float], logs: Sequence[float]) -> None:
        """Take the scores of an earlier martingale, without betting on them anew.

        Parameters
        ----------
        scores : sequence of float
            Of all its frames.
        logs : sequence of float
            What `logs` was after the last one.
        """
        self._sorted = sorted([*self._sorted, *(float(score) for score in scores)])
        self._seen += len(scores)
        self._logs = np.array(logs, np.float64)

    def add(self, score: float) -> float:
        """Return ln M with one more score.

        Parameters
        ----------
        score : float
            Of the new frame.
        """
        self._seen += 1
        p = self._p_value(float(score))
        bets = _LOGS + _EXPONENTS * math.log(p)
        begun = -math.log(self._seen) - math.log(self._seen + 1)
        self._logs = bets + np.logaddexp(self._logs, begun)
        top = float(self._logs.max())  # scipy's logsumexp would take most of a frame's time
        mean = top + math.log(float(np.exp(self._logs - top).sum())) - math.log(len(POWERS))
        return float(np.logaddexp(mean, -math.log(self._seen + 1)))

    def _p_value(self, score: float) -> float:
        low, high = bisect.bisect_left(self._sorted, score), bisect.bisect_right(self._sorted, score)
        self._sorted.insert(high, score)
        u = 1.0 - float(np.random.default_rng([self._seed, self._seen]).random())  # never 0
        total = len(self._sorted)
        return (total - 1 - high + u * (high - low + 1)) / total


def log_exceedance_evidence(exceeded: int, trials: int, share: float) -> float:
    """Return ln E of the evidence that more than `share` of the frames exceed the limit.

    E = ∫_{share}^{1} θ^s (1 − θ)^f dθ / [(1 − share) share^s (1 − share)^f], s exceedances and f others: an e-process for every true share
    up to `share`.

    Parameters
    ----------
    exceeded, trials : int
        Counts.
    share : float
        The share that is still allowed, between 0 and 1.

    Examples
    --------
    >>> log_exceedance_evidence(0, 0, 0.1)
    0.0
    >>> log_exceedance_evidence(5, 10, 0.1) > 4.6  # ln(1/0.01)
    True
    """
    if not 0 < share < 1:
        raise InvalidOption(f"share {share}", "a share between 0 and 1", "correct it")
    missed = trials - exceeded
    upper = special.betaincc(exceeded + 1, missed + 1, share)
    if upper <= 0:
        return -math.inf
    whole = special.betaln(exceeded + 1, missed + 1) + math.log(upper) - math.log1p(-share)
    return float(whole - exceeded * math.log(share) - missed * math.log1p(-share))


class Strangeness:
    """A frame's score: Mahalanobis' distance of its features from the mean of a part of the reference.

    The covariance is shrunk towards its diagonal (O. Ledoit and M. Wolf's aim, with the weight d/(d + n)), so that more features than
    frames do no harm. A feature that never varies is left out.

    Parameters
    ----------
    features : ndarray, float64
        (frame, feature) of that part.
    """

    def __init__(self, features: np.ndarray) -> None:
        values = np.asarray(features, np.float64)
        self._kept = values.std(axis=0) > 0
        kept = values[:, self._kept]
        self._centre = kept.mean(axis=0)
        count, dims = kept.shape
        covariance = np.atleast_2d(np.cov(kept, rowvar=False)) if dims else np.zeros((0, 0))
        weight = dims / (dims + count)
        shrunk = (1 - weight) * covariance + weight * np.diag(np.diag(covariance))
        self._inverse = np.linalg.pinv(shrunk, hermitian=True)

    def __call__(self, features: np.ndarray) -> float:
        """Return the distance of one frame's features (feature,), 1."""
        apart = np.asarray(features, np.float64)[self._kept] - self._centre
        return math.sqrt(max(float(apart @ self._inverse @ apart), 0.0))
